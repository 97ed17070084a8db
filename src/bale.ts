/** One request to the Bale Bot API: connect first, then send. No policy, and no error of the network escapes. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import fetch, { FetchError } from 'node-fetch'
import { PROXY_AUTHENTICATION, PROXY_REFUSED } from './failures.ts'
import type { ValidInputs } from './inputs.ts'
import type { Proxy } from './proxy.ts'

/** The methods that may be called; any other would launch a closed bot again. */
export type Method = 'deleteWebhook' | 'close'
/** A dry run only connects. */
export type Step = 'connect' | Method

/** What came back. `wasSent`: a connection stood, TLS and tunnel included, so the API may have got the request. */
export type Exchange =
  | { kind: 'connected' }
  /** The body is `undefined` if the answer is an error whose body could not be read. */
  | { kind: 'answer'; head: Head; body: string | undefined }
  | { kind: 'failed'; code: string; wasSent: boolean; status: number | undefined }
  | { kind: 'timed-out'; timeoutMs: number; wasSent: boolean; status: number | undefined }
  | { kind: 'too-long' | 'stopped'; wasSent: boolean; status: number | undefined }

export interface Head {
  status: number
  /** Headers as they came, empty if absent. */
  retryAfter: string
  date: string
  /** By this machine's clock. */
  receivedAtMs: number
}

/** Far more than any answer of the API. */
const MAX_BODY_BYTES = 64 * 1024
/** Headers and interim answers included. */
const MAX_RECEIVED_BYTES = 1024 * 1024
/** For each address of a host name but the last; Node's own 250 ms are too short for distant hosts. */
const ADDRESS_TIMEOUT_MS = 2_500

/**
 * Makes one request.
 * @param timeoutMs the time for everything, from the DNS look-up to the end of the body
 * @param stop ends the request early
 * @throws only on a defect of the action
 */
export async function exchange(api: ValidInputs, step: Step, timeoutMs: number, stop: AbortSignal): Promise<Exchange> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), timeoutMs)
  const signal = AbortSignal.any([limit.signal, stop])
  let wasSent = false
  let head: Head | undefined
  try {
    const socket = await connect(api, signal)
    if (step === 'connect') return { kind: 'connected' }
    wasSent = true
    const response = await send(api, step, socket, signal)
    head = {
      status: response.status,
      retryAfter: response.headers.get('retry-after') ?? '',
      date: response.headers.get('date') ?? '',
      receivedAtMs: Date.now(),
    }
    const body = await response.text()
    // Without a stated length, node-fetch takes a body as complete when the connection is reset.
    if (socket.errored) throw socket.errored
    return { kind: 'answer', head, body }
  } catch (error) {
    if (head && (head.status < 200 || head.status > 299)) return { kind: 'answer', head, body: undefined }
    const reached = { wasSent, status: head?.status }
    if (limit.signal.aborted) return { kind: 'timed-out', timeoutMs, ...reached }
    if (stop.aborted) return { kind: 'stopped', ...reached }
    if (error instanceof FetchError && error.type === 'max-size') return { kind: 'too-long', ...reached }
    return { kind: 'failed', code: codeOf(error), ...reached }
  } finally {
    clearTimeout(timer)
    // Closes whatever is still open.
    limit.abort()
  }
}

function send({ apiUrl, token }: ValidInputs, method: Method, socket: Socket, signal: AbortSignal) {
  limitReceived(socket)
  const agent = apiUrl.protocol === 'https:' ? new https.Agent() : new http.Agent()
  agent.createConnection = () => socket
  return fetch(`${apiUrl.href.replace(/\/+$/, '')}/bot${token}/${method}`, {
    method: 'POST',
    agent,
    signal,
    // The token is part of the path, so no other host may get it.
    redirect: 'manual',
    size: MAX_BODY_BYTES,
    headers: { 'accept-encoding': 'identity', 'user-agent': 'close-bale-bot' },
  })
}

/** Ends a connection that sends interim answers without end. */
function limitReceived(socket: Socket): void {
  let receivedBytes = 0
  socket.on('data', (chunk: Buffer) => {
    receivedBytes += chunk.length
    if (receivedBytes > MAX_RECEIVED_BYTES) socket.destroy(withCode('HPE_HEADER_OVERFLOW'))
  })
}

/** Opens a connection on which the request can be sent at once. */
async function connect({ apiUrl, proxy }: ValidInputs, signal: AbortSignal): Promise<Socket> {
  const isTls = apiUrl.protocol === 'https:'
  const port = Number(apiUrl.port || (isTls ? 443 : 80))
  const socket = proxy
    ? await openTunnel(proxy, `${apiUrl.hostname}:${port}`, signal)
    : await openSocket(apiUrl.hostname, port, signal)
  return isTls ? startTls(socket, apiUrl.hostname, signal) : socket
}

function openSocket(hostname: string, port: number, signal: AbortSignal): Promise<Socket> {
  const addresses = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS }
  return ready(net.connect({ host: withoutBrackets(hostname), port, ...addresses, signal }), 'connect', signal)
}

function startTls(socket: Socket, hostname: string, signal: AbortSignal): Promise<Socket> {
  const host = withoutBrackets(hostname)
  // NODE_TLS_REJECT_UNAUTHORIZED must have no effect. An IP address is no server name (RFC 6066).
  const secure = tls.connect({ socket, host, servername: isIP(host) ? '' : host, rejectUnauthorized: true })
  return ready(secure, 'secureConnect', signal)
}

/** Asks the proxy for a tunnel to the API (`CONNECT`, RFC 9110). */
async function openTunnel(proxy: Proxy, authority: string, signal: AbortSignal): Promise<Socket> {
  const direct = await openSocket(proxy.hostname, proxy.port, signal)
  const socket = proxy.isTls ? await startTls(direct, proxy.hostname, signal) : direct
  const headers = { host: authority, ...proxy.headers }
  const request = http.request({ method: 'CONNECT', path: authority, headers, createConnection: () => socket, signal })
  request.end()
  const [{ statusCode = 0 }] = (await once(request, 'connect', { signal })) as [http.IncomingMessage]
  if (statusCode >= 200 && statusCode < 300) return socket
  throw withCode(statusCode === 407 ? PROXY_AUTHENTICATION : PROXY_REFUSED)
}

/** Waits for a socket. Its later errors reach whoever uses it then. */
async function ready(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<Socket> {
  socket.on('error', () => undefined)
  await once(socket, event, { signal })
  return socket
}

const withCode = (code: string) => Object.assign(new Error(code), { code })

const withoutBrackets = (hostname: string) => hostname.replace(/[[\]]/g, '')

/** The code of an error, never its message, which may hold the URL and so the token. A defect is thrown on. */
function codeOf(error: unknown): string {
  if (error instanceof TypeError || !(error instanceof Error)) throw error
  if ('code' in error && typeof error.code === 'string') return error.code.replace(/\W/g, '_')
  if (error instanceof FetchError) return 'ERR_STREAM_PREMATURE_CLOSE'
  throw error
}

/** One request to the Bale Bot API: connect, then send. It judges nothing. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import fetch, { FetchError, type Response } from 'node-fetch'
import type { ValidInputs } from './inputs.ts'
import type { HttpProxy } from './proxy.ts'

/** The methods that may be called; any other would launch a closed bot again. */
export type Method = 'deleteWebhook' | 'close'
/** A dry run only connects. */
export type Step = 'connect' | Method

export type Exchange =
  | Answer
  | (Progress & { kind: 'error'; code: string })
  | (Progress & { kind: 'timed-out'; timeoutSeconds: number })
  | (Progress & { kind: 'connected' | 'too-long' | 'stopped' })

interface Progress {
  /** A connection, with TLS and tunnel, was established, so the API may have got the request. */
  mayHaveArrived: boolean
  status?: number
}

export interface Answer extends Progress {
  kind: 'answer'
  status: number
  /** The wait that the header names; `NaN` if it names none. */
  retryAfterSeconds: number
  /** `undefined` if the answer is an error whose body could not be read. */
  body: string | undefined
}

export const HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'close-bale-bot' }
/** Far more than any answer of the API. */
const MAX_BODY_BYTES = 64 * 1024
/** Node gives each address of a host 250 ms, too little for distant hosts. */
const ADDRESS_OPTIONS = { autoSelectFamilyAttemptTimeout: 2_500 }

/**
 * Makes one request, or for `connect` none; throws only on a defect.
 * @param timeoutSeconds covers everything from the DNS look-up to the end of the body
 */
export async function exchange(
  inputs: ValidInputs,
  step: Step,
  timeoutSeconds: number,
  stop: AbortSignal,
): Promise<Exchange> {
  const timeUp = new AbortController()
  const finished = new AbortController()
  const timer = setTimeout(() => timeUp.abort(), timeoutSeconds * 1000)
  const signal = AbortSignal.any([timeUp.signal, stop, finished.signal])
  const progress: Progress = { mayHaveArrived: false }
  try {
    const { 'api-url': url, proxy } = inputs
    const tunnel = proxy && (await openTunnel(proxy, url, signal))
    const socket = await openSocket(url, signal, tunnel)
    if (step === 'connect') return { kind: 'connected', ...progress }
    progress.mayHaveArrived = true
    const response = await send(inputs, step, socket, signal)
    const { status } = response
    progress.status = status
    const retryAfterSeconds = parseRetryAfter(response.headers.get('retry-after') ?? '')
    const body = await readBody(response, socket, stop)
    return { kind: 'answer', mayHaveArrived: true, status, retryAfterSeconds, body }
  } catch (error) {
    // A cancelled run reports no status.
    if (stop.aborted) return { kind: 'stopped', mayHaveArrived: progress.mayHaveArrived }
    if (timeUp.signal.aborted) return { kind: 'timed-out', ...progress, timeoutSeconds }
    const isTooLong = error instanceof FetchError && error.type === 'max-size'
    if (isTooLong) return { kind: 'too-long', ...progress }
    return { kind: 'error', ...progress, code: codeOf(error) }
  } finally {
    clearTimeout(timer)
    // The connection listens to this signal, too, and closes.
    finished.abort()
  }
}

function send(inputs: ValidInputs, method: Method, socket: Socket, signal: AbortSignal) {
  const url = inputs['api-url']
  const agent = url.protocol === 'https:' ? new https.Agent() : new http.Agent()
  agent.createConnection = () => socket
  return fetch(`${url.href.replace(/\/+$/, '')}/bot${inputs['bale-token']}/${method}`, {
    method: 'POST',
    agent,
    signal,
    // The token is part of the path, so no other host may get it.
    redirect: 'manual',
    size: MAX_BODY_BYTES,
    headers: HEADERS,
  })
}

/** `Retry-After` (RFC 9110): seconds, or a date in whole seconds; `NaN` for anything else. */
export function parseRetryAfter(header: string, now = Date.now()): number {
  if (/^\d+$/.test(header)) return Number(header)
  return header.endsWith(' GMT') ? Date.parse(header) / 1000 - Math.floor(now / 1000) : NaN
}

/** A success needs its body; any other status is judged alone if its body cannot be read. */
async function readBody(response: Response, socket: Socket, stop: AbortSignal) {
  try {
    const body = await response.text()
    // Without a stated length, node-fetch takes a body as complete when the connection is reset.
    if (socket.errored) throw socket.errored
    return body
  } catch (error) {
    if (response.ok || stop.aborted) throw error
    return undefined
  }
}

async function openSocket(url: URL, signal: AbortSignal, tunnel?: Socket): Promise<Socket> {
  const host = url.hostname.replace(/[[\]]/g, '')
  const address = { host, port: portOf(url), ...ADDRESS_OPTIONS, signal }
  const socket = tunnel ?? (await untilReady(net.connect(address), 'connect', signal))
  if (url.protocol !== 'https:') return socket
  // NODE_TLS_REJECT_UNAUTHORIZED must not count. An IP address is no server name (RFC 6066).
  const servername = isIP(host) ? '' : host
  const secure = tls.connect({ socket, host, servername, rejectUnauthorized: true })
  return untilReady(secure, 'secureConnect', signal)
}

/** Asks the proxy for a tunnel to the API (`CONNECT`). Some proxies filter by the user agent. */
async function openTunnel(proxy: HttpProxy, apiUrl: URL, signal: AbortSignal): Promise<Socket> {
  const socket = await openSocket(proxy.url, signal)
  const path = `${apiUrl.hostname}:${portOf(apiUrl)}`
  const headers = { host: path, 'user-agent': HEADERS['user-agent'], ...proxy.headers }
  const createConnection = () => socket
  const request = http.request({ method: 'CONNECT', path, headers, createConnection, signal }).end()
  const [response] = (await once(request, 'connect', { signal })) as [http.IncomingMessage]
  const { statusCode = 0 } = response
  if (statusCode >= 200 && statusCode < 300) return socket
  throw Object.assign(new Error(), { code: `PROXY_${statusCode}` })
}

/** The empty listener stays: without one, a later error would end the process. */
async function untilReady(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal) {
  socket.on('error', () => undefined)
  await once(socket, event, { signal })
  return socket
}

const portOf = ({ port, protocol }: URL) => Number(port || (protocol === 'https:' ? 443 : 80))

/** The code of an error, never its message, which may hold the token. A defect is thrown on. */
function codeOf(error: unknown): string {
  if (error instanceof TypeError || !(error instanceof Error)) throw error
  if ('code' in error && typeof error.code === 'string') return error.code.replace(/\W/g, '_')
  // For an answer that ends too early, node-fetch gives no code.
  if (error instanceof FetchError) return 'ERR_STREAM_PREMATURE_CLOSE'
  throw error
}

/** One request to the Bale Bot API: connect first, then send. No policy, and no error of the network escapes. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import fetch, { FetchError } from 'node-fetch'
import { type Failure, failureOf } from './failures.ts'
import type { ValidInputs } from './inputs.ts'
import { portOf, type Proxy } from './proxy.ts'

/** The methods that may be called; any other would launch a closed bot again. */
export type Method = 'deleteWebhook' | 'close'
/** A dry run only connects. */
export type Step = 'connect' | Method

/** What came back. */
export type Exchange =
  | Answer
  | (Progress & { kind: 'failed'; failure: Failure })
  | (Progress & { kind: 'timed-out'; timeoutSeconds: number })
  | (Progress & { kind: 'connected' | 'too-long' | 'stopped' })

interface Progress {
  /** A connection stood, TLS and tunnel included, so the API may have got the request. */
  wasSent: boolean
  /** Of an answer, complete or not. */
  status: number | undefined
}

export interface Answer extends Progress {
  kind: 'answer'
  status: number
  /** The headers, empty if absent. */
  retryAfter: string
  date: string
  /** By the clock of this machine, since 1970, without a fraction, as in an HTTP date. */
  receivedAtSeconds: number
  /** `undefined` if the answer is an error whose body could not be read. */
  body: string | undefined
}

/** Far more than any answer of the API. */
const MAX_BODY_BYTES = 64 * 1024
/** Headers and interim answers included. */
const MAX_RECEIVED_BYTES = 512 * 1024
/** Tries one address of a host after the other; Node's default of 250 ms for each is too short for distant hosts. */
const ADDRESS_OPTIONS = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2_500 }

/** Makes one request; the timeout covers all from the DNS look-up to the end of the body. Throws only on a defect. */
export async function exchange(
  inputs: ValidInputs,
  step: Step,
  timeoutSeconds: number,
  stop: AbortSignal,
): Promise<Exchange> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), timeoutSeconds * 1000)
  const signal = AbortSignal.any([timeout.signal, stop])
  let wasSent = false
  let answer: Answer | undefined
  try {
    const socket = await connect(inputs, signal)
    if (step === 'connect') return { kind: 'connected', wasSent, status: undefined }
    wasSent = true
    const response = await send(inputs, step, socket, signal)
    const header = (name: string) => response.headers.get(name) ?? ''
    const dates = { date: header('date'), receivedAtSeconds: Math.floor(Date.now() / 1000) }
    const { status } = response
    answer = {
      kind: 'answer',
      wasSent,
      status,
      retryAfter: header('retry-after'),
      ...dates,
      body: undefined,
    }
    const body = await response.text()
    // Without a stated length, node-fetch takes a body as complete when the connection is reset.
    if (socket.errored) throw socket.errored
    return { ...answer, body }
  } catch (error) {
    // Whichever came first counts. No answer decides a run that is stopped, so there is no status.
    if (stop.aborted && !timeout.signal.aborted)
      return { kind: 'stopped', wasSent, status: undefined }
    // An error is judged by its status and headers alone; a success needs its body.
    if (answer && (answer.status < 200 || answer.status > 299)) return answer
    const progress = { wasSent, status: answer?.status }
    if (timeout.signal.aborted) return { kind: 'timed-out', timeoutSeconds, ...progress }
    if (error instanceof FetchError && error.type === 'max-size')
      return { kind: 'too-long', ...progress }
    return { kind: 'failed', failure: failureOf(codeOf(error)), ...progress }
  } finally {
    clearTimeout(timer)
    // Aborts `signal`, to which the connection is bound, and so closes it.
    timeout.abort()
  }
}

function send(inputs: ValidInputs, method: Method, socket: Socket, signal: AbortSignal) {
  const url = inputs['api-url']
  const agent = url.protocol === 'https:' ? new https.Agent() : new http.Agent()
  agent.createConnection = () => socket
  // Interim answers without end would fill the memory. The code is Node's own for headers that are too long.
  socket.on('data', () => {
    if (socket.bytesRead > MAX_RECEIVED_BYTES) socket.destroy(withCode('HPE_HEADER_OVERFLOW'))
  })
  return fetch(`${url.href.replace(/\/+$/, '')}/bot${inputs['bale-token']}/${method}`, {
    method: 'POST',
    agent,
    signal,
    // The token is part of the path, so no other host may get it.
    redirect: 'manual',
    size: MAX_BODY_BYTES,
    headers: { 'accept-encoding': 'identity', 'user-agent': 'close-bale-bot' },
  })
}

/** Opens a connection on which the request can be sent at once. */
async function connect(
  { 'api-url': url, proxy }: ValidInputs,
  signal: AbortSignal,
): Promise<Socket> {
  return openSocket(url, signal, proxy && (await openTunnel(proxy, url, signal)))
}

/** Opens a connection to the host of a URL, over TLS if it is an https URL, and through a tunnel if there is one. */
async function openSocket(url: URL, signal: AbortSignal, tunnel?: Socket): Promise<Socket> {
  const host = url.hostname.replace(/[[\]]/g, '')
  const address = { host, port: portOf(url), ...ADDRESS_OPTIONS, signal }
  const socket = tunnel ?? (await ready(net.connect(address), 'connect', signal))
  if (url.protocol !== 'https:') return socket
  // NODE_TLS_REJECT_UNAUTHORIZED must have no effect. An IP address is no server name (RFC 6066).
  const secure = tls.connect({
    socket,
    host,
    servername: isIP(host) ? '' : host,
    rejectUnauthorized: true,
  })
  return ready(secure, 'secureConnect', signal)
}

/** Asks the proxy for a tunnel to the API (`CONNECT`, RFC 9110). */
async function openTunnel(proxy: Proxy, apiUrl: URL, signal: AbortSignal): Promise<Socket> {
  const socket = await openSocket(proxy.url, signal)
  const authority = `${apiUrl.hostname}:${portOf(apiUrl)}`
  const headers = { host: authority, ...proxy.headers }
  const request = http.request({
    method: 'CONNECT',
    path: authority,
    headers,
    createConnection: () => socket,
    signal,
  })
  request.end()
  const [{ statusCode = 0 }] = (await once(request, 'connect', { signal })) as [
    http.IncomingMessage,
  ]
  if (statusCode >= 200 && statusCode < 300) return socket
  throw withCode(statusCode === 407 ? 'PROXY_AUTH' : 'PROXY_REFUSED')
}

/** Waits for a socket. Its later errors reach whoever uses it then. */
async function ready(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<Socket> {
  socket.on('error', () => undefined)
  await once(socket, event, { signal })
  return socket
}

const withCode = (code: string) => Object.assign(new Error(code), { code })

/** The code of an error, never its message, which may hold the URL and so the token. A defect is thrown on. */
function codeOf(error: unknown): string {
  if (error instanceof TypeError || !(error instanceof Error)) throw error
  if ('code' in error && typeof error.code === 'string') return error.code.replace(/\W/g, '_')
  // That of a premature close has none.
  if (error instanceof FetchError) return 'ERR_STREAM_PREMATURE_CLOSE'
  throw error
}

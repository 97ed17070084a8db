/** The Bale Bot API over HTTP: one method call to what arrived of its answer. No policy, and no error escapes. */
import http from 'node:http'
import https from 'node:https'
import fetch, { FetchError } from 'node-fetch'
import type { Fault } from './faults.ts'
import type { Exchange, Head, Method } from './judge.ts'

/** No answer of the API comes near; what is longer is neither read nor kept. */
const MAX_BODY_BYTES = 64 * 1024
/** Node's own 250 ms for each address of a host are too short for far hosts. */
const ADDRESS_TIMEOUT_MS = 5_000

/**
 * Makes the call of one bot's methods.
 * @param apiUrl base of the API, without a trailing slash
 * @param proxyUrl an HTTP proxy for an https base, credentials included
 */
export function baleClient(apiUrl: string, token: string, proxyUrl: string | undefined) {
  return async (method: Method, timeoutMs: number, stop: AbortSignal): Promise<Exchange> => {
    const timeout = new AbortController()
    const timer = setTimeout(() => {
      timeout.abort()
    }, timeoutMs)
    const connection = { stands: false }
    let head: Head | undefined
    try {
      const response = await fetch(`${apiUrl}/bot${token}/${method}`, {
        method: 'POST',
        agent: agentFor(apiUrl, proxyUrl, () => {
          connection.stands = true
        }),
        redirect: 'manual',
        size: MAX_BODY_BYTES,
        signal: AbortSignal.any([timeout.signal, stop]),
      })
      head = {
        status: response.status,
        retryAfter: response.headers.get('retry-after') ?? '',
        date: response.headers.get('date') ?? '',
      }
      return { head, body: await response.text() }
    } catch (error) {
      const fault = timeout.signal.aborted ? 'TIMEOUT' : stop.aborted ? 'STOPPED' : faultOf(error)
      return { ...(head && { head }), fault, isUndelivered: !connection.stands }
    } finally {
      clearTimeout(timer)
      // A body that was not read to its end would hold the socket.
      timeout.abort()
    }
  }
}

/**
 * An agent that tells when a connection stands on which a request can be delivered: for https after the handshake,
 * behind a proxy after the tunnel's.
 */
function agentFor(apiUrl: string, proxyUrl: string | undefined, onConnected: () => void): http.Agent {
  const options = {
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
    // Said aloud, so that no setting of the environment turns it off.
    rejectUnauthorized: true,
    ...(proxyUrl !== undefined && { proxyEnv: { https_proxy: proxyUrl } }),
  }
  const agent = apiUrl.startsWith('https:') ? new https.Agent(options) : new http.Agent(options)
  const connect = agent.createConnection.bind(agent)
  // Node calls back when a plain connection or a tunnel stands; a TLS connection of its own tells it by an event.
  agent.createConnection = (target, callback) => {
    const socket = connect(target, (error, stream) => {
      if (!error) onConnected()
      callback?.(error, stream)
    })
    return socket?.once('secureConnect', onConnected)
  }
  return agent
}

/** The code of an error and never its text, which holds the URL and so the token. */
function faultOf(error: unknown): Fault {
  // The network fails otherwise: this is a defect of ours.
  if (!(error instanceof Error) || error instanceof TypeError) throw error
  if (error instanceof FetchError && error.type === 'max-size') return 'TOO_LONG'
  // Node tells a proxy's status in the text alone.
  if (/ HTTP\/1\.[01] 407\b/.test(error.message)) return 'PROXY_AUTHENTICATION'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

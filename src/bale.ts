/** The Bale Bot API over HTTP: one method call to what arrived of its answer. No policy, and no error of the network escapes. */
import fetch, { FetchError } from 'node-fetch'
import { agentFor } from './connection.ts'
import type { Fault } from './faults.ts'
import type { Exchange, Head, Method } from './judge.ts'

/** No answer of the API comes near; what is longer is neither read nor kept. */
const MAX_BODY_BYTES = 64 * 1024

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
    const signal = AbortSignal.any([timeout.signal, stop])
    const connection = { stands: false }
    let head: Head | undefined
    try {
      const response = await fetch(`${apiUrl}/bot${token}/${method}`, {
        method: 'POST',
        agent: agentFor(apiUrl, proxyUrl, signal, () => {
          connection.stands = true
        }),
        redirect: 'manual',
        size: MAX_BODY_BYTES,
        signal,
        // Not deflate: node-fetch would hold the answer back until its body begins.
        headers: { 'accept-encoding': 'gzip, br' },
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

/** The code of an error and never its text, which holds the URL and so the token. */
function faultOf(error: unknown): Fault {
  // The network fails otherwise: this is a defect of ours.
  if (!(error instanceof Error) || error instanceof TypeError) throw error
  if (error instanceof FetchError && error.type === 'max-size') return 'TOO_LONG'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** A token, and what exchanges with the API can end in. */
import type { Exchange } from '../../src/bale.ts'

export const SECRET = 'AAabcdefghijklmnopqrstuvwxyz_012345-'
export const TOKEN = `1234567890:${SECRET}`

/** @param body is sent as JSON unless it is a text */
export function answer(status: number, body: unknown, retryAfterSeconds = NaN): Exchange {
  return {
    kind: 'answer',
    mayHaveArrived: true,
    status,
    retryAfterSeconds,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

/** A refusal by the API itself. */
export const refusal = (status: number, description: string, more: object = {}) =>
  answer(status, { ok: false, error_code: status, description, ...more })

/** As the reference server refuses `close` after a launch. */
export const tooMany = (seconds: number) =>
  refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds })

export function failed(code: string, mayHaveArrived = false): Exchange {
  return { kind: 'error', mayHaveArrived, code }
}

export const YES = answer(200, { ok: true, result: true })
export const CLOSED = refusal(400, 'Bad Request: the bot has already been closed')
export const UNKNOWN_TOKEN = refusal(403, 'Bad Request: Token not found')
export const BOT_LIMIT = refusal(400, 'bot limit exceed')
export const BAD_GATEWAY = answer(502, '<html>')
export const UNAVAILABLE = answer(503, '<html>')
/** An error whose body cannot be read. */
export const CUT_ERROR = { ...UNAVAILABLE, body: undefined } as Exchange
export const CONNECTED: Exchange = { kind: 'connected', mayHaveArrived: false }
export const REFUSED = failed('ECONNREFUSED')
export const RESET = failed('ECONNRESET', true)
export const CUT_OFF: Exchange = { kind: 'error', mayHaveArrived: true, status: 200, code: 'X' }
export const TOO_LONG: Exchange = { kind: 'too-long', mayHaveArrived: true, status: 200 }
/** On the virtual clock, these two take all the time that they get. */
export const SILENCE: Exchange = { kind: 'timed-out', mayHaveArrived: true, timeoutSeconds: 10 }
export const NO_CONNECTION: Exchange = { ...SILENCE, mayHaveArrived: false }
export const STOPPED: Exchange = { kind: 'stopped', mayHaveArrived: true }
export const STOPPED_BEFORE: Exchange = { kind: 'stopped', mayHaveArrived: false }

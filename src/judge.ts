/**
 * What an answer, or the lack of one, means. A pure table. The API's phrases and codes are those of the Bale Bot API
 * and of the reference server, tdlib/telegram-bot-api, for what Bale does not say.
 */

import { type Fault, meaningOf } from './faults.ts'

/** The methods that may be called. Any other would launch a closed bot again. */
export type Method = 'close' | 'deleteWebhook'

/** One exchange with the API: what arrived of an answer, and what went wrong. */
export interface Exchange {
  /** Status and headers, if they arrived. */
  readonly head?: Head
  /** The body, if it arrived whole. */
  readonly body?: string
  /** Why the answer is not whole. */
  readonly fault?: Fault
  /** Whether it went wrong before a connection stood, so that the request cannot have taken effect. */
  readonly isUndelivered?: boolean
}

export interface Head {
  readonly status: number
  /** These headers are empty where they are absent. */
  readonly retryAfter: string
  readonly date: string
}

export type FailedOutcome =
  | 'already-closed'
  | 'unauthorized'
  | 'unsupported'
  | 'rate-limited'
  | 'server-error'
  | 'rejected'
  | 'invalid-response'
  | 'unreachable'
  | 'timed-out'

export interface Judgement {
  /** `yes` only to the API's yes. */
  readonly outcome: 'yes' | FailedOutcome
  /** Whether asking again may help. */
  readonly retryable: boolean
  /** Whether the request may have taken effect without our knowing. */
  readonly lost: boolean
  readonly status?: number
  /** The longest wait that the answer asks for, over 0; `Infinity` where the number is beyond all numbers. */
  readonly retryAfterSeconds?: number
  /** What the server says, as it came. Never to be shown as it is. */
  readonly said?: string
  readonly fault?: Fault
}

interface Envelope {
  readonly ok: boolean
  readonly result?: unknown
  readonly description?: unknown
  readonly error_code?: unknown
  readonly parameters?: unknown
}

const PHRASES: readonly (readonly [RegExp, FailedOutcome])[] = [
  [/token not found/i, 'unauthorized'],
  [/method not found/i, 'unsupported'],
  [/retry after \d|bot limit exceed|local_rate_limited/i, 'rate-limited'],
]
const ALREADY_CLOSED = /has already been closed/i
/** What may be over when we ask again. */
const TRANSIENT: readonly FailedOutcome[] = ['rate-limited', 'server-error']

/**
 * Judges one exchange.
 * @param method the method that was called; only `close` can be answered "already closed"
 * @param wallMs the wall clock, for a `Retry-After` date in an answer that has no `Date` of its own
 */
export function judge(method: Method, exchange: Exchange, wallMs: number): Judgement {
  const { head, fault } = exchange
  if (!head || (isFamily(2, head.status) && fault)) {
    const { outcome, retryable } = meaningOf(fault ?? 'STOPPED')
    const lost = !exchange.isUndelivered
    return { outcome, retryable, lost, ...(head && { status: head.status }), ...(fault && { fault }) }
  }
  const { status } = head
  const text = (exchange.body ?? '').replace(/^\uFEFF/, '').trim()
  const json = parseJson(text)
  const envelope = isEnvelope(json) ? json : undefined
  const said = sayingOf(text, json, envelope)
  const retryAfterSeconds = longestWait(envelope, said, head, wallMs)
  const final = {
    retryable: false,
    lost: false,
    status,
    ...(said && { said }),
    ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
  }

  if (isFamily(2, status) && envelope?.ok === true) {
    return envelope.result === true
      ? { ...final, outcome: 'yes' }
      : { ...final, outcome: 'invalid-response', lost: true }
  }
  if (isFamily(3, status)) return { ...final, outcome: 'invalid-response' }
  if (method === 'close' && envelope && said && ALREADY_CLOSED.test(said)) {
    return { ...final, outcome: 'already-closed' }
  }
  const phrase = PHRASES.find(([pattern]) => said && pattern.test(said))?.[1]
  if (phrase) return { ...final, outcome: phrase, retryable: TRANSIENT.includes(phrase) }
  const code = isErrorCode(envelope?.error_code) ? envelope.error_code : status
  const outcome = outcomeOf(code, envelope !== undefined)
  const isRefusal = envelope ? !envelope.ok : !isFamily(2, status)
  return {
    ...final,
    outcome,
    retryable: TRANSIENT.includes(outcome) || (isFamily(2, status) && !envelope),
    // Gateways say 502 and 504 for a request that may have reached the API, whoever wrote the body.
    lost: !isRefusal || code === 502 || code === 504,
  }
}

function outcomeOf(code: number, hasEnvelope: boolean): FailedOutcome {
  if (code === 429) return 'rate-limited'
  if (code === 405 || code === 501) return 'unsupported'
  if (code === 408 || code === 425 || isFamily(5, code)) return 'server-error'
  if (hasEnvelope && (code === 401 || code === 403 || code === 421)) return 'unauthorized'
  return isFamily(4, code) ? 'rejected' : 'invalid-response'
}

const isFamily = (family: number, code: number): boolean => Math.floor(code / 100) === family

const isErrorCode = (code: unknown): code is number =>
  Number.isInteger(code) && (isFamily(4, Number(code)) || isFamily(5, Number(code)))

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isEnvelope = (value: unknown): value is Envelope => isObject(value) && typeof value['ok'] === 'boolean'

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The envelope's description, or a plain-text body: not JSON and not a page. */
function sayingOf(text: string, json: unknown, envelope: Envelope | undefined): string | undefined {
  if (typeof envelope?.description === 'string') return envelope.description
  return json === undefined && !text.startsWith('<') ? text : undefined
}

function longestWait(envelope: Envelope | undefined, said: string | undefined, head: Head, wallMs: number): number {
  const parameter = isObject(envelope?.parameters) ? envelope.parameters['retry_after'] : undefined
  const waits = [
    typeof parameter === 'number' ? parameter : 0,
    headerSeconds(head, wallMs),
    Number(/retry after (\d+)/i.exec(said ?? '')?.[1] ?? 0),
  ]
  return Math.max(...waits)
}

/** `Retry-After` by RFC 9110: seconds, or a date, which is taken against the answer's own clock where it has one. */
function headerSeconds({ retryAfter, date }: Head, wallMs: number): number {
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter)
  const until = parseHttpDate(retryAfter)
  return until === undefined ? 0 : (until - (parseHttpDate(date) ?? wallMs)) / 1000
}

/** One of RFC 9110's three date formats, of which the oldest names no zone, in milliseconds. */
function parseHttpDate(text: string): number | undefined {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]+$/.test(text)) return undefined
  const ms = Date.parse(text.replace(/(?: GMT)?$/, ' GMT'))
  return Number.isNaN(ms) ? undefined : ms
}

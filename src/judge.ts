/**
 * What an answer, or the lack of one, means. A pure table. The API's phrases and codes are those of the Bale Bot API
 * and of the reference server, tdlib/telegram-bot-api, for what Bale does not say.
 */

/** The methods that may be called. Any other would launch a closed bot again. */
export type Method = 'close' | 'deleteWebhook'

/** One exchange with the API: what arrived of an answer, and what went wrong. */
export interface Exchange {
  /** Status and headers, if they arrived. */
  readonly head?: Head
  /** The body, if it arrived whole. */
  readonly body?: string
  /** Why the answer is not whole: one of ours, or the system's error code. */
  readonly fault?: Fault
}

export interface Head {
  readonly status: number
  readonly retryAfter: string | null
  readonly date: string | null
}

/** `TIMEOUT`: the attempt's time was up. `STOPPED`: the run was. The others say what they are, or are a system's code. */
export type Fault = 'TIMEOUT' | 'STOPPED' | 'TOO_LONG' | 'PROXY_AUTHENTICATION' | (string & {})

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
const TLS_FAULT =
  /CERT|^CRL_|^UNABLE_TO_|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH|^HOSTNAME_MISMATCH|^ERR_(TLS|SSL)_|^EPROTO$/
/** Faults that come before a request is delivered, so that it cannot have taken effect. */
const UNDELIVERED_FAULT =
  /^(ENOTFOUND|EAI_\w+|ECONNREFUSED|E(HOST|NET)(UNREACH|DOWN)|EADDRNOTAVAIL|ERR_PROXY_\w+|PROXY_AUTHENTICATION)$/
/** zlib's codes: the answer arrived, but its compression cannot be read. */
const UNREADABLE_FAULT = /^(Z_|ERR_BROTLI|ERR__ERROR)/
const ALWAYS_RETRYABLE: readonly FailedOutcome[] = ['rate-limited', 'server-error', 'timed-out']

/**
 * Judges one exchange.
 * @param method the method that was called; only `close` can be answered "already closed"
 * @param wallMs the wall clock, for a `Retry-After` date in an answer that has no `Date` of its own
 */
export function judge(method: Method, exchange: Exchange, wallMs: number): Judgement {
  const { head, fault } = exchange
  if (!head) return judgeFault(fault ?? 'STOPPED')
  if (isSuccess(head.status) && fault) {
    return { ...judgeFault(fault), lost: true, status: head.status }
  }
  const text = (exchange.body ?? '').replace(/^\uFEFF/, '').trim()
  const json = parseJson(text)
  const envelope = isEnvelope(json) ? json : undefined
  const said = sayingOf(text, json, envelope)
  const retryAfterSeconds = longestWait(envelope, said, head, wallMs)
  const asked = {
    status: head.status,
    ...(said && { said }),
    ...(retryAfterSeconds && { retryAfterSeconds }),
  }

  if (isSuccess(head.status) && envelope?.ok === true) {
    const outcome = envelope.result === true ? 'yes' : 'invalid-response'
    return { ...asked, outcome, retryable: false, lost: outcome !== 'yes' }
  }
  if (head.status >= 300 && head.status < 400) {
    return { ...asked, outcome: 'invalid-response', retryable: false, lost: false }
  }
  if (method === 'close' && envelope && said && ALREADY_CLOSED.test(said)) {
    return { ...asked, outcome: 'already-closed', retryable: false, lost: false }
  }
  const phrase = PHRASES.find(([pattern]) => said && pattern.test(said))
  if (phrase) {
    return {
      ...asked,
      outcome: phrase[1],
      retryable: ALWAYS_RETRYABLE.includes(phrase[1]),
      lost: false,
    }
  }
  const code = isErrorCode(envelope?.error_code) ? envelope.error_code : head.status
  const outcome = outcomeOf(code, envelope !== undefined)
  const refused = envelope ? !envelope.ok : !isSuccess(head.status)
  return {
    ...asked,
    outcome,
    retryable: ALWAYS_RETRYABLE.includes(outcome) || (isSuccess(head.status) && !envelope),
    // Gateways say 502 and 504 for a request that may have reached the API, whoever wrote the body.
    lost: !refused || code === 502 || code === 504,
  }
}

function judgeFault(fault: Fault): Judgement {
  if (fault === 'TIMEOUT' || fault === 'STOPPED') {
    return { fault, outcome: 'timed-out', retryable: true, lost: true }
  }
  if (fault === 'TOO_LONG') {
    return { fault, outcome: 'invalid-response', retryable: false, lost: true }
  }
  if (UNREADABLE_FAULT.test(fault)) {
    return { fault, outcome: 'invalid-response', retryable: true, lost: true }
  }
  const insecure = TLS_FAULT.test(fault)
  return {
    fault,
    outcome: 'unreachable',
    retryable: !insecure && fault !== 'PROXY_AUTHENTICATION',
    lost: !insecure && !UNDELIVERED_FAULT.test(fault),
  }
}

function outcomeOf(code: number, hasEnvelope: boolean): FailedOutcome {
  if (code === 429) return 'rate-limited'
  if (code === 405 || code === 501) return 'unsupported'
  if (code === 408 || code === 425 || (code >= 500 && code < 600)) return 'server-error'
  if (hasEnvelope && (code === 401 || code === 403 || code === 421)) return 'unauthorized'
  return code >= 400 && code < 500 ? 'rejected' : 'invalid-response'
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300

const isErrorCode = (code: unknown): code is number =>
  Number.isInteger(code) && Number(code) >= 400 && Number(code) < 600

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const isEnvelope = (value: unknown): value is Envelope =>
  isObject(value) && typeof value['ok'] === 'boolean'

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

function longestWait(
  envelope: Envelope | undefined,
  said: string | undefined,
  head: Head,
  wallMs: number,
): number | undefined {
  const parameter = isObject(envelope?.parameters) ? envelope.parameters['retry_after'] : undefined
  const waits = [
    typeof parameter === 'number' ? parameter : 0,
    headerSeconds(head, wallMs),
    Number(/retry after (\d+)/i.exec(said ?? '')?.[1] ?? 0),
  ]
  const longest = Math.max(...waits)
  return longest > 0 ? longest : undefined
}

/** `Retry-After` by RFC 9110: seconds, or a date, which is taken against the answer's own clock where it has one. */
function headerSeconds({ retryAfter, date }: Head, wallMs: number): number {
  if (retryAfter === null) return 0
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter)
  const until = parseHttpDate(retryAfter)
  const now = date === null ? undefined : parseHttpDate(date)
  return until === undefined ? 0 : (until - (now ?? wallMs)) / 1000
}

/** One of RFC 9110's three date formats, of which the oldest names no zone, in milliseconds. */
function parseHttpDate(text: string): number | undefined {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]+$/.test(text)) return undefined
  const ms = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`)
  return Number.isNaN(ms) ? undefined : ms
}

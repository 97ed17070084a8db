/** What one exchange with the API means. A pure function. */
import type { Exchange, Head, Step } from './bale.ts'
import { failureOf, type Failure } from './failures.ts'
import type { Quote, SafeText } from './text.ts'

/** How a request, or the run as a whole, can fail. */
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
  | 'cancelled'
  | 'reopened'
  | 'invalid-input'
  | 'internal-error'
export type Outcome = FailedOutcome | 'closed' | 'dry-run'

interface Judgement {
  /** What was asked. */
  step: Step
  outcome: 'yes' | FailedOutcome
  /** Whether a new attempt may help. */
  retryable: boolean
  /** Whether the API may have done what was asked although no answer said so. */
  mayHaveWorked: boolean
  status: number | undefined
}

export interface AnswerVerdict extends Judgement {
  kind: 'answer'
  status: number
  /** What the server said. */
  description: SafeText | undefined
  /** The wait that the server asks for; 0 if it asks for none. */
  waitSeconds: number
  /** The API itself refused: `"ok": false`. */
  isRefusal: boolean
  /** `close` was refused with 429 by the API itself, as it is in the ten minutes after a launch. */
  isLaunchRefusal: boolean
  /** What the server said, if it calls for other advice than the outcome alone. */
  reason: 'logged out' | 'not found' | 'bot limit' | 'launch' | undefined
}

export type Verdict =
  | AnswerVerdict
  | (Judgement & { kind: 'failed'; wasSent: boolean; failure: Failure })
  | (Judgement & { kind: 'timed-out'; wasSent: boolean; timeoutMs: number })
  | (Judgement & { kind: 'too-long' })
  | (Judgement & { kind: 'connected' })
  | (Judgement & { kind: 'stopped'; wasSent: boolean })

/** A verdict that can decide the outcome of a run. */
export type Decision = Exclude<Verdict, { kind: 'connected' | 'stopped' }>

export const answerOf = (verdict?: Verdict) => (verdict?.kind === 'answer' ? verdict : undefined)

/** An answer, read. */
interface Reply {
  head: Head
  /** The body, if it is a JSON object. */
  envelope: Record<string, unknown> | undefined
  /** The envelope's description, or else a body in plain text. */
  description: string
  /** The envelope's error code, or else the HTTP status. */
  code: number
  /** `"ok": false`. */
  isRefusal: boolean
}

/** Phrases of Bale and of the reference server (tdlib/telegram-bot-api); they count whatever the status is. */
const ALREADY_CLOSED = /the bot has already been closed/i
const TOKEN_NOT_FOUND = /token not found/i
const METHOD_NOT_FOUND = /method not found/i
const BOT_LIMIT = /bot limit exceed/i
const RATE_LIMIT = /retry after \d|bot limit exceed|local_rate_limited/i
const LOGGED_OUT = /logged out/i

/** The reference server refuses `close` for so long after a launch. */
export const LAUNCH_WINDOW_SECONDS = 600

/**
 * Judges an exchange.
 * @param step what was asked; only `close` can be answered "already closed"
 * @param quote makes the server's words safe to show
 */
export function judge(step: Step, exchange: Exchange, quote: Quote): Verdict {
  switch (exchange.kind) {
    case 'connected':
      return { step, kind: 'connected', outcome: 'yes', retryable: false, mayHaveWorked: false, status: undefined }
    case 'answer':
      return judgeReply(step, readReply(exchange.head, exchange.body), quote)
    case 'failed': {
      const failure = failureOf(exchange.code)
      const { retryable } = failure
      return { step, ...exchange, outcome: 'unreachable', retryable, mayHaveWorked: exchange.wasSent, failure }
    }
    case 'timed-out':
      return { step, ...exchange, outcome: 'timed-out', retryable: true, mayHaveWorked: exchange.wasSent }
    case 'too-long':
      return { step, ...exchange, outcome: 'invalid-response', retryable: false, mayHaveWorked: exchange.wasSent }
    case 'stopped':
      return { step, ...exchange, outcome: 'cancelled', retryable: false, mayHaveWorked: exchange.wasSent }
  }
}

function readReply(head: Head, body = ''): Reply {
  const text = body.trim()
  const json = parseJson(text)
  const envelope = isObject(json) ? json : undefined
  const isPlainText = json === undefined && !text.startsWith('<')
  const said = envelope?.['description']
  // Some servers write it in quotes. The body of a redirect is ignored.
  const errorCode = isIn(300, head.status) ? '' : String(envelope?.['error_code'])
  return {
    head,
    envelope,
    isRefusal: envelope?.['ok'] === false,
    description: typeof said === 'string' ? said : isPlainText ? text : '',
    code: /^[45]\d\d$/.test(errorCode) ? Number(errorCode) : head.status,
  }
}

function judgeReply(step: Step, reply: Reply, quote: Quote): AnswerVerdict {
  const { head, envelope, description, code, isRefusal } = reply
  const isSuccess = isIn(200, head.status)
  const isOk = isSuccess && envelope?.['ok'] === true
  const isYes = isOk && envelope['result'] === true
  const outcome = isYes ? 'yes' : isOk ? 'invalid-response' : outcomeOfError(step, reply)
  const isNotJson = outcome === 'invalid-response' && isSuccess && !envelope
  const isLaunchRefusal = step === 'close' && isRefusal && code === 429 && outcome === 'rate-limited'
  const waitSeconds = waitSecondsOf(reply)
  return {
    step,
    kind: 'answer',
    outcome,
    retryable: outcome === 'rate-limited' || outcome === 'server-error' || isNotJson,
    mayHaveWorked: !isYes && outcome !== 'already-closed' && (isOk || cameFromGateway(reply)),
    status: head.status,
    description: description === '' ? undefined : quote(description),
    waitSeconds,
    isRefusal,
    isLaunchRefusal,
    reason: reasonIn(reply) ?? (isLaunchRefusal && waitSeconds <= LAUNCH_WINDOW_SECONDS ? 'launch' : undefined),
  }
}

function outcomeOfError(step: Step, { head, envelope, description, code, isRefusal }: Reply): FailedOutcome {
  if (isIn(300, head.status)) return 'invalid-response'
  if (step === 'close' && envelope && ALREADY_CLOSED.test(description)) return 'already-closed'
  if (TOKEN_NOT_FOUND.test(description)) return 'unauthorized'
  if (METHOD_NOT_FOUND.test(description)) return 'unsupported'
  if (RATE_LIMIT.test(description)) return 'rate-limited'
  if (code === 429 || code === 420) return 'rate-limited'
  if (code === 405 || code === 501) return 'unsupported'
  if (code === 408 || code === 425 || isIn(500, code)) return 'server-error'
  if (isRefusal && (code === 401 || code === 403 || code === 421)) return 'unauthorized'
  return isRefusal || isIn(400, code) ? 'rejected' : 'invalid-response'
}

function reasonIn({ description, code }: Reply): AnswerVerdict['reason'] {
  if (LOGGED_OUT.test(description)) return 'logged out'
  if (BOT_LIMIT.test(description)) return 'bot limit'
  return code === 404 ? 'not found' : undefined
}

/** Whether a gateway answered, which may not know whether the API got the request. */
function cameFromGateway({ envelope, description, code }: Reply): boolean {
  if (code === 502 || code === 504 || (code >= 520 && code < 600)) return true
  // Envoy gives this text also when it did not reach the API, and then it says so.
  const isEnvoy = code === 503 && !envelope && description.includes('disconnect/reset before headers')
  return isEnvoy && !description.includes('connection failure')
}

/** The longest of the waits that an answer asks for, in seconds; perhaps `Infinity`. */
function waitSecondsOf({ head, envelope, description }: Reply): number {
  const parameters = envelope?.['parameters']
  const fields = [isObject(parameters) ? parameters['retry_after'] : undefined, envelope?.['retry_after']]
  const phrase = Number(/retry after (\d+)/i.exec(description)?.[1] ?? 0)
  return Math.max(0, headerSeconds(head), phrase, ...fields.filter((field) => typeof field === 'number'))
}

/** `Retry-After` (RFC 9110): seconds, or a date compared with the answer's own clock if it has one. */
function headerSeconds({ retryAfter, date, receivedAtMs }: Head): number {
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter)
  const untilMs = httpDateMs(retryAfter)
  return untilMs === undefined ? 0 : (untilMs - (httpDateMs(date) ?? receivedAtMs)) / 1000
}

/** One of the three date formats of RFC 9110, of which the oldest names no time zone. */
function httpDateMs(text: string): number | undefined {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]+$/.test(text)) return undefined
  const ms = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`)
  return Number.isNaN(ms) ? undefined : ms
}

/** Whether a status or code belongs to a class, such as 400 for all 4xx. */
const isIn = (statusClass: number, code: number) => code >= statusClass && code < statusClass + 100

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

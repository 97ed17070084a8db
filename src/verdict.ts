/** What one exchange with the API means. A pure function. */
import type { Answer, Exchange, Step } from './bale.ts'
import { type Quote, type SafeText, tryTo } from './text.ts'

/** How an answer, a request, and the run as a whole can fail. */
type AnswerFailure =
  'already-closed' | 'unauthorized' | 'unsupported' | 'rate-limited' | 'server-error' | 'rejected'
type RequestFailure = AnswerFailure | 'invalid-response' | 'unreachable' | 'timed-out' | 'cancelled'
export type FailedOutcome = RequestFailure | 'reopened' | 'invalid-input' | 'internal-error'
export type Outcome = FailedOutcome | 'closed' | 'dry-run'

/** What calls for other advice than the outcome alone. */
export type Reason =
  'launch' | 'launched again' | 'bot limit' | 'logged out' | 'not found' | 'not offered'

export interface Verdict {
  step: Step
  exchange: Exchange
  outcome: 'yes' | 'dry-run' | RequestFailure
  retryable: boolean
  /** Whether the API may have done what was asked although no answer said so. */
  mayHaveWorked: boolean
  /** The words of the server; empty if there are none. */
  description: SafeText | ''
  /** The wait that the server asks for; 0 if it asks for none. */
  waitSeconds: number
  /** The API itself refused `close` with 429, as it does (but not only) in the ten minutes after a launch. */
  isClose429: boolean
  reason: Reason | undefined
}

/** Of an exchange without an answer. */
const NOTHING_SAID = {
  description: '',
  waitSeconds: 0,
  isClose429: false,
  reason: undefined,
} as const

/** The reference server (tdlib/telegram-bot-api) refuses `close` for so long after a launch. */
const LAUNCH_WINDOW_SECONDS = 600

/** What the API and a gateway say when a bot is asked for too often. */
const BOT_LIMIT = /bot limit exceed|local_rate_limited/i

/** Judges what came back when a step was asked for. */
export function judge(step: Step, exchange: Exchange, quote: Quote): Verdict {
  const verdict = {
    step,
    exchange,
    retryable: false,
    mayHaveWorked: exchange.wasSent,
    ...NOTHING_SAID,
  }
  switch (exchange.kind) {
    case 'answer':
      // Without the body: memory stays flat however many attempts there are.
      return {
        ...verdict,
        exchange: { ...exchange, body: undefined },
        ...judgeReply(step, readReply(exchange), quote),
      }
    case 'connected':
      return { ...verdict, outcome: 'dry-run' }
    case 'failed':
      return { ...verdict, outcome: 'unreachable', retryable: exchange.failure.retryable }
    case 'timed-out':
      return { ...verdict, outcome: 'timed-out', retryable: true }
    case 'too-long':
      return { ...verdict, outcome: 'invalid-response' }
    case 'stopped':
      return { ...verdict, outcome: 'cancelled' }
  }
}

/** Whether a confirming `close` was refused as for a bot launched so recently. */
export function wasLaunchedWithin(
  seconds: number,
  { isClose429, reason, waitSeconds }: Verdict,
): boolean {
  if (!isClose429 || reason === 'bot limit') return false
  // The server cuts off the fraction of a second.
  return waitSeconds === 0 || waitSeconds >= Math.floor(LAUNCH_WINDOW_SECONDS - seconds)
}

/** An answer with what its body says. */
type Reply = ReturnType<typeof readReply>

function readReply({ body, ...answer }: Answer) {
  const text = body?.trim() ?? ''
  const json = tryTo<unknown>(() => JSON.parse(text))
  const envelope = isObject(json) ? json : undefined
  const plainText = json === undefined && !text.startsWith('<') ? text : ''
  const description = envelope?.['description'] ?? plainText
  // No API sends a redirect, so the `error_code` of a redirect does not count.
  const errorCode = isIn(300, answer.status) ? undefined : envelope?.['error_code']
  // Some servers write the code as text, such as "429". `String` throws on some objects.
  const isNumberOrText = typeof errorCode === 'number' || typeof errorCode === 'string'
  const isCode = isNumberOrText && /^[45]\d\d$/.test(String(errorCode))
  return {
    ...answer,
    /** The body, if it is a JSON object. */
    envelope,
    /** The envelope's description, or else a body in plain text. */
    description: typeof description === 'string' ? description : '',
    /** The envelope's error code, or else the HTTP status. */
    code: isCode ? Number(errorCode) : answer.status,
    /** A 2xx with `ok: true`; only with `result: true` is it a yes. */
    isOk: isIn(200, answer.status) && envelope?.['ok'] === true,
    /** `ok: false`, whatever the status: the API itself refused, not a gateway. */
    isRefusal: envelope?.['ok'] === false,
  }
}

function judgeReply(step: Step, reply: Reply, quote: Quote): Omit<Verdict, 'step' | 'exchange'> {
  const { status, envelope, description, code, isOk, isRefusal } = reply
  const outcome = outcomeOf(step, reply)
  const isNotJson = outcome === 'invalid-response' && isIn(200, status) && !envelope
  const isClear = outcome === 'yes' || outcome === 'already-closed'
  const isClose429 = step === 'close' && isRefusal && code === 429 && outcome === 'rate-limited'
  const waitSeconds = waitSecondsOf(reply)
  const isLaunch = isClose429 && waitSeconds <= LAUNCH_WINDOW_SECONDS
  return {
    outcome,
    retryable: outcome === 'rate-limited' || outcome === 'server-error' || isNotJson,
    mayHaveWorked: !isClear && (isOk || cameFromGateway(reply)),
    description: description && quote(description),
    waitSeconds,
    isClose429,
    reason: reasonIn(reply, outcome) ?? (isLaunch ? 'launch' : undefined),
  }
}

/** After a yes and a redirect, phrases of Bale and of the reference server count, whatever the status is. */
function outcomeOf(
  step: Step,
  { status, envelope, description, code, isOk, isRefusal }: Reply,
): Verdict['outcome'] {
  if (isOk) return envelope?.['result'] === true ? 'yes' : 'invalid-response'
  if (isIn(300, status)) return 'invalid-response'
  if (step === 'close' && envelope && /the bot has already been closed/i.test(description))
    return 'already-closed'
  if (/token not found/i.test(description)) return 'unauthorized'
  if (/method not found/i.test(description)) return 'unsupported'
  if (/retry after \d/i.test(description) || BOT_LIMIT.test(description)) return 'rate-limited'
  if (code === 429 || code === 420) return 'rate-limited'
  if (code === 405 || code === 501) return 'unsupported'
  if (code === 408 || code === 425 || isIn(500, code)) return 'server-error'
  if (isRefusal && (code === 401 || code === 403 || code === 421)) return 'unauthorized'
  return isRefusal || isIn(400, code) ? 'rejected' : 'invalid-response'
}

function reasonIn(
  { description, code, isRefusal }: Reply,
  outcome: Verdict['outcome'],
): Reason | undefined {
  if (/logged out/i.test(description)) return 'logged out'
  if (BOT_LIMIT.test(description)) return 'bot limit'
  if (outcome === 'unsupported' && isRefusal) return 'not offered'
  return outcome === 'rejected' && code === 404 ? 'not found' : undefined
}

/** Whether a gateway answered, which may not know whether the API got the request. */
function cameFromGateway({ envelope, description, code }: Reply): boolean {
  if (code === 502 || code === 504 || (code >= 520 && code < 600)) return true
  // Envoy gives this text also when it did not reach the API, and then it says so.
  const isEnvoy =
    code === 503 && !envelope && description.includes('disconnect/reset before headers')
  return isEnvoy && !description.includes('connection failure')
}

/** The longest of the waits that an answer asks for; 0 if it asks for none. */
function waitSecondsOf(reply: Reply): number {
  const { envelope, description } = reply
  const fields = [envelope, envelope?.['parameters']].map(
    (each) => isObject(each) && each['retry_after'],
  )
  const phraseSeconds = Number(/retry after (\d+)/i.exec(description)?.[1] ?? 0)
  const waits = [headerSeconds(reply), phraseSeconds, ...fields].filter(
    (wait) => typeof wait === 'number',
  )
  const longest = Math.max(0, ...waits)
  // Hundreds of digits make `Infinity`, with which nobody can calculate.
  return Math.min(longest, Number.MAX_SAFE_INTEGER)
}

/** `Retry-After` (RFC 9110): seconds, or a date, which is compared with the date of the answer if that has one. */
function headerSeconds({ retryAfter, date, receivedAtSeconds }: Reply): number {
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter)
  const sentAtSeconds = httpDateSeconds(date)
  const seconds =
    httpDateSeconds(retryAfter) - (Number.isNaN(sentAtSeconds) ? receivedAtSeconds : sentAtSeconds)
  return Number.isNaN(seconds) ? 0 : seconds
}

/** A date in one of the three formats of RFC 9110 (one has no `GMT` at its end), since 1970; else `NaN`. */
function httpDateSeconds(text: string): number {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? [\w :-]+$/.test(text)) return NaN
  return Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`) / 1000
}

/** Whether a status or code belongs to a class, such as 400 for all 4xx. */
const isIn = (statusClass: number, code: number) => code >= statusClass && code < statusClass + 100

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

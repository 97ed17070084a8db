/** What one exchange with the API means. Pure functions. */
import type { Answer, Exchange, Step } from './bale.ts'
import { isTransient } from './failures.ts'
import type { Quote, SafeText } from './text.ts'

const FAILED_ANSWERS = [
  'already-closed',
  'unauthorized',
  'unsupported',
  'rate-limited',
  'server-error',
  'rejected',
  'invalid-response',
  'unreachable',
  'timed-out',
  'cancelled',
] as const
export type FailedAnswer = (typeof FAILED_ANSWERS)[number]

const RUN_OUTCOMES = ['closed', 'unconfirmed', 'reopened', 'dry-run', 'invalid-input'] as const
/** All that the output `outcome` can be. */
export const OUTCOMES = [...RUN_OUTCOMES, ...FAILED_ANSWERS] as const

/** What an answer says beyond its kind; `launch`: a refusal as after a launch of the bot. */
export type Reason = 'launch' | 'not offered' | 'active webhook' | 'relay'

export interface Verdict {
  step: Step
  exchange: Exchange
  answer: 'done' | FailedAnswer
  isRetryable: boolean
  /** The API may have done what was asked although no answer said so. */
  mayHaveWorked: boolean
  /** The words of the server; empty if there are none. */
  description: SafeText | ''
  /** The wait that the server asks for; 0 if it asks for none. */
  waitSeconds: number
  reason?: Reason | undefined
}

/** The words of Bale's own limiter and of a gateway's. */
const LIMITER = /bot limit exceed|local_rate_limited/i

/** Gateways answer so to a request they may have passed on; 520, 522 and 524 are Cloudflare's. */
const DOUBTFUL_CODES = [502, 504, 520, 522, 524]

/**
 * Envoy says so of a request that may have arrived; after a retry, the first try may have. What
 * follows a comma explains a failed connection.
 */
const DOUBTFUL_WORDS =
  /disconnect\/reset before headers[^,]*(retried and the latest|connection termination|remote reset|local reset|protocol error)/is

export function judge(step: Step, exchange: Exchange, quote: Quote): Verdict {
  const withoutAnswer = {
    step,
    exchange,
    isRetryable: false,
    mayHaveWorked: exchange.mayHaveArrived,
    description: '',
    waitSeconds: 0,
  } as const
  switch (exchange.kind) {
    case 'answer':
      return judgeAnswer(step, exchange, quote)
    case 'connected':
      return { ...withoutAnswer, answer: 'done' }
    case 'failed':
      return { ...withoutAnswer, answer: 'unreachable', isRetryable: isTransient(exchange.code) }
    case 'timed-out':
      return { ...withoutAnswer, answer: 'timed-out', isRetryable: true }
    case 'too-long':
      return { ...withoutAnswer, answer: 'invalid-response' }
    case 'stopped':
      return { ...withoutAnswer, answer: 'cancelled' }
  }
}

function judgeAnswer(step: Step, exchange: Answer, quote: Quote): Verdict {
  const reply = readReply(exchange)
  const answer = answerIn(step, reply)
  const { status, envelope, description } = reply
  const isForeignPage = answer === 'invalid-response' && classOf(status) === 2 && !envelope
  return {
    step,
    exchange,
    answer,
    isRetryable: answer === 'rate-limited' || answer === 'server-error' || isForeignPage,
    mayHaveWorked: answer !== 'done' && answer !== 'already-closed' && isDoubtful(reply),
    description: description && quote(description),
    waitSeconds: waitSecondsIn(reply),
    reason: reasonIn(step, reply, answer),
  }
}

interface Reply {
  status: number
  retryAfterSeconds: number
  /** The body, if it is a JSON object. */
  envelope: Record<string, unknown> | undefined
  /** The body, if it is neither JSON nor a page. */
  plainText: string
  description: string
  /** The `error_code` of the object, or else the status. */
  code: number
  /** A 2xx with `ok: true`; it is a yes only with `result: true`. */
  isOk: boolean
  /** The API itself refused, not a gateway. */
  isRefusal: boolean
}

function readReply({ status, body = '', retryAfterSeconds }: Answer): Reply {
  const text = body.trim()
  const json = parseJson(text)
  const envelope = isObject(json) ? json : undefined
  const plainText = json === undefined && !text.startsWith('<') ? text : ''
  const words = envelope ? envelope['description'] : plainText
  const code = envelope?.['error_code']
  return {
    status,
    retryAfterSeconds,
    envelope,
    plainText,
    description: typeof words === 'string' ? words : '',
    code: typeof code === 'number' && code >= 400 && code <= 599 ? code : status,
    isOk: classOf(status) === 2 && envelope?.['ok'] === true,
    isRefusal: envelope?.['ok'] === false,
  }
}

/** The first rule that fits decides: a yes, a redirect, a phrase whatever the status is, a code. */
function answerIn(step: Step, reply: Reply): Verdict['answer'] {
  const { status, envelope, isOk, isRefusal } = reply
  if (isOk) return envelope?.['result'] === true ? 'done' : 'invalid-response'
  if (classOf(status) === 3) return 'invalid-response'
  const answer = answerByPhrase(step, reply) ?? answerByCode(reply)
  return answer ?? (isRefusal ? 'rejected' : 'invalid-response')
}

/** Phrases of Bale and of the reference server. */
function answerByPhrase(step: Step, { envelope, description }: Reply): FailedAnswer | undefined {
  const isClosed = envelope && /the bot has already been closed/i.test(description)
  if (step === 'close' && isClosed) return 'already-closed'
  if (/token not found/i.test(description)) return 'unauthorized'
  if (/method not found/i.test(description)) return 'unsupported'
  const isLimit = /retry after \d/i.test(description) || LIMITER.test(description)
  return isLimit ? 'rate-limited' : undefined
}

function answerByCode({ code, isRefusal }: Reply): FailedAnswer | undefined {
  // 420: Telegram's "flood".
  if (code === 429 || code === 420) return 'rate-limited'
  if (code === 405 || code === 501) return 'unsupported'
  // 425: too early, which asks for a second try.
  if (code === 408 || code === 425 || classOf(code) === 5) return 'server-error'
  // 421: a server that does not serve this bot.
  if (isRefusal && (code === 401 || code === 403 || code === 421)) return 'unauthorized'
  return classOf(code) === 4 ? 'rejected' : undefined
}

/** Each belongs to an outcome, so that the rule that decided gives the advice, too. */
function reasonIn(step: Step, reply: Reply, answer: Verdict['answer']): Reason | undefined {
  const { code, description, plainText, isRefusal } = reply
  const isRefusedClose = step === 'close' && isRefusal
  switch (answer) {
    case 'unsupported':
      return isRefusedClose ? 'not offered' : undefined
    case 'rate-limited':
      return isRefusedClose && !LIMITER.test(description) ? 'launch' : undefined
    case 'server-error':
    case 'rejected':
      if (step === 'close' && code === 409 && /webhook/i.test(description)) return 'active webhook'
      return code === 530 || /error code: 10\d\d/i.test(plainText) ? 'relay' : undefined
    default:
      return undefined
  }
}

function isDoubtful({ status, isOk, code, plainText }: Reply): boolean {
  // A redirect is judged before its code.
  if (classOf(status) === 3) return false
  return isOk || DOUBTFUL_CODES.includes(code) || (code === 503 && DOUBTFUL_WORDS.test(plainText))
}

/** The longest wait counts. */
function waitSecondsIn({ envelope, description, retryAfterSeconds }: Reply): number {
  const parameters = envelope?.['parameters']
  const waits = [
    envelope?.['retry_after'],
    isObject(parameters) && parameters['retry_after'],
    Number(/retry after (\d+)/i.exec(description)?.[1]),
    retryAfterSeconds,
  ]
  return Math.max(...waits.map((wait) => (typeof wait === 'number' && wait > 0 ? wait : 0)))
}

/** The class of a status or code, such as 4 for 404. */
const classOf = (code: number) => Math.floor(code / 100)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What one exchange with the API means. Pure functions. */
import type { Answer, Exchange, Step } from './bale.ts'
import { isTransient } from './error-codes.ts'
import type { Quote, SafeText } from './text.ts'

export const FAILURE_KINDS = [
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
export type FailureKind = (typeof FAILURE_KINDS)[number]

/** All that the output `outcome` can be. */
export const OUTCOMES = [
  'closed',
  'unconfirmed',
  'reopened',
  'dry-run',
  'invalid-input',
  ...FAILURE_KINDS,
] as const
export type Outcome = (typeof OUTCOMES)[number]

/** What an answer says beyond its kind; `launch`: a refusal as after a launch of the bot. */
export type Reason = 'launch' | 'not-offered' | 'active-webhook' | 'relay'

export interface Verdict {
  step: Step
  exchange: Exchange
  kind: 'done' | FailureKind
  isRetryable: boolean
  /** The API may have done what was asked although no answer said so. */
  mayHaveWorked: boolean
  description: SafeText | ''
  /** The wait that the server asks for; 0 if it asks for none. */
  waitSeconds: number
  reason?: Reason | undefined
}

/** The words of Bale's own limiter and of a gateway's. */
const LIMITER = /bot limit exceed|local_rate_limited/i

/** Gateways may have passed on the request; 520, 522 and 524 are Cloudflare's. */
const DOUBTFUL_CODES = [502, 504, 520, 522, 524]

/** Envoy's words for a request that may have arrived. What follows a comma does not count. */
const DOUBTFUL_RESET = new RegExp(
  'disconnect/reset before headers[^,]*' +
    '(retried and the latest|connection termination|remote reset|local reset|protocol error)',
  'i',
)

export function judge(step: Step, exchange: Exchange, quote: Quote): Verdict {
  if (exchange.kind === 'answer') return judgeAnswer(step, exchange, quote)
  const withoutAnswer = {
    step,
    exchange,
    isRetryable: false,
    mayHaveWorked: exchange.mayHaveArrived,
    description: '',
    waitSeconds: 0,
  } as const
  switch (exchange.kind) {
    case 'connected':
      return { ...withoutAnswer, kind: 'done' }
    case 'error':
      return { ...withoutAnswer, kind: 'unreachable', isRetryable: isTransient(exchange.code) }
    case 'timed-out':
      return { ...withoutAnswer, kind: 'timed-out', isRetryable: true }
    case 'too-long':
      return { ...withoutAnswer, kind: 'invalid-response' }
    case 'stopped':
      return { ...withoutAnswer, kind: 'cancelled' }
  }
}

function judgeAnswer(step: Step, exchange: Answer, quote: Quote): Verdict {
  const reply = readReply(exchange)
  const kind = kindOf(step, reply)
  const { status, json, words } = reply
  const lacksJson = kind === 'invalid-response' && classOf(status) === 2 && !json
  return {
    step,
    exchange,
    kind,
    isRetryable: kind === 'rate-limited' || kind === 'server-error' || lacksJson,
    mayHaveWorked: kind !== 'done' && kind !== 'already-closed' && isDoubtful(reply),
    description: words && quote(words),
    waitSeconds: waitSecondsIn(reply),
    reason: reasonIn(step, reply, kind),
  }
}

interface Reply extends Answer {
  /** The body, if it is a JSON object. */
  json: JsonObject | undefined
  /** The body, if it is neither JSON nor a web page. */
  plainText: string
  /** The description, or the plain text. */
  words: string
  /** The `error_code` or, without a usable one, the status. */
  code: number
  /** A 2xx with `ok: true`; a yes needs `result: true`, too. */
  isOk: boolean
  /** The API itself refused, not a gateway. */
  isRefusal: boolean
}

function readReply(answer: Answer): Reply {
  const { status, body = '' } = answer
  const text = body.trim()
  const value = parseJson(text)
  const json = isObject(value) ? value : undefined
  const plainText = value === undefined && !text.startsWith('<') ? text : ''
  const words = json ? json['description'] : plainText
  const code = json?.['error_code']
  return {
    ...answer,
    json,
    plainText,
    words: typeof words === 'string' ? words : '',
    code: typeof code === 'number' && code >= 400 && code <= 599 ? code : status,
    isOk: classOf(status) === 2 && json?.['ok'] === true,
    isRefusal: json?.['ok'] === false,
  }
}

/** The first rule that fits decides: a yes, a redirect, a phrase whatever the status is, a code. */
function kindOf(step: Step, reply: Reply): Verdict['kind'] {
  const { status, json, isOk } = reply
  if (isOk) return json?.['result'] === true ? 'done' : 'invalid-response'
  if (classOf(status) === 3) return 'invalid-response'
  return kindByPhrase(step, reply) ?? kindByCode(reply)
}

/** Phrases of Bale and of the reference server. */
function kindByPhrase(step: Step, { json, words }: Reply): FailureKind | undefined {
  const says = (phrase: RegExp) => phrase.test(words)
  if (step === 'close' && json && says(/the bot has already been closed/i)) return 'already-closed'
  if (says(/token not found/i)) return 'unauthorized'
  if (says(/method not found/i)) return 'unsupported'
  return says(/retry after \d/i) || says(LIMITER) ? 'rate-limited' : undefined
}

function kindByCode({ code, isRefusal }: Reply): FailureKind {
  // 420: Telegram's "flood".
  if (code === 429 || code === 420) return 'rate-limited'
  if (code === 405 || code === 501) return 'unsupported'
  // 425: too early, which asks for a second try.
  if (code === 408 || code === 425 || classOf(code) === 5) return 'server-error'
  // 421: a server that does not serve this bot.
  if (isRefusal && (code === 401 || code === 403 || code === 421)) return 'unauthorized'
  return classOf(code) === 4 || isRefusal ? 'rejected' : 'invalid-response'
}

/** A reason must fit the kind, so that outcome and advice come from one rule. */
function reasonIn(step: Step, reply: Reply, kind: Verdict['kind']): Reason | undefined {
  const { code, words, plainText, isRefusal } = reply
  const isRefusedClose = step === 'close' && isRefusal
  if (kind === 'unsupported' && isRefusedClose) return 'not-offered'
  if (kind === 'rate-limited' && isRefusedClose && !LIMITER.test(words)) return 'launch'
  if (kind !== 'server-error' && kind !== 'rejected') return undefined
  if (step === 'close' && code === 409 && /webhook/i.test(words)) return 'active-webhook'
  return code === 530 || /error code: 10\d\d/i.test(plainText) ? 'relay' : undefined
}

function isDoubtful({ status, isOk, code, plainText }: Reply): boolean {
  // A redirect has not reached the API.
  if (classOf(status) === 3) return false
  return isOk || DOUBTFUL_CODES.includes(code) || (code === 503 && DOUBTFUL_RESET.test(plainText))
}

function waitSecondsIn({ json, words, retryAfterSeconds }: Reply): number {
  const parameters = json?.['parameters']
  const waits = [
    json?.['retry_after'],
    isObject(parameters) && parameters['retry_after'],
    Number(/retry after (\d+)/i.exec(words)?.[1]),
    retryAfterSeconds,
  ]
  return Math.max(...waits.map((wait) => (typeof wait === 'number' && wait > 0 ? wait : 0)))
}

const classOf = (code: number) => Math.floor(code / 100)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

type JsonObject = Record<string, unknown>

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

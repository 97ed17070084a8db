/** The inputs: strings in, one typed value or all complaints out. Nothing is sent before all of them are right. */
import { isLoopback } from './proxy.ts'
import { type Complaint, cut, type Quote, stripEnds } from './safety.ts'

const MAX_QUOTED_CODE_POINTS = 60

/** What stands for an optional input that is empty or absent. A test holds these and `action.yml` equal. */
export const DEFAULTS = {
  'api-url': 'https://tapi.bale.ai',
  'delete-webhook': 'false',
  'allow-already-closed': 'false',
  'max-attempts': '10',
  'attempt-timeout-seconds': '20',
  'timeout-seconds': '900',
  'dry-run': 'false',
  summary: 'true',
} as const

type OptionalInput = keyof typeof DEFAULTS
export type InputName = 'bale-token' | OptionalInput

export interface Inputs {
  /** Empty if malformed. */
  readonly token: string
  /** The digits before the colon, which are not secret. Empty if the token is malformed. */
  readonly botId: string
  readonly apiUrl: URL
  readonly deleteWebhook: boolean
  readonly allowAlreadyClosed: boolean
  readonly maxAttempts: number
  readonly attemptTimeoutMs: number
  readonly timeoutMs: number
  readonly dryRun: boolean
  readonly summary: boolean
}

/**
 * Parses all inputs. No complaint holds anything of a token.
 * @param read gives an input's raw value, empty where it is absent
 * @returns the inputs, to be used only where there is no complaint: what is wrong has its default
 */
export function parseInputs(read: (name: InputName) => string): {
  readonly inputs: Inputs
  readonly complaints: readonly Complaint[]
  /** Most often the mistake is not in the token but on its way. */
  readonly isTokenEmpty: boolean
} {
  const complaints: Complaint[] = []
  const rawToken = stripEnds(read('bale-token'))

  /** The value that `parse` makes of an input; where it makes none, a complaint and the default's. */
  function take<T>(name: OptionalInput, takes: string, parse: (text: string) => T | undefined): T {
    const text = stripEnds(read(name)) || DEFAULTS[name]
    const value = parse(text)
    if (value !== undefined) return value
    complaints.push((quote) => `${name} is ${describeValue(name, text, quote)}; it takes ${takes}.`)
    return parse(DEFAULTS[name]) as T
  }
  const takeBoolean = (name: OptionalInput): boolean => take(name, 'true or false', parseBoolean)
  const takeMs = (name: OptionalInput, maxSeconds: number): number =>
    take(name, `seconds over 0, at most ${maxSeconds}, in plain digits such as 20 or 2.5`, (text) =>
      parseNumber(text, /^\d+(\.\d+)?$/, (value) => value > 0 && value <= maxSeconds),
    ) * 1000

  const wrongToken = complaintOfToken(rawToken)
  if (wrongToken !== undefined) {
    complaints.push(
      () => `bale-token ${wrongToken}; it takes the bot's token: digits, a colon, and 20 or more of A-Z a-z 0-9 _ -.`,
    )
  }
  const token = wrongToken === undefined ? rawToken : ''
  const inputs: Inputs = {
    token,
    botId: token.slice(0, Math.max(token.indexOf(':'), 0)),
    apiUrl: take('api-url', 'an https URL (http for a loopback host only) without user info, "?" and "#"', parseApiUrl),
    deleteWebhook: takeBoolean('delete-webhook'),
    allowAlreadyClosed: takeBoolean('allow-already-closed'),
    maxAttempts: take('max-attempts', 'a whole number from 1 to 100', (text) =>
      parseNumber(text, /^\d+$/, (value) => value >= 1 && value <= 100),
    ),
    attemptTimeoutMs: takeMs('attempt-timeout-seconds', 600),
    timeoutMs: takeMs('timeout-seconds', 21_600),
    dryRun: takeBoolean('dry-run'),
    summary: takeBoolean('summary'),
  }
  return { inputs, complaints, isTokenEmpty: rawToken === '' }
}

/** A wrong value, unless a token or a URL's credentials may be in it. */
function describeValue(name: InputName, text: string, quote: Quote): string {
  const bare = text.replace(/[^!-~]/g, '').replace(/%(25)*3a/gi, ':')
  if (/\d:[\w-]{20}|^(?!\d+$)[\w-]{20,}$/.test(bare)) return 'a text that looks like a token'
  if (name === 'api-url' && /[@＠?#]|%40/i.test(text)) return 'a text with "@", "?" or "#"'
  return `“${quote(cut(text, MAX_QUOTED_CODE_POINTS))}”`
}

/** What is wrong with a token, by position and code point, never by its text. */
function complaintOfToken(token: string): string | undefined {
  if (token === '') return 'is empty'
  const points = Array.from(token)
  const colon = points.indexOf(':')
  const wrong = points.findIndex((point, at) => at !== colon && !(at < colon || colon < 0 ? /\d/ : /[\w-]/).test(point))
  const codePoint = points[wrong]?.codePointAt(0)
  if (codePoint !== undefined) {
    const hex = codePoint.toString(16).toUpperCase().padStart(4, '0')
    return `has the character U+${hex} at position ${wrong + 1}, where it cannot be`
  }
  if (colon < 0) return 'has no colon'
  if (colon === 0) return 'has no digits before the colon'
  const length = points.length - colon - 1
  return length < 20 ? `has only ${length} characters after the colon` : undefined
}

function parseBoolean(text: string): boolean | undefined {
  if (/^(true|True|TRUE)$/.test(text)) return true
  return /^(false|False|FALSE)$/.test(text) ? false : undefined
}

function parseNumber(text: string, shape: RegExp, isInRange: (value: number) => boolean): number | undefined {
  const value = Number(text)
  return shape.test(text) && isInRange(value) ? value : undefined
}

/** https, or http where the token does not leave the machine; `URL` would forgive what no reader means. */
function parseApiUrl(text: string): URL | undefined {
  const shape = /^https?:\/\/[^\s\p{C}\\/@?#]+(\/[^\s\p{C}\\?#]*)?$/iu
  if (!shape.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'https:' || isLoopback(url.hostname) ? url : undefined
}

/** Turns environment variables into typed values, or into all complaints at once. */
import { chooseProxy, type HttpProxy } from './proxy.ts'
import { createQuote, type Quote, secretsIn, trimInvisible } from './text.ts'

export interface InputValues {
  'bale-token': string
  'api-url': URL
  'delete-webhook': boolean
  'allow-already-closed': boolean
  'max-attempts': number
  'attempt-timeout-seconds': number
  'timeout-seconds': number
  'confirm-after-seconds': number
  'dry-run': boolean
}

type InputName = keyof InputValues

interface CommonInputs {
  /** The digits before the colon, which are not secret; empty if the token is malformed. */
  botId: string
  secrets: string[]
}

export interface ValidInputs extends CommonInputs, InputValues {
  isValid: true
  proxy: HttpProxy | undefined
  quote: Quote
}

export interface InvalidInputs extends CommonInputs {
  isValid: false
  /** A sentence for each mistake; none holds anything of a token. */
  complaints: string[]
  /** The token is empty, and no misspelt variable explains why. */
  isTokenMissing: boolean
}

interface InputRule<T> {
  /** As in `action.yml`. */
  fallback: string
  /** Completes "it must be". */
  accepted: string
  /** Returns `undefined` if the text is not accepted. */
  parse: (text: string) => T | undefined
}

/** Secrets of 35 and of 40 characters exist, so no one length is required. */
const TOKEN = /^(\d+):[\w-]{20,}$/
const ABOVE_ZERO = Number.MIN_VALUE
const BOOLEAN = { fallback: 'false', accepted: 'true or false', parse: parseBoolean }

const RULES: { [Name in InputName]: InputRule<InputValues[Name]> } = {
  'bale-token': {
    fallback: '',
    accepted: 'digits, a colon, and 20 or more of A-Z a-z 0-9 _ -',
    parse: (text) => TOKEN.exec(text)?.[0],
  },
  'api-url': {
    fallback: 'https://tapi.bale.ai',
    accepted: 'an https URL (http for a loopback host) without user info, ? and #',
    parse: parseApiUrl,
  },
  'delete-webhook': BOOLEAN,
  'allow-already-closed': BOOLEAN,
  'max-attempts': {
    fallback: '10',
    accepted: 'a whole number from 1 to 100',
    parse: (text) => (text.includes('.') ? undefined : parseNumber(text, 1, 100)),
  },
  'attempt-timeout-seconds': secondsRule('10', ABOVE_ZERO, 600),
  'timeout-seconds': secondsRule('900', ABOVE_ZERO, 21_600),
  'confirm-after-seconds': secondsRule('0', 0, 600),
  'dry-run': BOOLEAN,
}

export const INPUT_NAMES = Object.keys(RULES) as InputName[]

export function parseInputs(
  env: NodeJS.ProcessEnv,
  complaintAboutNode?: string,
): ValidInputs | InvalidInputs {
  // Letter case makes no difference.
  const texts = new Map(Object.entries(env).map(([name, text]) => [name.toUpperCase(), text]))
  const textOf = (name: InputName) => texts.get(variableOf(name))
  const token = trimInvisible(textOf('bale-token') ?? '')
  const secrets = secretsIn(token)
  const quote = createQuote(secrets)
  const common = { botId: TOKEN.exec(token)?.[1] ?? '', secrets }
  const parsed = INPUT_NAMES.map((name) => parseInput(name, textOf(name), quote))
  const values = Object.fromEntries(parsed.map(({ entry }) => entry)) as InputValues
  const { proxy, complaint: proxyComplaint } = chooseProxy(values['api-url'], env)
  const misspelt = Array.from(texts.keys(), misspeltComplaint)
  const complaints = [
    complaintAboutNode,
    ...parsed.map(({ complaint }) => complaint),
    ...misspelt,
    confirmComplaint(values),
    proxyComplaint,
  ].filter((each) => each !== undefined)
  if (complaints.length === 0) return { ...common, ...values, isValid: true, proxy, quote }
  const isTokenMissing = token === '' && !misspelt.some(Boolean)
  return { ...common, isValid: false, complaints, isTokenMissing }
}

const variableOf = (name: InputName) => `INPUT_${name.toUpperCase()}`

/** A complaint comes with the default, so that the other checks can go on. */
function parseInput(name: InputName, text: string | undefined, quote: Quote) {
  const { fallback, accepted, parse } = RULES[name]
  const given = trimInvisible(text ?? fallback)
  // An empty `dry-run` is an expression with a misspelt name; its default would be a real close.
  const value = parse(given === '' && name !== 'dry-run' ? fallback : given)
  if (value !== undefined) return { entry: [name, value] }
  const problem = name === 'bale-token' ? tokenProblem(given) : valueProblem(name, given, quote)
  const complaint = `${name} ${problem}; it must be ${accepted}.`
  return { entry: [name, parse(fallback)], complaint }
}

function confirmComplaint(values: InputValues): string | undefined {
  const { 'confirm-after-seconds': confirm, 'timeout-seconds': timeout } = values
  if (confirm < timeout) return undefined
  return `confirm-after-seconds is ${confirm}; it must be less than timeout-seconds (${timeout}).`
}

/** A misspelt input must not be ignored: a `dry-run` that is missed is a real close. */
function misspeltComplaint(variable: string): string | undefined {
  const squash = (spelling: string) => spelling.replace(/[-_ ]/g, '')
  const name = INPUT_NAMES.find((each) => squash(variableOf(each)) === squash(variable))
  if (!name || variable === variableOf(name)) return undefined
  return `The variable ${variable} is not read; it must be ${variableOf(name)} (in a workflow: ${name}).`
}

/** Quotes a value unless it may hold a secret. */
function valueProblem(name: InputName, text: string, quote: Quote): string {
  if (text === '') return 'is set but empty'
  const quoted = quote(text)
  const isHarmless = name !== 'api-url' && /^“[^:/@]{1,19}”$/u.test(quoted)
  return isHarmless ? `is ${quoted}` : 'is wrong (not shown, since it may hold a secret)'
}

/** What is wrong with a token, by character and position, never by its text. */
function tokenProblem(token: string): string {
  if (token === '') return 'is empty'
  if (!token.includes(':')) return 'has no colon'
  const rest = token.replace(/^\d+(:[\w-]*)?/, '')
  const codePoint = rest.codePointAt(0)
  if (codePoint === undefined) return 'has too few characters after the colon'
  const character = String.fromCodePoint(codePoint)
  const itself = /(?![-_\u2800])[\p{P}\p{S}]/u.test(character) ? ` “${character}”` : ''
  const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}${itself}`
  return `has the wrong character ${name} at position ${token.length - rest.length + 1}`
}

function secondsRule(fallback: string, min: number, max: number): InputRule<number> {
  const from = min === ABOVE_ZERO ? 'more than 0 and at most' : `${min} to`
  const accepted = `${from} ${max} seconds, such as 1.5`
  return { fallback, accepted, parse: (text) => parseNumber(text, min, max) }
}

/** As in the core schema of YAML 1.2. */
function parseBoolean(text: string): boolean | undefined {
  if (/^(true|True|TRUE)$/.test(text)) return true
  return /^(false|False|FALSE)$/.test(text) ? false : undefined
}

function parseNumber(text: string, min: number, max: number): number | undefined {
  const value = Number(text)
  return /^\d+(\.\d+)?$/.test(text) && value >= min && value <= max ? value : undefined
}

/** Stricter than `URL`. Over http the token must not leave the machine. */
function parseApiUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s\\/@?#]+(\/[^\s\\?#]*)?$/i.test(text)) return undefined
  try {
    const url = new URL(text)
    const isLoopback = /^(localhost|\[::1\]|127(\.\d+){3})$/.test(url.hostname)
    return url.protocol === 'https:' || isLoopback ? url : undefined
  } catch {
    return undefined
  }
}

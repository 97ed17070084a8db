/** The inputs: environment variables in, typed inputs or all complaints out. Nothing is sent before all are right. */
import { chooseProxy, type Proxy } from './proxy.ts'
import { createQuote, lettersAndDigits, percentDecoded, type Quote, type SafeText, trimInvisible } from './text.ts'

/** What an input is if it is empty or absent. A test compares these with `action.yml`. */
export const DEFAULTS = {
  'bale-token': '',
  'api-url': 'https://tapi.bale.ai',
  'delete-webhook': 'false',
  'allow-already-closed': 'false',
  'max-attempts': '10',
  'attempt-timeout-seconds': '10',
  'timeout-seconds': '900',
  'confirm-after-seconds': '0',
  'dry-run': 'false',
  summary: 'true',
} as const

type InputName = keyof typeof DEFAULTS

/** Six hours, the longest job on GitHub's runners. */
export const MAX_TIMEOUT_SECONDS = 21_600

/** What is known whether or not the inputs are right. */
interface CommonInputs {
  /** The digits before the colon, which are not secret. Empty if the token is malformed. */
  botId: string
  summary: boolean
  /** What the runner must mask. */
  secrets: string[]
  quote: Quote
}

export interface ValidInputs extends CommonInputs {
  isValid: true
  token: string
  apiUrl: URL
  apiHost: SafeText
  proxy: Proxy | undefined
  proxyHost: SafeText | undefined
  deleteWebhook: boolean
  allowAlreadyClosed: boolean
  /** The most requests for each method. */
  maxAttempts: number
  attemptTimeoutMs: number
  /** Counts from the start of the program. */
  timeoutMs: number
  /** 0: do not ask whether something opened the bot again. */
  confirmAfterMs: number
  dryRun: boolean
}

export interface InvalidInputs extends CommonInputs {
  isValid: false
  /** A sentence for each mistake; none holds anything of a token. */
  complaints: string[]
  isTokenMissing: boolean
}

export type Inputs = ValidInputs | InvalidInputs

/**
 * Parses all inputs.
 * @param nodeVersion such as `24.21.0`
 */
export function parseInputs(env: NodeJS.ProcessEnv, nodeVersion: string): Inputs {
  const read = (name: InputName): string => trimInvisible(env[variableOf(name, env)] ?? '') || DEFAULTS[name]
  const token = read('bale-token')
  const secrets = secretsOf(token)
  // Without the bot id, which a server may repeat.
  const secretHalves = secrets.map((secret) => secret.slice(secret.indexOf(':') + 1))
  const quote = createQuote([...secretHalves, ...pathSecretsOf(read('api-url'))])
  const complaints = [
    ...nodeComplaints(nodeVersion),
    ...tokenComplaints(token),
    ...spellingComplaints(env, read, quote),
  ]

  /** The parsed input; if that is wrong, a complaint and the default. */
  function take<T>(name: InputName, accepted: string, parse: (text: string) => T | undefined): T {
    const text = read(name)
    const value = parse(text)
    if (value !== undefined) return value
    const shown = mayHoldSecret(text) ? 'a text that is not shown, since it may hold a secret' : quote(text)
    complaints.push(`${name} is ${shown}; it must be ${accepted}.`)
    return parse(DEFAULTS[name]) as T
  }
  const takeBoolean = (name: InputName) => take(name, 'true or false', parseBoolean)
  const takeMs = (name: InputName, accepted: string, min: number, max: number) =>
    1000 * take(name, `${accepted} ${max} seconds, such as 20 or 2.5`, (text) => parseNumber(DECIMAL, text, min, max))

  const values = {
    apiUrl: take('api-url', 'an https URL (http only for a loopback host) without user info, ? and #', parseApiUrl),
    deleteWebhook: takeBoolean('delete-webhook'),
    allowAlreadyClosed: takeBoolean('allow-already-closed'),
    maxAttempts: take('max-attempts', 'a whole number from 1 to 100', (text) => parseNumber(/^\d+$/, text, 1, 100)),
    attemptTimeoutMs: takeMs('attempt-timeout-seconds', 'over 0 and at most', Number.MIN_VALUE, 600),
    timeoutMs: takeMs('timeout-seconds', 'over 0 and at most', Number.MIN_VALUE, MAX_TIMEOUT_SECONDS),
    confirmAfterMs: takeMs('confirm-after-seconds', 'from 0 to', 0, 600),
    dryRun: takeBoolean('dry-run'),
    summary: takeBoolean('summary'),
  }
  if (values.confirmAfterMs > 0 && values.confirmAfterMs >= values.timeoutMs) {
    const [confirmation, limit] = [read('confirm-after-seconds'), read('timeout-seconds')]
    complaints.push(`confirm-after-seconds (${confirmation}) must be less than timeout-seconds (${limit}).`)
  }
  // An expression with a misspelt name is empty.
  if (trimInvisible(env[variableOf('dry-run', env)] ?? 'absent') === '') {
    complaints.push('dry-run is set but empty; it must be true or false, for example ${{ inputs.dry-run || false }}.')
  }
  const proxy = chooseProxy(values.apiUrl, env, (complaint) => complaints.push(complaint))
  const common = { ...values, quote, secrets, botId: TOKEN.exec(token)?.[1] ?? '' }
  if (complaints.length > 0) return { ...common, isValid: false, complaints, isTokenMissing: token === '' }
  const proxyHost = proxy && quote(`${proxy.hostname}:${proxy.port}`)
  return { ...common, isValid: true, token, proxy, apiHost: quote(values.apiUrl.host), proxyHost }
}

/** Bots have secrets of 35 and of 40 characters, so no one length is required. */
const TOKEN = /^(\d+):[\w-]{20,}$/
const DECIMAL = /^\d+(\.\d+)?$/

/** The variable of an input: as the runner spells it, or in other letters of case. */
function variableOf(name: InputName, env: NodeJS.ProcessEnv): string {
  const variable = `INPUT_${name.toUpperCase()}`
  if (env[variable] !== undefined) return variable
  return Object.keys(env).find((key) => key.toUpperCase() === variable) ?? variable
}

/** A misspelt input must not be ignored. */
function spellingComplaints(env: NodeJS.ProcessEnv, read: (name: InputName) => string, quote: Quote): string[] {
  const names = Object.keys(DEFAULTS) as InputName[]
  const squash = (text: string) => text.toLowerCase().replace(/[-_ ]/g, '')
  const variables = Object.entries(env).filter(([variable]) => /^INPUT_/i.test(variable))
  return variables.flatMap(([variable, value = '']) => {
    const name = names.find((each) => squash(variable) === squash(`INPUT_${each}`))
    if (name === undefined || variable === variableOf(name, env)) return []
    const isSame = (trimInvisible(value) || DEFAULTS[name]).toLowerCase() === read(name).toLowerCase()
    if (isSame) return []
    return [`${quote(variable)} is not read; write ${name} (as a variable: INPUT_${name.toUpperCase()}).`]
  })
}

/** The action needs `AbortSignal.any`. */
function nodeComplaints(version: string): string[] {
  const [major, minor] = version.split('.').map(Number) as [number, number]
  const isNewEnough = major > 20 || (major === 20 && minor >= 3)
  return isNewEnough ? [] : [`This is Node ${version}, but the action needs Node 20.3 or newer: update the runner.`]
}

function tokenComplaints(token: string): string[] {
  const problem = tokenProblem(token)
  if (problem === undefined) return []
  return [`bale-token ${problem}. It must be the bot's token: digits, a colon, and 20 or more of A-Z a-z 0-9 _ -.`]
}

/** What is wrong with a token, by character and position, never by its text. */
function tokenProblem(token: string): string | undefined {
  if (TOKEN.test(token)) return undefined
  if (token === '') return 'is empty'
  if (/^["'`“”‘’«»]/.test(token)) return 'is wrapped in quotes: store it without the quotes'
  if (/^\$|^(\{\{ *)?secrets\b/i.test(token)) return 'is a name instead of a value: write ${{ secrets.NAME }}'
  if (/^\d+$/.test(token)) return 'has digits only: the colon and the secret after it are missing'
  const points = Array.from(token)
  const colon = points.indexOf(':')
  const wrong = points.findIndex((point, at) => at !== colon && !(at < colon ? /\d/ : /[\w-]/).test(point))
  if (wrong >= 0) {
    const codePoint = points[wrong]?.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
    return `has the character U+${codePoint} at position ${wrong + 1}, where it cannot be`
  }
  if (colon < 0) return 'has no colon'
  if (colon === 0) return 'has no digits before the colon'
  return `has too few characters after the colon (${points.length - colon - 1})`
}

/** What to mask: the token and its secret half, or each line of a malformed one; never the bot id, which is an output. */
function secretsOf(token: string): string[] {
  const lines = token.split(/[\r\n]+/).flatMap((line) => [line, line.slice(line.indexOf(':') + 1)])
  const secrets = lines.map(trimInvisible).filter((text) => {
    return text.length >= 20 || (text.length >= 8 && /\d/.test(text) && /[a-z]/i.test(text))
  })
  return Array.from(new Set(secrets))
}

/** The segments with a digit in the path of a base URL: a relay's path may be its password. */
function pathSecretsOf(apiUrl: string): string[] {
  const path = apiUrl.replace(/^(\w+:\/\/)?[^/]*/, '')
  return path
    .split('/')
    .filter((segment) => /\d/.test(segment))
    .map((segment) => lettersAndDigits(percentDecoded(segment)))
}

/** Whether a wrong value may hold user info, a query or a token. */
const mayHoldSecret = (text: string) => /[@＠?#]|%40|[\w-]{20}/i.test(text)

function parseBoolean(text: string): boolean | undefined {
  if (/^(true|True|TRUE)$/.test(text)) return true
  return /^(false|False|FALSE)$/.test(text) ? false : undefined
}

function parseNumber(shape: RegExp, text: string, min: number, max: number): number | undefined {
  const value = Number(text)
  return shape.test(text) && value >= min && value <= max ? value : undefined
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

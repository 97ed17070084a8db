/** The inputs: environment variables in, typed inputs or all complaints out. Nothing is sent before all are right. */
import { chooseProxy, portOf } from './proxy.ts'
import { createQuote, type Quote, trimInvisible, tryTo } from './text.ts'

/** Six hours, the longest job on GitHub's runners. */
export const MAX_TIMEOUT_SECONDS = 21_600

/** Bots have secrets of 35 and of 40 characters, so no one length is required. */
const TOKEN = /^(\d+):[\w-]{20,}$/
/** Before 20.3, which brought `AbortSignal.any`. */
const OLD_NODE = /^(1\d|20\.[0-2])\./
/** The smallest number over 0. */
const ABOVE_ZERO = Number.MIN_VALUE
const flag = (fallback: string) => input(fallback, 'true or false', parseBoolean)

/** For each input: its default (a test compares it with `action.yml`), what it must be, and its parser. */
export const INPUTS = {
  'bale-token': input(
    '',
    'digits, a colon, and 20 or more of A-Z a-z 0-9 _ -',
    (text) => TOKEN.exec(text)?.[0],
  ),
  'api-url': input(
    'https://tapi.bale.ai',
    'an https URL (http for loopback) without user info, ? and #',
    parseApiUrl,
  ),
  'delete-webhook': flag('false'),
  'allow-already-closed': flag('false'),
  'max-attempts': input('10', 'a whole number from 1 to 100', (text) =>
    parseNumber(/^\d+$/, text, 1, 100),
  ),
  'attempt-timeout-seconds': seconds('10', 'over 0 and at most', ABOVE_ZERO, 600),
  'timeout-seconds': seconds('900', 'over 0 and at most', ABOVE_ZERO, MAX_TIMEOUT_SECONDS),
  'confirm-after-seconds': seconds('0', 'from 0 to', 0, 600),
  'dry-run': input(
    'false',
    'true or false, for example ${{ inputs.dry-run || false }}',
    parseBoolean,
  ),
  summary: flag('true'),
}

type InputName = keyof typeof INPUTS
type Values = { [Name in InputName]: NonNullable<ReturnType<(typeof INPUTS)[Name]['parse']>> }
const NAMES = Object.keys(INPUTS) as InputName[]

/** The values by the names of the inputs, and what follows from them; or all complaints. */
export type Inputs = ReturnType<typeof parseInputs>
export type ValidInputs = Extract<Inputs, { isValid: true }>

/** Parses all inputs, and checks the version of Node, such as `24.21.0`. */
export function parseInputs(env: NodeJS.ProcessEnv, nodeVersion: string) {
  const given = inputsIn(env)
  const textOf = (name: InputName) =>
    given.find(({ variable }) => variable.toUpperCase() === variableOf(name))?.text
  const token = textOf('bale-token') ?? ''
  const secrets = secretsOf(token)
  // Without the bot id, which a server may repeat.
  const quote = createQuote([...secrets.map(afterColon), ...pathSecretsOf(textOf('api-url') ?? '')])
  // A wrong value is a complaint below; the default (a token has none) stands in, so that the other checks can go on.
  const valueOf = (name: InputName) =>
    parseOrDefault(name, textOf(name)) ?? parseOrDefault(name, undefined)
  const values = Object.fromEntries(NAMES.map((name) => [name, valueOf(name)])) as Values
  const { 'confirm-after-seconds': confirmSeconds, 'timeout-seconds': timeoutSeconds } = values
  const { proxy, complaint: proxyComplaint } = chooseProxy(values['api-url'], env)
  // A sentence for each mistake; none holds anything of a token.
  const complaints = [
    OLD_NODE.test(nodeVersion) &&
      `This is Node ${nodeVersion}, but the action needs Node 20.3 or newer: update the runner.`,
    ...NAMES.map((name) => valueComplaint(name, textOf(name), quote)),
    ...given.map((each) => spellingComplaint(each, textOf(each.name), quote)),
    confirmSeconds >= timeoutSeconds &&
      `confirm-after-seconds (${confirmSeconds}) must be less than timeout-seconds (${timeoutSeconds}).`,
    proxyComplaint,
  ].filter((complaint) => typeof complaint === 'string')
  const common = { botId: TOKEN.exec(token)?.[1] ?? '', secrets, quote }
  if (complaints.length > 0) {
    // A misspelt variable may hold it.
    const isTokenMissing = !given.some(({ name, text }) => name === 'bale-token' && text !== '')
    return {
      ...common,
      isValid: false as const,
      summary: values.summary,
      complaints,
      isTokenMissing,
    }
  }
  const apiHost = quote(values['api-url'].host)
  const proxyHost = proxy && quote(`${proxy.url.hostname}:${portOf(proxy.url)}`)
  return { ...common, ...values, isValid: true as const, proxy, apiHost, proxyHost }
}

/** The variable of an input, as the runner spells it. In other letters of case it is found, too. */
const variableOf = (name: InputName) => `INPUT_${name.toUpperCase()}`

type GivenInput = ReturnType<typeof inputsIn>[number]

/** The variables that are inputs, correctly spelt or not. */
function inputsIn(env: NodeJS.ProcessEnv) {
  const squash = (spelling: string) => spelling.toUpperCase().replace(/[-_ ]/g, '')
  return Object.entries(env).flatMap(([variable, text = '']) => {
    if (!/^INPUT_/i.test(variable)) return []
    const name = NAMES.find((each) => squash(variable) === squash(variableOf(each)))
    return name ? [{ variable, name, text: trimInvisible(text) }] : []
  })
}

/** The value that a text stands for, or the default if there is none; `undefined` if the text is wrong. */
function parseOrDefault(name: InputName, text: string | undefined) {
  const { fallback, parse } = INPUTS[name]
  // An empty `dry-run` is an expression with a misspelt name; the default would be a real close.
  const isDefault = text === undefined || (text === '' && name !== 'dry-run')
  return parse(isDefault ? fallback : text)
}

function input<T>(fallback: string, accepted: string, parse: (text: string) => T | undefined) {
  return { fallback, accepted, parse }
}

function seconds(fallback: string, accepted: string, min: number, max: number) {
  const parse = (text: string) => parseNumber(/^\d+(\.\d+)?$/, text, min, max)
  return input(fallback, `${accepted} ${max} seconds, such as 20 or 2.5`, parse)
}

function valueComplaint(
  name: InputName,
  text: string | undefined,
  quote: Quote,
): string | undefined {
  if (parseOrDefault(name, text) !== undefined) return undefined
  const problem = name === 'bale-token' ? tokenProblem(text) : `is ${shownValue(text, quote)}`
  return `${name} ${problem}; it must be ${INPUTS[name].accepted}.`
}

/** A wrong value in quotes, unless it may hold a secret. */
function shownValue(text: string | undefined, quote: Quote): string {
  if (!text) return 'set but empty'
  // User info or a query (also with the full-width @ or an encoded one), a token, a path that may be a password.
  const mayHoldSecret = /[@＠?#]|%40|[\w-]{20}|[^:/]\/.*\d/i.test(text)
  return mayHoldSecret ? 'a text that is not shown, since it may hold a secret' : quote(text)
}

/** A misspelt input must not be ignored, unless its text means the same as the text of the input itself. */
function spellingComplaint(
  { variable, name, text }: GivenInput,
  own: string | undefined,
  quote: Quote,
) {
  const meaningOf = (each: string | undefined) => String(parseOrDefault(name, each) ?? each)
  if (meaningOf(text) === meaningOf(own)) return undefined
  return `${quote(variable)} is not read; write ${name} (as a variable: ${variableOf(name)}).`
}

/** What is wrong with a token, by character and position, never by its text. */
function tokenProblem(token: string | undefined): string {
  if (!token) return 'is empty'
  if (/^["'`“”‘’«»]/.test(token)) return 'is wrapped in quotes: store it without the quotes'
  if (/^\$|^(\{\{ *)?secrets\b/i.test(token))
    return 'is a name instead of a value: write ${{ secrets.NAME }}'
  if (/^\d+$/.test(token)) return 'has digits only: the colon and the secret after it are missing'
  const hasColon = token.includes(':')
  // What is left from the first wrong character on.
  const rest = token.replace(hasColon ? /^\d*(:[\w-]*)?/ : /^[\w-]*/, '')
  const wrong = rest.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')
  if (wrong)
    return `has the character U+${wrong} at position ${token.length - rest.length + 1}, where it cannot be`
  if (!hasColon) return 'has no colon'
  if (token.startsWith(':')) return 'has no digits before the colon'
  return `has too few characters after the colon (${afterColon(token).length})`
}

/** What to mask: the token and its secret half, or each line of a malformed one; never the bot id, an output. */
function secretsOf(token: string): string[] {
  const lines = token.split(/[\r\n]+/).flatMap((line) => [line, afterColon(line)])
  const hasLetterAndDigit = (text: string) => /[a-z]/i.test(text) && /\d/.test(text)
  const isSecret = (text: string) =>
    text.length >= 20 || (text.length >= 8 && hasLetterAndDigit(text))
  return Array.from(new Set(lines.map(trimInvisible).filter(isSecret)))
}

const afterColon = (text: string) => text.slice(text.indexOf(':') + 1)

/** The segments with a digit in the path of a base URL: a relay's path may be its password. */
function pathSecretsOf(apiUrl: string): string[] {
  const path = apiUrl.replace(/^(\w+:\/\/)?[^/]*/, '')
  return path.split('/').filter((segment) => /\d/.test(segment))
}

/** As in the core schema of YAML 1.2. */
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
  const url = tryTo(() => new URL(text))
  const isLoopback = /^(localhost|\[::1\]|127(\.\d+){3})$/.test(url?.hostname ?? '')
  return url?.protocol === 'https:' || isLoopback ? url : undefined
}

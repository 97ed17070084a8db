/**
 * Secrets and hostile text. Everything that leaves the program passes through this room: text from outside is cleaned,
 * then redacted, then cut, in this order, so that nothing invisible can split a secret and no cut can hide one.
 */
import { stripVTControlCharacters } from 'node:util'

/** Everything that has no shape of its own: controls, format and direction marks, fillers, lone surrogates. */
const INVISIBLE = '\\p{C}\\p{Default_Ignorable_Code_Point}\\u2800'
const MAX_CODE_POINTS = 300
/** A run of this many characters of a secret is taken as a leak of it. */
const PART_LENGTH = 12

/** The value without white space and invisible characters at both ends. */
export function stripEnds(value: string): string {
  // The look-behind keeps the time linear in long runs that are not at the end.
  const ends = new RegExp(`^[\\s${INVISIBLE}]+|(?<![\\s${INVISIBLE}])[\\s${INVISIBLE}]+$`, 'gu')
  return value.replace(ends, '')
}

/**
 * Text from outside as one line of visible characters that can start no workflow command: the runner takes `::` at the
 * start of a line and `##[` anywhere as one. Cleaning twice changes nothing.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]/g, ' ')
    .replace(new RegExp(`[${INVISIBLE}]`, 'gu'), '')
    .replace(/\s+/g, ' ')
    .replace(/:(?=:)/g, ': ')
    .replace(/##(?=\[)/g, '## ')
    .trim()
}

/** At most so many code points; what was cut is marked by an ellipsis. */
export function cut(text: string, maxCodePoints = MAX_CODE_POINTS): string {
  const points = Array.from(text)
  return points.length <= maxCodePoints ? text : `${points.slice(0, maxCodePoints - 1).join('')}…`
}

/** Replaces what it knows as secret in a text by `***`. */
export type Redact = (text: string) => string

/** A character that can be read, in lower case, and where it stands in the text. */
interface Unit {
  readonly char: string
  readonly start: number
  readonly end: number
}

/** The text as a reader could put it together again: percent-decoded to the end, without white space and accents. */
function read(text: string): Unit[] {
  const units: Unit[] = []
  for (const { 0: match, index } of text.matchAll(/[^\s\p{M}]/gu)) {
    const end = index + match.length
    for (const char of match.toLowerCase().split('')) units.push({ char, start: index, end })
    decodeEnd(units)
  }
  return units
}

/** Decodes `%` and two digits at the end, which may be the last digit of another such group. */
function decodeEnd(units: Unit[]): void {
  const [percent, high, low] = units.slice(-3)
  if (percent?.char !== '%' || !high || !low || !/^[\da-f]{2}$/.test(high.char + low.char)) return
  units.length -= 3
  const char = String.fromCharCode(parseInt(high.char + low.char, 16)).toLowerCase()
  if (!/[!-~]/.test(char)) return
  units.push({ char, start: percent.start, end: low.end })
  decodeEnd(units)
}

const textOf = (units: readonly Unit[]): string => units.map(({ char }) => char).join('')

/**
 * Makes the redaction for these secrets. It finds each of them and each part of 12 characters, whole or percent-encoded
 * (also more than once), in either case, and with white space in between.
 */
export function redactor(secrets: readonly string[]): Redact {
  const needles = new Map<number, Set<string>>()
  for (const secret of secrets) {
    const text = textOf(read(clean(secret)))
    const length = Math.min(text.length, PART_LENGTH)
    const parts = needles.get(length) ?? new Set()
    for (let at = 0; at + length <= text.length; at++) {
      const part = text.slice(at, at + length)
      // Digits alone are of a long bot id, unless the secret has nothing else.
      if (/\D/.test(part) || !/\D/.test(text)) parts.add(part)
    }
    if (length > 0) needles.set(length, parts)
  }
  return (text) => {
    const units = read(text)
    const readable = textOf(units)
    const hidden = new Array<boolean>(text.length).fill(false)
    for (const [length, parts] of needles) {
      for (let at = 0; at + length <= readable.length; at++) {
        if (parts.has(readable.slice(at, at + length))) {
          hidden.fill(true, units[at]?.start, units[at + length - 1]?.end)
        }
      }
    }
    return text.replace(/[^]/g, (unit, at: number) => (!hidden[at] ? unit : hidden[at - 1] ? '' : '***'))
  }
}

/** Makes text from outside harmless where it will stand. */
export type Quote = (text: string) => string

/** Says what is wrong with an input or a setting: its name, what it got, what it takes. */
export type Complaint = (quote: Quote) => string

/** Text from outside, ready to be shown: cleaned, redacted, cut. */
export function shownWith(redact: Redact): Quote {
  return (text) => cut(redact(clean(text)))
}

/**
 * What the runner must mask of a `bale-token`: the token and its secret half, never the bot id, since the runner drops
 * a job output that holds a masked text. A malformed token may be a secret, too, so each of its lines is masked that
 * has 8 characters and more than digits.
 */
export function secretsOf(token: string): string[] {
  return (
    token
      .split(/[\r\n]+/)
      .flatMap((line) => [line, line.slice(line.indexOf(':') + 1)])
      .map(stripEnds)
      .filter((text, at, all) => all.indexOf(text) === at)
      // Digits alone may be the bot id, but none is as long as a secret.
      .filter((text) => text.length >= 20 || (text.length >= 8 && /\D/.test(text)))
  )
}

/**
 * Text as inline code of a job summary in which no Markdown, HTML, mention, reference or bare link is alive: what could
 * start one is written as a character reference.
 */
export function inert(text: string): string {
  const encoded = text.replace(/[^\p{L}\p{M}\p{N} ,.:;'"“”()=%+-]|(?<=www)\./giu, (char) => `&#${char.codePointAt(0)};`)
  return `<code>${encoded}</code>`
}

/**
 * Secrets and hostile text. Everything that leaves the program passes through this room: text from outside is cleaned,
 * then redacted, then cut, in this order, so that nothing invisible can split a secret and no cut can hide one.
 */
import { stripVTControlCharacters } from 'node:util'

/** Everything that has no shape of its own: controls, format and direction marks, fillers, lone surrogates. */
const INVISIBLE = '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Default_Ignorable_Code_Point}\\u2800]'
const MAX_CODE_POINTS = 300
/** A run of this many characters of a secret is taken as a leak of it. */
const PART_LENGTH = 12

/** The value without white space and invisible characters at both ends. */
export function stripEnds(value: string): string {
  const ends = new RegExp(`^(?:\\s|${INVISIBLE})+|(?:\\s|${INVISIBLE})+$`, 'gu')
  return value.replace(ends, '')
}

/**
 * Text from outside as one line of visible characters that can start no workflow command: the runner takes `::` at the
 * start of a line and `##[` anywhere as one. Cleaning twice changes nothing.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]/g, ' ')
    .replace(new RegExp(INVISIBLE, 'gu'), '')
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

/** A text as a reader could put it together again, and where each UTF-16 unit of it stands. */
interface Reduced {
  text: string
  readonly starts: number[]
  readonly ends: number[]
}

/** Percent-decodes, takes one case, and leaves white space and accents out. */
function reduce(text: string): Reduced {
  const reduced: Reduced = { text: '', starts: [], ends: [] }
  for (const match of text.matchAll(/%(?:25)*([0-9a-f]{2})|[^\s\p{M}]/giu)) {
    const hex = match[1]
    const char = hex === undefined ? match[0] : String.fromCharCode(parseInt(hex, 16)).replace(/[^!-~]/, '')
    for (const unit of char.toLowerCase().split('')) {
      reduced.text += unit
      reduced.starts.push(match.index)
      reduced.ends.push(match.index + match[0].length)
    }
  }
  return reduced
}

/**
 * Makes the redaction for these secrets. It finds each of them and each part of 12 characters, whole or percent-encoded
 * (also more than once), in either case, and with white space in between.
 */
export function redactor(secrets: readonly string[]): Redact {
  const needles = new Map<number, Set<string>>()
  for (const secret of secrets) {
    const { text } = reduce(clean(secret))
    const length = Math.min(text.length, PART_LENGTH)
    const parts = needles.get(length) ?? new Set()
    for (let at = 0; at + length <= text.length; at++) parts.add(text.slice(at, at + length))
    if (length > 0) needles.set(length, parts)
  }
  return (text) => {
    const reduced = reduce(text)
    const hidden = new Array<boolean>(text.length).fill(false)
    for (const [length, parts] of needles) {
      for (let at = 0; at + length <= reduced.text.length; at++) {
        if (parts.has(reduced.text.slice(at, at + length))) {
          hidden.fill(true, reduced.starts[at], reduced.ends[at + length - 1])
        }
      }
    }
    const units = text.split('').map((unit, at) => (!hidden[at] ? unit : hidden[at - 1] ? '' : '***'))
    return units.join('')
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

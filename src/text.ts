/** Secrets and hostile text: what comes from outside is made harmless here before it is shown. */
import { stripVTControlCharacters } from 'node:util'

declare const safe: unique symbol

/** Text from outside that may be shown: clean, without a part of a secret, short, in curly quotes. */
export type SafeText = string & { readonly [safe]: true }

/** Makes text from outside safe. Nothing else makes a `SafeText`, so text that was not quoted does not compile. */
export type Quote = (text: string) => SafeText

/** Controls, direction marks, fillers and other characters without a shape. */
const INVISIBLE = '\\p{C}\\p{Default_Ignorable_Code_Point}\\u2800\\u{1D159}'
const EACH_INVISIBLE = new RegExp(`[${INVISIBLE}]`, 'gu')
const FIRST_TO_LAST_VISIBLE = new RegExp(`[^\\s${INVISIBLE}](?:.*[^\\s${INVISIBLE}])?`, 'su')

/** Cleaning a long text takes too long, so it is cut before. */
const MAX_CLEANED_LENGTH = 4_000
const MAX_SHOWN_CODE_POINTS = 300
/** A text that contains this many characters in a row of a secret is a leak. */
const PART_LENGTH = 12
/** A part with fewer letters and digits is not looked for: harmless text may contain it by chance. */
const MIN_LETTERS_AND_DIGITS = 8
const NOT_SHOWN = '(a text that is not shown, since it contains part of a secret)' as SafeText

/** The text from its first visible character to its last one. */
export const trimInvisible = (text: string) => FIRST_TO_LAST_VISIBLE.exec(text)?.[0] ?? ''

/** Makes the function that quotes text from outside and hides whatever contains a part of one of these secrets. */
export function createQuote(secrets: readonly string[]): Quote {
  // Parts are taken from each secret as it is, with signs such as - and _, and from its letters and digits alone.
  const parts = secrets
    .map(percentDecoded)
    .flatMap((secret) => [secret, lettersAndDigits(secret)])
    .flatMap(partsOf)
  return (text) => {
    const cleaned = clean(text.slice(0, MAX_CLEANED_LENGTH))
    const readings = [cleaned, percentDecoded(cleaned)].map(lettersAndDigits)
    const isLeak = parts.some((part) => readings.some((reading) => reading.includes(part)))
    return isLeak ? NOT_SHOWN : (`“${cut(cleaned)}”` as SafeText)
  }
}

/**
 * Text for a job summary: without Markdown and HTML, and quotations in `code`, in which GitHub links nothing but e-mail
 * addresses, even in entities. The invisible word joiner after each @ stops that.
 */
export function escapeForSummary(text: string): string {
  // All signs of ASCII but `"`, `(`, `)`, `,` and `;`.
  return text
    .replace(/[!#-'*+./:<-@[-`{-~-]/g, (sign) => `&#${sign.charCodeAt(0)};`)
    .replaceAll('&#64;', '&#64;&#8288;')
    .replace(/“([^”]*)”/g, '“<code>$1</code>”')
}

/** One line of visible characters that neither ends a quotation nor starts a workflow command (`::…`, `##[…`). */
function clean(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s/g, ' ')
    .replace(EACH_INVISIBLE, '')
    .replace(/ +/g, ' ')
    .replace(/[“”]/g, '"')
    .replace(/:{2,}/g, (colons) => Array.from(colons).join(' '))
    .replaceAll('##[', '## [')
    .trim()
}

function cut(text: string): string {
  const points = Array.from(text)
  return points.length <= MAX_SHOWN_CODE_POINTS
    ? text
    : `${points.slice(0, MAX_SHOWN_CODE_POINTS - 1).join('')}…`
}

const lettersAndDigits = (text: string) => text.replace(/[^a-z\d]/gi, '').toLowerCase()

/** Undoes percent-encoding, as often as it was done. */
function percentDecoded(text: string): string {
  const decoded = text.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
  return decoded === text ? text : percentDecoded(decoded)
}

/** Each run of `PART_LENGTH` characters in a secret, reduced to its letters and digits. */
function partsOf(secret: string): string[] {
  const count = Math.max(secret.length - PART_LENGTH + 1, 0)
  const parts = Array.from({ length: count }, (_, start) =>
    secret.slice(start, start + PART_LENGTH),
  )
  return parts.map(lettersAndDigits).filter((part) => part.length >= MIN_LETTERS_AND_DIGITS)
}

/** What a parser makes of a text from outside; `undefined` if it throws. */
export function tryTo<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

/** Secrets and hostile text: what comes from outside is made harmless here before it is shown. */
import { stripVTControlCharacters } from 'node:util'

declare const safe: unique symbol

/** Text from outside that may be shown: clean, without part of a secret, short, in curly quotes. */
export type SafeText = string & { readonly [safe]: true }

export type Quote = (text: string) => SafeText

/** Controls, direction marks, fillers and the empty Braille pattern. */
const INVISIBLE = '\\p{C}\\p{Default_Ignorable_Code_Point}\\u2800'
const EACH_INVISIBLE = new RegExp(`[${INVISIBLE}]`, 'gu')
const FIRST_TO_LAST_VISIBLE = new RegExp(`[^\\s${INVISIBLE}](?:.*[^\\s${INVISIBLE}])?`, 'su')

/** Cleaning is slow, so a long text is cut first. */
const MAX_CLEANED_LENGTH = 4_000
const MAX_SHOWN_CODE_POINTS = 300
/** This many consecutive characters of a secret are a leak. */
const LEAK_LENGTH = 12
/** A shorter mask would hide ordinary words. */
const MIN_MASKED_LENGTH = 8
const NOT_SHOWN = '(not shown, since it contains part of a secret)' as SafeText

export const trimInvisible = (text: string) => FIRST_TO_LAST_VISIBLE.exec(text)?.[0] ?? ''

/** What follows the first colon; without a colon, the whole text. */
const afterColon = (text: string) => text.slice(text.indexOf(':') + 1)

/** What to mask of a token, well-formed or not: each line, and what follows its colon. */
export function secretsIn(token: string): string[] {
  const lines = token.split(/[\r\n]+/)
  const parts = lines.flatMap((line) => [line, afterColon(line)]).map(trimInvisible)
  return Array.from(new Set(parts)).filter((part) => part.length >= MIN_MASKED_LENGTH)
}

/**
 * Makes the function that quotes text from outside. It hides the whole text if that contains part of a
 * secret, plain or percent-encoded, in any letter case. A bot id, before the colon, is not secret.
 */
export function createQuote(secrets: readonly string[]): Quote {
  const forbidden = secrets.flatMap((secret) => windowsOf(afterColon(secret).toLowerCase()))
  return (text) => {
    const cleaned = clean(text.slice(0, MAX_CLEANED_LENGTH))
    const decoded = cleaned.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    )
    const readings = `${cleaned}\n${decoded}`.toLowerCase()
    if (forbidden.some((part) => readings.includes(part))) return NOT_SHOWN
    return `“${Array.from(cleaned).slice(0, MAX_SHOWN_CODE_POINTS).join('')}”` as SafeText
  }
}

/** Quotations become code, in which Markdown, HTML and links have no effect. */
export function quotationsAsCode(text: string): string {
  return text.replace(/“([^”]+)”/g, (_, words: string) => `\`${words.replaceAll('`', "'")}\``)
}

/** One line of visible characters that neither ends a quotation nor starts a workflow command. */
function clean(text: string): string {
  return (
    stripVTControlCharacters(text)
      // The byte order mark counts as white space, but is invisible.
      .replace(/(?!\uFEFF)\s/g, ' ')
      .replace(EACH_INVISIBLE, '')
      .replace(/ +/g, ' ')
      .replace(/[“”]/g, '"')
      .replace(/:(?=:)/g, ': ')
      .replaceAll('##[', '## [')
      .trim()
  )
}

function windowsOf(secret: string): string[] {
  const count = Math.max(secret.length - LEAK_LENGTH + 1, 0)
  return Array.from({ length: count }, (_, start) => secret.slice(start, start + LEAK_LENGTH))
}

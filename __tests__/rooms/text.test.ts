import { describe, expect, test } from '@jest/globals'
import { marked } from 'marked'
import { createQuote, escapeForSummary, trimInvisible } from '../../src/text.ts'
import { SECRET, TOKEN } from './samples.ts'

const quote = (text: string) => createQuote([TOKEN, SECRET])(text)
const ENTITIES: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
  '&#39;': "'",
}
const NOT_SHOWN = '(a text that is not shown, since it contains part of a secret)'

describe('a quotation', () => {
  test.each<[string, string, string]>([
    ['line breaks', 'a\r\nb\u2028c\vd', 'a b c d'],
    ['other controls', 'a\u0000b\u0007c\u007fd\u009fe', 'abcde'],
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['links', '\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007', 'here'],
    ['half a sequence', 'a\u001b', 'a'],
    ['direction marks', 'a\u202eb\u2066c\u200fd', 'abcd'],
    ['zero-width characters', 'a\u200bb\u200cc\u2060d', 'abcd'],
    [
      'fillers and selectors',
      'a\u3164b\u115fc\ufe0fd\u{e0041}e\u2800f\u00adg\u{1d159}h',
      'abcdefgh',
    ],
    ['halves of surrogate pairs', 'a\ud800b\udc00c', 'abc'],
    ['white space', '  a \t b\u00a0\u3000c  ', 'a b c'],
    ['white space around what is invisible', 'a \u200b b \u0000 c', 'a b c'],
    ['a workflow command', '::set-output name=closed::true', ': :set-output name=closed: :true'],
    ['many colons', ':::::', ': : : : :'],
    ['a split workflow command', ':\u200b:error::x', ': :error: :x'],
    ['an old workflow command', '##[error]x', '## [error]x'],
    ['an old one, split', '#\u200b#\u0000[error]x', '## [error]x'],
    ['curly quotes', 'a”b“c', 'a"b"c'],
    ['nothing', '', ''],
  ])('cleans a text of %s', (_, text, expected) => {
    expect(quote(text)).toBe(`“${expected}”`)
  })

  test.each(['بات از قبل بسته شده است', 'emoji 😀 and é', 'https://a/b?c#d [x](y) <b> @me #1'])(
    'leaves %p',
    (text) => {
      expect(quote(text)).toBe(`“${text}”`)
    },
  )

  test('is cut to 300 code points', () => {
    expect(quote('😀'.repeat(300))).toBe(`“${'😀'.repeat(300)}”`)
    expect(quote('😀'.repeat(301))).toBe(`“${'😀'.repeat(299)}…”`)
  })

  test('looks at the first 4,000 characters and shows none of what comes after them', () => {
    expect(quote(`${' '.repeat(3998)}ab${SECRET}`)).toBe('“ab”')
    expect(quote(`${'.'.repeat(3988)}${SECRET}`)).toBe(NOT_SHOWN)
    expect(quote(`${'.'.repeat(3990)}${SECRET}`)).toBe(`“${'.'.repeat(299)}…”`)
  })

  const between = (separator: string) => Array.from(SECRET).join(separator)
  const encoded = (text: string) =>
    text.replace(/./g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  test.each([
    TOKEN,
    `/bot${TOKEN}/close`,
    `1234567890%3A${SECRET}`,
    `zz${SECRET.slice(5, 20)}zz`,
    ...[SECRET.slice(0, 12), SECRET.slice(-12), SECRET.slice(5, 17), SECRET.toUpperCase()],
    ...['%', ' ', '%0A', '%E2%80%8B', '\u0301', '\u001b[31m', '\u{1d159}'].map(between),
    ...[encoded(SECRET), encoded(SECRET).toUpperCase()],
    ...['%25', '%2525'].map((percent) => encoded(SECRET).replaceAll('%', percent)),
    SECRET.replace(/.{11}/g, '$& / '),
  ])('hides %j', (text) => {
    expect(quote(`x ${text} y`)).toBe(NOT_SHOWN)
  })

  const HARMLESS = [
    SECRET.slice(1, 12),
    '1234567890',
    'Bale bot 1234567890 is closed.',
    SECRET.slice(-11),
  ]
  test.each(HARMLESS)('shows %p, which is no part of the secret that counts', (text) => {
    expect(quote(text)).toBe(`“${text}”`)
  })

  test('knows a secret that is itself percent-encoded, and hides nothing if there is no secret', () => {
    expect(createQuote([encoded('relay-password-1')])('the Relay password 1')).toBe(NOT_SHOWN)
    expect(createQuote([])(SECRET)).toBe(`“${SECRET}”`)
    expect(createQuote(['', 'short', '-'.repeat(40)])('short --------')).toBe('“short --------”')
  })
})

test.each<[string, string]>([
  ['\u200e a\u200eb c \n\u2800', 'a\u200eb c'],
  ['\ufeffab\u{1d159}', 'ab'],
  [' \n\u200b', ''],
  ['a', 'a'],
  ['a\nb', 'a\nb'],
  ['😀 b', '😀 b'],
])('the ends of %p are trimmed to %p', (text, expected) => {
  expect(trimInvisible(text)).toBe(expected)
})

describe('text in a summary', () => {
  test('keeps letters, digits and what starts nothing', () => {
    expect(escapeForSummary('بله ۱۲é, ab; "c" (d)')).toBe('بله ۱۲é, ab; "c" (d)')
    expect(escapeForSummary('<b> 😀')).toBe('&#60;b&#62; 😀')
    expect(escapeForSummary('GH-26')).toBe('GH&#45;26')
  })

  test('puts what is quoted into code, in which nothing is linked', () => {
    expect(escapeForSummary('It said “@me, #1”.')).toBe(
      'It said “<code>&#64;&#8288;me, &#35;1</code>”&#46;',
    )
  })

  test.each([
    '<img src=x onerror=alert(1)> <b>x</b> <!-- x -->',
    '[a](https://evil.example) ![a](https://evil.example/x.png) <https://evil.example>',
    'https://evil.example www.evil.example me@evil.example',
    '**a** __b__ ~~c~~ `d` \\* | a | b | &lt;b&gt; &#60;b&#62; [^1] :smile: $x$',
    ...['# a', '1. a', '- a', '> a'],
  ])('shows %p as it is', async (text) => {
    const html = await marked.parse(escapeForSummary(text), { gfm: true })
    const shown = html.replace(/^<p>|<\/p>\n$/g, '')
    expect(shown).not.toMatch(/[<>]/)
    const read = shown.replace(/&(#39|\w+);/g, (reference) => ENTITIES[reference] ?? reference)
    expect(read.replaceAll('\u2060', '')).toBe(text)
    expect(read).not.toMatch(/@(?!\u2060)/)
  })
})

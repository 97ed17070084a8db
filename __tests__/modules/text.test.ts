import { describe, expect, test } from '@jest/globals'
import { createQuote, quotationsAsCode, trimInvisible } from '../../src/text.ts'
import { SECRET, TOKEN } from './samples.ts'

const quote = createQuote([TOKEN, SECRET])
const NOT_SHOWN = '(not shown, since it contains part of a secret)'

describe('a quotation', () => {
  test.each([
    ['line breaks', 'a\r\nb\u2028c\vd', 'a b c d'],
    ['other controls', 'a\u0000b\u0007c\u007fd\u009fe', 'abcde'],
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['terminal links', '\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007', 'here'],
    ['direction marks', 'a\u202eb\u2066c\u200fd', 'abcd'],
    ['zero-width characters', 'a\u200bb\u200cc\u2060d\ufeffe', 'abcde'],
    ['fillers and selectors', 'a\u3164b\u115fc\ufe0fd\u{e0041}e\u2800f\u00adg', 'abcdefg'],
    ['halves of surrogate pairs', 'a\ud800b\udc00c', 'abc'],
    ['too much white space', '  a \t b\u00a0\u3000c  ', 'a b c'],
    ['invisible words', 'a \u200b b', 'a b'],
    ['workflow commands', '::set-output::true', ': :set-output: :true'],
    ['a split workflow command', ':\u200b:error::x', ': :error: :x'],
    ['an old workflow command', '##[error]x', '## [error]x'],
    ['curly quotes', 'a”b“c', 'a"b"c'],
  ])('is cleaned of %s', (_, text, expected) => {
    expect(quote(text)).toBe(`“${expected}”`)
  })

  test.each(['بات بسته شده است', '😀 é', 'https://a/b?c#d [x](y) <b> @me'])('keeps %p', (text) => {
    expect(quote(text)).toBe(`“${text}”`)
  })

  test('has at most 300 code points', () => {
    expect(quote('😀'.repeat(300))).toBe(`“${'😀'.repeat(300)}”`)
    expect(quote('😀'.repeat(301))).toBe(`“${'😀'.repeat(300)}”`)
  })

  test('is of the first 4,000 characters', () => {
    expect(quote(`${' '.repeat(3998)}abcd`)).toBe('“ab”')
    expect(quote(`${'.'.repeat(3988)}${SECRET}`)).toBe(NOT_SHOWN)
    expect(quote(`${'.'.repeat(3989)}${SECRET}`)).toBe(`“${'.'.repeat(300)}”`)
  })

  const encoded = Array.from(SECRET, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')
  test.each([
    ['the token', `/bot${TOKEN}/close`],
    ['its first 12 characters', SECRET.slice(0, 12)],
    ['its last 12 characters', SECRET.slice(-12)],
    ['12 characters in another case', SECRET.slice(5, 17).toUpperCase()],
    ['percent-encoded ones', encoded],
    ['percent-encoded ones in another case', encoded.toUpperCase()],
    ['ones with zero-width spaces between', Array.from(SECRET).join('\u200b')],
    ['ones with byte order marks between', Array.from(SECRET).join('\ufeff')],
  ])('of a secret is hidden as a whole: %s', (_, text) => {
    expect(quote(`x ${text} y`)).toBe(NOT_SHOWN)
  })

  test.each([SECRET.slice(1, 12), TOKEN.slice(0, 22), '1234567890'])('may show %s', (text) => {
    expect(quote(`x${text}`)).toBe(`“x${text}”`)
  })
})

test.each([
  [' \ufeff\u200ba b\u200f\n', 'a b'],
  ['a\nb', 'a\nb'],
  [' \u200b', ''],
  ['', ''],
])('%j without what is invisible at its ends is %j', (text, expected) => {
  expect(trimInvisible(text)).toBe(expected)
})

test('quotations become code, and other words stay', () => {
  expect(quotationsAsCode('It said “a `b` c” and “d”; “”.')).toBe("It said `a 'b' c` and `d`; “”.")
})

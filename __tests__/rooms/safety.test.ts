import { describe, expect, test } from '@jest/globals'
import { clean, cut, inert, redactor, secretsOf, shownWith, stripEnds } from '../../src/safety.ts'

const SECRET = 'AAabcdefghijklmnopqrstuvwxyz_012345-'
const TOKEN = `1234567890:${SECRET}`

describe('clean', () => {
  test.each<[string, string, string]>([
    ['line breaks', 'a\r\nb\u2028c\u0085d\ve', 'a b c d e'],
    ['other controls', 'a\u0000b\u0007c\u007fd\u009fe', 'abcde'],
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['links', '\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007', 'here'],
    ['half a sequence', 'a\u001b', 'a'],
    ['direction marks', 'a\u202eb\u2066c\u200fd', 'abcd'],
    ['zero-width characters', 'a\u200bb\u200cc\u2060d\ufeffe', 'abcde'],
    ['fillers and selectors', 'a\u3164b\u115fc\ufe0fd\u{e0041}e\u2800f\u00adg', 'abcdefg'],
    ['lone surrogates', 'a\ud800b\udc00c', 'abc'],
    ['white space', '  a \t b\u00a0\u3000c  ', 'a b c'],
    ['a workflow command', '::set-output name=closed::true', ': :set-output name=closed: :true'],
    ['more colons', ':::::', ': : : : :'],
    ['a split workflow command', ':\u200b:error::x', ': :error: :x'],
    ['an old workflow command', '##[error]x', '## [error]x'],
    ['an old one, split', '#\u200b#\u0000[error]x', '## [error]x'],
  ])('takes %s out', (_, text, expected) => {
    expect(clean(text)).toBe(expected)
  })

  test.each(['بات از قبل بسته شده است', 'emoji 😀 and é', 'https://a/b?c#d [x](y) <b> @me #1'])('leaves %p', (text) => {
    expect(clean(text)).toBe(text)
  })
})

test('cut counts code points and marks what is missing', () => {
  expect(cut('😀'.repeat(300))).toBe('😀'.repeat(300))
  expect(cut('😀'.repeat(301))).toBe(`${'😀'.repeat(299)}…`)
  expect(cut('abcdef', 3)).toBe('ab…')
})

test('stripEnds and redact take no long time for a long run', () => {
  const run = '\t'.repeat(100_000)
  expect(stripEnds(`a${run}b${run}`)).toBe(`a${run}b`)
  expect(redactor([SECRET])(`%25`.repeat(30_000))).toHaveLength(90_000)
})

test('a long bot id is not hidden, and a secret of digits is', () => {
  const redact = redactor(['123456789012345:AAbcdefghijklmnopqrst'])
  expect(redact('Bale bot 123456789012345 is closed')).toBe('Bale bot 123456789012345 is closed')
  expect(redactor(['12345678901234567890'])('12345678901234567890')).toBe('***')
})

test('stripEnds leaves what is inside', () => {
  expect(stripEnds('\u200e a\u200eb \n')).toBe('a\u200eb')
})

describe('redact', () => {
  const redact = redactor([TOKEN, SECRET])
  const encoded = (text: string): string =>
    Array.from(text)
      .map((char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
      .join('')
  test.each<[string, string, string]>([
    ['the token', `x ${TOKEN} y`, 'x *** y'],
    ['the token in an address', `/bot${TOKEN}/close`, '/bot***/close'],
    ['the secret half', `x ${SECRET} y`, 'x *** y'],
    ['its first part', SECRET.slice(0, 12), '***'],
    ['its last part', SECRET.slice(-12), '***'],
    ['a part inside other text', `zz${SECRET.slice(5, 20)}zz`, 'zz***zz'],
    ['two parts', `${SECRET.slice(0, 12)}, ${SECRET.slice(12, 24)}`, '***, ***'],
    ['it with an encoded colon', `1234567890%3A${SECRET}`, '***'],
    ['it percent-encoded', encoded(SECRET), '***'],
    ['it percent-encoded twice', encoded(SECRET).replaceAll('%', '%25'), '***'],
    ['it percent-encoded twice, wholly', encoded(encoded(SECRET)), '***'],
    ['it percent-encoded in the digits of the code', encoded(SECRET).replace(/[0-9a-f]/g, encoded), '***'],
    ['it with encoded line breaks', SECRET.split('').join('%0A'), '***'],
    ['it with an encoded zero-width space', SECRET.split('').join('%E2%80%8B'), '***'],
    ['it at the end', `x ${SECRET}`, 'x ***'],
    ['it in capitals', SECRET.toUpperCase(), '***'],
    ['it with spaces', SECRET.split('').join(' '), '***'],
    ['it with accents', SECRET.split('').join('\u0301'), '***'],
  ])('hides %s', (_, text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  test.each(['1234567890', 'Bale bot 1234567890 is closed.', SECRET.slice(0, 11), 'abc', ''])('leaves %p', (text) => {
    expect(redact(text)).toBe(text)
  })

  test('hides a short secret whole, and nothing where there is none', () => {
    expect(redactor(['pa ss'])('the pa%20ss and pas s')).toBe('the *** and ***')
    expect(redactor([])('anything')).toBe('anything')
    expect(redactor(['', '\u200b'])('anything')).toBe('anything')
  })
})

describe('what is shown', () => {
  const shown = shownWith(redactor([SECRET]))
  test('hides a secret that is split by what nobody sees', () => {
    for (const splitter of ['\u200b', '\u0000', '\u001b[31m', '\u202e', '\n', '\u00ad', '\u{e0020}']) {
      expect(shown(`x ${SECRET.split('').join(splitter)} y`)).toBe('x *** y')
    }
  })
  test('hides a secret that lies across the cut', () => {
    for (let before = 280; before < 300; before++) {
      expect(shown('.'.repeat(before) + SECRET + '.'.repeat(50))).not.toContain('abc')
    }
  })
})

describe('the masks', () => {
  test.each<[string, string, string[]]>([
    ['a token', TOKEN, [TOKEN, SECRET]],
    ['a token with blanks around', ` ${TOKEN}\u200e\n`, [TOKEN, SECRET]],
    ['a secret of digits', '1:12345678901234567890', ['1:12345678901234567890', '12345678901234567890']],
    ['nothing', '', []],
    ['a bot id', '1234567890', []],
    ['a short text', 'abcdefg', []],
    ['a malformed token', '1234567890:short', ['1234567890:short']],
    ['a longer malformed token', '12:abc defgh', ['12:abc defgh', 'abc defgh']],
    ['a text without a colon', 'a secret!', ['a secret!']],
    ['eight characters', 'abcd fgh', ['abcd fgh']],
    ['lines', `first line\r\n12345678901\n${TOKEN}`, ['first line', TOKEN, SECRET]],
  ])('of %s', (_, token, expected) => {
    expect(secretsOf(token)).toEqual(expected)
  })
})

test('inert text has no character that starts something in Markdown or HTML', () => {
  expect(inert('a @me #1 <b>')).toBe('<code>a &#64;me &#35;1 &#60;b&#62;</code>')
  expect(inert('https://x WWW.x.y [a](b)')).toBe('<code>https:&#47;&#47;x WWW&#46;x.y &#91;a&#93;(b)</code>')
  expect(inert('بله ۱۲: 127.0.0.1')).toBe('<code>بله ۱۲: 127.0.0.1</code>')
})

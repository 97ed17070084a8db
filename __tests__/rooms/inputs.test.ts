import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { DEFAULTS, type InputName, parseInputs } from '../../src/inputs.ts'
import { redactor, shownWith } from '../../src/safety.ts'

const SECRET = 'AAabcdefghijklmnopqrstuvwxyz_012345-'
const TOKEN = `1234567890:${SECRET}`
type Values = Partial<Record<InputName, string>>

const quote = shownWith(redactor([SECRET]))

function parse(values: Values) {
  const { complaints, ...rest } = parseInputs((name) => ({ 'bale-token': TOKEN, ...values })[name] ?? '')
  return { ...rest, complaints: complaints.map((complain) => complain(quote)) }
}

const complaintsOf = (values: Values): readonly string[] => parse(values).complaints

test('the defaults are those of action.yml', () => {
  const action = readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')
  const inputs = action.slice(action.indexOf('\ninputs:'), action.indexOf('\noutputs:'))
  const declared = [...inputs.matchAll(/^ {2}([a-z-]+):\n(?: {4}.*\n)*? {4}default: '?([^'\n]+)'?$/gm)]
  expect(Object.fromEntries(declared.map(([, name, value]) => [name, value]))).toEqual(DEFAULTS)
})

test('an absent, an empty and a blank input take the default', () => {
  const expected = {
    inputs: {
      token: TOKEN,
      botId: '1234567890',
      apiUrl: new URL('https://tapi.bale.ai'),
      deleteWebhook: false,
      allowAlreadyClosed: false,
      maxAttempts: 10,
      attemptTimeoutMs: 20_000,
      timeoutMs: 900_000,
      dryRun: false,
      summary: true,
    },
    complaints: [],
    isTokenEmpty: false,
  }
  const blanks = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, ' \n\u200e']))
  expect(parse({})).toEqual(expected)
  expect(parse(blanks)).toEqual(expected)
})

describe('bale-token', () => {
  test.each<[string, string, string]>([
    ['white space', ` \t${TOKEN}\r\n`, TOKEN],
    ['direction marks', `\u200f\u202b${TOKEN}\u202c\u200e`, TOKEN],
    ['a byte order mark and zero-width spaces', `\uFEFF\u200b${TOKEN}\u200b\u00ad`, TOKEN],
    ['non-breaking spaces', `\u00a0${TOKEN}\u202f\u3164`, TOKEN],
  ])('is taken without %s at its ends', (_, value, token) => {
    expect(parse({ 'bale-token': value })).toMatchObject({ inputs: { token, botId: '1234567890' }, complaints: [] })
  })

  test.each([20, 35, 40, 64])('may have a secret of %d characters', (length) => {
    const token = `1:${'a'.repeat(length)}`
    expect(parse({ 'bale-token': token })).toMatchObject({ inputs: { token, botId: '1' }, complaints: [] })
  })

  test.each<[string, string, string]>([
    ['nothing', '', 'is empty'],
    ['nothing visible', '\u200b \n', 'is empty'],
    ['a space inside', `1234567890:AA AA${SECRET}`, 'U+0020 at position 14'],
    ['a line break inside', `1234567890:AA\n${SECRET}`, 'U+000A at position 14'],
    ['a direction mark inside', `1234567890:\u200e${SECRET}`, 'U+200E at position 12'],
    ['Persian digits', `۱۲:${SECRET}`, 'U+06F1 at position 1,'],
    ['an emoji', `12:😀${SECRET}`, 'U+1F600 at position 4'],
    ['a character after an emoji, in code points', `😀12:${SECRET}`, 'U+1F600 at position 1,'],
    ['two colons', `12:AAAA:${SECRET}`, 'U+003A at position 8'],
    ['the prefix of the path', `bot${TOKEN}`, 'U+0062 at position 1,'],
    ['a secret alone', SECRET, 'U+0041 at position 1,'],
    ['a plus sign', `12:+${SECRET}`, 'U+002B at position 4'],
    ['digits alone', '1234567890', 'has no colon'],
    ['no digits', `:${SECRET}`, 'has no digits before the colon'],
    ['a short secret', '12:abcdefghijklmnopqrs', 'has only 19 characters after the colon'],
    ['no secret', '12:', 'has only 0 characters after the colon'],
  ])('refuses %s by position and code point, without a quote', (_, value, words) => {
    const { complaints, inputs } = parse({ 'bale-token': value })
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toMatch(/^bale-token .*; it takes the bot's token: digits, a colon/)
    expect(complaints[0]).toContain(words)
    expect(complaints[0]).not.toContain('abcdef')
    expect(inputs).toMatchObject({ token: '', botId: '' })
  })

  test('tells an empty one, since the mistake is elsewhere then', () => {
    expect(parse({ 'bale-token': ' ' }).isTokenEmpty).toBe(true)
    expect(parse({ 'bale-token': 'x' }).isTokenEmpty).toBe(false)
  })
})

describe('api-url', () => {
  test.each<[string, string]>([
    ['https://tapi.bale.ai/', 'https://tapi.bale.ai/'],
    ['HTTPS://Relay.Example:8443/bale/', 'https://relay.example:8443/bale/'],
    ['https://relay.example/@bale', 'https://relay.example/@bale'],
    ['http://localhost:8081', 'http://localhost:8081/'],
    ['http://127.0.0.1', 'http://127.0.0.1/'],
    ['http://127.8.9.10:1', 'http://127.8.9.10:1/'],
    ['http://[::1]:8081/x', 'http://[::1]:8081/x'],
  ])('takes %s', (value, href) => {
    const { inputs, complaints } = parse({ 'api-url': value })
    expect(complaints).toEqual([])
    expect(inputs.apiUrl.href).toBe(href)
  })

  test.each([
    'http://tapi.bale.ai',
    'http://localhost.example',
    'http://127.0.0.1.example',
    'http://127.evil.example',
    'http://[::2]',
    'http://0.0.0.0',
    'ftp://tapi.bale.ai',
    'tapi.bale.ai',
    'https:tapi.bale.ai',
    'https:\\\\tapi.bale.ai',
    'https://',
    'https:///path',
    'https://a b',
    'https://tapi.\u200bbale.ai',
    'https://tapi.bale.ai:99999',
    'javascript:x',
    'xhttp://localhost',
    'x https://tapi.bale.ai',
  ])('refuses %s and quotes it', (value) => {
    const [complaint, ...more] = complaintsOf({ 'api-url': value })
    expect(more).toEqual([])
    expect(complaint).toContain('api-url is “')
    expect(complaint).toContain('it takes an https URL')
  })

  test.each([
    'https://user:hunter22@tapi.bale.ai',
    'https://hunter22@tapi.bale.ai',
    'https://:@tapi.bale.ai/hunter22',
    'ftp://user:hunter22@tapi.bale.ai',
    'https://tapi.bale.ai?key=hunter22',
    'https://tapi.bale.ai/?',
    'https://tapi.bale.ai/#hunter22',
    'user:hunter22@tapi.bale.ai',
    'https://user:hunter22%40tapi.bale.ai',
    'https://user:hunter22＠tapi.bale.ai',
  ])('refuses %s without a quote', (value) => {
    const complaints = complaintsOf({ 'api-url': value })
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toMatch(/^api-url is a text with "@", "\?" or "#"; it takes/)
    expect(complaints[0]).not.toContain('hunter22')
  })
})

describe('a boolean', () => {
  test.each(['true', 'True', 'TRUE', ' true\n'])('takes %p for true', (value) => {
    expect(parse({ 'dry-run': value }).inputs.dryRun).toBe(true)
    expect(parse({ 'delete-webhook': value }).inputs.deleteWebhook).toBe(true)
    expect(parse({ 'allow-already-closed': value }).inputs.allowAlreadyClosed).toBe(true)
  })
  test.each(['false', 'False', 'FALSE'])('takes %p for false', (value) => {
    expect(parse({ summary: value }).inputs.summary).toBe(false)
  })
  test.each(['yes', 'on', '1', 'tRUE', 'truee', 'untrue', 'falsey', 'unfalse', "'true'", '0', 'null'])(
    'refuses %p',
    (value) => {
      for (const name of ['delete-webhook', 'allow-already-closed', 'dry-run', 'summary'] as const) {
        expect(complaintsOf({ [name]: value })).toEqual([`${name} is “${value}”; it takes true or false.`])
      }
    },
  )
})

describe('a number', () => {
  test.each([
    ['1', 1],
    ['007', 7],
    ['100', 100],
  ])('max-attempts takes %s', (value, expected) => {
    expect(parse({ 'max-attempts': value })).toMatchObject({ inputs: { maxAttempts: expected }, complaints: [] })
  })
  test.each([
    ['0.5', 500],
    ['2.25', 2250],
    ['600', 600_000],
    ['000.001', 1],
  ])('attempt-timeout-seconds takes %s', (value, expected) => {
    const { inputs, complaints } = parse({ 'attempt-timeout-seconds': value })
    expect({ ms: inputs.attemptTimeoutMs, complaints }).toEqual({ ms: expected, complaints: [] })
  })
  test('timeout-seconds takes six hours', () => {
    expect(parse({ 'timeout-seconds': '21600' }).inputs.timeoutMs).toBe(21_600_000)
  })
  const never = ['5abc', '1e3', '+5', '.5', '5.', '-1', '0', '0.0', '۵', '0x10', '1_000', '1,5', 'NaN', 'Infinity']
  test.each([...never, '101', '10.0', '9'.repeat(400)])('max-attempts refuses %s', (value) => {
    const complaints = complaintsOf({ 'max-attempts': value })
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toMatch(/^max-attempts is “.*”; it takes a whole number from 1 to 100\.$/)
  })
  test.each([...never, '21601', '21600.1'])('timeout-seconds refuses %s', (value) => {
    const complaints = complaintsOf({ 'timeout-seconds': value })
    expect(complaints).toHaveLength(1)
    expect(complaints[0]).toMatch(/^timeout-seconds is “.*”; it takes seconds over 0, at most 21600,/)
  })
  test('attempt-timeout-seconds refuses more than ten minutes', () => {
    expect(complaintsOf({ 'attempt-timeout-seconds': '600.001' })[0]).toContain('at most 600,')
  })
})

describe('complaints', () => {
  test('name all that is wrong at once', () => {
    const wrong = Object.fromEntries(['bale-token', ...Object.keys(DEFAULTS)].map((name) => [name, '?']))
    expect(complaintsOf(wrong).map((complaint) => complaint.split(' ')[0])).toEqual(Object.keys(wrong))
  })

  test.each([
    ['a token', `98765:${SECRET}`],
    ['a token with a prefix', `https://tapi.bale.ai\\bot98765:${SECRET}`],
    ['an encoded token', `98765%3a${SECRET}`],
    ['a token encoded twice', `98765%253A${SECRET}`],
    ['a text of one piece', '1234567890-1234567890'],
    ['a split token', `98765:${SECRET.slice(0, 8)}\u200b${SECRET.slice(8)}`],
    ['a secret', SECRET],
  ])('never quote %s, in whatever input it is', (_, value) => {
    for (const name of Object.keys(DEFAULTS)) {
      const complaints = complaintsOf({ 'bale-token': '', [name]: value })
      expect(complaints).toHaveLength(2)
      expect(complaints[1]).toContain('a text that looks like a token')
    }
  })

  test.each(['5#', '5:abc', 'zyxwvutsrqponmlkjihgfedcba!', '5@host?'])('quote %s, which is none of these', (value) => {
    expect(complaintsOf({ 'max-attempts': value })[0]).toContain(`“${value}”`)
  })

  test('never quote a part of the token, however it is written', () => {
    const part = SECRET.slice(3, 18)
    for (const value of [part, part.toUpperCase(), `x ${part}`, part.split('').join(' '), part.replace(/c/, '%63')]) {
      expect(complaintsOf({ 'max-attempts': value })).toEqual([expect.stringContaining('***')])
    }
  })

  test('quote what is short, visible and harmless', () => {
    expect(complaintsOf({ 'max-attempts': `\u202e::error::${'x '.repeat(99)}` })[0]).toMatch(
      /^max-attempts is “: :error: :x x x [x ]+…”; it takes/,
    )
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse as parseYaml } from 'yaml'
import { INPUT_NAMES, parseInputs } from '../../src/inputs.ts'
import { complaintsAbout, parse, type Texts, validInputs } from './parse.ts'
import { SECRET, TOKEN } from './samples.ts'

const NOT_SHOWN = 'wrong (not shown, since it may hold a secret)'
const action = readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')
const { inputs: MANIFEST } = parseYaml(action) as {
  inputs: Record<string, { description: string; default?: string }>
}
const [, ...OPTIONAL_NAMES] = INPUT_NAMES
const DEFAULTS: Texts = Object.fromEntries(
  OPTIONAL_NAMES.map((name) => [name, MANIFEST[name]?.default]),
)

test('the inputs are those of action.yml, where all but the token have a default', () => {
  expect(Object.keys(MANIFEST)).toEqual(INPUT_NAMES)
  expect(OPTIONAL_NAMES.filter((name) => !DEFAULTS[name])).toEqual([])
})

test('without any variable, the token is empty', () => {
  expect(parseInputs({})).toMatchObject({ isValid: false, isTokenMissing: true, secrets: [] })
  expect(parseInputs({ INPUT_BALE_TOKEN: TOKEN })).toMatchObject({ isTokenMissing: false })
})

const BLANK: Texts = Object.fromEntries(OPTIONAL_NAMES.map((name) => [name, ' \n\u200e']))
test.each<[string, Texts]>([
  ['absent', {}],
  ['blank', { ...BLANK, 'dry-run': 'false' }],
])('inputs that are %s take the defaults of action.yml', (_, texts) => {
  const quote: unknown = expect.any(Function)
  expect(validInputs(texts)).toEqual({ ...validInputs(DEFAULTS), quote })
})

describe('bale-token', () => {
  test.each([
    ['direction marks', `\u200f\u202b${TOKEN}\u202c\u200e`],
    ['zero-width characters', `\uFEFF\u200b${TOKEN}\u200b\u00ad`],
    ['nothing', `1:${'a'.repeat(20)}`],
  ])('loses %s at its ends', (_, text) => {
    const token = text.replace(/[^\w:-]/g, '')
    expect(validInputs({ 'bale-token': text })['bale-token']).toBe(token)
  })

  test.each([
    ['is empty', '', '\u200b \n'],
    ['has no colon', SECRET, '1234567890', '"a"', 'bale_token'],
    ['has the wrong character U+0022 “"” at position 1', `"${TOKEN}"`, `":`],
    ['has the wrong character U+0060 “`” at position 48', `${TOKEN}\`x`],
    ['has the wrong character U+0024 “$” at position 1', '${{ secrets.X:y }}', `$${TOKEN}`],
    ['has the wrong character U+0020 at position 14', `1234567890:AA A${SECRET}`],
    ['has the wrong character U+06F1 at position 1', `۱۲:${SECRET}`],
    ['has the wrong character U+003A “:” at position 8', `12:AAAA:${SECRET}`],
    ['has the wrong character U+002D at position 3', `12-3:${SECRET}`],
    ['has the wrong character U+2800 at position 4', `12:\u2800${SECRET}`],
    ['has too few characters after the colon', '12:abcdefghijklmnopqrs'],
  ])('is refused, since it %s', (problem, ...tokens) => {
    for (const token of tokens) {
      const inputs = parse({ 'bale-token': token })
      const rule = 'it must be digits, a colon, and 20 or more of A-Z a-z 0-9 _ -.'
      expect(inputs).toMatchObject({
        complaints: [`bale-token ${problem}; ${rule}`],
        botId: '',
        isTokenMissing: problem === 'is empty',
      })
    }
  })

  test.each<[string, string[]]>([
    [TOKEN, [TOKEN, SECRET]],
    [` ${TOKEN}\u200e\n`, [TOKEN, SECRET]],
    ['1234567', []],
    ['1234:abcdef8', ['1234:abcdef8']],
    ['1234:abcdefg8', ['1234:abcdefg8', 'abcdefg8']],
    [`first line\r1234567\n\n${TOKEN}`, ['first line', TOKEN, SECRET]],
  ])('%j asks to mask %j', (token, secrets) => {
    expect(parse({ 'bale-token': token }).secrets).toEqual(secrets)
  })
})

describe('api-url', () => {
  test.each([
    ['HTTPS://Relay.Example:8443/bale/@x', 'https://relay.example:8443/bale/@x'],
    ['http://localhost', 'http://localhost/'],
    ['http://[::1]:8081/x', 'http://[::1]:8081/x'],
    ['http://127.10.200.255', 'http://127.10.200.255/'],
  ])('may be %s', (text, href) => {
    expect(validInputs({ 'api-url': text })['api-url'].href).toBe(href)
  })

  const WRONG =
    'http://tapi.bale.ai http://localhost.evil http://127.0.0.1.evil http://[::2] ' +
    'http://x.localhost ftp://a.b tapi.bale.ai https:a.b https:\\\\tapi.bale.ai ' +
    'https:// https:///path https://a/b\\c https://tapi.bale.ai:99999 xhttps://a https://user@a ' +
    'https://user:hunter22@tapi.bale.ai https://@a https://a? https://a# ' +
    `https://a\u200b.b?hunter22 hunter22`
  test.each([...WRONG.split(' '), 'https://a b', 'https://a/b c'])(
    'is refused and not quoted: %s',
    (text) => {
      const rule = 'an https URL (http for a loopback host) without user info, ? and #'
      expect(complaintsAbout({ 'api-url': text })).toEqual([
        `api-url is ${NOT_SHOWN}; it must be ${rule}.`,
      ])
    },
  )
})

describe('booleans and numbers', () => {
  const namesWith = (text: RegExp) =>
    OPTIONAL_NAMES.filter((name) => text.test(DEFAULTS[name] ?? ''))

  test.each(namesWith(/^(true|false)$/))('%s must be true or false', (name) => {
    for (const text of ['true', 'True', ' TRUE\n'])
      expect(validInputs({ [name]: text })[name]).toBe(true)
    for (const text of ['false', 'False', 'FALSE'])
      expect(validInputs({ [name]: text })[name]).toBe(false)
    for (const text of ['yes', '1', 'tRUE', 'truee', 'untrue', 'falsey', 'unfalse', "'true'"]) {
      expect(complaintsAbout({ [name]: text })).toEqual([
        `${name} is “${text}”; it must be true or false.`,
      ])
    }
  })

  const NO_NUMBERS = 'x 5x 1e2 +5 .5 5. -1 ۵ 0x10 1_0 1,5 NaN Infinity'
  const RANGE = /(?<![\d.])(?:more than 0 and at most|(\d+(?:\.\d+)?) to) (\d+(?:\.\d+)?)/
  test.each(namesWith(/^[\d.]+$/))('%s must be in the range that action.yml gives', (name) => {
    const description = MANIFEST[name]?.description ?? ''
    expect(description).toMatch(RANGE)
    const [range, least = '0.001', most] = RANGE.exec(description) ?? []
    for (const text of [least, `${most}`, `0${most}`])
      expect(validInputs({ [name]: text })[name]).toBe(Number(text))
    const [min, max] = [Number(least), Number(most)]
    const outside = [min - 0.001, Math.ceil(min) - 1, max + 0.001, max + 1].map(String)
    for (const text of [...NO_NUMBERS.split(' '), ...outside]) {
      const [complaint, ...others] = complaintsAbout({ [name]: text })
      expect(complaint).toContain(`${name} is “${text}”; it must be `)
      expect(complaint).toContain(range)
      expect(others).toEqual([])
    }
  })

  test('max-attempts must be whole, and seconds need not be', () => {
    expect(complaintsAbout({ 'max-attempts': '10.0' })).toEqual([
      'max-attempts is “10.0”; it must be a whole number from 1 to 100.',
    ])
    expect(validInputs({ 'confirm-after-seconds': '0.5' })['confirm-after-seconds']).toBe(0.5)
  })

  test('confirm-after-seconds must be less than timeout-seconds', () => {
    const confirm = { 'confirm-after-seconds': '30' }
    expect(complaintsAbout({ ...confirm, 'timeout-seconds': '30' })).toEqual([
      'confirm-after-seconds is 30; it must be less than timeout-seconds (30).',
    ])
    expect(complaintsAbout({ ...confirm, 'timeout-seconds': '30.5' })).toEqual([])
  })

  test.each(['', ' ', '\u200b\n'])('dry-run must not be set to %j', (text) => {
    expect(complaintsAbout({ 'dry-run': text })).toEqual([
      'dry-run is set but empty; it must be true or false.',
    ])
  })
})

describe('a complaint', () => {
  test('is made of each mistake at once', () => {
    const wrong = Object.fromEntries(INPUT_NAMES.map((name) => [name, '?']))
    const env = { INPUT_DRYRUN: 'true', https_proxy: 'socks5://x' }
    const subjects = complaintsAbout(wrong, env).map((text) => text.split(/ (?:is|has|must) /)[0])
    const variables = ['The variable INPUT_DRYRUN', 'The variable https_proxy']
    expect(subjects).toEqual([...INPUT_NAMES, ...variables])
  })

  test.each([
    ['x'.repeat(19), true],
    [`${'x'.repeat(19)}\u200bx`, false],
    [`${'x'.repeat(10)}\u200b\u001b[31m\u200b${'x'.repeat(9)}`, true],
    ['1:x', false],
    ['a@b', false],
    [SECRET.slice(3, 15), false],
    [Array.from(SECRET.slice(3, 15)).join('\u200b'), false],
    [SECRET.slice(3, 14), true],
  ])('about %j shows it: %s', (text, isShown) => {
    const shown = isShown ? `“${text.replaceAll(/\[31m|[^\w-]/g, '')}”` : NOT_SHOWN
    const [complaint] = complaintsAbout({ 'max-attempts': text })
    expect(complaint).toBe(`max-attempts is ${shown}; it must be a whole number from 1 to 100.`)
  })
})

describe('the variable of an input', () => {
  test('may be in any letter case', () => {
    expect(validInputs({}, { 'input_dry-run': 'true' })['dry-run']).toBe(true)
  })

  test.each([
    ['INPUT_DRY_RUN', 'dry-run'],
    ['INPUT_DRY RUN', 'dry-run'],
    ['input_api__url', 'api-url'],
  ])('is not spelt %s', (variable, name) => {
    const right = `INPUT_${name.toUpperCase()} (in a workflow: ${name})`
    expect(complaintsAbout({}, { [variable]: SECRET })).toEqual([
      `The variable ${variable.toUpperCase()} is not read; it must be ${right}.`,
    ])
  })

  test.each(['INPUT_DRYRUNS', 'XINPUT_DRYRUN'])('%s means no input', (variable) => {
    expect(complaintsAbout({}, { [variable]: 'true' })).toEqual([])
  })
})

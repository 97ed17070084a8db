import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { INPUTS, parseInputs } from '../../src/inputs.ts'
import { parse, SECRET, TOKEN, validInputs, type Values, words } from './samples.ts'

function complaintsOf(...args: Parameters<typeof parse>): string[] {
  const inputs = parse(...args)
  return inputs.isValid ? [] : inputs.complaints
}

test('the defaults are those of action.yml', () => {
  const action = readFileSync(new URL('../../action.yml', import.meta.url), 'utf8')
  const inputs = action.slice(action.indexOf('\ninputs:'), action.indexOf('\noutputs:'))
  const declared = [
    ...inputs.matchAll(/^ {2}([a-z-]+):\n(?: {4}.*\n)*? {4}default: '?([^'\n]+)'?$/gm),
  ]
  const defaults = Object.fromEntries(
    declared.map(([, name = '', value]) => [name, value] as const),
  )
  const fallbacks = Object.entries(INPUTS).map(([name, { fallback }]) => [name, fallback])
  expect({ 'bale-token': '', ...defaults }).toEqual(Object.fromEntries(fallbacks))
})

test('an absent, an empty and a blank input take the default', () => {
  const url = new URL('https://tapi.bale.ai')
  const hosts = {
    'api-url': url,
    apiHost: '“tapi.bale.ai”',
    proxy: undefined,
    proxyHost: undefined,
  }
  const flags = {
    'delete-webhook': false,
    'allow-already-closed': false,
    'dry-run': false,
    summary: true,
  }
  const seconds = {
    'attempt-timeout-seconds': 10,
    'timeout-seconds': 900,
    'confirm-after-seconds': 0,
  }
  const limits = { 'max-attempts': 10, ...seconds }
  const bot = { 'bale-token': TOKEN, botId: '1234567890', secrets: [TOKEN, SECRET] }
  const expected = {
    isValid: true,
    ...bot,
    ...hosts,
    ...flags,
    ...limits,
    quote: expect.any(Function) as unknown,
  }
  const others = Object.keys(INPUTS).filter((name) => name !== 'bale-token' && name !== 'dry-run')
  const blanks = (blank: string) => Object.fromEntries(others.map((name) => [name, blank]))
  expect(parse(blanks(''))).toEqual(expected)
  expect(parse(blanks(' \n\u200e'))).toEqual(expected)
  expect(parse()).toEqual(expected)
})

describe('bale-token', () => {
  test.each<[string, string, string]>([
    ['white space', ` \t${TOKEN}\r\n`, TOKEN],
    ['direction marks', `\u200f\u202b${TOKEN}\u202c\u200e`, TOKEN],
    ['a byte order mark and zero-width spaces', `\uFEFF\u200b${TOKEN}\u200b\u00ad`, TOKEN],
    ['a secret of 20 characters', `1:${'a'.repeat(20)}`, `1:${'a'.repeat(20)}`],
    ['a secret of 40 characters', `12:${'_-'.repeat(20)}`, `12:${'_-'.repeat(20)}`],
  ])('may have %s', (_, value, token) => {
    const [botId] = token.split(':')
    expect(validInputs({ 'bale-token': value })).toMatchObject({ 'bale-token': token, botId })
  })

  test.each<[string, string[]]>([
    ['is empty', ['', '\u200b \n']],
    [
      'is wrapped in quotes: store it without the quotes',
      [`"${TOKEN}"`, `'${TOKEN}'`, `“${TOKEN}”`],
    ],
    [
      'is a name instead of a value: write ${{ secrets.NAME }}',
      ['secrets.BALE_TOKEN', '$BALE_TOKEN', 'Secrets'],
    ],
    [
      'is a name instead of a value: write ${{ secrets.NAME }}',
      ['${{ secrets.X }}', '{{ secrets.X }}', '{{secrets.X'],
    ],
    ['has digits only: the colon and the secret after it are missing', ['1234567890']],
    ['has no colon', [SECRET, 'bale_token', 'a-secrets']],
    ['has no digits before the colon', [`:${SECRET}`]],
    ['has too few characters after the colon (19)', ['12:abcdefghijklmnopqrs']],
    ['has too few characters after the colon (0)', ['12:']],
    ['has the character U+0020 at position 14, where it cannot be', [`1234567890:AA AA${SECRET}`]],
    ['has the character U+FF1A at position 11,', [`1234567890：${SECRET}`]],
    ['has the character U+000A at position 14,', [`1234567890:AA\n${SECRET}`]],
    ['has the character U+200E at position 12,', [`1234567890:\u200e${SECRET}`]],
    ['has the character U+06F1 at position 1,', [`۱۲:${SECRET}`]],
    ['has the character U+0410 at position 12,', [TOKEN.replace('A', 'А')]],
    ['has the character U+1F600 at position 4,', [`12:😀${SECRET}`]],
    ['has the character U+1F600 at position 2,', [`1😀2:${SECRET}`]],
    ['has the character U+003A at position 8,', [`12:AAAA:${SECRET}`]],
    ['has the character U+0062 at position 1,', [`bot${TOKEN}`]],
    ['has the character U+006D at position 1,', [`mysecrets:${SECRET}`]],
    ['has the character U+0021 at position 48,', [`${TOKEN}!`]],
    ['has the character U+0022 at position 48,', [`${TOKEN}"`]],
    ['has the character U+0024 at position 48,', [`${TOKEN}$1`]],
    ['has no colon', ['bot12345']],
  ])('is refused: it %s', (words, values) => {
    for (const value of values) {
      const inputs = parse({ 'bale-token': value })
      if (inputs.isValid) throw new Error('The token was taken')
      const complaint = expect.stringMatching(
        /^bale-token (is|has) .+; it must be digits, a colon, /,
      ) as unknown
      expect(inputs).toMatchObject({
        complaints: [complaint],
        botId: '',
        isTokenMissing: words === 'is empty',
      })
      expect(inputs.complaints[0]).toContain(words)
      expect(inputs.complaints[0]).not.toMatch(/abcdef|BALE/)
    }
  })

  test.each([
    [{}, true],
    [{ INPUT_BALE_TOKEN: '' }, true],
    [{ INPUT_BALE_TOKEN: TOKEN }, false],
  ])('is missing if no spelling has it: %j', (env, isTokenMissing) => {
    expect(parseInputs(env, '24.0.0')).toMatchObject({ isTokenMissing, secrets: [] })
  })

  test.each<[string, string[]]>([
    [TOKEN, [TOKEN, SECRET]],
    [` ${TOKEN}\u200e\n`, [TOKEN, SECRET]],
    ['1:12345678901234567890', ['1:12345678901234567890', '12345678901234567890']],
    ['abcdefg8', ['abcdefg8']],
    ['abcdefghijklmnopqrst', ['abcdefghijklmnopqrst']],
    ['12: abcdef78', ['12: abcdef78', 'abcdef78']],
    [`first 1 line\r\n\n1234567\n${TOKEN}`, ['first 1 line', TOKEN, SECRET]],
  ])('asks to mask %j: %j', (token, secrets) => {
    expect(parse({ 'bale-token': token }).secrets).toEqual(secrets)
  })

  const HARMLESS = [
    '',
    '1234567890',
    '1234567890:',
    'abcdef7',
    'abcdefghijklmnopqrs',
    '1234 5678 9012',
  ]
  test.each(HARMLESS)('does not ask to mask %j', (token) => {
    expect(parse({ 'bale-token': token }).secrets).toEqual([])
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
  ])('may be %s', (value, href) => {
    const inputs = validInputs({ 'api-url': value })
    expect({ href: inputs['api-url'].href, apiHost: inputs.apiHost }).toEqual({
      href,
      apiHost: `“${new URL(href).host.replace('::', ': :')}”`,
    })
  })

  const QUOTED = words(`
    http://tapi.bale.ai http://localhost.evil http://127.0.0.1.evil http://x127.0.0.1 http://notlocalhost http://[::2] http://10.0.0.1
    http://x[::1] ftp://tapi.bale.ai tapi.bale.ai https:tapi.bale.ai https:\\\\tapi.bale.ai https:// https:///path
    https://a/b\\c https://tapi.bale.ai:99999 javascript:x xhttp://localhost
  `)
  test.each([...QUOTED, 'https://a b', 'https://a/b c', 'x https://a'])(
    'is refused and quoted: %s',
    (value) => {
      const accepted = 'an https URL (http for loopback) without user info, ? and #'
      const shown = value.replace('::', ': :')
      expect(complaintsOf({ 'api-url': value })).toEqual([
        `api-url is “${shown}”; it must be ${accepted}.`,
      ])
    },
  )

  const UNQUOTED = words(`
    https://user:hunter22@tapi.bale.ai https://hunter22@tapi.bale.ai https://:@tapi.bale.ai/hunter22
    https://tapi.bale.ai?key=hunter22 https://tapi.bale.ai? https://@tapi.bale.ai https://tapi.bale.ai/#hunter22 https://a/b\u200bc?hunter22
    user:hunter22@tapi.bale.ai https://user:hunter22%40tapi.bale.ai:x https://user:hunter22＠tapi.bale.ai
    http://tapi.bale.ai/bot${TOKEN}/close http://a.b/hunter22abcdefghijklm http://a.b/x.pass-word.hunter22 http://a.b/k7 relay.example/hunter22
  `)
  test.each(UNQUOTED)('is refused and not quoted: %s', (value) => {
    const shown =
      /^api-url is \(?a text that is not shown, since it .+ a secret\)?; it must be an https URL/
    expect(complaintsOf({ 'api-url': value })).toEqual([expect.stringMatching(shown)])
  })

  test('makes its path segments with a digit secrets that are not masked', () => {
    const inputs = validInputs({
      'api-url': 'https://relay.example2345678/hunter22-hunter/open-relay-path/x1',
    })
    expect(inputs.secrets).toEqual([TOKEN, SECRET])
    expect(inputs.quote('GET /HUNTER22%2DHunter')).toContain('not shown')
    expect(inputs.quote('bot 1234567890 AA')).toBe('“bot 1234567890 AA”')
    expect(inputs.quote('relay.example2345678/open-relay-path/x1')).toBe(
      '“relay.example2345678/open-relay-path/x1”',
    )
  })
})

const DRY_RUN_EXAMPLE = 'for example ${{ inputs.dry-run || false }}'

describe('a boolean', () => {
  const NAMES = words('delete-webhook allow-already-closed dry-run summary')
  const all = (value: string): Values => Object.fromEntries(NAMES.map((name) => [name, value]))
  test.each(['true', 'True', 'TRUE', ' true\n', 'false', 'False', 'FALSE'])(
    'may be %p',
    (value) => {
      const inputs = validInputs(all(value))
      const isTrue = /true/i.test(value)
      expect(NAMES.map((name) => inputs[name as keyof Values])).toEqual([
        isTrue,
        isTrue,
        isTrue,
        isTrue,
      ])
    },
  )
  test.each(words("yes on 1 tRUE truee untrue falsey unfalse 'true' 0 null"))(
    'is refused as %p',
    (value) => {
      const accepted = (name: string) =>
        name === 'dry-run' ? `true or false, ${DRY_RUN_EXAMPLE}` : 'true or false'
      const expected = NAMES.map((name) => `${name} is “${value}”; it must be ${accepted(name)}.`)
      expect(complaintsOf(all(value))).toEqual(expected)
    },
  )
})

describe('a number', () => {
  test('may be as small or as large as this', () => {
    const seconds = {
      'attempt-timeout-seconds': '000.001',
      'timeout-seconds': '2.25',
      'confirm-after-seconds': '0.5',
    }
    const numbers = (values: Values) =>
      Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)]))
    const small = { 'max-attempts': '001', ...seconds }
    expect(validInputs(small)).toMatchObject(numbers(small))
    const most = {
      'attempt-timeout-seconds': '600',
      'timeout-seconds': '21600',
      'confirm-after-seconds': '600',
    }
    const large = { 'max-attempts': '100', ...most }
    expect(validInputs(large)).toMatchObject(numbers(large))
  })

  const NEVER = [
    '5abc',
    '1 0',
    '1e3',
    '+5',
    '.5',
    '5.',
    '-1',
    '۵',
    '0x10',
    '1_000',
    '1,5',
    'NaN',
    'Infinity',
    'x5',
  ]
  test.each<[keyof Values, string, string[]]>([
    ['max-attempts', 'a whole number from 1 to 100', ['0', '101', '10.0', '2.5', '9'.repeat(19)]],
    [
      'attempt-timeout-seconds',
      'over 0 and at most 600 seconds, such as 20 or 2.5',
      ['0', '0.0', '600.001'],
    ],
    [
      'timeout-seconds',
      'over 0 and at most 21600 seconds, such as 20 or 2.5',
      ['0', '21601', '21600.1'],
    ],
    ['confirm-after-seconds', 'from 0 to 600 seconds, such as 20 or 2.5', ['601', '600.1']],
  ])('%s must be %s', (name, accepted, tooMuch) => {
    for (const value of [...NEVER, ...tooMuch]) {
      expect(complaintsOf({ [name]: value })).toEqual([
        `${name} is “${value}”; it must be ${accepted}.`,
      ])
    }
  })

  test('confirm-after-seconds must be less than timeout-seconds', () => {
    const complaint = 'confirm-after-seconds (30) must be less than timeout-seconds (30).'
    expect(complaintsOf({ 'timeout-seconds': '30', 'confirm-after-seconds': '30' })).toEqual([
      complaint,
    ])
    expect(complaintsOf({ 'timeout-seconds': '30.5', 'confirm-after-seconds': '30' })).toEqual([])
    expect(complaintsOf({ 'timeout-seconds': '0.5' })).toEqual([])
  })
})

describe('complaints', () => {
  test('name all that is wrong at once', () => {
    const wrong = Object.fromEntries(Object.keys(INPUTS).map((name) => [name, '?']))
    const complaints = complaintsOf(wrong, { INPUT_DRYRUN: 'true' }, '16.20.2')
    const firstWords = complaints.map((complaint) => complaint.split(' ')[0])
    expect(firstWords).toEqual(['This', ...Object.keys(wrong), '“INPUT_DRYRUN”'])
  })

  test.each(words('16.20.2 20.2.9 20.3.0 21.0.0 26.1.0'))(
    'say whether Node %s is too old',
    (version) => {
      const isOld = version < '20.3'
      const expected = `This is Node ${version}, but the action needs Node 20.3 or newer: update the runner.`
      expect(complaintsOf({}, {}, version)).toEqual(isOld ? [expected] : [])
    },
  )

  test('never quote what may be a secret, in whatever input it is', () => {
    const values = [
      `98765:${SECRET}`,
      'abcdefghij-1234567890',
      SECRET.slice(3, 18),
      `${SECRET.slice(0, 8)} ${SECRET}`,
    ]
    for (const value of values) {
      for (const name of Object.keys(INPUTS).slice(1)) {
        expect(complaintsOf({ [name]: value })).toEqual([
          expect.stringContaining('a text that is not shown'),
        ])
      }
    }
  })

  test('quote what is harmless, made safe', () => {
    expect(complaintsOf({ 'max-attempts': 'abcdefghij-12345678' })[0]).toContain(
      '“abcdefghij-12345678”',
    )
    const hostile = `\u202e::error::${'x '.repeat(199)}`
    expect(complaintsOf({ 'max-attempts': hostile })[0]).toMatch(
      /^max-attempts is “: :error: :x x x [x ]+…”; it must/,
    )
  })

  test('say so if a proxy that would be used is wrong', () => {
    expect(validInputs({}, { https_proxy: 'http://user:hunter22@proxy' }).proxyHost).toBe(
      '“proxy:80”',
    )
    expect(complaintsOf({}, { https_proxy: 'socks5://hunter22' })[0]).toMatch(
      /^The environment variable https_proxy /,
    )
  })
})

describe('the variable of an input', () => {
  const TEXT = `dry-run is set but empty; it must be true or false, ${DRY_RUN_EXAMPLE}.`
  test.each(['', ' ', '\u200b\n'])('that asks for a dry run must not be %p', (value) => {
    expect(complaintsOf({ 'dry-run': value })).toEqual([TEXT])
    expect(complaintsOf({}, { 'input_dry-run': value })).toEqual([TEXT])
    expect(complaintsOf({ 'dry-run': 'false' }, { INPUT_DRY_RUN: value })[0]).toContain(
      'INPUT_DRY_RUN” is not read',
    )
  })

  test('may be in any case', () => {
    expect(validInputs({}, { 'input_dry-run': 'true' })['dry-run']).toBe(true)
    expect(validInputs({}, { 'Input_Max-Attempts': '7' })['max-attempts']).toBe(7)
    expect(complaintsOf({ summary: 'x' }, { input_summary: 'x' })).toEqual([
      'summary is “x”; it must be true or false.',
    ])
  })

  test.each<[string, string]>([
    ['INPUT_DRY_RUN', 'dry-run'],
    ['INPUT_DRYRUN', 'dry-run'],
    ['INPUT_DRY RUN', 'dry-run'],
    ['input_dry__run', 'dry-run'],
    ['INPUT_MAX_ATTEMPTS', 'max-attempts'],
    ['INPUT_BALE_TOKEN', 'bale-token'],
    ['INPUT_SUM-MARY', 'summary'],
  ])('must not be spelt %s', (variable, name) => {
    const right = `${name} (as a variable: INPUT_${name.toUpperCase()})`
    expect(complaintsOf({}, { [variable]: '?' })).toEqual([
      `“${variable}” is not read; write ${right}.`,
    ])
  })

  test('must not be spelt wrong, even if both values are wrong', () => {
    const complaints = complaintsOf({ 'max-attempts': '0' }, { INPUT_MAX_ATTEMPTS: '200' })
    expect(complaints).toEqual([
      expect.stringMatching(/^max-attempts is /),
      expect.stringMatching(/is not read/),
    ])
  })

  const HARMLESS =
    words(`INPUT_DRY_RUN=false INPUT_DELETE_WEBHOOK= INPUT_MAX_ATTEMPTS=010\u200e INPUT_TIMEOUT_SECONDS=900.0 INPUT_API_URL=https://tapi.bale.ai/ INPUT_BALE_TOKEN=${TOKEN}
    INPUT_DRYRUNS=true DRY_RUN=true INPUT_OTHER=x INPUTDRYRUN=true INPUT_SUM_MARY`)
  test.each(HARMLESS)('may be beside %s, which misses nothing', (assignment) => {
    const [variable = '', value] = assignment.split('=')
    expect(complaintsOf({}, { [variable]: value })).toEqual([])
  })
})

/** The inputs, as the workflow gives them: what is taken, what is refused, and that nothing is sent before all are right. */
import { describe, expect, test } from '@jest/globals'
import { answer, stall, yes } from './acts.ts'
import { against, botId, expectEnd, expectRequests, run, secret, testTimeoutMs, token } from './play.ts'
import type { RunOptions } from './play.ts'
import { findLeak } from './secrets.ts'

const marks = '\u200E\u200F\u202A\u2066\uFEFF\u00A0\u200B \t\r\n'

describe('what is taken', () => {
  test.concurrent.each<[string, Record<string, string>]>([
    ['a token between marks of direction', { 'bale-token': `${marks}${token}${marks}` }],
    [
      'booleans as in YAML',
      { 'delete-webhook': 'False', 'allow-already-closed': 'FALSE', 'dry-run': 'false', summary: 'True' },
    ],
    ['numbers with white space around', { 'max-attempts': ' 100 ', 'timeout-seconds': '\n21600\n' }],
    ['decimals', { 'attempt-timeout-seconds': '599.5', 'timeout-seconds': '60.25' }],
    ['zeros in front', { 'max-attempts': '007' }],
    ['nothing, which is the default', { 'max-attempts': '', 'delete-webhook': '', summary: '  ', 'dry-run': '\u200B' }],
  ])(
    '%s',
    async (_, inputs) => {
      const scene = await against([answer(yes)], { inputs })
      expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )

  test.concurrent.each([20, 35, 40, 64])(
    'a secret of %d characters',
    async (length) => {
      const own = `987654321:${'FAKE-secret_'.repeat(6).slice(0, length)}`
      const result = await run('http://127.0.0.1:1', {
        inputs: { 'bale-token': own, 'dry-run': 'true' },
        secrets: [own],
      })
      expect(result.exitCode).toBe(0)
      expect(result.outputs).toMatchObject({ outcome: 'dry-run', closed: 'false', 'bot-id': '987654321' })
    },
    testTimeoutMs,
  )

  test.concurrent.each([
    'https://tapi.bale.ai',
    'https://tapi.bale.ai/',
    'https://relay.example:8443/bale/v1/',
    'http://localhost:8081',
    'http://127.8.9.10/x',
    'http://[::1]:80',
    '',
  ])(
    'the address %j',
    async (apiUrl) => {
      const result = await run(apiUrl, { inputs: { 'dry-run': 'true' } })
      expectEnd(result, { outcome: 'dry-run', attempts: 0 })
      const { hostname } = new URL(apiUrl || 'https://tapi.bale.ai')
      // Two colons in a row could start a command.
      expect(result.logAsShown).toContain(hostname.replaceAll('::', ': :'))
    },
    testTimeoutMs,
  )

  test.concurrent(
    'a dry run says that nothing was closed, and sends nothing',
    async () => {
      const scene = await against([answer(yes)], { inputs: { 'dry-run': 'TRUE', 'delete-webhook': 'true' } })
      expectEnd(scene, { outcome: 'dry-run', attempts: 0, shows: [/nothing was .*closed/i] })
      expect(scene.connections).toBe(0)
    },
    testTimeoutMs,
  )
})

describe('what is refused', () => {
  /** An input, and a value of it that is refused. */
  const wrong: [string, string][] = [
    ...['5abc', '1e3', '+5', '-1', '0', '101', '1.5', '0x10', '٣', '1 0', 'NaN'].map((value): [string, string] => [
      'max-attempts',
      value,
    ]),
    ...['0', '0.0', '.5', '5.', '600.1', '1e2', '-1', '20s', 'Infinity'].map((value): [string, string] => [
      'attempt-timeout-seconds',
      value,
    ]),
    ...['0', '21600.001', '1,5', '1_000'].map((value): [string, string] => ['timeout-seconds', value]),
    ...['yes', '1', 'on', 'tRUE', 'true false'].map((value): [string, string] => ['dry-run', value]),
    ['delete-webhook', 'no'],
    ['allow-already-closed', 'y'],
    ['summary', '0'],
    ...[
      'http://tapi.bale.ai',
      'http://10.0.0.1',
      'http://127.0.0.1.example',
      'http://localhost.example',
      'ftp://localhost',
      'tapi.bale.ai',
      'https://',
      'https:tapi.bale.ai',
      'file:///etc/passwd',
      'https://a b',
    ].map((value): [string, string] => ['api-url', value]),
  ]
  test.concurrent.each(wrong)(
    '%s: %j',
    async (name, value) => {
      const scene = await against([answer(yes)], { inputs: { [name]: value } })
      expectEnd(scene, { outcome: 'invalid-input', attempts: 0, shows: [new RegExp(`\\b${name}\\b`)] })
      expect(scene.logAsShown).toContain(value)
      expect(scene.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent.each([
    'https://user@tapi.bale.ai',
    'https://user:pass-word-1@tapi.bale.ai',
    'https://tapi.bale.ai/?x=FAKE-1',
    'https://tapi.bale.ai/#FAKE-1',
    'https://@tapi.bale.ai',
    'https://tapi.bale.ai?',
  ])(
    'api-url: %j, which is not quoted',
    async (value) => {
      const result = await run(value)
      expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/\bapi-url\b/] })
      expect(result.written).not.toContain(value)
      expect(result.written).not.toMatch(/pass-word|FAKE-1/)
    },
    testTimeoutMs,
  )

  test.concurrent.each<[string, string, RegExp]>([
    ['without a colon', secret.replaceAll(':', ''), /bale-token/],
    ['without digits', `:${secret}`, /bale-token/],
    ['with letters for digits', `bot${token}`, /U\+0062.*position 1\b/],
    ['too short', `${botId}:FAKE_secret_of_19_c`, /bale-token/],
    ['with a space in it', `${token.slice(0, 30)} ${token.slice(30)}`, /U\+0020.*position 31\b/],
    ['with quotes around it', `"${token}"`, /U\+0022.*position 1\b/],
    ['with a mark of direction in it', `${token.slice(0, 15)}\u200F${token.slice(15)}`, /U\+200F.*position 16\b/],
    ['with a letter that looks like another', token.replace('A', 'А'), /U\+0410.*position 13\b/],
    ['with a sign of two units', `${token}\u{1F600}`, /U\+1F600.*position 52\b/],
    ['with Persian digits', `۱۲۳${token}`, /U\+06F1.*position 1\b/],
    ['with another colon', `${token}:${secret}`, /U\+003A.*position 52\b/],
    ['in two lines', `${token}\n${token}`, /U\+000A.*position 52\b/],
  ])(
    'a token %s, by code point and position',
    async (_, value, shows) => {
      const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': value } })
      expect(result.exitCode).toBe(1)
      expect(result.outputs).toMatchObject({ outcome: 'invalid-input', closed: 'false', 'bot-id': '', attempts: '0' })
      expect(result.logAsShown).toMatch(shows)
      // It may be a secret all the same.
      for (const line of value.split('\n')) expect(result.masks).toContain(line)
      const half = value.slice(value.lastIndexOf(':') + 1)
      expect(findLeak(result.written, half)).toBeUndefined()
    },
    testTimeoutMs,
  )

  test.concurrent(
    'all of them in one run',
    async () => {
      const scene = await against([stall()], {
        inputs: {
          'bale-token': 'x',
          'delete-webhook': '2',
          'allow-already-closed': 'maybe',
          'max-attempts': '0',
          'attempt-timeout-seconds': 'soon',
          'timeout-seconds': 'late',
          'dry-run': 'si',
          summary: 'oui',
        },
      })
      const names =
        'bale-token delete-webhook allow-already-closed max-attempts attempt-timeout-seconds timeout-seconds dry-run summary'
      for (const name of names.split(' ')) expect(scene.logAsShown).toContain(name)
      expect(scene.outputs).toMatchObject({ outcome: 'invalid-input', attempts: '0' })
      expect(scene.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent.each<[string, RunOptions['env'], object, RegExp]>([
    ['somewhere', {}, {}, /misspelt.*environment.*secrets.*fork.*Dependabot/is],
    ['by Dependabot', { GITHUB_ACTOR: 'dependabot[bot]' }, {}, /Dependabot/],
    [
      'in a pull request from a fork',
      { GITHUB_EVENT_NAME: 'pull_request' },
      {
        pull_request: {
          head: { repo: { full_name: 'octocat/fork' } },
          base: { repo: { full_name: 'octo-org/octo-repo' } },
        },
      },
      /fork/,
    ],
  ])(
    'an empty token, %s: the likely cause is named',
    async (place, env, event, shows) => {
      const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': '' }, env: { ...env }, event })
      expect(result.outputs).toMatchObject({ outcome: 'invalid-input', 'bot-id': '' })
      expect(result.logAsShown).toMatch(shows)
      if (place !== 'somewhere') expect(result.logAsShown).not.toMatch(/misspelt/)
    },
    testTimeoutMs,
  )
})

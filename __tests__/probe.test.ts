/** The probe against the emulator, which differs as Bale may, and other servers. */
import { afterAll, describe, expect, jest, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Difference } from '../emulator/differences.ts'
import { type BotSetup, startEmulator } from '../emulator/server.ts'
import { alreadyClosed, http, no, tooMany, unknownToken, yes } from './wire/answers.ts'
import { newAuthority } from './wire/certificates.ts'
import { findLeak } from './wire/leaks.ts'
import { answer, resetAtOnce, tunnelTo } from './wire/replies.ts'
import { withServer } from './wire/server.ts'

const secret = 'FAKE_secret_of_the_probe_0123456789-abcd'
const token = `1234567890:${secret}`
const probe = fileURLToPath(new URL('../scripts/probe.ts', import.meta.url))
const tsx = new URL('../node_modules/tsx/dist/loader.mjs', import.meta.url).href

const folder = mkdtempSync(join(tmpdir(), 'probe-'))
afterAll(() => rmSync(folder, { recursive: true }))
jest.setTimeout(120_000)

type Options = Partial<{ env: Record<string, string>; typed: string; stopAt: string }>

/** Runs the probe. Whatever it prints and writes must be free of secrets. */
async function run(flags: string[], { env, typed = '', stopAt }: Options = {}) {
  const cwd = mkdtempSync(join(folder, 'run-'))
  const { PATH, SystemRoot } = process.env
  const child = spawn(process.execPath, ['--import', tsx, probe, ...flags], {
    cwd,
    env: { PATH, SystemRoot, BALE_TOKEN: token, npm_package_version: '1.2.3', ...env },
  })
  child.stdin.end(typed)
  child.stdout.on('data', (chunk: Buffer) => {
    if (stopAt && chunk.toString().includes(stopAt)) child.kill('SIGINT')
  })
  const printed = [text(child.stdout), text(child.stderr), once(child, 'close')] as const
  const [stdout, stderr] = await Promise.all(printed)
  const file = join(cwd, 'bale-probe.md')
  const record = existsSync(file) ? readFileSync(file, 'utf8') : ''
  expect(findLeak(stdout + stderr + record, secret)).toBeUndefined()
  expect(record).not.toMatch(/1234567890|emulated/i)
  const says = record.split('\n').filter((line) => line.startsWith('- '))
  const rows = record.split('\n').filter((line) => line.startsWith('| '))
  expect(stdout).toContain(says.join('\n'))
  return { exitCode: child.exitCode, stderr, record, says, rows: rows.slice(2) }
}

/** Probes the emulator. */
async function runAgainst(
  bots: Omit<BotSetup, 'token'>[],
  differences: Difference[] = [],
  options: Options = {},
  flags = ['--yes'],
) {
  const setups = bots.map((bot) => ({ token, ...bot }))
  const { url, requests, stop } = await startEmulator({ bots: setups, differences })
  try {
    const result = await run([...flags, '--api-url', url], options)
    return { ...result, sent: requests.map(({ httpMethod, method }) => `${httpMethod} ${method}`) }
  } finally {
    await stop()
  }
}

/** Probes a server that gives these answers, the last one again and again. */
async function runAgainstAnswers(...answers: Buffer[]) {
  // The first connection is without a request.
  const script = [yes, ...answers].map((each) => answer(each))
  const flags = ['--yes', '--api-url']
  return withServer(script, {}, ({ port }) => run([...flags, `http://127.0.0.1:${port}`]))
}

describe('Against the emulator, the record says of', () => {
  const noClose = { noClose: true }
  const refused = /^- On `close`, .* as `unsupported`/
  const notOffered = /^- `close` is not offered: leave/
  const offered = /^- `close` is offered\.$/
  const same = (words: string) => new RegExp(`^- \`${words}. The action ends the same\\.$`)
  const token403 = (status: number) => same(`close, wrong secret.* ${status}, .* HTTP 403, .*`)
  test.concurrent.each<[string, Omit<BotSetup, 'token'>, Difference[], RegExp[]]>([
    ['the default', {}, [], [offered, /^- No difference: /]],
    [
      '501',
      noClose,
      ['method-501'],
      [notOffered, same('noSuchMethod`: HTTP 501, .* 404, .*'), refused],
    ],
    ['a token as 400', noClose, ['token-400'], [notOffered, token403(400), refused]],
    ['a token as 401', noClose, ['token-401'], [notOffered, token403(401), refused]],
    [
      '“closed” to a token',
      noClose,
      ['token-already-closed'],
      [notOffered, /^- A wrong token /, refused],
    ],
    ['no window', { youngSeconds: 0 }, [], [offered, /^- No window .* `unconfirmed`/]],
    [
      'a short window',
      { closed: true, youngSeconds: 6 },
      [],
      [offered, /refused for [1-6] s; .* 900 s/],
    ],
    ['yes again', {}, ['yes-again'], [offered, /^- `close` says yes to a closed bot/]],
    ['errors in 200', {}, ['errors-in-200'], [offered, /^- Errors come with HTTP 200/]],
    [
      'a wait in the text',
      {},
      ['wait-in-text'],
      [offered, same('close after getMe.*`, retry_after, .*')],
    ],
    ['a poller', { pollerSeconds: 2 }, [], [offered, /^- Something opened the bot\./]],
  ])('%s', async (_, bot, differences, expected) => {
    const { exitCode, stderr, says } = await runAgainst([bot], differences)
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(says).toEqual(expected.map((each) => expect.stringMatching(each) as unknown))
  })
})

test('With a token from a file and a typed yes, the table is full', async () => {
  const file = join(folder, 'token.txt')
  writeFileSync(file, `${token}\n`)
  const bot = { closed: true, youngSeconds: 5 }
  const options = { env: { BALE_TOKEN: '' }, typed: 'yes\n' }
  const { rows, record, sent } = await runAgainst([bot], [], options, ['--token-file', file])
  expect(rows.map((row) => row.slice(2, row.indexOf(' |'))).join('; ')).toBe(
    'getMe; getWebhookInfo; noSuchMethod; close, wrong secret; close; close after the wait; ' +
      'close again; close later; getMe; close after getMe; close by GET',
  )
  expect(rows[4]).toMatch(
    /\| 429 \| false \| 429 \| ([1-5]) \| \1 \|.*`Too .* \1` \| \d+ \| rate.*\(launch\) \| yes/,
  )
  expect(record).toMatch(/close-bale-bot 1\.2\.3, [\d-]+, another API, .* ms, IPv4\.\n/)
  expect(sent.at(-1)).toBe('GET close')
})

test.concurrent.each<[string, Buffer, RegExp]>([
  ['a long window', tooMany(1800), /for 1800 s; the action waits up to 900 s/],
  ['no named wait', tooMany(), /for a time that is not named; /],
  ['a limiter', no(400, 'bot limit exceed'), /A limiter refused/],
  ['a closed bot', alreadyClosed, /`getMe` does not open/],
  ['a strange answer', no(418, '@you <b>|'), /`close after getMe`, .*`rejected`/],
])('After getMe, the record says of %s', async (_, last, expected) => {
  const me = http(200, '{"ok":true,"result":{}}')
  const first = [
    me,
    me,
    no(404, 'method not found'),
    unknownToken,
    yes,
    alreadyClosed,
    alreadyClosed,
    me,
  ]
  const { says } = await runAgainstAnswers(...first, last)
  expect(says.join('\n')).toMatch(expected)
})

test('A copy that opens the bot is told from a server that says yes again', async () => {
  const me = http(200, '{"ok":true,"result":{}}')
  const first = [me, me, no(404, 'method not found'), unknownToken, yes, alreadyClosed]
  const { says } = await runAgainstAnswers(...first, yes, me, yes, alreadyClosed)
  expect(says.join('\n')).toMatch(/Something opened the bot, and there is no window/)
  expect(says.join('\n')).not.toMatch(/says yes to a closed bot|does not open/)
})

test.concurrent.each([
  ['a yes to any method', yes],
  ['a strange answer', no(418, 'No')],
])('%s settles nothing', async (_, last) => {
  const me = http(200, '{"ok":true,"result":{}}')
  const { says } = await runAgainstAnswers(me, me, last)
  expect(says[0]).toBe('- It is not settled whether `close` is offered.')
})

test('A proxy and the issuer of the certificate are recorded', async () => {
  const authority = newAuthority('Tests & Sons')
  const ca = join(folder, 'ca.pem')
  writeFileSync(ca, authority.cert)
  await withServer([answer(unknownToken)], { tls: authority.issue('bale.test') }, (api) =>
    withServer([tunnelTo(api.port)], {}, async ({ port }) => {
      const env = { https_proxy: `http://127.0.0.1:${port}`, NODE_EXTRA_CA_CERTS: ca }
      const { record } = await run(['--yes', '--api-url', 'https://bale.test/relay'], { env })
      expect(record).toMatch(/by proxy, connected in .*, certificate of `Tests & Sons`\.\n/)
    }),
  )
})

describe('It stops and leaves a record', () => {
  test.concurrent.each<[string, RegExp, Omit<BotSetup, 'token'>[]]>([
    ['of a webhook', /Stopped.* has a webhook/, [{ webhook: true }]],
    ['of updates', /Stopped.* Updates are waiting/, [{ pendingUpdates: 1 }]],
    ['of a wrong token', /Stopped.* @botfather\?$/, []],
    ['without answer', /Stopped.* No answer to getMe \(\w+T\)\.$/, [{ faults: ['reset'] }]],
  ])('%s', async (_, expected, bots) => {
    const { exitCode, says, sent } = await runAgainst(bots)
    expect(exitCode).toBe(1)
    expect(says.at(-1)).toMatch(expected)
    expect(sent.join()).not.toContain('close')
  })

  test.each([
    [/Cannot connect; .* \(ECONNRESET\)/, resetAtOnce],
    [/The proxy refuses: HTTP 407/, answer(http(407))],
  ])('of an API out of reach: %s', async (expected, reply) => {
    const { says } = await withServer([reply], {}, ({ port }) =>
      run(['--yes'], { env: { https_proxy: `http://127.0.0.1:${port}` } }),
    )
    expect(says.join()).toMatch(expected)
  })

  test('when interrupted in a wait', async () => {
    const options = { stopAt: 'The next request is in 1' }
    const { exitCode, says } = await runAgainst([{ youngSeconds: 120 }], [], options)
    expect([exitCode, ...says]).toEqual([
      1,
      '- It is not settled whether `close` is offered.',
      '- **Stopped; probe again.** It was interrupted at the wait after close.',
    ])
  })
})

test('What a server says of token and names is hidden', async () => {
  const words = `/bot${token} | 1234567890 Emulated bot @emulated <b>|`
  const names = { first_name: 'Emulated bot', last_name: null, username: 'emulated' }
  const me = http(200, JSON.stringify({ ok: true, result: names }))
  const headers = { server: `secret ${token}`, 'retry-after': secret }
  const hostile = no(400, words, { error_code: { token }, retry_after: token, headers })
  const { rows } = await runAgainstAnswers(me, me, hostile, no(400, '1234567890 emulated|'))
  for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(13)
  expect(rows.at(-1)).toContain('`<bot id> <name>\\|`')
})

describe('The command', () => {
  test.concurrent.each<[string, RegExp, string[], Options]>([
    ['a flag', /A flag is wrong/, ['--yes', token], {}],
    ['a missing file', /The file cannot be read/, ['--token-file', 'missing'], {}],
    ['a malformed token', /bale-token has/, ['--yes'], { env: { BALE_TOKEN: `"${token}"` } }],
    ['no consent', /Nothing was sent/, [], { typed: 'no\n' }],
  ])('refuses %s, and quotes nothing', async (_, complaint, flags, options) => {
    const { exitCode, stderr, record } = await run(flags, options)
    expect([exitCode, record]).toEqual([2, ''])
    expect(stderr).toMatch(complaint)
  })
})

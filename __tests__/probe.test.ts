/** The probe against the emulator, which differs as Bale may, and against a server that gives away all it knows. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Difference } from '../emulator/differences.ts'
import { type BotSetup, type Emulator, startEmulator } from '../emulator/server.ts'
import { differenceIn, type Look } from '../scripts/probe-differences.ts'
import { newAuthority } from './wire/certificates.ts'

const secret = 'FAKE_secret_of_the_probe_0123456789-abcd'
const token = `1234567890:${secret}`
const probe = fileURLToPath(new URL('../scripts/probe.ts', import.meta.url))
const tsx = new URL('../node_modules/tsx/dist/loader.mjs', import.meta.url).href

let folder: string
let count = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'probe-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Options {
  env?: Record<string, string>
  /** What is typed. */
  typed?: string
  /** Interrupts the probe when it prints this. */
  interruptAt?: string
}

/** Runs the probe in a folder of its own. Whatever it prints and writes must be free of secrets. */
async function run(flags: string[], { env, typed = '', interruptAt }: Options = {}) {
  const cwd = mkdtempSync(join(folder, `${count++}-`))
  const others = { PATH: process.env['PATH'], SystemRoot: process.env['SystemRoot'] }
  const child = spawn(process.execPath, ['--import', tsx, probe, ...flags], {
    cwd,
    env: { ...others, BALE_TOKEN: token, npm_package_version: '1.2.3', ...env },
  })
  child.stdin.end(typed)
  child.stdout.on('data', (chunk: Buffer) => {
    if (interruptAt && chunk.toString().includes(interruptAt)) child.kill('SIGINT')
  })
  const [stdout, stderr, [exitCode]] = (await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])) as [string, string, [number | null]]
  const record = await Promise.resolve()
    .then(() => readFileSync(join(cwd, 'bale-probe.md'), 'utf8'))
    .catch(() => '')
  const all = stdout + stderr + record
  for (let start = 0; start + 12 <= secret.length; start++) {
    expect(all).not.toContain(secret.slice(start, start + 12))
  }
  expect(record).not.toMatch(/1234567890|emulated/i)
  return { exitCode, stdout, stderr, record, ...parts(record) }
}

/** What the record says before its table, and the cells of the table by their column. */
function parts(record: string) {
  const [says = '', table = ''] = record.split(/\n(?=\| step)/)
  const [names = [], , ...lines] = table
    .split('\n')
    .filter(Boolean)
    .map((line) => line.slice(2, -2).split(' | '))
  const rows = lines.map((line) =>
    Object.fromEntries(line.map((cell, index) => [names[index] ?? 'more', cell.trim()])),
  )
  return { says: says.split('\n\n').slice(2).join('\n').trim(), rows }
}

async function against<T>(
  bots: BotSetup[],
  differences: readonly Difference[],
  use: (emulator: Emulator) => Promise<T>,
): Promise<T> {
  const emulator = await startEmulator({ bots, differences })
  try {
    return await use(emulator)
  } finally {
    await emulator.stop()
  }
}

const none = 'No difference: the action works here as its pages say.'
const notOffered =
  '- `close` is not offered: the action ends as `unsupported`. Leave out its step and the check after it.'
const wrongToken = (status: number) =>
  `- \`wrong token\`: HTTP ${status} “Bad Request: Token not found” instead of HTTP 403 “Bad Request: Token not found”. The action ends the same.`
const noClose = { noClose: true }

describe('Against the emulator, the record says of', () => {
  test.concurrent.each<[string, string, Omit<BotSetup, 'token'>, Difference[]]>([
    ['the default emulator', none, {}, []],
    ['a server without close', notOffered, noClose, []],
    [
      'one that answers 501 to it',
      `- \`unknown method\`: HTTP 501 “Not Implemented” instead of HTTP 404 “Not Found: method not found”. The action ends the same.\n${notOffered}`,
      noClose,
      ['method-501'],
    ],
    ['a wrong token as 400', `${wrongToken(400)}\n${notOffered}`, noClose, ['token-400']],
    ['a wrong token as 401', `${wrongToken(401)}\n${notOffered}`, noClose, ['token-401']],
    [
      'a wrong token as a closed bot',
      `- A wrong token looks like a closed bot: with one, \`allow-already-closed\` passes the step.\n${notOffered}`,
      noClose,
      ['token-already-closed'],
    ],
    [
      'no window after a launch',
      '- There is no window after a launch: `reopened` cannot be told from a second yes, so a check of a bot that was opened again ends as `unconfirmed`.',
      { youngSeconds: 0 },
      [],
    ],
    [
      'a window of three seconds',
      '- After a launch, `close` is refused for 3 s, not 600 s: the action waits as asked.',
      { closed: true, youngSeconds: 3 },
      [],
    ],
    [
      'yes again instead of “already closed”',
      '- `close` says yes to a closed bot, too: a check of a bot that stays closed is `unconfirmed`.',
      {},
      ['yes-again'],
    ],
    [
      'errors in HTTP 200',
      '- Errors come with HTTP 200: the action goes by the body.',
      {},
      ['errors-in-200'],
    ],
    [
      'a wait that is named in the text',
      '- `close after a launch`: HTTP 429 “Too Many Requests: retry after N” instead of HTTP 429 “Too Many Requests: retry after N” with retry_after and Retry-After. The action ends the same.',
      {},
      ['wait-in-text'],
    ],
    [
      'a poller',
      '- Something opened the bot again: probe a bot that nothing uses. If nothing did, `close` has a limit of its own, and every check ends as `reopened`: leave `confirm-after-seconds` at 0.',
      { pollerSeconds: 2 },
      [],
    ],
  ])('%s', async (_, says, bot, differences) => {
    await against([{ token, ...bot }], differences, async ({ url }) => {
      const result = await run(['--yes', '--api-url', url])
      expect(result).toMatchObject({ exitCode: 0, stderr: '', says })
      expect(result.stdout).toContain(says)
    })
  })
})

test('The table holds every answer of a bot that was just launched', async () => {
  const bots = [{ token, closed: true, youngSeconds: 2 }]
  await against(bots, [], async ({ url, requests }) => {
    const { rows, record } = await run(['--yes', '--api-url', url])
    const json = '`application/json`'
    const yes = { HTTP: '200', ok: 'true', 'content type': json, 'as expected': 'yes' }
    const no = (HTTP: string, words: string, action: string) => ({
      ...{ HTTP, ok: 'false', error_code: HTTP, description: `\`${words}\`` },
      ...{ 'content type': json, 'the action': action, 'as expected': 'yes' },
    })
    const words = 'Too Many Requests: retry after 2'
    const refused = {
      ...no('429', words, 'rate-limited (launch)'),
      ...{ retry_after: '2', 'Retry-After': '2' },
    }
    const closed = no('400', 'Bad Request: the bot has already been closed', 'already-closed')
    expect(rows).toMatchObject([
      { step: 'getMe', ...yes, 'the action': '' },
      { step: 'getWebhookInfo', ...yes, 'the action': '' },
      { step: 'unknown method', ...no('404', 'Not Found: method not found', 'unsupported') },
      { step: 'wrong token', ...no('403', 'Bad Request: Token not found', 'unauthorized') },
      { step: 'close', ...refused },
      { step: 'close after the wait', ...yes, 'the action': 'closed' },
      { step: 'close again', ...closed },
      { step: 'close again', ...closed },
      { step: 'getMe', ...yes },
      { step: 'close after a launch', ...refused, 'as expected': expect.stringMatching(/^no: /) },
      { step: 'close by GET', ...refused },
    ])
    const today = new Date().toISOString().slice(0, 10)
    const about = `close-bale-bot 1.2.3, ${today}, not tapi.bale.ai, without a proxy, connected in `
    expect(record.split('\n').slice(0, 3)).toEqual([
      '### Record of a probe',
      '',
      expect.stringMatching(new RegExp(`^${about}\\d+ ms, IPv4\\.$`)),
    ])
    const sent = requests.map(({ httpMethod, method }) => `${httpMethod} ${method}`)
    const closes = Array.from({ length: 4 }, () => 'POST close')
    expect(sent).toEqual([
      ...['POST getMe', 'POST getWebhookInfo', 'POST (unknown)', 'POST close'],
      ...[...closes, 'POST getMe', 'POST close', 'GET close'],
    ])
  })
})

test('The same through a proxy and over TLS, whose issuer is named', async () => {
  const authority = newAuthority('Tests & Sons')
  await against([{ token, noClose: true }], [], async ({ url }) => {
    const api = https.createServer(authority.issue('bale.test'), (request, response) => {
      const options = { method: request.method ?? '', headers: request.headers }
      http
        .request(url + (request.url ?? ''), options, (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers)
          answer.pipe(response)
        })
        .end()
    })
    const proxy = http.createServer()
    proxy.on('connect', (_, socket: net.Socket) => {
      const upstream = net.connect((api.address() as AddressInfo).port, '127.0.0.1')
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket
        .on('error', () => undefined)
        .pipe(upstream.on('error', () => undefined))
        .pipe(socket)
    })
    await Promise.all([api, proxy].map((each) => once(each.listen(0, '127.0.0.1'), 'listening')))
    const ca = join(folder, 'ca.pem')
    writeFileSync(ca, authority.cert)
    const https_proxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const env = { https_proxy, NODE_EXTRA_CA_CERTS: ca }
    const { record, says } = await run(['--yes', '--api-url', 'https://bale.test/relay'], { env })
    expect(says).toBe(notOffered)
    expect(record).toMatch(
      /, through a proxy, connected in \d+ ms, .*certificate of “Tests & Sons”\.\n/,
    )
    for (const server of [api, proxy]) server.close().closeAllConnections()
  })
})

describe('It stops and leaves a record', () => {
  const inUse = /^\*\*Stopped.\*\* The bot has a webhook or waiting updates\. Nothing was closed\./
  test.concurrent.each<[string, RegExp, Omit<BotSetup, 'token'> | undefined]>([
    ['of a bot with a webhook', inUse, { webhook: true }],
    ['of a bot with waiting updates', inUse, { pendingUpdates: 1 }],
    [
      'of a wrong token',
      /^\*\*Stopped.\*\* getMe failed: HTTP 403 “Bad Request: Token not found”\.\n- `getMe` fails: .* ends as `unauthorized`\.$/,
      undefined,
    ],
    [
      'of a broken connection',
      /^\*\*Stopped.\*\* No answer to getMe: .* \[ECONNRESET\]\.$/,
      { faults: ['reset'] },
    ],
  ])('%s', async (_, says, bot) => {
    await against(bot ? [{ token, ...bot }] : [], [], async ({ url, requests }) => {
      const result = await run(['--yes', '--api-url', url])
      expect(result.exitCode).toBe(1)
      expect(result.says).toMatch(says)
      expect(requests.map(({ method }) => method)).not.toContain('close')
    })
  })

  test('of an API that cannot be reached', async () => {
    const { url, stop } = await startEmulator({ bots: [] })
    await stop()
    const { exitCode, says } = await run(['--yes', '--api-url', url])
    expect(exitCode).toBe(1)
    expect(says).toMatch(/^\*\*Stopped.\*\* No connection: .* \[ECONNREFUSED\]\.$/)
  })

  test('when it is interrupted in a wait, which it announces', async () => {
    await against([{ token, youngSeconds: 120 }], [], async ({ url }) => {
      // On a busy machine, some of the 120 seconds are over when the wait begins.
      const options = { interruptAt: 'next request in 1' }
      const { exitCode, says, rows } = await run(['--yes', '--api-url', url], options)
      expect(exitCode).toBe(1)
      expect(says).toBe('**Stopped.** It was interrupted at close.')
      expect(rows.at(-1)).toMatchObject({ step: 'close', HTTP: '429' })
    })
  })
})

test('What a server repeats of token, id and names is not shown, and breaks no table', async () => {
  const server = http.createServer((request, response) => {
    const names = { first_name: 'Emulated bot', last_name: null, username: 'emulated' }
    const words = `${request.url ?? ''} | 1234567890 Emulated bot @emulated <b>|`
    const error = { ok: false, error_code: { token }, description: words, retry_after: token }
    response.setHeader('server', `secret ${token}`).setHeader('retry-after', secret)
    const isMe = request.url?.endsWith('/getMe')
    response.end(JSON.stringify(isMe ? { ok: true, result: names } : error))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { exitCode, record, rows } = await run(['--yes', '--api-url', url])
  server.close().closeAllConnections()
  expect(exitCode).toBe(0)
  expect(rows.map(({ step }) => step)).toEqual([
    'getMe',
    'getWebhookInfo',
    'unknown method',
    'wrong token',
    'close',
    'close by GET',
  ])
  expect(rows.filter((row) => 'more' in row)).toEqual([])
  expect(record).not.toMatch(/(?<!`[^`\n]*)<b>/)
})

describe('The command', () => {
  const wrong = /^\nA flag is wrong, or a file cannot be read or written\.\n\nUsage: npm run probe/
  test.concurrent.each<[string, RegExp, string[], Options]>([
    ['a token on the command line', wrong, ['--yes', token], {}],
    ['an unknown flag', wrong, ['--yes', `--token=${token}`], {}],
    ['a file that does not exist', wrong, ['--yes', '--token-file', 'none'], {}],
    ['no token', /There is no token/, ['--yes'], { env: { BALE_TOKEN: '' } }],
    ['a malformed token', /bale-token has/, ['--yes'], { env: { BALE_TOKEN: `"${token}"` } }],
    ['no consent', /Nothing was sent/, [], { typed: 'no\n' }],
    ['no answer', /Nothing was sent/, [], {}],
  ])('refuses %s, and quotes nothing', async (_, complaint, flags, options) => {
    const { exitCode, stderr, record } = await run(flags, options)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(complaint)
    expect(record).toBe('')
  })

  test('takes the token from a file, and starts when “yes” was typed', async () => {
    const file = join(folder, 'token.txt')
    writeFileSync(file, `${token}\n`)
    await against([{ token, noClose: true }], [], async ({ url }) => {
      const options = { env: { BALE_TOKEN: '' }, typed: 'yes\n' }
      const result = await run(['--token-file', file, '--api-url', url], options)
      expect(result).toMatchObject({ exitCode: 0, says: notOffered })
    })
  })

  test('--help says what the probe does to the bot', async () => {
    const { exitCode, stdout } = await run(['--help'])
    expect(exitCode).toBe(0)
    expect(stdout).toContain('opens and closes the bot several times')
  })
})

test('Differences that the emulator does not have are worded, too', () => {
  const look = (end: string, waitSeconds = 0): Look => ({
    seen: ['429', 'false', '429', '', '', '“Wait”'],
    end,
    waitSeconds,
  })
  const sentences = [
    differenceIn('close after a launch', look('a', 1800), look('a', 600)),
    differenceIn('close after a launch', look('a'), look('a', 600)),
    differenceIn('close after a launch', look('already-closed'), look('rate-limited (launch)')),
    differenceIn('close after the wait', look('rate-limited (launch)'), look('closed')),
    differenceIn('close again', look('rejected'), look('already-closed')),
    differenceIn('close by GET', look('unsupported'), look('already-closed')),
    differenceIn('getWebhookInfo', look('unsupported'), look('invalid-response')),
    differenceIn('wrong token', look('closed'), look('unauthorized')),
  ]
  expect(sentences).toEqual([
    'After a launch, `close` is refused for 1800 s, not 600 s: the action needs a larger `timeout-seconds`.',
    'No wait is named after a launch: the action asks again after 70 s.',
    '`close` after a launch ends as `already-closed`: no check ends as `reopened`.',
    '`close` fails after the wait it asked for: the action ends as `rate-limited (launch)`.',
    'A second `close` ends as `rejected`: a check or a lost answer cannot be cleared up.',
    '`close` by GET is answered otherwise than by POST, which the action sends.',
    'It is not known whether the bot is in use: make sure that it is not.',
    'With a wrong token the action ends as `closed`, not as `unauthorized`.',
  ])
})

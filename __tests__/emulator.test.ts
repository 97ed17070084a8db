import { afterEach, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Difference } from '../emulator/differences.ts'
import { parseFault } from '../emulator/faults.ts'
import { call, restart } from '../emulator/lifecycle.ts'
import type { Bot } from '../emulator/lifecycle.ts'
import { startEmulator } from '../emulator/server.ts'
import type { BotSetup, Emulator, EmulatorOptions } from '../emulator/server.ts'

const secret = 'FAKE_secret_for_tests_0123456789-abcdef'
const token = `1234567890:${secret}`

describe('the life cycle', () => {
  const old: Bot = { id: 7, closableFromMs: 0, windowMs: 600_000, webhook: false, knowsClose: true }
  const young: Bot = { ...old, closableFromMs: 6000 }
  const closed: Bot = { ...old, closableFromMs: undefined }
  const unlimited: Bot = { ...old, windowMs: 0 }

  /** Makes calls such as `close@3` (at second 3), and tells the status and the last word of each answer. */
  function answersOf(bot: Bot, calls: string): string {
    const steps = calls.split(', ').map((step) => {
      const [asked = ''] = step.split(' ')
      const [method = '', second] = asked.split('@')
      const nowMs = Number(second) * 1000
      if (method === 'restart') {
        bot = restart(bot, nowMs)
        return asked
      }
      const next = call(bot, method, nowMs)
      bot = next.bot
      return `${asked} ${next.answer.status} ${next.answer.note.split(' ').at(-1)}`
    })
    return steps.join(', ')
  }

  test.each<[string, Bot, string]>([
    ['an old bot closes once', old, 'close@0 200 closed, close@1 400 closed'],
    ['letters may have any case', old, 'CLOSE@0 200 closed, Close@1 400 closed'],
    [
      'a window ends to the second',
      young,
      'close@0 429 6, close@0.001 429 6, close@5.999 429 1, close@6 200 closed',
    ],
    [
      'a refused close does not prolong the window',
      young,
      'close@1 429 5, close@2 429 4, close@6 200 closed',
    ],
    [
      'any method launches a closed bot',
      closed,
      'close@0 400 closed, getUpdates@10 200 launched, close@10 429 600',
    ],
    [
      'which starts its window',
      closed,
      'getUpdates@10 200 launched, close@609 429 1, close@610 200 closed',
    ],
    [
      'a method of a running bot leaves its window alone',
      young,
      'getMe@5 200 ok, close@6 200 closed',
    ],
    ['webhook methods launch, too', closed, 'deleteWebhook@0 200 launched, close@0 429 600'],
    [
      'a server without a window closes a bot as soon as it was launched',
      unlimited,
      'close@0 200 closed, getMe@1 200 launched, close@1 200 closed',
    ],
    ['and an unknown method', closed, 'noSuch@0 404 launched, close@1 429 599'],
    ['a name of every object is no method', old, 'toString@0 404 found'],
    ['a server without close', { ...old, knowsClose: false }, 'close@0 404 found'],
    [
      'a restart launches for a webhook',
      old,
      'setWebhook@0 200 ok, close@1 200 closed, restart@2, close@2 200 closed',
    ],
    [
      'a restart does not launch a bot whose webhook was deleted',
      { ...old, webhook: true },
      'deleteWebhook@0 200 ok, close@1 200 closed, restart@2, close@2 400 closed',
    ],
    ['nor does it launch a poller’s bot', old, 'restart@1, close@1 400 closed'],
  ])('%s', (_, bot, calls) => {
    expect(answersOf(bot, calls)).toBe(calls)
  })

  test('webhook and pending updates are told truly', () => {
    const infoOf = (bot: Bot) => call(bot, 'getWebhookInfo', 0).answer.envelope
    expect(infoOf({ ...old, webhook: true })).toMatchObject({ result: { url: /./ } })
    expect(infoOf(old)).toMatchObject({ result: { url: '', pending_update_count: 0 } })
    const waiting = { result: { pending_update_count: 3 } }
    expect(infoOf({ ...old, pendingUpdates: 3 })).toMatchObject(waiting)
  })
})

test.each(['', '504', '502:1', '429-body', '429-body:', '429-body:-1', '429-body:N', 'toString'])(
  '“%s” is no fault',
  (text) => {
    expect(() => parseFault(text)).toThrow('a fault is one of 500 502')
  },
)

describe('the server', () => {
  let emulator: Emulator | undefined

  afterEach(async () => {
    await emulator?.stop()
    emulator = undefined
  })

  /** Starts a server and returns what asks it. */
  async function start(setup: Omit<BotSetup, 'token'>, options: Partial<EmulatorOptions> = {}) {
    const running = await startEmulator({ bots: [{ token, ...setup }], ...options })
    emulator = running
    const ask = (path = `/bot${token}/close`, init: RequestInit = {}) =>
      fetch(running.url + path, { method: 'POST', redirect: 'manual', ...init })
    return { ask, running }
  }

  test('closes a bot and records the request without the token', async () => {
    const { ask, running } = await start({})
    const response = await ask(`/relay/bot${token}/Close?x=1`, { body: 'a=b' })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ok: true, result: true })
    expect(running.requests).toEqual([
      { botId: '1234567890', method: 'Close', httpMethod: 'POST', answer: '200 closed' },
    ])
  })

  test('asks for a wait in the body and in a header', async () => {
    const { ask } = await start({ youngSeconds: 100 })
    const response = await ask()
    expect(response.status).toBe(429)
    const seconds = Number(response.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(90)
    expect(seconds).toBeLessThanOrEqual(100)
    expect(await response.json()).toEqual({
      ok: false,
      error_code: 429,
      description: `Too Many Requests: retry after ${seconds}`,
      parameters: { retry_after: seconds },
    })
  })

  const here = `/bot${token}`
  const stranger = `/bot${token}x`
  const alreadyClosed = '400 Bad Request: the bot has already been closed'
  const notFound = '404 Not Found: method not found'
  test.each<[string, string, string, Omit<BotSetup, 'token'>, Difference[]]>([
    ['200 closed', 'GET', `${here}/close`, {}, []],
    ['200 ok', 'GET', `${here}/getme`, {}, []],
    ['200 ok, launched', 'POST', `${here}/sendMessage`, { closed: true }, []],
    [alreadyClosed, 'POST', `${here}/close`, { closed: true }, []],
    ['200 closed again', 'POST', `${here}/close`, { closed: true }, ['yes-again']],
    [notFound, 'POST', `${here}/close`, { noClose: true }, []],
    [notFound, 'POST', `${here}/${secret}`, {}, []],
    ['501 Not Implemented', 'POST', `${here}/close`, { noClose: true }, ['method-501']],
    ['501 Not Implemented', 'POST', `${here}/noSuch`, { closed: true }, ['method-501']],
    ['405 Method Not Allowed', 'PUT', `${here}/close`, {}, []],
    ['404 Not Found', 'GET', '/elsewhere', {}, []],
    ['403 Bad Request: Token not found', 'POST', `${stranger}/close`, {}, []],
    ['403 Bad Request: Token not found', 'POST', `${stranger}/getMe`, {}, []],
    ['400 Bad Request: Token not found', 'POST', `${stranger}/close`, {}, ['token-400']],
    ['401 Bad Request: Token not found', 'POST', `${stranger}/close`, {}, ['token-401']],
    [alreadyClosed, 'POST', `${stranger}/close`, {}, ['token-already-closed']],
    ['401 Unauthorized', 'POST', `${stranger}/getMe`, {}, ['token-already-closed']],
    ['200 Not Found: method not found', 'POST', `${here}/noSuch`, {}, ['errors-in-200']],
    ['200 ok', 'POST', `${here}/getMe`, {}, ['errors-in-200']],
  ])(
    '%s is the answer to %s %s of %j with %j',
    async (answer, httpMethod, path, setup, differences) => {
      const { ask, running } = await start(setup, { differences })
      const { status } = await ask(path, { method: httpMethod })
      expect(status).toBe(Number.parseInt(answer))
      expect(running.requests).toMatchObject([{ httpMethod, answer }])
      expect(running.requests[0]?.method).not.toBe(secret)
    },
  )

  test('an error in HTTP 200 keeps its envelope', async () => {
    const { ask } = await start({ closed: true }, { differences: ['errors-in-200'] })
    expect(await (await ask()).json()).toMatchObject({ ok: false, error_code: 400 })
  })

  const json = 'application/json'
  test.each<[string, number, Record<string, string>, string]>([
    ['500', 500, { 'content-type': 'text/html' }, '<h1>500 Internal Server Error</h1>'],
    ['502', 502, { 'content-type': 'text/html' }, '<h1>502 Bad Gateway</h1>'],
    ['503', 503, { 'content-type': 'text/html' }, '<h1>503 Service Temporarily Unavailable</h1>'],
    ['429-body:7', 429, { 'content-type': json }, '"parameters":{"retry_after":7}'],
    ['429-header:7', 429, { 'content-type': json, 'retry-after': '7' }, 'Too Many Requests"'],
    ['429-text:7', 429, { 'content-type': json }, 'retry after 7'],
    ['429-plain', 429, { 'content-type': 'text/plain' }, 'local_rate_limited'],
    ['503-envoy', 503, { 'content-type': 'text/plain' }, 'disconnect/reset before headers'],
    ['420:7', 420, { 'content-type': json }, '"retry_after":7'],
    ['bot-limit', 400, { 'content-type': json }, 'bot limit exceed'],
    ['ok-false-200:7', 200, { 'content-type': json }, '"ok":false,"error_code":429'],
    ['redirect', 302, { location: '/elsewhere' }, ''],
  ])('fault %s spoils one request', async (fault, status, headers, body) => {
    const { ask, running } = await start({ faults: [fault] })
    const response = await ask()
    expect(response.status).toBe(status)
    expect(Object.fromEntries(response.headers)).toMatchObject(headers)
    expect(await response.text()).toContain(body)
    expect((await ask()).status).toBe(200)
    expect(running.requests.map(({ answer }) => answer)).toEqual([`fault ${fault}`, '200 closed'])
  })

  test('a forgotten poller launches the bot again after each close, and is recorded', async () => {
    const { ask, running } = await start({ pollerSeconds: 0.5, youngSeconds: 0 })
    for (let round = 0; round < 2; round++) {
      expect((await ask()).status).toBe(200)
      expect((await ask()).status).toBe(400)
      await sleep(1000)
    }
    expect(running.requests[2]).toMatchObject({ botId: '1234567890', method: 'getUpdates' })
    const answers = running.requests
      .map(({ method, answer }) => `${method} ${answer.slice(0, 3)}`)
      .join(', ')
    expect(answers).toBe(
      'close 200, close 400, getUpdates 200, close 200, close 400, getUpdates 200',
    )
    expect(running.requests.at(-1)?.answer).toBe('200 ok, launched')
  })

  test('nothing polls a bot that nobody closes, nor after the server has stopped', async () => {
    const { ask, running } = await start({ pollerSeconds: 0.1, closed: true })
    await ask()
    await sleep(400)
    expect(running.requests).toHaveLength(1)
    await running.stop()
    const other = await start({ pollerSeconds: 0.1 })
    await other.ask()
    await other.running.stop()
    await sleep(400)
    expect(other.running.requests).toHaveLength(1)
  })

  test('fault 429-date names a time that is so far away', async () => {
    const { ask } = await start({ faults: ['429-date:90'] })
    const { headers } = await ask()
    const seconds = (Date.parse(headers.get('retry-after') ?? '') - Date.now()) / 1000
    expect(seconds).toBeGreaterThan(60)
    expect(seconds).toBeLessThanOrEqual(90)
  })

  test.each([
    ['reset', 'fault reset', '200 closed'],
    ['lost', 'fault lost (200 closed)', '400 Bad Request: the bot has already been closed'],
  ])('fault %s breaks the connection', async (fault, first, second) => {
    const { ask, running } = await start({ faults: [fault] })
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    await ask()
    expect(running.requests.map(({ answer }) => answer)).toEqual([first, second])
  })

  test('fault silence lasts until the server stops', async () => {
    const { ask, running } = await start({ faults: ['silence'] })
    const asked = ask().catch(() => 'broken off')
    expect(await Promise.race([asked, sleep(300, 'nothing')])).toBe('nothing')
    expect(running.requests).toMatchObject([{ answer: 'fault silence' }])
    await running.stop()
    expect(await asked).toBe('broken off')
  })

  test('a misspelt fault is refused', async () => {
    await expect(start({ faults: ['5o2'] })).rejects.toThrow('a fault is one of')
  })
})

describe('the command', () => {
  const main = fileURLToPath(new URL('../emulator/main.ts', import.meta.url))

  const children: ChildProcess[] = []

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  function run(...args: string[]) {
    const command = ['--import', 'tsx', main, ...args]
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return {
      child,
      stderr: text(child.stderr),
      ended: once(child, 'close'),
      nextLine: async () => String((await lines.next()).value),
    }
  }

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'serves, logs without the token, ends on %s',
    async (signal) => {
      const { child, stderr, ended, nextLine } = run(
        '--bot',
        `${token},young=100,fault=502,fault=silence`,
      )
      const ready = await nextLine()
      expect(ready).toMatch(/^Bale Bot API emulator at http:\/\/127\.0\.0\.1:\d+$/)
      const ask = (path: string) =>
        fetch(`${ready.split(' ').at(-1)}/${path}`).catch(() => 'no answer')
      await ask(`bot${token}/close`)
      expect(await nextLine()).toBe('bot 1234567890 close -> fault 502')
      const silent = ask(`bot${token}/close`)
      expect(await nextLine()).toBe('bot 1234567890 close -> fault silence')
      await ask(`bot${token}/close`)
      expect(await nextLine()).toMatch(
        /^bot 1234567890 close -> 429 Too Many Requests: retry after \d+$/,
      )
      await ask(`bot${token}/${secret}`)
      expect(await nextLine()).toBe('bot 1234567890 (unknown) -> 404 Not Found: method not found')
      await ask(token)
      expect(await nextLine()).toBe('bot - (unknown) -> 404 Not Found')
      child.kill(signal)
      expect(await ended).toEqual([0, null])
      expect(await silent).toBe('no answer')
      expect(await stderr).toBe('')
    },
  )

  test.each<[string, ...string[]]>([
    ['--bot', '--bot', secret],
    ['--bot', '--bot', `${token},no-such`],
    ['--bot', '--bot', `${token},young=soon`],
    ['--bot', '--bot', `${token},poller=never`],
    ['fault', '--bot', `${token},fault=5o2`],
    ['--bot', '--bot', `${token},pending=many`],
    ['--bot', '--bot', `${token},closed=1`],
    ['--bot', token],
    ['--port', '--port', '65536'],
    ['--port', '--port', ''],
    ['--differs', '--differs', 'yes'],
    ['--differs', '--differs', 'token-400', '--differs', 'token-400'],
    ['--no-such', '--no-such'],
  ])('%s is named when it is wrong (%#)', async (flag, ...args) => {
    const { stderr, ended, nextLine } = run(...args)
    expect(await ended).toEqual([2, null])
    expect((await stderr).split('\n')[0]).toContain(flag)
    expect(await stderr).not.toContain(secret)
    expect(await nextLine()).toBe('undefined')
  })

  test('--help shows all flags', async () => {
    const child = run('--help')
    expect(await child.nextLine()).toBe('Usage: npx tsx emulator/main.ts [flags]')
    expect(await child.ended).toEqual([0, null])
  })

  test('says why it cannot listen', async () => {
    const taken = await startEmulator({ bots: [] })
    const { stderr, ended } = run('--port', new URL(taken.url).port)
    expect(await ended).toEqual([1, null])
    expect(await stderr).toMatch(/^listen EADDRINUSE/)
    await taken.stop()
  })
})

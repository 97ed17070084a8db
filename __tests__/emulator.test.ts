import { afterEach, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Bot, call, restart } from '../emulator/lifecycle.ts'
import { type BotSetup, type Emulator, startEmulator } from '../emulator/server.ts'

const secret = 'FAKE_secret_for_tests_0123456789-abcdef'
const token = `1234567890:${secret}`

describe('the life cycle', () => {
  const old: Bot = { id: 7, closableFromMs: 0, windowMs: 600_000, webhook: false, knowsClose: true }
  const young: Bot = { ...old, closableFromMs: 6000 }
  const closed: Bot = { ...old, closableFromMs: undefined }

  /** Makes calls such as `close@3` (at second 3), and tells status and last word of each answer. */
  function answersTo(bot: Bot, calls: string): string {
    const answers = calls.split(', ').map((step) => {
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
    return answers.join(', ')
  }

  test.each<[string, Bot, string]>([
    ['an old bot closes once', old, 'Close@0 200 closed, close@1 400 closed'],
    ['a window ends in time', young, 'close@1 429 5, getMe@5 200 ok, close@6 200 closed'],
    ['any method launches', closed, 'close@0 400 closed, getMe@10 200 launched, close@10 429 600'],
    ['an unknown one, too', closed, 'toString@0 404 launched, close@599.5 429 1'],
    ['no window', { ...closed, windowMs: 0 }, 'deleteWebhook@0 200 launched, close@1 200 closed'],
    ['a server without close', { ...old, knowsClose: false }, 'close@0 404 found'],
    [
      'a restart for a webhook',
      old,
      'setWebhook@0 200 ok, close@1 200 closed, restart@2, close@2 200 closed',
    ],
    [
      'a restart after the webhook was deleted',
      { ...old, webhook: true },
      'deleteWebhook@0 200 ok, close@1 200 closed, restart@2, close@2 400 closed',
    ],
  ])('%s', (_, bot, calls) => {
    expect(answersTo(bot, calls)).toBe(calls)
  })
})

describe('the server', () => {
  let emulator: Emulator | undefined
  afterEach(() => emulator?.stop())

  /** Starts a server and returns what asks it. */
  async function start(setup: Omit<BotSetup, 'token'>) {
    const running = await startEmulator({ bots: [{ token, ...setup }] })
    emulator = running
    const ask = (path = `/relay/bot${token}/close?x=1`, method = 'POST') =>
      fetch(running.url + path, { method, redirect: 'manual' })
    return { ask, requests: running.requests }
  }

  const here = `/bot${token}`
  test.each([
    ['200 closed', 'GET', `${here}/close`],
    ['404 Not Found: method not found', 'POST', `${here}/${secret}`],
    ['405 Method Not Allowed', 'PUT', `${here}/close`],
    ['403 Bad Request: Token not found', 'POST', `${here}x/close`],
  ])('%s is the answer to %s %s, which is recorded without secrets', async (answer, how, path) => {
    const { ask, requests } = await start({})
    expect((await ask(path, how)).status).toBe(Number.parseInt(answer))
    expect(requests).toMatchObject([{ httpMethod: how, answer }])
    expect(JSON.stringify(requests)).not.toContain(secret)
  })

  test.each([
    ['502', '502 text/html ', '<h1>502 Bad Gateway</h1>'],
    ['429-header:7', '429 application/json 7', 'Too Many Requests"'],
    ['429-plain', '429 text/plain ', 'local_rate_limited'],
    ['redirect', '302  ', ''],
  ])('fault %s spoils one request', async (fault, head, body) => {
    const { ask, requests } = await start({ faults: [fault] })
    const response = await ask()
    const [type, wait] = ['content-type', 'retry-after'].map((name) => response.headers.get(name))
    expect(`${response.status} ${type ?? ''} ${wait ?? ''}`).toBe(head)
    expect(await response.text()).toContain(body)
    expect((await ask()).status).toBe(200)
    expect(requests.map(({ answer }) => answer)).toEqual([`fault ${fault}`, '200 closed'])
  })

  test.each([
    ['reset', 'fault reset', '200 closed'],
    ['lost', 'fault lost (200 closed)', '400 Bad Request: the bot has already been closed'],
  ])('fault %s breaks the connection', async (fault, first, second) => {
    const { ask, requests } = await start({ faults: [fault] })
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } })
    await ask()
    expect(requests.map(({ answer }) => answer)).toEqual([first, second])
  })
})

describe('the command', () => {
  const main = fileURLToPath(new URL('../emulator/main.ts', import.meta.url))

  function run(...flags: string[]) {
    const child = spawn(process.execPath, ['--import', 'tsx', main, ...flags], { timeout: 25_000 })
    return { child, stderr: text(child.stderr), ended: once(child, 'close') }
  }

  test('serves, logs without the token, and ends on a signal, even in a silence', async () => {
    const { child, stderr, ended } = run('--bot', `${token},young=100,fault=502,fault=silence`)
    let log = ''
    child.stdout.on('data', (chunk) => (log += String(chunk)))
    const logged = async (lines: RegExp) => {
      while (!lines.test(log)) await sleep(50)
    }
    await logged(/\n/)
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? []
    const ask = (method: string) => fetch(`${url}/bot${token}/${method}`).catch(() => 'no answer')
    await ask('close')
    const silent = ask('close')
    await logged(/^bot 1234567890 close -> fault 502\nbot 1234567890 close -> fault silence\n/m)
    await ask(secret)
    await logged(/^bot 1234567890 \(unknown\) -> 404 Not Found: method not found\n/m)
    child.kill('SIGTERM')
    expect(await silent).toBe('no answer')
    expect([await stderr, await ended]).toEqual(['', [0, null]])
    expect(log).not.toContain(secret)
  })

  test.each([
    ['--bot', '--bot', `${token},young=soon`],
    ['fault', '--bot', `${token},fault=429-body:N`],
    ['--port', '--port', '65536'],
    ['--differs', '--differs', secret],
  ])('names %s when it is wrong, without quoting it (%#)', async (name, ...flags) => {
    const { stderr, ended } = run(...flags)
    const complaint = await stderr
    expect(await ended).toEqual([2, null])
    expect(complaint.split('\n')[0]).toContain(name)
    expect(complaint).not.toContain(secret)
  })
})

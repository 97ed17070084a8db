/** Every way for a connection to fail. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import {
  alreadyClosed,
  answer,
  drip,
  endAtOnce,
  flood,
  head,
  http,
  page,
  reset,
  resetAtOnce,
  stall,
  yes,
  yesText,
} from './acts.ts'
import { against, expectEnd, expectRequests, playAll, run, testTimeoutMs } from './play.ts'
import type { End, Row, Scene } from './play.ts'
import { resolveNothing, resolveSlowly, resolveTo } from './preload.ts'
import { startServer } from './server.ts'
import type { BundleResult } from '../../emulator/runner.ts'
import type { Act } from './server.ts'

const once1 = { 'max-attempts': '1' }
const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
const onIPv6 = hasIPv6 ? test.concurrent : test.concurrent.skip
/** The whole of 127.0.0.0/8 is there without being set up. */
const onLinux = process.platform === 'linux' ? test.concurrent : test.concurrent.skip

/** The system's error messages hold the whole address; the code of the error is enough. */
const withoutPath = /^(?!.*\/bot)/s

// What takes long passes while the other tests run.
let outage: Promise<BundleResult>
let slowYes: Promise<Scene>
beforeAll(() => {
  // An address and a port that nothing else asks for meanwhile.
  outage = throughOutage(process.platform === 'linux' ? '127.87.65.43' : '127.0.0.1', 20_000)
  slowYes = against([drip(head('200 OK', { 'content-length': 25 }), yesText)], {
    inputs: { 'attempt-timeout-seconds': '60' },
  })
})
afterAll(async () => {
  await Promise.allSettled([outage, slowYes])
}, testTimeoutMs)

describe('a connection that fails after the request was sent loses its answer', () => {
  const failures: Record<string, Act> = {
    'reset after the request': reset(),
    'reset in the status line': reset('HTTP/1.1 2'),
    'reset in the headers': reset('HTTP/1.1 200 OK\r\nContent-Le'),
    'ended after the request': answer(),
    'ended in the headers': answer('HTTP/1.1 200 OK\r\nContent-Le'),
    'garbage instead of HTTP': answer('\u0000\u0001\u0002 SSH-2.0-OpenSSH_9.9\r\n'),
    'another protocol': answer('220 mail.example ESMTP ready\r\n'),
    'another version of HTTP': answer('HTTP/9.9 200 OK\r\n\r\n'),
    'headers without a colon': answer('HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n'),
    'a length that is no number': answer(`${head('200 OK', { 'content-length': 'many' })}${yesText}`),
    'two lengths': answer(`HTTP/1.1 200 OK\r\nContent-Length: 25\r\nContent-Length: 7\r\n\r\n${yesText}`),
    'a length and chunks': answer(
      `${head('200 OK', { 'content-length': 25, 'transfer-encoding': 'chunked' })}19\r\n${yesText}\r\n0\r\n\r\n`,
    ),
    'headers without end': flood('HTTP/1.1 200 OK\r\n', Buffer.from(`X-Filler: ${'x'.repeat(4000)}\r\n`)),
  }
  playAll(
    Object.entries(failures).flatMap(([name, act]): Row[] => [
      {
        name: `${name}: it is asked again`,
        script: [act, answer(alreadyClosed)],
        end: { outcome: 'closed', attempts: 2, status: 400 },
      },
      {
        name: `${name}: the failure says that the bot may be closed`,
        script: [act],
        inputs: once1,
        end: { outcome: 'unreachable', attempts: 1, lost: true, shows: [/127\.0\.0\.1:\d+/, withoutPath] },
      },
    ]),
  )
  playAll([
    {
      name: 'chunks that are none',
      script: [answer(head('200 OK', { 'transfer-encoding': 'chunked' }), 'xyz\r\n'), answer(alreadyClosed)],
      end: { outcome: 'closed', attempts: 2, status: 400 },
    },
  ])
})

describe('a connection that fails before the request', () => {
  test.concurrent.each([
    ['is reset', resetAtOnce],
    ['is ended', endAtOnce],
  ])(
    'and %s is tried again',
    async (_, act) => {
      const scene = await against([act, act, answer(yes)])
      expectEnd(scene, { outcome: 'closed', attempts: 3, status: 200 })
      expect(scene.connections).toBe(3)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'and is refused was not delivered: a bot that is already closed was not closed by us',
    async () => {
      const port = await freePort('127.0.0.1')
      const ended = await run(`http://127.0.0.1:${port}`, { inputs: { 'max-attempts': '2' } })
      expectEnd(ended, {
        outcome: 'unreachable',
        attempts: 2,
        shows: [/127\.0\.0\.1.*refused.*ECONNREFUSED/, withoutPath],
      })
      expect(ended.elapsedMs).toBeGreaterThan(500)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'is tried through an outage of twenty seconds, with default inputs',
    async () => {
      const ended = await outage
      expect(ended.outputs).toMatchObject({ closed: 'true', outcome: 'already-closed', 'http-status': '400' })
      // Refused connections lose no answer.
      expect(Number(ended.outputs['attempts'])).toBeGreaterThanOrEqual(5)
      expect(ended.elapsedMs).toBeGreaterThan(19_000)
      expect(ended.elapsedMs).toBeLessThan(60_000)
    },
    testTimeoutMs,
  )
})

describe('silence', () => {
  const hasty = { 'attempt-timeout-seconds': '2.5', 'max-attempts': '1' }
  const length = { 'content-length': 99 }
  const timedOut: End = { outcome: 'timed-out', attempts: 1, lost: true, shows: [/127\.0\.0\.1:\d+/, /2\.5 s/] }
  const rows: [string, Act, End][] = [
    ['from the start', stall(), timedOut],
    ['inside the status line', stall('HTTP/1.1 2'), timedOut],
    ['inside the headers', stall('HTTP/1.1 200 OK\r\nContent-Length: 2'), timedOut],
    ['in the body of a yes', stall(head('200 OK', length), yesText), { ...timedOut, status: 200 }],
    [
      'in the chunks of a yes',
      stall(head('200 OK', { 'transfer-encoding': 'chunked' }), `19\r\n${yesText}\r\n`),
      { ...timedOut, status: 200 },
    ],
    ['where nothing says how a yes ends', stall(head('200 OK'), yesText), { ...timedOut, status: 200 }],
    [
      'in compression, before its first byte',
      stall(head('200 OK', { ...length, 'content-encoding': 'gzip' })),
      { ...timedOut, status: 200 },
    ],
    [
      'half an upgrade',
      stall(head('101 Switching Protocols', { upgrade: 'websocket', connection: 'upgrade' })),
      timedOut,
    ],
    ['nothing but 100', stall(head('100 Continue')), timedOut],
    ['nothing but 103', stall(head('103 Early Hints', { link: '</x>' }).repeat(3)), timedOut],
    ['a byte a second, in the headers', drip('HTTP/1.1 200 OK\r\n', 'X-Slow: 1234567890'), timedOut],
    [
      'a byte a second, in the body',
      drip(head('200 OK', { 'content-length': 25 }), yesText),
      { ...timedOut, status: 200 },
    ],
    ['in the body of a 403', stall(head(403, length), 'For'), { outcome: 'rejected', attempts: 1, status: 403 }],
    [
      'in the body of a 401 that is compressed',
      stall(head(401, { ...length, 'content-encoding': 'gzip' })),
      { outcome: 'rejected', attempts: 1, status: 401 },
    ],
    ['in the body of a 501', stall(head(501, length)), { outcome: 'unsupported', attempts: 1, status: 501 }],
    [
      'in the body of a 429',
      stall(head(429, { ...length, 'retry-after': 7 })),
      { outcome: 'rate-limited', attempts: 1, status: 429, retryAfterSeconds: 7 },
    ],
    [
      'in the body of a 302',
      stall(head(302, { ...length, location: '/' })),
      { outcome: 'invalid-response', attempts: 1, status: 302 },
    ],
  ]
  playAll(rows.map(([name, act, end]) => ({ name, script: [act], inputs: hasty, end, withinMs: 7500 })))
  playAll([
    {
      name: 'is asked again, and closed if the bot has been closed meanwhile',
      script: [stall(), answer(alreadyClosed)],
      inputs: { 'attempt-timeout-seconds': '2.5' },
      end: { outcome: 'closed', attempts: 2, status: 400 },
      gapsMs: [2900],
    },
    {
      name: 'a stalled 429 is waited for as its header says',
      script: [stall(head(429, { ...length, 'retry-after': 2 })), answer(yes)],
      inputs: { 'attempt-timeout-seconds': '2.5' },
      end: { outcome: 'closed', attempts: 2, status: 200 },
      gapsMs: [4400],
    },
  ])

  test.concurrent(
    'between two bytes: a slow yes is a yes',
    async () => {
      const scene = await slowYes
      expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
      expectRequests(scene, [])
      expect(scene.elapsedMs).toBeGreaterThan(20_000)
    },
    testTimeoutMs,
  )
})

describe('names and addresses', () => {
  test.concurrent(
    'no such host',
    async () => {
      const ended = await run('https://no-such-host.invalid', {
        inputs: { 'max-attempts': '2' },
        preloads: [resolveNothing],
      })
      expectEnd(ended, {
        outcome: 'unreachable',
        attempts: 2,
        shows: [/no-such-host\.invalid.*ENOTFOUND/, withoutPath],
      })
    },
    testTimeoutMs,
  )

  test.concurrent(
    'no such host, by the machine’s own resolver',
    async () => {
      const ended = await run('https://no-such-host.invalid', {
        inputs: once1,
        // Where there is no resolver, two seconds are enough to find that out.
        env: { RES_OPTIONS: 'timeout:1 attempts:1' },
      })
      expect(ended.exitCode).toBe(1)
      expect(['unreachable', 'timed-out']).toContain(ended.outputs['outcome'])
      expect(ended.logAsShown).toContain('no-such-host.invalid')
    },
    testTimeoutMs,
  )

  test.concurrent(
    'a slow resolver ends with the attempt, which has delivered nothing',
    async () => {
      await using server = await startServer([answer(yes)])
      const ended = await run(`http://localhost:${server.port}`, {
        inputs: { ...once1, 'attempt-timeout-seconds': '1' },
        preloads: [resolveSlowly],
      })
      expectEnd(ended, { outcome: 'timed-out', attempts: 1, shows: [/localhost:\d+/] })
      expect(ended.elapsedMs).toBeLessThan(6000)
      expect(server.connections()).toBe(0)
    },
    testTimeoutMs,
  )

  onLinux(
    'one refusing address of two',
    async () => {
      await using server = await startServer([answer(yes)])
      const ended = await run(`http://localhost:${server.port}`, { preloads: [resolveTo('127.0.0.9', '127.0.0.1')] })
      expectEnd(ended, { outcome: 'closed', attempts: 1, status: 200 })
      expect(server.requests).toHaveLength(1)
    },
    testTimeoutMs,
  )

  onLinux(
    'one dead address of two: the next is tried after five seconds',
    async () => {
      await using server = await startServer([answer(yes)])
      await using dead = await deadAddress('127.0.0.10', server.port)
      const ended = await run(`http://localhost:${server.port}`, { preloads: [resolveTo(dead.address, '127.0.0.1')] })
      expectEnd(ended, { outcome: 'closed', attempts: 1, status: 200 })
      expect(ended.elapsedMs).toBeGreaterThan(4900)
      expect(ended.elapsedMs).toBeLessThan(10_000)
    },
    testTimeoutMs,
  )

  onLinux(
    'all addresses are dead, and nothing is delivered',
    async () => {
      await using server = await startServer([answer(yes)])
      await using dead = await deadAddress('127.0.0.11', server.port)
      const ended = await run(`http://localhost:${server.port}`, {
        inputs: { ...once1, 'attempt-timeout-seconds': '2' },
        preloads: [resolveTo(dead.address)],
      })
      expectEnd(ended, { outcome: 'timed-out', attempts: 1 })
      expect(ended.elapsedMs).toBeLessThan(7000)
      expect(server.connections()).toBe(0)
    },
    testTimeoutMs,
  )

  onIPv6(
    'an address of version 6',
    async () => {
      const scene = await against([answer(yes)], { host: '::1' })
      expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )
})

describe('what follows a failure', () => {
  playAll([
    {
      name: 'is judged by itself',
      script: [reset(), answer(page(503)), stall(), answer(http(403, 'Forbidden'))],
      inputs: { 'attempt-timeout-seconds': '3' },
      end: { outcome: 'rejected', attempts: 4, status: 403, lost: true },
      gapsMs: [500, 1000, 4900],
      withinMs: 20_000,
    },
  ])
})

/** Runs with default inputs against a server that starts late. */
async function throughOutage(host: string, outageMs: number): Promise<BundleResult> {
  const port = await freePort(host)
  const ended = run(`http://${host}:${port}`, { inputs: { 'timeout-seconds': '', 'allow-already-closed': 'true' } })
  await sleep(outageMs)
  await using server = await startServer([answer(alreadyClosed)], { host, port })
  const result = await ended
  expect(server.requests).toHaveLength(1)
  return result
}

async function freePort(host: string): Promise<number> {
  const server = net.createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** An address that answers nothing to a connection: a full queue of a process that accepts none. */
async function deadAddress(address: string, port: number): Promise<AsyncDisposable & { address: string }> {
  const source = `
    const server = require('node:net').createServer().listen({ host: '${address}', port: ${port}, backlog: 1 })
    server.on('listening', () => {
      require('node:fs').writeSync(1, 'ready')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })
  `
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const fillers: net.Socket[] = []
  const dispose = async (): Promise<void> => {
    for (const filler of fillers) filler.destroy()
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  await once(child.stdout, 'data')
  for (let connected = true; connected;) {
    if (fillers.length > 20) {
      await dispose()
      throw new Error('This system accepts connections for a process that does not')
    }
    const filler = net.connect(port, address).on('error', () => undefined)
    fillers.push(filler)
    await Promise.race([once(filler, 'connect'), sleep(1000)])
    // On a busy machine, the connection may be here and its event not yet.
    await setImmediate()
    connected = !filler.connecting
  }
  return { address, [Symbol.asyncDispose]: dispose }
}

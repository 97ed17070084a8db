/** Every way for a connection to fail. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once as event } from 'node:events'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  alreadyClosed,
  answer,
  drip,
  endAtOnce,
  head,
  reset,
  resetAtOnce,
  stall,
  yes,
  yesText,
} from './acts.ts'
import {
  against,
  closed,
  expectEnd,
  expectRequests,
  failed,
  inferred,
  once,
  playAll,
  run,
} from './play.ts'
import type { End, Row, Scene } from './play.ts'
import { resolveSlowly, resolveTo } from './preload.ts'
import { startServer } from './server.ts'
import type { BundleResult } from '../../emulator/runner.ts'
import type { Act } from './server.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)
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
  outage = throughOutage(process.platform === 'linux' ? '127.87.65.43' : '127.0.0.1', 10_000)
  const drops = drip(head('200 OK', { 'content-length': 25 }), yesText)
  slowYes = against(drops, { inputs: { 'attempt-timeout-seconds': '60' } })
})
afterAll(async () => {
  await Promise.allSettled([outage, slowYes])
})

describe('a connection that fails after the request was sent', () => {
  const failures: Record<string, Act> = {
    'reset after the request': reset(),
    'reset in the headers': reset('HTTP/1.1 200 OK\r\nContent-Le'),
    'ended after the request': answer(),
    'ended in the headers': answer('HTTP/1.1 200 OK\r\nContent-Le'),
    'garbage instead of HTTP': answer('\u0000\u0001\u0002 SSH-2.0-OpenSSH_9.9\r\n'),
    'another protocol': answer('220 mail.example ESMTP ready\r\n'),
    'another version of HTTP': answer('HTTP/9.9 200 OK\r\n\r\n'),
    'headers without a colon': answer('HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n'),
    'a length that is no number': answer(
      `${head('200 OK', { 'content-length': 'many' })}${yesText}`,
    ),
    'two lengths': answer(
      `HTTP/1.1 200 OK\r\nContent-Length: 25\r\nContent-Length: 7\r\n\r\n${yesText}`,
    ),
  }
  const shows = [/127\.0\.0\.1:\d+/, withoutPath]
  const noChunks = answer(head('200 OK', { 'transfer-encoding': 'chunked' }), 'xyz\r\n')
  playAll([
    ...Object.entries(failures).flatMap(([name, act]): Row[] => [
      [`${name}: it is asked again`, [act, alreadyClosed], inferred],
      [
        `${name}: the bot may be closed`,
        act,
        { outcome: 'unreachable', lost: true, shows },
        { inputs: once },
      ],
    ]),
    ['chunks that are none: it is asked again', [noChunks, alreadyClosed], inferred],
  ])
})

describe('a connection that fails before the request', () => {
  test.concurrent.each([
    ['is reset', resetAtOnce],
    ['is ended', endAtOnce],
  ])('and %s is tried again', async (_, act) => {
    const scene = await against([act, act, yes])
    expectEnd(scene, { ...closed, attempts: 3 })
    expect(scene.connections).toBe(3)
  })

  test.concurrent('and is refused cannot have worked', async () => {
    const ended = await run('http://127.0.0.1:1', { inputs: { 'max-attempts': '2' } })
    const shows = [/127\.0\.0\.1.*refused.*ECONNREFUSED/, withoutPath]
    expectEnd(ended, { outcome: 'unreachable', attempts: 2, shows })
    expect(ended.elapsedMs).toBeGreaterThan(500)
  })

  test.concurrent('is tried through an outage of ten seconds, with default inputs', async () => {
    const ended = await outage
    // Refused connections lose no answer.
    expect(ended.outputs).toMatchObject({
      closed: 'true',
      outcome: 'already-closed',
      'http-status': '400',
    })
    expect(Number(ended.outputs['attempts'])).toBeGreaterThanOrEqual(4)
    expect(ended.elapsedMs).toBeGreaterThan(9_000)
    expect(ended.elapsedMs).toBeLessThan(40_000)
  })
})

describe('silence', () => {
  const hasty = { 'attempt-timeout-seconds': '2.5' }
  const length = { 'content-length': 99 }
  const asking = { ...length, 'retry-after': 7 }
  const upgrade = head('101 Switching Protocols', { upgrade: 'websocket', connection: 'upgrade' })
  const chunk = `19\r\n${yesText}\r\n`
  const timedOut: End = { outcome: 'timed-out', lost: true, shows: [/127\.0\.0\.1:\d+/, /2\.5 s/] }
  const inBody: End = { ...timedOut, status: 200 }
  const rows: [string, Act, End][] = [
    ['from the start', stall(), timedOut],
    ['inside the status line', stall('HTTP/1.1 2'), timedOut],
    ['inside the headers', stall('HTTP/1.1 200 OK\r\nContent-Length: 2'), timedOut],
    ['in the body of a yes', stall(head('200 OK', length), yesText), inBody],
    [
      'in the chunks of a yes',
      stall(head('200 OK', { 'transfer-encoding': 'chunked' }), chunk),
      inBody,
    ],
    ['where nothing says how a yes ends', stall(head('200 OK'), yesText), inBody],
    ['half an upgrade', stall(upgrade), timedOut],
    ['nothing but 103', stall(head('103 Early Hints', { link: '</x>' }).repeat(3)), timedOut],
    [
      'a byte a second, in the headers',
      drip('HTTP/1.1 200 OK\r\n', 'X-Slow: 1234567890'),
      timedOut,
    ],
    [
      'a byte a second, in the body',
      drip(head('200 OK', { 'content-length': 25 }), yesText),
      inBody,
    ],
    ['in the body of a 403', stall(head(403, length), 'For'), failed('rejected', 403)],
    ['in the body of a 501', stall(head(501, length)), failed('unsupported', 501)],
    [
      'in the body of a 429',
      stall(head(429, asking)),
      failed('rate-limited', 429, { retryAfterSeconds: 7 }),
    ],
    [
      'in the body of a 302',
      stall(head(302, { ...length, location: '/' })),
      failed('invalid-response', 302),
    ],
  ]
  const bothTimes = { inputs: hasty, gapsMs: [2000] }
  const byDefault: End = { ...timedOut, shows: [/\b10 s/] }
  playAll([
    ...rows.map(([name, act, end]): Row => [
      name,
      act,
      end,
      { inputs: { ...hasty, ...once }, withinMs: 7500 },
    ]),
    ['is asked again, and may have worked', [stall(), alreadyClosed], inferred, bothTimes],
    ['has ten seconds by default', stall(), byDefault, { inputs: once, withinMs: 16_000 }],
  ])

  test.concurrent('between two bytes: a slow yes is a yes', async () => {
    const scene = await slowYes
    expectEnd(scene, closed)
    expectRequests(scene, [])
    expect(scene.elapsedMs).toBeGreaterThan(20_000)
  })
})

describe('names and addresses', () => {
  const url = 'http://localhost:PORT'
  const slowly = { inputs: { ...once, 'attempt-timeout-seconds': '1' }, preloads: [resolveSlowly] }
  playAll([
    [
      'a slow resolver ends with the attempt, which cannot have worked',
      yes,
      { outcome: 'timed-out', shows: [/localhost:\d+/] },
      { ...slowly, url, unsentOn: 0, withinMs: 6000 },
    ],
  ])

  test.concurrent('no such host', async () => {
    const ended = await run('https://no-such-host.invalid', { inputs: { 'max-attempts': '2' } })
    const shows = [/no-such-host\.invalid.*ENOTFOUND/, withoutPath]
    expectEnd(ended, { outcome: 'unreachable', attempts: 2, shows })
  })

  onLinux('one refusing address of two', async () => {
    const scene = await against(yes, { url, preloads: [resolveTo('127.0.0.9', '127.0.0.1')] })
    expectEnd(scene, closed)
    expectRequests(scene, [])
  })

  // Several dead addresses, whatever the settings of the machine say about trying them.
  onLinux.each([
    ['', '127.0.1', ''],
    [', even if that is turned off', '127.0.2', '--no-network-family-autoselection'],
    [
      ', even if the time for each is short',
      '127.0.3',
      '--network-family-autoselection-attempt-timeout=1',
    ],
  ])(
    'two dead addresses of three: each has two and a half seconds%s',
    async (_, network, NODE_OPTIONS) => {
      await using server = await startServer([answer(yes)])
      await using first = await deadAddress(`${network}.10`, server.port)
      await using second = await deadAddress(`${network}.11`, server.port)
      const ended = await run(`http://localhost:${server.port}`, {
        preloads: [resolveTo(first.address, second.address, '127.0.0.1')],
        env: { NODE_OPTIONS },
      })
      expectEnd(ended, closed)
      expect(ended.elapsedMs).toBeGreaterThan(4900)
      expect(ended.elapsedMs).toBeLessThan(10_000)
    },
  )

  onLinux('all addresses are dead, and nothing can have worked', async () => {
    await using server = await startServer([answer(yes)])
    await using dead = await deadAddress('127.0.4.10', server.port)
    const ended = await run(`http://localhost:${server.port}`, {
      inputs: { ...once, 'attempt-timeout-seconds': '2' },
      preloads: [resolveTo(dead.address)],
    })
    expectEnd(ended, { outcome: 'timed-out' })
    expect(ended.elapsedMs).toBeLessThan(7000)
    expect(server.connections()).toBe(0)
  })

  onIPv6('an address of version 6', async () => {
    const scene = await against(yes, { host: '::1', url: 'http://[::1]:PORT' })
    expectEnd(scene, closed)
    expectRequests(scene, [])
  })
})

/** Runs with default inputs against a server that starts late. */
async function throughOutage(host: string, outageMs: number): Promise<BundleResult> {
  const port = await freePort(host)
  const ended = run(`http://${host}:${port}`, {
    inputs: { 'timeout-seconds': '', 'allow-already-closed': 'true' },
  })
  await sleep(outageMs)
  await using server = await startServer([answer(alreadyClosed)], { host, port })
  const result = await ended
  expect(server.requests).toHaveLength(1)
  return result
}

async function freePort(host: string): Promise<number> {
  await using server = await startServer([], { host })
  return server.port
}

/** An address that answers nothing to a connection: a full queue of a process that accepts none. */
async function deadAddress(
  address: string,
  port: number,
): Promise<AsyncDisposable & { address: string }> {
  const source = `
    const server = require('node:net').createServer().listen({ host: '${address}', port: ${port}, backlog: 1 })
    server.on('listening', () => {
      require('node:fs').writeSync(1, 'ready')
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })
  `
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  await event(child.stdout, 'data')
  const fillers = Array.from({ length: 8 }, () =>
    net.connect(port, address).on('error', () => undefined),
  )
  // What finds place in the queue has found it long before.
  await sleep(1000)
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy()
      const exited = event(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

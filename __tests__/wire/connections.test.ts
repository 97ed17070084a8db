/** Every way for a connection to fail. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { alreadyClosed, answer, drip, endAtOnce, flood, head, reset, resetAtOnce, stall, yes, yesText } from './acts.ts'
import { against, expectEnd, failed, expectRequests, once as oneAttempt, playAll, run } from './play.ts'
import type { End, Row, Scene } from './play.ts'
import { resolveNothing, resolveSlowly, resolveTo } from './preload.ts'
import { startServer } from './server.ts'
import type { BundleResult } from '../../emulator/runner.ts'
import type { Act } from './server.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
const onIPv6 = hasIPv6 ? test.concurrent : test.concurrent.skip
/** The whole of 127.0.0.0/8 is there without being set up. */
const onLinux = process.platform === 'linux' ? test.concurrent : test.concurrent.skip

/** The system's error messages hold the whole address; the code of the error is enough. */
const withoutPath = /^(?!.*\/bot)/s

const inferred: End = { outcome: 'closed', attempts: 2, status: 400, warns: true }

// What takes long passes while the other tests run.
let outage: Promise<BundleResult>
let slowYes: Promise<Scene>
beforeAll(() => {
  // An address and a port that nothing else asks for meanwhile.
  outage = throughOutage(process.platform === 'linux' ? '127.87.65.43' : '127.0.0.1', 10_000)
  slowYes = against([drip(head('200 OK', { 'content-length': 25 }), yesText)], {
    inputs: { 'attempt-timeout-seconds': '60' },
  })
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
    'a length that is no number': answer(`${head('200 OK', { 'content-length': 'many' })}${yesText}`),
    'two lengths': answer(`HTTP/1.1 200 OK\r\nContent-Length: 25\r\nContent-Length: 7\r\n\r\n${yesText}`),
    'headers without end': flood('HTTP/1.1 200 OK\r\n', Buffer.from(`X-Filler: ${'x'.repeat(4000)}\r\n`)),
  }
  playAll(
    Object.entries(failures).flatMap(([name, act]): Row[] => [
      [`${name}: it is asked again`, [act, alreadyClosed], inferred],
      [
        `${name}: the failure says that the bot may be closed`,
        act,
        failed('unreachable', undefined, { lost: true, shows: [/127\.0\.0\.1:\d+/, withoutPath] }),
        { inputs: oneAttempt },
      ],
    ]),
  )
  playAll([
    [
      'chunks that are none',
      [answer(head('200 OK', { 'transfer-encoding': 'chunked' }), 'xyz\r\n'), alreadyClosed],
      inferred,
    ],
  ])
})

describe('a connection that fails before the request', () => {
  test.concurrent.each([
    ['is reset', resetAtOnce],
    ['is ended', endAtOnce],
  ])('and %s is tried again', async (_, act) => {
    const scene = await against([act, act, answer(yes)])
    expectEnd(scene, { outcome: 'closed', attempts: 3, status: 200 })
    expect(scene.connections).toBe(3)
  })

  test.concurrent('and is refused cannot have worked', async () => {
    const port = await freePort('127.0.0.1')
    const ended = await run(`http://127.0.0.1:${port}`, { inputs: { 'max-attempts': '2' } })
    const shows = [/127\.0\.0\.1.*refused.*ECONNREFUSED/, withoutPath]
    expectEnd(ended, failed('unreachable', undefined, { attempts: 2, shows }))
    expect(ended.elapsedMs).toBeGreaterThan(500)
  })

  test.concurrent('is tried through an outage of ten seconds, with default inputs', async () => {
    const ended = await outage
    // Refused connections lose no answer.
    expect(ended.outputs).toMatchObject({ closed: 'true', outcome: 'already-closed', 'http-status': '400' })
    expect(Number(ended.outputs['attempts'])).toBeGreaterThanOrEqual(4)
    expect(ended.elapsedMs).toBeGreaterThan(9_000)
    expect(ended.elapsedMs).toBeLessThan(40_000)
  })
})

describe('silence', () => {
  const hasty = { 'attempt-timeout-seconds': '2.5', 'max-attempts': '1' }
  const length = { 'content-length': 99 }
  const timedOut: End = failed('timed-out', undefined, { lost: true, shows: [/127\.0\.0\.1:\d+/, /2\.5 s/] })
  const inBody: End = { ...timedOut, status: 200 }
  const rows: [string, Act, End][] = [
    ['from the start', stall(), timedOut],
    ['inside the status line', stall('HTTP/1.1 2'), timedOut],
    ['inside the headers', stall('HTTP/1.1 200 OK\r\nContent-Length: 2'), timedOut],
    ['in the body of a yes', stall(head('200 OK', length), yesText), inBody],
    [
      'in the chunks of a yes',
      stall(head('200 OK', { 'transfer-encoding': 'chunked' }), `19\r\n${yesText}\r\n`),
      inBody,
    ],
    ['where nothing says how a yes ends', stall(head('200 OK'), yesText), inBody],
    [
      'half an upgrade',
      stall(head('101 Switching Protocols', { upgrade: 'websocket', connection: 'upgrade' })),
      timedOut,
    ],
    ['nothing but 103', stall(head('103 Early Hints', { link: '</x>' }).repeat(3)), timedOut],
    ['a byte a second, in the headers', drip('HTTP/1.1 200 OK\r\n', 'X-Slow: 1234567890'), timedOut],
    ['a byte a second, in the body', drip(head('200 OK', { 'content-length': 25 }), yesText), inBody],
    ['in the body of a 403', stall(head(403, length), 'For'), failed('rejected', 403)],
    ['in the body of a 501', stall(head(501, length)), failed('unsupported', 501)],
    [
      'in the body of a 429',
      stall(head(429, { ...length, 'retry-after': 7 })),
      failed('rate-limited', 429, { retryAfterSeconds: 7 }),
    ],
    ['in the body of a 302', stall(head(302, { ...length, location: '/' })), failed('invalid-response', 302)],
  ]
  playAll(rows.map(([name, act, end]) => [name, act, end, { inputs: hasty, withinMs: 7500 }]))
  playAll([
    [
      'is asked again, and may have worked',
      [stall(), alreadyClosed],
      inferred,
      { inputs: { 'attempt-timeout-seconds': '2.5' }, gapsMs: [2000] },
    ],
    [
      'has the whole attempt by default, which is ten seconds',
      stall(),
      { ...timedOut, shows: [/\b10 s/] },
      { inputs: oneAttempt, withinMs: 16_000 },
    ],
  ])

  test.concurrent('between two bytes: a slow yes is a yes', async () => {
    const scene = await slowYes
    expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
    expectRequests(scene, [])
    expect(scene.elapsedMs).toBeGreaterThan(20_000)
  })
})

describe('names and addresses', () => {
  test.concurrent('no such host', async () => {
    const ended = await run('https://no-such-host.invalid', {
      inputs: { 'max-attempts': '2' },
      preloads: [resolveNothing],
    })
    const shows = [/no-such-host\.invalid.*ENOTFOUND/, withoutPath]
    expectEnd(ended, failed('unreachable', undefined, { attempts: 2, shows }))
  })

  test.concurrent('a slow resolver ends with the attempt, which cannot have worked', async () => {
    await using server = await startServer([answer(yes)])
    const ended = await run(`http://localhost:${server.port}`, {
      inputs: { ...oneAttempt, 'attempt-timeout-seconds': '1' },
      preloads: [resolveSlowly],
    })
    expectEnd(ended, failed('timed-out', undefined, { shows: [/localhost:\d+/] }))
    expect(ended.elapsedMs).toBeLessThan(6000)
    expect(server.connections()).toBe(0)
  })

  onLinux('one refusing address of two', async () => {
    await using server = await startServer([answer(yes)])
    const ended = await run(`http://localhost:${server.port}`, { preloads: [resolveTo('127.0.0.9', '127.0.0.1')] })
    expectEnd(ended, { outcome: 'closed', attempts: 1, status: 200 })
    expect(server.requests).toHaveLength(1)
  })

  // Several dead addresses, whatever the settings of the machine say about trying them.
  onLinux.each([
    ['', '127.0.1', {}],
    [', even if that is turned off', '127.0.2', { NODE_OPTIONS: '--no-network-family-autoselection' }],
    [
      ', even if the time for each is short',
      '127.0.3',
      { NODE_OPTIONS: '--network-family-autoselection-attempt-timeout=1' },
    ],
  ])('two dead addresses of three: each has two and a half seconds%s', async (_, network, env) => {
    await using server = await startServer([answer(yes)])
    await using first = await deadAddress(`${network}.10`, server.port)
    await using second = await deadAddress(`${network}.11`, server.port)
    const ended = await run(`http://localhost:${server.port}`, {
      preloads: [resolveTo(first.address, second.address, '127.0.0.1')],
      env,
    })
    expectEnd(ended, { outcome: 'closed', attempts: 1, status: 200 })
    expect(ended.elapsedMs).toBeGreaterThan(4900)
    expect(ended.elapsedMs).toBeLessThan(10_000)
  })

  onLinux('all addresses are dead, and nothing can have worked', async () => {
    await using server = await startServer([answer(yes)])
    await using dead = await deadAddress('127.0.4.10', server.port)
    const ended = await run(`http://localhost:${server.port}`, {
      inputs: { ...oneAttempt, 'attempt-timeout-seconds': '2' },
      preloads: [resolveTo(dead.address)],
    })
    expectEnd(ended, failed('timed-out'))
    expect(ended.elapsedMs).toBeLessThan(7000)
    expect(server.connections()).toBe(0)
  })

  onIPv6('an address of version 6', async () => {
    const scene = await against([answer(yes)], { host: '::1' })
    expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
    expectRequests(scene, [])
  })
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

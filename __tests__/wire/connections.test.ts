/** How a connection can fail, and what that says of the bot. */
import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once as event } from 'node:events'
import net from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { alreadyClosed, head, http, yes, yesText } from './answers.ts'
import { newAuthority } from './certificates.ts'
import { resolveSlowly, resolveTo } from './preload.ts'
import { answer, drip, endAtOnce, flood, reset, resetAtOnce, silent, stall } from './replies.ts'
import { BUSY_MS, closed, expectRequests, expectResult, fails, inferred, once } from './run.ts'
import { run, runAgainst, testOnLinux, testScenarios } from './run.ts'
import type { Expectation, Scenario, ScenarioOptions } from './run.ts'
import { startServer, withServer } from './server.ts'
import type { Reply } from './server.ts'

/** A relay's path may be its password, and the system's messages hold the address with the token. */
const saysNot = /relay|\/bot/
const unreachable = (more?: Partial<Expectation>) => fails('unreachable', undefined, more)

describe('A connection that fails after the request', () => {
  const failures: Record<string, Reply> = {
    'is reset': reset(),
    'is ended': answer(),
    'has garbage on it': answer('\u0000\u0001\u0002 SSH-2.0-OpenSSH_9.9\r\n'),
    'has a header without a colon': answer('HTTP/1.1 200 OK\r\nno header\r\n\r\n'),
    'has chunks that are none': answer(head(200, { 'transfer-encoding': 'chunked' }), 'xyz\r\n'),
  }
  const inDoubt = unreachable({ mayBeClosed: true, says: [/127\.0\.0\.1:\d+/], saysNot })
  const relay = { inputs: once, url: 'http://127.0.0.1:PORT/relay/v1' }
  testScenarios([
    ...Object.entries(failures).map(([name, reply]): Scenario => {
      const title = `because it ${name} is tried again, and may have worked`
      return [title, [reply, alreadyClosed], inferred]
    }),
    ['because it is reset leaves the bot in doubt', reset(), inDoubt, relay],
  ])
})

describe('A connection without a request', () => {
  test.concurrent.each([
    ['is reset', resetAtOnce],
    ['is ended', endAtOnce],
  ])('because it %s at once is tried again', async (_, reply) => {
    const result = await runAgainst([reply, reply, yes])
    expectResult(result, { ...closed, attempts: 3 })
    expect(result.connections).toBe(3)
  })

  test.concurrent('because it is refused is tried again, and cannot have worked', async () => {
    const result = await run('http://127.0.0.1:1', { inputs: { 'max-attempts': '2' } })
    const says = [/127\.0\.0\.1:1\b.*ECONNREFUSED/]
    expectResult(result, unreachable({ attempts: 2, says, saysNot: /timeout-seconds|\/bot/ }))
    expect(result.elapsedMs).toBeGreaterThan(500)
  })

  test.concurrent('during an outage is tried until it ends, with default inputs', async () => {
    // An address that no other test uses, so that nobody takes the port meanwhile.
    const host = process.platform === 'linux' ? '127.87.65.43' : '127.0.0.1'
    const port = await withServer([], { host }, (server) => Promise.resolve(server.port))
    const inputs = { 'timeout-seconds': '' }
    const ended = run(`http://${host}:${port}`, { inputs })
    await sleep(8000)
    const server = await startServer([answer(yes)], { host, port })
    const result = await ended.finally(server.stop)
    const attempts = Number(result.outputs['attempts'])
    expectResult(result, { ...closed, attempts })
    expect(attempts).toBeGreaterThanOrEqual(3)
    expect(server.requests).toHaveLength(1)
  })
})

describe('Silence', () => {
  const inputs = { 'attempt-timeout-seconds': '4', ...once }
  const attemptAgain = { inputs: { 'attempt-timeout-seconds': '4' }, waits: [4] }
  const short = { inputs, withinSeconds: 5 }
  const length = { 'content-length': 99 }
  const says = [/\b4 s\b/]
  const timedOut = fails('timed-out', undefined, { mayBeClosed: true, says, saysNot })
  const inBody: Expectation = { ...timedOut, status: 200 }
  const tooLong = fails('invalid-response', 200, { mayBeClosed: true, says: [/64 KiB/] })
  const slowBytes = drip(head(200, { 'content-length': 25 }), yesText)
  const slowYes = answer(
    3000,
    yes.subarray(0, 20),
    3000,
    yes.subarray(20, -9),
    3000,
    yes.subarray(-9),
  )
  const fillers = flood('HTTP/1.1 200 OK\r\n', Buffer.from('X-Filler: x\r\n'.repeat(1000)))
  testScenarios([
    ['ends with the attempt', stall(), timedOut, short],
    [
      'in the body of a 2xx ends with the attempt',
      stall(head(200, length), yesText),
      inBody,
      short,
    ],
    ['in a byte a second ends with the attempt', slowBytes, inBody, short],
    ['is tried again, and may have worked', [stall(), alreadyClosed], inferred, attemptAgain],
    [
      'lasts ten seconds by default',
      stall(),
      { ...timedOut, says: [/\b10 s\b/] },
      { inputs: once },
    ],
    ['between the bytes of a yes ends well', slowYes, closed, { withinSeconds: 10 }],
    ['is not needed: a body without end', flood(head(200), Buffer.alloc(100_000)), tooLong, short],
    ['is not needed: headers without end', fillers, unreachable({ mayBeClosed: true }), short],
  ])
})

describe('Names and addresses:', () => {
  const url = 'http://localhost:PORT'

  testScenarios([
    [
      'a slow resolver ends with the attempt, which cannot have worked',
      yes,
      fails('timed-out', undefined, { says: [/localhost:\d+/] }),
      {
        inputs: { ...once, 'attempt-timeout-seconds': '1' },
        preloads: [resolveSlowly],
        url,
        unsentOn: 0,
        withinSeconds: 2,
      },
    ],
  ])

  test.concurrent('no such host', async () => {
    const result = await run('https://no-such-host.invalid', { inputs: { 'max-attempts': '2' } })
    const says = [/no-such-host\.invalid.*ENOTFOUND/]
    expectResult(result, unreachable({ attempts: 2, says, saysNot }))
  })

  testOnLinux('two dead addresses of three get two and a half seconds each', () =>
    withServer([answer(yes)], {}, async ({ port }) => {
      const dead = ['127.0.1.10', '127.0.1.11']
      const release = await Promise.all(dead.map((address) => occupy(address, port)))
      try {
        const result = await run(`http://localhost:${port}`, {
          preloads: [resolveTo(...dead, '127.0.0.1')],
          inputs: { 'attempt-timeout-seconds': '30' },
        })
        expectResult(result, closed)
        expect(result.elapsedMs).toBeGreaterThan(4900)
        expect(result.elapsedMs).toBeLessThan(10_000 + BUSY_MS)
      } finally {
        await Promise.all(release.map((end) => end()))
      }
    }),
  )

  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const hasIPv6 = addresses.some(({ address }) => address === '::1')
  const testOnIPv6 = hasIPv6 ? test.concurrent : test.concurrent.skip
  testOnIPv6('an address of version 6', async () => {
    const result = await runAgainst(yes, { host: '::1', url: 'http://[::1]:PORT' })
    expectResult(result, closed)
    expectRequests(result)
  })
})

describe('TLS', () => {
  const authority = newAuthority('Trusted Test Authority')
  const trusted = authority.cert
  const localhost = authority.issue('localhost')
  const stranger = newAuthority('Unknown Test Authority').issue('localhost')
  const wrong = (...options: Parameters<typeof authority.issue>): ScenarioOptions => ({
    tls: authority.issue(...options),
    trusted,
  })
  const flaws: [string, ScenarioOptions, RegExp][] = [
    ['by an unknown authority', { tls: stranger, trusted }, /localhost.*not trusted/],
    ['that signed itself', wrong('localhost', 'self-signed'), /localhost.*SELF_SIGNED/],
    ['for another host', wrong('tapi.bale.ai'), /localhost.*ALTNAME/],
    ['that has expired', wrong('localhost', 'expired'), /clock.*localhost.*CERT_HAS_EXPIRED/],
    ['that is not valid yet', wrong('localhost', 'not yet valid'), /clock.*CERT_NOT_YET_VALID/],
    ['of a weak key', wrong('localhost', 'weak'), /localhost.*UNSPECIFIED/],
  ]
  test.concurrent.each(flaws)(
    'with a certificate %s is final, and nothing is sent, even if the checks are “turned off”',
    async (_, options, says) => {
      const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
      const result = await runAgainst(yes, { ...options, env })
      expectResult(result, unreachable({ says: [says] }))
      expect([result.bytes, result.connections]).toEqual([0, 1])
    },
  )

  const url = 'https://localhost:PORT'
  const byTls = { tls: localhost, trusted }
  const noTls: Reply = ({ socket }) => socket.end(http(400, 'no TLS here'))
  const ended = unreachable({ attempts: 2 })
  const twice = { url, inputs: { 'max-attempts': '2' }, unsentOn: 2 }
  const quiet = { url, inputs: { ...once, 'attempt-timeout-seconds': '3' }, unsentOn: 1 }
  testScenarios([
    ['by an authority in NODE_EXTRA_CA_CERTS is trusted', yes, closed, byTls],
    [
      'towards plain HTTP is final, and the token is not sent',
      noTls,
      unreachable({ says: [/TLS/] }),
      { url, unsentOn: 1 },
    ],
    ['that ends in the handshake is tried again, and cannot have worked', endAtOnce, ended, twice],
    ['that is silent in the handshake cannot have worked', silent, fails('timed-out'), quiet],
    ['that ends after the request may have worked', [answer(), alreadyClosed], inferred, byTls],
  ])
})

/** Makes an address answer nothing: its listener accepts no connection, and its queue is full. */
async function occupy(address: string, port: number): Promise<() => Promise<unknown>> {
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
  // What finds a place in the queue has found it long before.
  await sleep(1000)
  return async () => {
    for (const filler of fillers) filler.destroy()
    const exited = event(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}

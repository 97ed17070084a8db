/** How a connection can fail, and what that says of the bot. */
import { describe, expect, test } from '@jest/globals'
import { networkInterfaces } from 'node:os'
import { alreadyClosed, head, http, yes, yesText } from './answers.ts'
import { newAuthority } from './certificates.ts'
import { hearNothingFrom, resolveSlowly, resolveTo } from './preload.ts'
import { answer, endAtOnce, flood, reset, resetAtOnce, stall } from './replies.ts'
import { closed, expectResult, fails, inferred, once } from './run.ts'
import { run, runAgainst, testScenarios } from './run.ts'
import type { Expectation, Scenario, ScenarioOptions } from './run.ts'
import type { Reply } from './server.ts'

const unreachable = (more?: Partial<Expectation>) => fails('unreachable', undefined, more)

describe('A connection that fails after the request', () => {
  const failures: Record<string, Reply> = {
    'is reset': reset(),
    'is ended': answer(),
    'has garbage on it': answer('SSH-2.0-OpenSSH_9.9\r\n'),
  }
  const inDoubt = unreachable({ mayBeClosed: true, says: [/127\.0\.0\.1:\d+/] })
  // A relay's path may be its password.
  const relay = { inputs: once, url: 'http://127.0.0.1:PORT/password', secrets: ['password'] }
  testScenarios([
    ...Object.entries(failures).map(([name, reply]): Scenario => {
      const title = `because it ${name} is tried again, and may have worked`
      return [title, [reply, alreadyClosed], inferred]
    }),
    ['because it is reset leaves the bot in doubt', reset(), inDoubt, relay],
  ])
})

describe('A connection without a request', () => {
  test.concurrent('because it is reset or ended at once is tried again', async () => {
    const result = await runAgainst([resetAtOnce, endAtOnce, yes])
    expectResult(result, { ...closed, attempts: 3 })
    expect(result.connections).toBe(3)
  })

  test.concurrent('because it is refused is tried again, and cannot have worked', async () => {
    const result = await run('http://127.0.0.1:1', { inputs: { 'max-attempts': '2' } })
    expectResult(result, unreachable({ attempts: 2, says: [/127\.0\.0\.1:1\b.*ECONNREFUSED/] }))
    expect(result.elapsedMs).toBeGreaterThan(500)
  })
})

describe('Silence', () => {
  const inputs = { 'attempt-timeout-seconds': '4' }
  const short = { inputs: { ...inputs, ...once }, withinSeconds: 5 }
  const timedOut = fails('timed-out', 200, { mayBeClosed: true, says: [/\b4 s\b/] })
  const tooLong = fails('invalid-response', 200, { mayBeClosed: true })
  const halfYes = stall(head(200, { 'content-length': 99 }), yesText)
  testScenarios([
    ['in the body of a 2xx ends with the attempt', halfYes, timedOut, short],
    [
      'is tried again, and may have worked',
      [stall(), alreadyClosed],
      inferred,
      { inputs, waits: [4] },
    ],
    ['is not needed: a body without end', flood(head(200), Buffer.alloc(100_000)), tooLong, short],
  ])
})

describe('Names and addresses:', () => {
  const resolving = {
    inputs: { ...once, 'attempt-timeout-seconds': '1' },
    preloads: [resolveSlowly],
    url: 'http://localhost:PORT',
    unsentOn: 0,
    withinSeconds: 2,
  }
  testScenarios([
    [
      'a slow resolver ends with the attempt, which cannot have worked',
      yes,
      fails('timed-out', undefined, { says: [/localhost:\d+/] }),
      resolving,
    ],
  ])

  test.concurrent('no such host', async () => {
    const result = await run('https://no-such-host.invalid', { inputs: once })
    expectResult(result, unreachable({ says: [/no-such-host\.invalid.*ENOTFOUND/] }))
  })

  test.concurrent('a dead address gets two and a half seconds, then the next one', async () => {
    const preloads = [resolveTo('192.0.2.1', '127.0.0.1'), hearNothingFrom('192.0.2.1')]
    const result = await runAgainst(yes, { url: 'http://localhost:PORT', preloads })
    expectResult(result, closed)
    expect(result.elapsedMs).toBeGreaterThan(2400)
  })

  const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  )
  const testOnIPv6 = hasIPv6 ? test.concurrent : test.concurrent.skip
  testOnIPv6('an address of version 6', async () => {
    expectResult(await runAgainst(yes, { host: '::1', url: 'http://[::1]:PORT' }), closed)
  })
})

describe('TLS', () => {
  const authority = newAuthority('Trusted Test Authority')
  const trusted = authority.cert
  const localhost = authority.issue('localhost')
  const stranger = newAuthority('Unknown Test Authority').issue('localhost')
  const flaws: [string, ScenarioOptions, RegExp][] = [
    ['by an unknown authority', { tls: stranger, trusted }, /certificate is not trusted/],
    ['for another host', { tls: authority.issue('tapi.bale.ai'), trusted }, /ALTNAME/],
    ['that has expired', { tls: authority.issue('localhost', 9), trusted }, /clock.*EXPIRED/],
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
  testScenarios([
    [
      'towards plain HTTP is final, and the token is not sent',
      noTls,
      unreachable({ says: [/TLS/] }),
      { url, unsentOn: 1 },
    ],
    ['that ends in the handshake is tried again, and cannot have worked', endAtOnce, ended, twice],
    ['that ends after the request may have worked', [answer(), alreadyClosed], inferred, byTls],
  ])
})

/** A dry run: it connects as the real run would, and sends nothing. */
import { describe, expect, test } from '@jest/globals'
import { answer, endAtOnce, page, stall, tunnelTo, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, expectEnd, once, run } from './play.ts'
import type { End, RunOptions } from './play.ts'
import { resolveNothing } from './preload.ts'
import { startServer } from './server.ts'
import type { Act, WireOptions } from './server.ts'

const authority = newAuthority('Test Authority of Dry Runs')
const trusted = authority.cert
const localhost = authority.issue('localhost')
const inputs = { 'dry-run': 'true', 'delete-webhook': 'true', 'confirm-after-seconds': '1' }
const passed: End = { outcome: 'dry-run', attempts: 0, shows: [/nothing was closed.*token.*not tested/i] }
const failed = (outcome: string, shows: RegExp): End => ({ outcome, attempts: 0, shows: [shows] })

describe('a dry run connects and sends nothing', () => {
  const rows: [string, Act, WireOptions & RunOptions, End, number][] = [
    ['over HTTP', answer(yes), {}, passed, 1],
    ['over TLS', answer(yes), { tls: localhost, trusted }, passed, 1],
    ['without waiting for what the server does then', endAtOnce, {}, passed, 1],
    [
      'to a server whose certificate is not trusted, which fails the step',
      answer(yes),
      { tls: newAuthority('Unknown Authority of Dry Runs').issue('localhost'), trusted },
      failed('unreachable', /localhost.*not trusted/),
      1,
    ],
  ]
  test.concurrent.each(rows)('%s', async (_, act, options, end, connections) => {
    const scene = await against([act], { ...options, inputs })
    expectEnd(scene, end)
    expect({ connections: scene.connections, bytes: scene.bytes }).toEqual({ connections, bytes: 0 })
    expect(scene.elapsedMs).toBeLessThan(5000)
  })

  const failures: [string, string, RunOptions, End][] = [
    [
      'a host that nobody knows',
      'https://no-such-host.invalid',
      { preloads: [resolveNothing], inputs: { 'max-attempts': '2' } },
      failed('unreachable', /no-such-host\.invalid.*ENOTFOUND.*2 attempts/),
    ],
    ['a port that nobody listens on', 'http://127.0.0.1:1', { inputs: once }, failed('unreachable', /ECONNREFUSED/)],
  ]
  test.concurrent.each(failures)('and fails the step for %s', async (_, apiUrl, options, end) => {
    expectEnd(await run(apiUrl, { ...options, inputs: { ...inputs, ...options.inputs } }), end)
  })

  test.concurrent.each<[string, Act, string, RegExp]>([
    ['is silent', () => undefined, 'timed-out', /localhost.*1 s/],
    ['ends', endAtOnce, 'unreachable', /localhost/],
  ])('and fails the step for a handshake that %s', async (_, act, outcome, shows) => {
    await using server = await startServer([act])
    const result = await run(`https://localhost:${server.port}`, {
      inputs: { ...inputs, ...once, 'attempt-timeout-seconds': '1' },
    })
    expectEnd(result, failed(outcome, shows))
  })

  test.concurrent.each<[string, (port: number) => Act, End]>([
    ['through a proxy', tunnelTo, passed],
    ['and fails the step for a proxy that wants credentials', () => answer(page(407)), failed('unreachable', /407/)],
    [
      'and fails the step for a proxy that refuses',
      () => answer(page(403)),
      failed('unreachable', /proxy \W?127\.0\.0\.1:\d+/),
    ],
    ['and fails the step for a proxy that is silent', () => stall(), failed('timed-out', /proxy \W?127\.0\.0\.1:\d+/)],
  ])('%s', async (_, act, end) => {
    await using api = await startServer([answer(yes)], { tls: authority.issue('bale.test') })
    await using proxy = await startServer([act(api.port)])
    const result = await run('https://bale.test', {
      inputs: { ...inputs, ...once, 'attempt-timeout-seconds': '3' },
      env: { https_proxy: `http://127.0.0.1:${proxy.port}` },
      preloads: [resolveNothing],
      trusted,
    })
    expectEnd(result, end)
    expect(proxy.requests.map(({ line }) => line)).toEqual(['CONNECT bale.test:443 HTTP/1.1'])
    expect({ connections: api.connections(), bytes: api.bytes() }).toEqual({
      connections: end === passed ? 1 : 0,
      bytes: 0,
    })
  })
})

/** A dry run: it connects as the real run would, and sends nothing. */
import { describe, expect, test } from '@jest/globals'
import { answer, endAtOnce, page, stall, tunnelTo, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, expectEnd, once, run } from './play.ts'
import type { End, SceneOptions } from './play.ts'
import { startServer } from './server.ts'
import type { Act } from './server.ts'

const authority = newAuthority('Test Authority of Dry Runs')
const trusted = authority.cert
const localhost = authority.issue('localhost')
const inputs = { 'dry-run': 'true', 'delete-webhook': 'true', 'confirm-after-seconds': '1' }
const passed: End = {
  outcome: 'dry-run',
  attempts: 0,
  shows: [/nothing was closed.*token.*not tested/i],
}
const failed = (outcome: string, shows: RegExp): End => ({ outcome, attempts: 0, shows: [shows] })

describe('a dry run connects and sends nothing', () => {
  const untrusted = {
    tls: newAuthority('Unknown Authority of Dry Runs').issue('localhost'),
    trusted,
  }
  const notTrusted = failed('unreachable', /localhost.*not trusted/)
  test.concurrent.each<[string, Act, SceneOptions, End]>([
    ['over HTTP', answer(yes), {}, passed],
    ['over TLS', answer(yes), { tls: localhost, trusted }, passed],
    ['without waiting for what the server does then', endAtOnce, {}, passed],
    [
      'and fails the step for a certificate that is not trusted',
      answer(yes),
      untrusted,
      notTrusted,
    ],
  ])('%s', async (_, act, options, end) => {
    const scene = await against(act, { ...options, inputs })
    expectEnd(scene, end)
    expect({ connections: scene.connections, bytes: scene.bytes }).toEqual({
      connections: 1,
      bytes: 0,
    })
    expect(scene.elapsedMs).toBeLessThan(5000)
  })

  const noSuchHost = failed('unreachable', /no-such-host\.invalid.*ENOTFOUND.*2 attempts/)
  test.concurrent.each<[string, string, string, End]>([
    ['a host that nobody knows', 'https://no-such-host.invalid', '2', noSuchHost],
    [
      'a port that nobody listens on',
      'http://127.0.0.1:1',
      '1',
      failed('unreachable', /ECONNREFUSED/),
    ],
  ])('and fails the step for %s', async (_, apiUrl, maxAttempts, end) => {
    expectEnd(await run(apiUrl, { inputs: { ...inputs, 'max-attempts': maxAttempts } }), end)
  })

  test.concurrent.each<[string, Act, End]>([
    ['is silent', () => undefined, failed('timed-out', /localhost.*1 s/)],
    ['ends', endAtOnce, failed('unreachable', /localhost/)],
  ])('and fails the step for a handshake that %s', async (_, act, end) => {
    const hasty = { ...inputs, ...once, 'attempt-timeout-seconds': '1' }
    expectEnd(await against(act, { url: 'https://localhost:PORT', inputs: hasty }), end)
  })

  const atProxy = /proxy \W?127\.0\.0\.1:\d+/
  test.concurrent.each<[string, (port: number) => Act, End]>([
    ['through a proxy', tunnelTo, passed],
    [
      'and fails the step for a proxy that wants credentials',
      () => answer(page(407)),
      failed('unreachable', /407/),
    ],
    [
      'and fails the step for a proxy that refuses',
      () => answer(page(403)),
      failed('unreachable', atProxy),
    ],
    ['and fails the step for a proxy that is silent', () => stall(), failed('timed-out', atProxy)],
  ])('%s', async (_, act, end) => {
    await using api = await startServer([answer(yes)], { tls: authority.issue('bale.test') })
    await using proxy = await startServer([act(api.port)])
    const result = await run('https://bale.test', {
      inputs: { ...inputs, ...once, 'attempt-timeout-seconds': '3' },
      env: { https_proxy: `http://127.0.0.1:${proxy.port}` },
      trusted,
    })
    expectEnd(result, end)
    expect(proxy.requests.map(({ line }) => line)).toEqual(['CONNECT bale.test:443 HTTP/1.1'])
    expect([api.connections(), api.bytes()]).toEqual([end === passed ? 1 : 0, 0])
  })
})

/** Redirects, which are never followed, and TLS, which is never loosened. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, answer, endAtOnce, http, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, expectEnd, failed, expectRequests, run } from './play.ts'
import { startServer } from './server.ts'

describe('a redirect is final, and no host receives anything of it', () => {
  const places: [number, string, (port: number) => string][] = [
    ...[301, 302, 303, 307, 308].map((status): [number, string, (port: number) => string] => [
      status,
      'to another host',
      (port) => `http://127.0.0.1:${port}/bot123/close`,
    ]),
    [302, 'to another host by a relative address', (port) => `//127.0.0.1:${port}/elsewhere`],
    [307, 'to another protocol', (port) => `https://127.0.0.1:${port}/`],
    [302, 'to a place that is none', () => 'http://[/'],
    [307, 'to itself', () => 'close'],
  ]
  test.concurrent.each(places)('%d %s', async (status, _, location) => {
    await using other = await startServer([answer(yes)])
    const scene = await against([answer(http(status, '', { location: location(other.port) })), answer(yes)])
    expectEnd(scene, failed('invalid-response', undefined, { status, shows: [/redirect/] }))
    expectRequests(scene, [])
    expect(other.connections()).toBe(0)
  })
})

describe('TLS', () => {
  const authority = newAuthority('Trusted Test Authority')
  const stranger = newAuthority('Unknown Test Authority')
  const trusted = authority.cert
  const localhost = authority.issue('localhost')

  test.concurrent('by an authority in NODE_EXTRA_CA_CERTS is trusted', async () => {
    const scene = await against([answer(yes)], { tls: localhost, trusted })
    expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
    expectRequests(scene, [])
  })

  const flaws: [string, Parameters<typeof against>[1], RegExp][] = [
    ['by an authority that nobody knows', { tls: stranger.issue('localhost'), trusted }, /localhost.*not trusted/],
    ['by an authority that is not given', { tls: localhost }, /localhost.*not trusted/],
    ['that signed itself', { tls: authority.issue('localhost', 'self-signed'), trusted }, /localhost.*SELF_SIGNED/],
    ['for another host', { tls: authority.issue('tapi.bale.ai'), trusted }, /localhost.*another host.*ALTNAME/],
    ['that has expired', { tls: authority.issue('localhost', 'expired'), trusted }, /localhost.*expired.*clock/],
    ['that is not valid yet', { tls: authority.issue('localhost', 'not yet valid'), trusted }, /localhost.*yet.*clock/],
    ['of a weak key', { tls: authority.issue('localhost', 'weak'), trusted }, /localhost.*certificate.*weak/],
  ]
  const settings = [
    { setting: '', env: {} },
    { setting: ', even if the checks are “turned off”', env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
  ]
  test.concurrent.each(
    flaws.flatMap(([name, options, shows]) =>
      settings.map(({ setting, env }) => ({ name: `${name}${setting}`, options: { ...options, env }, shows })),
    ),
  )('with a certificate $name is final, and nothing is sent', async ({ options, shows }) => {
    const scene = await against([answer(yes)], options)
    expectEnd(scene, failed('unreachable', undefined, { shows: [shows] }))
    expect({ bytes: scene.bytes, connections: scene.connections }).toEqual({ bytes: 0, connections: 1 })
  })

  test.concurrent('towards a port that speaks plain HTTP is final, and the token is not sent', async () => {
    await using server = await startServer([({ socket }) => socket.end(http(400, 'no TLS here'))])
    const ended = await run(`https://localhost:${server.port}`)
    expectEnd(ended, failed('unreachable', undefined, { shows: [/TLS/] }))
    expect(server.requests).toHaveLength(0)
    expect(server.connections()).toBe(1)
  })

  test.concurrent('on a port that is asked in plain HTTP is no answer', async () => {
    await using server = await startServer([answer(yes)], { tls: localhost })
    const ended = await run(`http://127.0.0.1:${server.port}`, { inputs: { 'max-attempts': '2' } })
    expectEnd(ended, failed('unreachable', undefined, { attempts: 2, lost: true }))
    expect(server.requests).toHaveLength(0)
  })

  test.concurrent('that ends in the handshake cannot have worked, and is tried again', async () => {
    await using server = await startServer([endAtOnce])
    const ended = await run(`https://localhost:${server.port}`, { inputs: { 'max-attempts': '2' }, trusted })
    expectEnd(ended, failed('unreachable', undefined, { attempts: 2 }))
    expect(server.connections()).toBe(2)
  })

  test.concurrent('that ends after the request may have worked', async () => {
    const scene = await against([answer(), answer(alreadyClosed)], { tls: localhost, trusted })
    expectEnd(scene, { outcome: 'closed', attempts: 2, status: 400, warns: true })
    expectRequests(scene, [500])
  })
})

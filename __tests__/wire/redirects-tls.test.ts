/** Redirects, which are never followed, and TLS, which is never loosened. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, answer, endAtOnce, http, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, closed, expectEnd, expectRequests, failed, inferred, playAll } from './play.ts'
import type { RowOptions } from './play.ts'
import { startServer } from './server.ts'

describe('a redirect is final, and no host receives anything of it', () => {
  test.concurrent.each<[number, string, string]>([
    ...[301, 302, 303, 307, 308].map((status): [number, string, string] => [
      status,
      'to another host',
      'http://127.0.0.1:PORT/bot123/close',
    ]),
    [302, 'to another host by a relative address', '//127.0.0.1:PORT/elsewhere'],
    [307, 'to another protocol', 'https://127.0.0.1:PORT/'],
    [302, 'to a place that is none', 'http://[/'],
    [307, 'to itself', 'close'],
  ])('%d %s', async (status, _, place) => {
    await using other = await startServer([answer(yes)])
    const scene = await against([
      http(status, '', { location: place.replace('PORT', String(other.port)) }),
      yes,
    ])
    expectEnd(scene, failed('invalid-response', status, { shows: [/redirect/] }))
    expectRequests(scene, [])
    expect(other.connections()).toBe(0)
  })
})

describe('TLS', () => {
  const authority = newAuthority('Trusted Test Authority')
  const stranger = newAuthority('Unknown Test Authority')
  const trusted = authority.cert
  const localhost = authority.issue('localhost')

  const flaws: [string, RowOptions, RegExp][] = [
    [
      'by an authority that nobody knows',
      { tls: stranger.issue('localhost'), trusted },
      /localhost.*not trusted/,
    ],
    ['by an authority that is not given', { tls: localhost }, /localhost.*not trusted/],
    [
      'that signed itself',
      { tls: authority.issue('localhost', 'self-signed'), trusted },
      /localhost.*SELF_SIGNED/,
    ],
    [
      'for another host',
      { tls: authority.issue('tapi.bale.ai'), trusted },
      /localhost.*another host.*ALTNAME/,
    ],
    [
      'that has expired',
      { tls: authority.issue('localhost', 'expired'), trusted },
      /localhost.*expired.*clock/,
    ],
    [
      'that is not valid yet',
      { tls: authority.issue('localhost', 'not yet valid'), trusted },
      /localhost.*yet.*clock/,
    ],
    [
      'of a weak key',
      { tls: authority.issue('localhost', 'weak'), trusted },
      /localhost.*certificate.*weak/,
    ],
  ]
  const settings = [
    { setting: '', env: {} },
    {
      setting: ', even if the checks are “turned off”',
      env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    },
  ]
  test.concurrent.each(
    flaws.flatMap(([name, options, shows]) =>
      settings.map(({ setting, env }) => ({
        name: `${name}${setting}`,
        options: { ...options, env },
        shows,
      })),
    ),
  )('with a certificate $name is final, and nothing is sent', async ({ options, shows }) => {
    const scene = await against(yes, options)
    expectEnd(scene, { outcome: 'unreachable', shows: [shows] })
    expect({ bytes: scene.bytes, connections: scene.connections }).toEqual({
      bytes: 0,
      connections: 1,
    })
  })

  const plain = http(400, 'no TLS here')
  const [byTls, byHttp, twice] = [
    'https://localhost:PORT',
    'http://127.0.0.1:PORT',
    { 'max-attempts': '2' },
  ]
  playAll([
    ['by an authority in NODE_EXTRA_CA_CERTS is trusted', yes, closed, { tls: localhost, trusted }],
    [
      'towards a port that speaks plain HTTP is final, and the token is not sent',
      ({ socket }) => socket.end(plain),
      { outcome: 'unreachable', shows: [/TLS/] },
      { url: byTls, unsentOn: 1 },
    ],
    [
      'on a port that is asked in plain HTTP is no answer',
      yes,
      { outcome: 'unreachable', attempts: 2, lost: true },
      { url: byHttp, tls: localhost, inputs: twice, unsentOn: 2 },
    ],
    [
      'that ends in the handshake cannot have worked, and is tried again',
      endAtOnce,
      { outcome: 'unreachable', attempts: 2 },
      { url: byTls, trusted, inputs: twice, unsentOn: 2 },
    ],
    [
      'that ends after the request may have worked',
      [answer(), alreadyClosed],
      inferred,
      { tls: localhost, trusted },
    ],
  ])
})

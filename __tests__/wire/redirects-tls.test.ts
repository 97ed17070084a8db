/** Redirects, which are never followed, and TLS, which is never loosened. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, answer, endAtOnce, http, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, expectEnd, expectRequests, run, testTimeoutMs } from './play.ts'
import { startServer } from './server.ts'

describe('a redirect is final, and no host receives anything of it', () => {
  const places: Record<string, (port: number) => string> = {
    'to another host': (port) => `http://127.0.0.1:${port}/bot123/close`,
    'to another host by a relative address': (port) => `//127.0.0.1:${port}/elsewhere`,
    'to another protocol': (port) => `https://127.0.0.1:${port}/`,
    'to a place that is none': () => 'http://[/',
  }
  const rows = [301, 302, 303, 307, 308].flatMap((status) =>
    Object.entries(places).map(([name, location]) => ({ status, name, location })),
  )

  test.concurrent.each(rows)(
    '$status $name',
    async ({ status, location }) => {
      await using other = await startServer([answer(yes)])
      const scene = await against([answer(http(status, '', { location: location(other.port) }))])
      expectEnd(scene, { outcome: 'invalid-response', attempts: 1, status, shows: [/redirect/] })
      expectRequests(scene, [])
      expect(other.connections()).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'to itself',
    async () => {
      const scene = await against([answer(http(307, '', { location: 'close' })), answer(yes)])
      expectEnd(scene, { outcome: 'invalid-response', attempts: 1, status: 307 })
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )

  test.concurrent(
    'in headers that only browsers read',
    async () => {
      await using other = await startServer([answer(yes)])
      const elsewhere = `127.0.0.1:${other.port}`
      const headers = {
        location: `http://${elsewhere}/`,
        'content-location': `http://${elsewhere}/`,
        refresh: `0; url=http://${elsewhere}/`,
        'alt-svc': `h2="${elsewhere}"`,
      }
      const scene = await against([
        answer(http(503, '', headers)),
        answer(http(200, '{"ok":true,"result":true}', headers)),
      ])
      expectEnd(scene, { outcome: 'closed', attempts: 2, status: 200 })
      expect(other.connections()).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'of the deletion: close is not sent',
    async () => {
      const scene = await against([answer(http(302, '', { location: '/' })), answer(yes)], {
        inputs: { 'delete-webhook': 'true' },
      })
      expectEnd(scene, { outcome: 'invalid-response', attempts: 0, status: 302, shows: [/deleteWebhook/] })
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )
})

describe('TLS', () => {
  const authority = newAuthority('Trusted Test Authority')
  const stranger = newAuthority('Unknown Test Authority')
  const trusted = authority.cert
  const localhost = authority.issue('localhost')

  test.concurrent(
    'by an authority in NODE_EXTRA_CA_CERTS is trusted',
    async () => {
      const scene = await against([answer(yes)], { tls: localhost, trusted })
      expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )

  const faults: [string, Parameters<typeof against>[1], RegExp][] = [
    ['by an authority that nobody knows', { tls: stranger.issue('localhost'), trusted }, /localhost.*not trusted/],
    ['by an authority that is not given', { tls: localhost }, /localhost.*not trusted/],
    ['for another host', { tls: authority.issue('tapi.bale.ai'), trusted }, /localhost.*for another host.*ALTNAME/],
    ['that has expired', { tls: authority.issue('localhost', 'expired'), trusted }, /expired/],
  ]
  const settings = [
    { setting: '', env: {} },
    { setting: ', even if the checks are “turned off”', env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
  ]
  test.concurrent.each(
    faults.flatMap(([name, options, shows]) =>
      settings.map(({ setting, env }) => ({ name: `${name}${setting}`, options: { ...options, env }, shows })),
    ),
  )(
    'by a certificate $name is final, and nothing is sent',
    async ({ options, shows }) => {
      const scene = await against([answer(yes)], options)
      expectEnd(scene, { outcome: 'unreachable', attempts: 1, shows: [shows] })
      expect(scene.requests).toHaveLength(0)
      expect(scene.connections).toBe(1)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'towards a port that speaks plain HTTP is final, and the token is not sent',
    async () => {
      await using server = await startServer([({ socket }) => socket.end(http(400, 'no TLS here'))])
      const ended = await run(`https://localhost:${server.port}`)
      expectEnd(ended, { outcome: 'unreachable', attempts: 1, shows: [/TLS/] })
      expect(server.requests).toHaveLength(0)
      expect(server.connections()).toBe(1)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'on a port that is asked in plain HTTP is no answer',
    async () => {
      await using server = await startServer([answer(yes)], { tls: localhost })
      const ended = await run(`http://127.0.0.1:${server.port}`, { inputs: { 'max-attempts': '2' } })
      expectEnd(ended, { outcome: 'unreachable', attempts: 2, lost: true })
      expect(server.requests).toHaveLength(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'that ends in the handshake has delivered nothing: a bot that is already closed was not closed by us',
    async () => {
      await using server = await startServer([endAtOnce])
      const ended = await run(`https://localhost:${server.port}`, { inputs: { 'max-attempts': '2' }, trusted })
      expectEnd(ended, { outcome: 'unreachable', attempts: 2 })
      expect(server.connections()).toBe(2)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'that ends after the request loses the answer',
    async () => {
      const scene = await against([answer(), answer(alreadyClosed)], { tls: localhost, trusted })
      expectEnd(scene, { outcome: 'closed', attempts: 2, status: 400 })
      expectRequests(scene, [500])
    },
    testTimeoutMs,
  )
})

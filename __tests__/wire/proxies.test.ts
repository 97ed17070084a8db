/** Proxies. The API has the name `bale.test` here, which only a proxy can find. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, head, http, yes } from './answers.ts'
import { newAuthority } from './certificates.ts'
import type { Identity } from './certificates.ts'
import { answer, endAtOnce, stall, tunnelTo } from './replies.ts'
import { closed, expectResult, fails, once, run, runAgainst, token } from './run.ts'
import type { Expectation, RunOptions } from './run.ts'
import { withServer } from './server.ts'
import type { Reply, ServerScript } from './server.ts'

const authority = newAuthority('Test Authority of Proxies')
const password = 'FAKE+proxy/password%41'
const credentials = `proxy-user:${encodeURIComponent(password)}`
const basic = Buffer.from(`proxy-user:${password}`).toString('base64')
const here = '127.0.0.1:PORT'
const unreachable = (more?: Partial<Expectation>) => fails('unreachable', undefined, more)

interface ProxiedRunOptions extends RunOptions {
  /** What the API answers. */
  script?: ServerScript
  /** What the proxy does with its first connection; by default it connects it to the API, as all others. */
  first?: Reply
  /** With `PORT` for the proxy's port. */
  proxyUrl?: string
  apiUrl?: string
  /** The certificate of a proxy that speaks TLS. */
  tls?: Identity
}

/** Runs the bundle with a proxy between it and the API. */
function runThroughProxy(options: ProxiedRunOptions = {}) {
  const { script = yes, first, proxyUrl = `http://${credentials}@${here}`, tls } = options
  return withServer(script, { tls: authority.issue('bale.test') }, (api) => {
    const replies = [...(first ? [first] : []), tunnelTo(api.port)]
    return withServer(replies, { tls }, async (proxy) => {
      const result = await run(options.apiUrl ?? 'https://bale.test', {
        trusted: authority.cert,
        ...options,
        env: { ...options.env, https_proxy: proxyUrl.replace('PORT', String(proxy.port)) },
        secrets: [password, encodeURIComponent(password), basic],
      })
      return { result, api, proxy }
    })
  })
}

describe('A proxy', () => {
  const byTls = { proxyUrl: `https://${credentials}@localhost:PORT`, preloads: [] }
  test.concurrent.each<[string, ProxiedRunOptions]>([
    ['', {}],
    [' over TLS', { ...byTls, tls: authority.issue('localhost') }],
  ])('gets CONNECT with credentials%s, and the API the request', async (_, options) => {
    const { result, api, proxy } = await runThroughProxy(options)
    expectResult(result, closed)
    expect(proxy.requests).toMatchObject([
      {
        line: 'CONNECT bale.test:443 HTTP/1.1',
        headers: {
          host: 'bale.test:443',
          'proxy-authorization': `Basic ${basic}`,
          'user-agent': 'close-bale-bot',
        },
      },
    ])
    expect(JSON.stringify(proxy.requests)).not.toContain(token)
    expect(api.requests.map(({ line }) => line)).toEqual([`POST /bot${token}/close HTTP/1.1`])
    expect(api.requests[0]?.headers).not.toHaveProperty('proxy-authorization')
  })

  test.concurrent('is asked for a tunnel in a dry run, through which nothing is sent', async () => {
    const { result, api, proxy } = await runThroughProxy({ inputs: { 'dry-run': 'true' } })
    expectResult(result, { outcome: 'dry-run' })
    expect([proxy.requests.length, api.connections, api.bytes]).toEqual([1, 1, 0])
  })

  test.concurrent('whose certificate is not trusted is final, and gets nothing', async () => {
    const tls = newAuthority('Unknown Authority of Proxies').issue('localhost')
    const { result, api, proxy } = await runThroughProxy({ ...byTls, tls })
    expectResult(result, unreachable({ says: [/not trusted/] }))
    expect([proxy.bytes, api.connections]).toEqual([0, 0])
  })

  test.concurrent('does not make the API’s certificate trusted', async () => {
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    const { result, api } = await runThroughProxy({ apiUrl: 'https://other.test', env })
    expectResult(result, unreachable({ says: [/other\.test.*ALTNAME/] }))
    expect(api.bytes).toBe(0)
  })

  test.concurrent('that answers 407 is final: only Basic is supported', async () => {
    const first = answer(http(407, '', { 'proxy-authenticate': 'Negotiate' }))
    const { result, api, proxy } = await runThroughProxy({ proxyUrl: here, first })
    const says = [/407/, /Basic/, /bale\.test.*proxy \W?127\.0\.0\.1:\d+/]
    expectResult(result, unreachable({ says }))
    expect([proxy.requests.length, api.connections]).toEqual([1, 0])
  })

  const undelivered: Record<string, Reply> = {
    'answers 403 with the token and the password': answer(http(`403 ${token}`, password)),
    'is no proxy': answer('220 mail.example ESMTP\r\n\r\n'),
    'ends the connection': endAtOnce,
    'agrees, and ends the connection': answer('HTTP/1.1 204 No Content\r\n\r\n'),
  }
  test.concurrent.each(Object.entries(undelivered))(
    'that %s is asked again, and has delivered nothing',
    async (_, first) => {
      const { result, api, proxy } = await runThroughProxy({ first, script: alreadyClosed })
      expectResult(result, fails('already-closed', 400, { attempts: 2 }))
      expect([proxy.connections, api.requests.length]).toEqual([2, 1])
    },
  )

  test.concurrent('that agrees and is silent then cannot have delivered anything', async () => {
    const inputs = { ...once, 'attempt-timeout-seconds': '3' }
    const { result, api } = await runThroughProxy({ first: stall(head('200 OK')), inputs })
    expectResult(result, fails('timed-out'))
    expect(api.connections).toBe(0)
  })
})

test.concurrent('No proxy is used for a loopback host', async () => {
  // Nothing listens there, so a request by way of it would fail.
  const dead = 'http://127.0.0.1:1'
  const env = { https_proxy: dead, http_proxy: dead, NODE_USE_ENV_PROXY: '1' }
  const { cert: trusted, issue } = authority
  expectResult(await runAgainst(yes, { env }), closed)
  expectResult(await runAgainst(yes, { env, trusted, tls: issue('localhost') }), closed)
})

test.concurrent('A proxy variable that cannot be used is invalid: nothing is sent', async () => {
  const proxyUrl = `socks5://${credentials}@${here}`
  const { result, api, proxy } = await runThroughProxy({ proxyUrl })
  expectResult(result, fails('invalid-input', undefined, { says: [/https_proxy.*SOCKS/] }))
  expect(result.written).not.toMatch(/proxy-user|socks5:/)
  expect(proxy.connections + api.connections).toBe(0)
})

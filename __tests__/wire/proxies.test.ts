/** Proxies. The API has the name `bale.test` here, which only a proxy can find. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, head, http, tryAgain, unknownToken, yes } from './answers.ts'
import { newAuthority } from './certificates.ts'
import type { Identity } from './certificates.ts'
import { answer, endAtOnce, flood, reset, silent, stall, tunnelTo } from './replies.ts'
import { closed, expectResult, fails, once, repliesOf, run, runAgainst, token } from './run.ts'
import type { Expectation, RunOptions, ServerScript } from './run.ts'
import { withServer } from './server.ts'
import type { Reply } from './server.ts'

const authority = newAuthority('Test Authority of Proxies')
const tls = authority.issue('bale.test')
const password = 'FAKE+proxy/password%41'
const credentials = `proxy-user:${encodeURIComponent(password)}`
const basic = Buffer.from(`proxy-user:${password}`).toString('base64')
const here = '127.0.0.1:PORT'
const used = { https_proxy: `http://${credentials}@${here}` }
const unreachable = (more?: Partial<Expectation>) => fails('unreachable', undefined, more)

interface ProxiedRunOptions extends RunOptions {
  /** What the API answers. */
  script?: ServerScript
  /** What the proxy does with its first connection; by default it connects it to the API, as all others. */
  first?: Reply
  /** `PORT` in a variable stands for the proxy's port. */
  env?: Readonly<Record<string, string>>
  apiUrl?: string
  /** The certificate of a proxy that speaks TLS. */
  proxyTls?: Identity
}

/** Runs the bundle with a proxy between it and the API. */
function runThroughProxy(options: ProxiedRunOptions = {}) {
  const { script = yes, first, env = used, apiUrl = 'https://bale.test', proxyTls } = options
  return withServer(repliesOf(script), { tls }, (api) => {
    const replies = [...(first ? [first] : []), tunnelTo(api.port)]
    return withServer(replies, proxyTls ? { tls: proxyTls } : {}, async (proxy) => {
      const variables = Object.entries(env).map(([name, value]) => [
        name,
        value.replace('PORT', String(proxy.port)),
      ])
      const result = await run(apiUrl, {
        trusted: authority.cert,
        ...options,
        env: Object.fromEntries(variables) as Record<string, string>,
        secrets: [password, encodeURIComponent(password), basic],
      })
      return { result, api, proxy }
    })
  })
}

describe('A proxy', () => {
  const byTls = { env: { https_proxy: `https://${credentials}@localhost:PORT` }, preloads: [] }
  const localhost = authority.issue('localhost')
  test.concurrent.each<[string, ProxiedRunOptions]>([
    ['', {}],
    [' over TLS', { ...byTls, proxyTls: localhost }],
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

  test.concurrent(
    'is taken from the variable in upper case and without a scheme, too',
    async () => {
      const { result, proxy } = await runThroughProxy({ env: { HTTPS_PROXY: here } })
      expectResult(result, closed)
      expect(proxy.requests).toHaveLength(1)
    },
  )

  test.concurrent('is used for every attempt and every method', async () => {
    const script = [tryAgain, yes, tryAgain, unknownToken]
    const inputs = { 'delete-webhook': 'true' }
    const { result, api, proxy } = await runThroughProxy({ script, inputs })
    expectResult(result, fails('unauthorized', 403, { attempts: 2, webhook: 'is deleted' }))
    expect([proxy.requests.length, api.requests.length]).toEqual([4, 4])
  })

  test.concurrent('whose certificate is not trusted is final, and gets nothing', async () => {
    const proxyTls = newAuthority('Unknown Authority of Proxies').issue('localhost')
    const { result, api, proxy } = await runThroughProxy({ ...byTls, proxyTls })
    expectResult(result, unreachable({ says: [/not trusted/] }))
    expect([proxy.byteCount(), api.connectionCount()]).toEqual([0, 0])
  })

  test.concurrent('does not make the API’s certificate trusted', async () => {
    const env = { https_proxy: here, NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    const { result, api } = await runThroughProxy({ apiUrl: 'https://other.test', env })
    expectResult(result, unreachable({ says: [/other\.test.*ALTNAME/] }))
    expect(api.byteCount()).toBe(0)
  })

  test.concurrent('that answers 407 is final: only Basic is supported', async () => {
    const first = answer(http(407, '', { 'proxy-authenticate': 'Negotiate' }))
    const { result, api, proxy } = await runThroughProxy({ env: { https_proxy: here }, first })
    const says = [/407/, /Basic/, /bale\.test.*proxy \W?127\.0\.0\.1:\d+/]
    expectResult(result, unreachable({ says }))
    expect([proxy.requests.length, api.connectionCount()]).toEqual([1, 0])
  })

  const fillers = Buffer.from('X-Filler: x\r\n'.repeat(1000))
  const undelivered: Record<string, Reply> = {
    'answers 403 with the token and the password': answer(http(`403 ${token}`, password)),
    'is no proxy': answer('220 mail.example ESMTP\r\n\r\n'),
    'resets CONNECT': reset(),
    'ends the connection': endAtOnce,
    'agrees, and ends the connection': answer('HTTP/1.1 204 No Content\r\n\r\n'),
    'sends headers without end': flood('HTTP/1.1 200 OK\r\n', fillers),
  }
  test.concurrent.each(Object.entries(undelivered))(
    'that %s is asked again, and cannot have delivered a close',
    async (_, first) => {
      const { result, api, proxy } = await runThroughProxy({ first, script: alreadyClosed })
      expectResult(result, fails('already-closed', 400, { attempts: 2 }))
      expect([proxy.connectionCount(), api.requests.length]).toEqual([2, 1])
    },
  )

  test.concurrent('that is refused is unreachable', async () => {
    const env = { https_proxy: `http://${credentials}@127.0.0.1:1` }
    const { result } = await runThroughProxy({ env, inputs: once })
    expectResult(result, unreachable({ says: [/proxy \W?127\.0\.0\.1:1\b/, /ECONNREFUSED/] }))
  })

  test.concurrent.each<[string, Reply]>([
    ['is silent', silent],
    ['agrees and is silent then', stall(head('200 OK'))],
  ])('that %s is timed out, and cannot have worked', async (_, first) => {
    const inputs = { ...once, 'attempt-timeout-seconds': '3' }
    const { result, api } = await runThroughProxy({ first, inputs })
    expectResult(result, fails('timed-out'))
    expect(api.connectionCount()).toBe(0)
  })
})

describe('No proxy is used', () => {
  test.concurrent('for a host in NO_PROXY, whatever the proxy is', async () => {
    const env = { https_proxy: 'socks5://x', NO_PROXY: 'x.example, BALE.test:443' }
    const { result } = await runThroughProxy({ env, inputs: once })
    expectResult(result, unreachable({ says: [/bale\.test.*ENOTFOUND/], saysNot: /proxy “/ }))
  })

  test.concurrent('for a loopback host', async () => {
    // Nothing listens there, so a request by way of it would fail.
    const dead = 'http://127.0.0.1:1'
    const env = { https_proxy: dead, http_proxy: dead, NODE_USE_ENV_PROXY: '1' }
    const { cert: trusted, issue } = authority
    expectResult(await runAgainst(yes, { env }), closed)
    expectResult(await runAgainst(yes, { env, trusted, tls: issue('localhost') }), closed)
  })
})

describe('A proxy variable that cannot be used is an invalid input, and nothing is sent:', () => {
  test.concurrent.each<[string, string, string, RegExp]>([
    ['SOCKS', 'https_proxy', `socks5://${credentials}@${here}`, /SOCKS/],
    ['quotes around it', 'HTTPS_PROXY', `"http://${credentials}@${here}"`, /quotes/],
    ['a broken escape', 'https_proxy', `http://x:${password}%zz@${here}`, /percent/i],
  ])('%s', async (_, variable, value, says) => {
    const { result, api, proxy } = await runThroughProxy({ env: { [variable]: value } })
    expectResult(result, fails('invalid-input', undefined, { says: [says, new RegExp(variable)] }))
    expect(result.written).not.toMatch(/proxy-user|socks5:/)
    expect(proxy.connectionCount() + api.connectionCount()).toBe(0)
  })
})

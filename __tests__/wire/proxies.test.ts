/** Proxies. The API has the name `bale.test` here, which only a proxy can find. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, answer, endAtOnce, flood, head, http, page } from './acts.ts'
import { reset, resetAtOnce, stall, tryAgain, unknownToken, tunnelTo, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import type { Identity } from './certificates.ts'
import { against, closed, expectEnd, failed, once, run, token } from './play.ts'
import type { End, RunOptions } from './play.ts'
import { pretendVersion, resolveNothing } from './preload.ts'
import { startServer } from './server.ts'
import type { Act } from './server.ts'

const authority = newAuthority('Test Authority of Proxies')
const baleTest = authority.issue('bale.test')
const trusted = authority.cert
const unknownHost: End = { outcome: 'unreachable', shows: [/bale\.test.*ENOTFOUND/] }
const password = 'FAKE+proxy/password%41'
const credentials = `proxy-user:${encodeURIComponent(password)}`
const basic = Buffer.from(`proxy-user:${password}`).toString('base64')
const hidden = [password, encodeURIComponent(password), basic]

interface ProxiedOptions extends RunOptions {
  /** What the API answers. */
  script?: readonly Act[]
  /** What the proxy does; by default it connects to the API. */
  proxyScript?: (apiPort: number) => readonly Act[]
  /** `PORT` in a variable stands for the proxy's port. */
  env?: Readonly<Record<string, string>>
  /** `PORT` in it stands for the API's port. */
  apiUrl?: string
  /** Whether the proxy itself speaks TLS, and by whose certificate. */
  tls?: Identity
}

/** Runs the bundle with a proxy between it and the API. */
async function through(options: ProxiedOptions = {}) {
  const { script = [answer(yes)], proxyScript = (port: number) => [tunnelTo(port)], tls } = options
  const {
    env = { https_proxy: `http://${credentials}@127.0.0.1:PORT` },
    apiUrl = 'https://bale.test',
  } = options
  await using api = await startServer(script, { tls: baleTest })
  await using proxy = await startServer(proxyScript(api.port), { ...(tls && { tls }) })
  const variables = Object.entries(env).map(([name, value]) => [
    name,
    value.replace('PORT', String(proxy.port)),
  ])
  const result = await run(apiUrl.replace('PORT', String(api.port)), {
    trusted,
    ...options,
    env: Object.fromEntries(variables) as Record<string, string>,
    secrets: hidden,
  })
  return { result, api, proxy }
}

describe('a proxy', () => {
  const overTls = { env: { https_proxy: `https://${credentials}@localhost:PORT` }, preloads: [] }

  test.concurrent.each<[string, ProxiedOptions]>([
    ['', {}],
    [' over TLS', { ...overTls, tls: authority.issue('localhost') }],
  ])(
    'gets CONNECT with credentials%s, and the API gets the request through it',
    async (_, options) => {
      const { result, api, proxy } = await through(options)
      expectEnd(result, closed)
      expect(proxy.requests).toHaveLength(1)
      const [connect] = proxy.requests
      expect(connect?.line).toBe('CONNECT bale.test:443 HTTP/1.1')
      expect(connect?.headers['proxy-authorization']).toBe(`Basic ${basic}`)
      expect(JSON.stringify(connect)).not.toContain(token)
      expect(api.requests.map(({ line }) => line)).toEqual([`POST /bot${token}/close HTTP/1.1`])
      expect(api.requests[0]?.headers).not.toHaveProperty('proxy-authorization')
    },
  )

  const here = '127.0.0.1:PORT'
  const noProxy = 'example.org, test.example,bale,*.test,ale.test,bale.test:444'
  test.concurrent.each<[string, Record<string, string>, string[]?]>([
    ['in upper case', { HTTPS_PROXY: `http://${here}` }],
    ['without a scheme', { https_proxy: here }],
    [
      'in both cases: the lower one counts',
      { https_proxy: here, HTTPS_PROXY: 'http://127.0.0.1:1' },
    ],
    ['with exceptions for others', { https_proxy: here, no_proxy: noProxy }],
    [
      'beside all_proxy, which is not read',
      { https_proxy: here, all_proxy: 'socks5://127.0.0.1:1' },
    ],
    ['on the oldest Node', { https_proxy: here }, [resolveNothing, pretendVersion('20.3.0')]],
  ])('is taken from the variables: %s', async (_, env, preloads) => {
    const { result, api, proxy } = await through({ env, ...(preloads && { preloads }) })
    expectEnd(result, closed)
    expect(proxy.requests[0]?.line).toBe('CONNECT bale.test:443 HTTP/1.1')
    expect(api.requests).toHaveLength(1)
  })

  const unsafe = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
  test.concurrent.each<[string, Record<string, string>]>([
    ['', {}],
    [', even if the checks are “turned off”', unsafe],
  ])('whose certificate is not trusted is final, and gets nothing%s', async (_, more) => {
    const tls = newAuthority('Unknown Proxy Authority').issue('localhost')
    const { result, api, proxy } = await through({
      ...overTls,
      tls,
      env: { ...overTls.env, ...more },
    })
    expectEnd(result, { outcome: 'unreachable', shows: [/not trusted/] })
    expect(proxy.requests).toHaveLength(0)
    expect(api.connections()).toBe(0)
  })

  test.concurrent('does not make the API’s certificate trusted', async () => {
    const { result, api } = await through({
      apiUrl: 'https://other.test',
      env: { https_proxy: here, ...unsafe },
    })
    expectEnd(result, { outcome: 'unreachable', shows: [/other\.test.*another host/] })
    expect(api.requests).toHaveLength(0)
  })

  test.concurrent('that wants other credentials is asked once', async () => {
    const challenge = http(407, '', { 'proxy-authenticate': `Basic realm="${password}"` })
    const { result, api, proxy } = await through({ proxyScript: () => [answer(challenge)] })
    const shows = [/407/, /bale\.test.*proxy \W?127\.0\.0\.1:\d+/]
    expectEnd(result, { outcome: 'unreachable', shows })
    expect(proxy.requests).toHaveLength(1)
    expect(api.connections()).toBe(0)
  })

  const undelivered: Record<string, Act> = {
    'answers 502': answer(page(502)),
    'answers 403 with the token and the password': answer(
      http(`403 ${token} ${password}`, `${token} ${password}`),
    ),
    'is no proxy': answer('220 mail.example ESMTP\r\n\r\n'),
    'resets CONNECT': reset(),
    'resets the connection': resetAtOnce,
    'ends the connection': endAtOnce,
    'ends in the middle of its answer': answer('HTTP/1.1 200 Conn'),
    'agrees, and resets the connection': reset('HTTP/1.1 200 OK\r\n\r\n'),
    'agrees, and ends the connection': answer('HTTP/1.1 204 No Content\r\n\r\n'),
    'redirects to another proxy': answer(http(302, '', { location: 'http://127.0.0.1:1/' })),
    'sends interim answers without end': flood(
      '',
      Buffer.from(head('103 Early Hints', { link: '</x>' }).repeat(1000)),
    ),
    'sends headers without end': flood(
      'HTTP/1.1 200 OK\r\n',
      Buffer.from('X-Filler: x\r\n'.repeat(1000)),
    ),
  }
  test.concurrent.each(Object.entries(undelivered))(
    'that %s has delivered nothing, which cannot have worked, and is asked again',
    async (_, act) => {
      const proxyScript = (port: number): Act[] => [act, tunnelTo(port)]
      const { result, api, proxy } = await through({ proxyScript, script: [answer(alreadyClosed)] })
      expectEnd(result, failed('already-closed', 400, { attempts: 2 }))
      expect(proxy.connections()).toBe(2)
      expect(api.requests).toHaveLength(1)
    },
  )

  const greeting = 'HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n'
  test.concurrent.each<[string, Iterable<string>]>([
    ['byte by byte', greeting],
    ['with a page of headers', [greeting.replace('test', 'x'.repeat(8000))]],
    ['in HTTP/1.0, without a phrase', ['HTTP/1.0 200\r\n\r\n']],
  ])('that agrees %s is a proxy like any other', async (_, packets) => {
    const { result, proxy } = await through({ proxyScript: (port) => [tunnelTo(port, packets)] })
    expectEnd(result, closed)
    expect(proxy.connections()).toBe(1)
  })

  test.concurrent('that is refused is unreachable', async () => {
    const env = { https_proxy: `http://${credentials}@127.0.0.1:1` }
    const { result } = await through({ env, inputs: { 'max-attempts': '2' } })
    const shows = [/ECONNREFUSED/, /proxy \W?127\.0\.0\.1:1\b/]
    expectEnd(result, { outcome: 'unreachable', attempts: 2, shows })
  })

  test.concurrent.each([
    ['is silent', stall()],
    ['agrees and is silent then', stall('HTTP/1.1 200 OK\r\n\r\n')],
  ])('that %s is timed out, and cannot have worked', async (_, act) => {
    const inputs = { ...once, 'attempt-timeout-seconds': '1' }
    const { result, api, proxy } = await through({ proxyScript: () => [act], inputs })
    expectEnd(result, { outcome: 'timed-out' })
    expect(result.elapsedMs).toBeLessThan(6000)
    expect(proxy.requests).toHaveLength(1)
    expect(api.connections()).toBe(0)
  })

  test.concurrent('is used for every attempt and every method', async () => {
    const script = [answer(tryAgain), answer(yes), answer(tryAgain), answer(unknownToken)]
    const { result, api, proxy } = await through({ script, inputs: { 'delete-webhook': 'true' } })
    expectEnd(result, failed('unauthorized', 403, { attempts: 2, webhook: 'is deleted' }))
    expect(proxy.requests.map(({ line }) => line)).toEqual(
      Array<string>(4).fill('CONNECT bale.test:443 HTTP/1.1'),
    )
    expect(api.requests).toHaveLength(4)
  })
})

describe('no proxy', () => {
  const used = `http://${credentials}@127.0.0.1:PORT`
  const others = ['all_proxy', 'ALL_PROXY', 'http_proxy', 'HTTP_PROXY']
  const excepted = ['bale.test', '.test', 'test', 'x.example, BALE.test:443', '*']
  test.concurrent.each<[string, Record<string, string>]>([
    ...excepted.map((value, at): [string, Record<string, string>] => [
      `for what ${value} excepts`,
      { https_proxy: used, [at === 0 ? 'NO_PROXY' : 'no_proxy']: value },
    ]),
    ...others.map((name): [string, Record<string, string>] => [
      `from ${name}, which is for others`,
      { [name]: used },
    ]),
    [
      'of a kind that cannot be used',
      { https_proxy: used.replace('http', 'socks5'), no_proxy: 'bale.test' },
    ],
  ])('%s', async (_, env) => {
    const { result, proxy } = await through({ env, inputs: once })
    expectEnd(result, unknownHost)
    expect(proxy.connections()).toBe(0)
  })

  const everywhere = (proxy: string): Record<string, string> => ({
    ...Object.fromEntries(['https_proxy', 'HTTPS_PROXY', ...others].map((name) => [name, proxy])),
    NODE_USE_ENV_PROXY: '1',
  })
  test.concurrent.each(['localhost', '127.0.0.1'])('for the loopback host %s', async (host) => {
    const options = { env: everywhere(used), apiUrl: `https://${host}:PORT`, inputs: once }
    const { result, api, proxy } = await through(options)
    // The certificate is for bale.test: that it is looked at shows that the connection went straight.
    expectEnd(result, { outcome: 'unreachable', shows: [/another host/] })
    expect(proxy.connections()).toBe(0)
    expect(api.connections()).toBe(1)
  })

  test.concurrent('for plain HTTP, which is on loopback always', async () => {
    // Nothing listens there, so that a request by way of it would fail.
    const env = everywhere('http://127.0.0.1:1')
    expectEnd(await against(yes, { url: 'http://localhost:PORT', env }), closed)
  })
})

describe('a proxy variable that cannot be used is an invalid input, and nothing is sent', () => {
  const withHash = `proxy-user:${password.slice(0, 8)}#${password.slice(8)}`
  test.concurrent.each([
    ['SOCKS 5', 'https_proxy', `socks5://${credentials}@127.0.0.1:PORT`],
    ['no URL', 'HTTPS_PROXY', 'http://[not a host'],
    [
      'credentials that cannot be decoded',
      'https_proxy',
      `http://${credentials}%zz@127.0.0.1:PORT`,
    ],
    ['# in the password', 'HTTPS_PROXY', `http://${withHash}@127.0.0.1:PORT`],
  ])('%s in %s', async (_, variable, value) => {
    const { result, api, proxy } = await through({ env: { [variable]: value } })
    const shows = [new RegExp(`\\b${variable}\\b.*http:\\/\\/.*SOCKS`)]
    expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows })
    expect(result.written).not.toMatch(/proxy-user|socks5|not a host/)
    expect(proxy.connections() + api.connections()).toBe(0)
  })

  test.concurrent('also in a dry run', async () => {
    const { result } = await through({
      env: { https_proxy: 'socks5://127.0.0.1:1' },
      inputs: { 'dry-run': 'true' },
    })
    expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/https_proxy/] })
  })
})

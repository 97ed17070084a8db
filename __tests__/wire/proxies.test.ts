/** Proxies. The API has the name `bale.test` here, which only a proxy can find. */
import { describe, expect, test } from '@jest/globals'
import {
  alreadyClosed,
  answer,
  endAtOnce,
  flood,
  head,
  http,
  no,
  page,
  reset,
  resetAtOnce,
  stall,
  unknownToken,
  yes,
} from './acts.ts'
import { newAuthority } from './certificates.ts'
import type { Identity } from './certificates.ts'
import { expectEnd, run, testTimeoutMs, token } from './play.ts'
import type { End, RunOptions } from './play.ts'
import { pretendVersion, resolveNothing } from './preload.ts'
import { tunnelTo } from './proxy.ts'
import { startServer } from './server.ts'
import type { Act, WireRequest } from './server.ts'

const authority = newAuthority('Test Authority of Proxies')
const baleTest = authority.issue('bale.test')
const trusted = authority.cert
const closed: End = { outcome: 'closed', attempts: 1, status: 200 }
const password = 'FAKE+proxy/password%41'
const credentials = `proxy-user:${encodeURIComponent(password)}`
const hidden = [password, encodeURIComponent(password), Buffer.from(`proxy-user:${password}`).toString('base64')]

interface ProxiedOptions extends RunOptions {
  /** What the API answers. */
  script?: readonly Act[]
  /** What the proxy does; by default it connects to the API. */
  proxyScript?: (apiPort: number) => readonly Act[]
  /** The proxy variables, given the proxy's port. */
  variables?: (port: number) => Record<string, string>
  apiUrl?: (port: number) => string
  /** Whether the proxy itself speaks TLS, and by whose certificate. */
  tls?: Identity
}

/** Runs the bundle with a proxy between it and the API. */
async function through(options: ProxiedOptions = {}) {
  const {
    script = [answer(yes)],
    proxyScript = (port: number) => [tunnelTo(port)],
    variables = (port) => ({ https_proxy: `http://${credentials}@127.0.0.1:${port}` }),
    apiUrl = () => 'https://bale.test',
    tls,
  } = options
  await using api = await startServer(script, { tls: baleTest })
  await using proxy = await startServer(proxyScript(api.port), { ...(tls && { tls }) })
  const result = await run(apiUrl(api.port), {
    // A run that forgets its proxy must not ask a real resolver.
    preloads: [resolveNothing],
    trusted,
    ...options,
    env: { ...variables(proxy.port), ...options.env },
    secrets: hidden,
  })
  return {
    result,
    api: { requests: api.requests, connections: api.connections() },
    proxy: { requests: proxy.requests, connections: proxy.connections() },
  }
}

function expectConnect(request: WireRequest | undefined): void {
  expect(request?.line).toBe('CONNECT bale.test:443 HTTP/1.1')
  expect(request?.headers['proxy-authorization']).toBe(
    `Basic ${Buffer.from(`proxy-user:${password}`).toString('base64')}`,
  )
  expect(JSON.stringify(request)).not.toContain(token)
}

describe('a proxy', () => {
  test.concurrent(
    'gets CONNECT with credentials, and the API gets the request through it',
    async () => {
      const { result, api, proxy } = await through()
      expectEnd(result, closed)
      expect(proxy.requests).toHaveLength(1)
      expectConnect(proxy.requests[0])
      expect(api.requests.map(({ line }) => line)).toEqual([`POST /bot${token}/close HTTP/1.1`])
      expect(api.requests[0]?.headers).not.toHaveProperty('proxy-authorization')
    },
    testTimeoutMs,
  )

  test.concurrent.each<[string, (port: number) => Record<string, string>]>([
    ['in upper case', (port) => ({ HTTPS_PROXY: `http://127.0.0.1:${port}` })],
    ['without a scheme', (port) => ({ https_proxy: `127.0.0.1:${port}` })],
    [
      'in both cases: the lower one counts',
      (port) => ({ https_proxy: `127.0.0.1:${port}`, HTTPS_PROXY: 'http://127.0.0.1:1' }),
    ],
    [
      'with exceptions for others',
      (port) => ({ https_proxy: `127.0.0.1:${port}`, no_proxy: 'example.org, test.example,bale' }),
    ],
    [
      'beside all_proxy, which is not read',
      (port) => ({ https_proxy: `127.0.0.1:${port}`, all_proxy: 'socks5://127.0.0.1:1' }),
    ],
  ])(
    'is taken from the variables: %s',
    async (_, variables) => {
      const { result, api, proxy } = await through({ variables })
      expectEnd(result, closed)
      expect(proxy.requests[0]?.line).toBe('CONNECT bale.test:443 HTTP/1.1')
      expect(api.requests).toHaveLength(1)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'of TLS is reached by TLS',
    async () => {
      const { result, api, proxy } = await through({
        tls: authority.issue('localhost'),
        variables: (port) => ({ https_proxy: `https://${credentials}@localhost:${port}` }),
        preloads: [],
      })
      expectEnd(result, closed)
      expectConnect(proxy.requests[0])
      expect(api.requests).toHaveLength(1)
    },
    testTimeoutMs,
  )

  test.concurrent.each([
    ['', {}],
    [', even if the checks are “turned off”', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }],
  ])(
    'of TLS whose certificate is not trusted is final, and gets nothing%s',
    async (_, env) => {
      const { result, api, proxy } = await through({
        tls: newAuthority('Unknown Proxy Authority').issue('localhost'),
        variables: (port) => ({ https_proxy: `https://${credentials}@localhost:${port}` }),
        preloads: [],
        env,
      })
      expectEnd(result, { outcome: 'unreachable', attempts: 1, shows: [/not trusted/] })
      expect(proxy.requests).toHaveLength(0)
      expect(api.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'does not make the API’s certificate trusted',
    async () => {
      const { result, api } = await through({
        apiUrl: () => 'https://other.test',
        env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
      })
      expectEnd(result, { outcome: 'unreachable', attempts: 1, shows: [/other\.test.*for another host/] })
      expect(api.requests).toHaveLength(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'that wants other credentials is asked once',
    async () => {
      const { result, api, proxy } = await through({
        proxyScript: () => [
          answer(http('407 Proxy Authentication Required', '', { 'proxy-authenticate': `Basic realm="${password}"` })),
        ],
      })
      expectEnd(result, { outcome: 'unreachable', attempts: 1, shows: [/407/, /bale\.test.*proxy 127\.0\.0\.1:\d+/] })
      expect(proxy.requests).toHaveLength(1)
      expect(api.connections).toBe(0)
    },
    testTimeoutMs,
  )

  const undelivered: Record<string, Act> = {
    'answers 502': answer(page(502)),
    'answers 403 with the token and the password': answer(http(`403 ${token} ${password}`, `${token} ${password}`)),
    'answers 200 with a yes, and leaves': answer(yes),
    'is no proxy': answer('220 mail.example ESMTP\r\n\r\n'),
    'resets CONNECT': reset(),
    'resets the connection': resetAtOnce,
    'ends the connection': endAtOnce,
    'ends in the middle of its answer': answer('HTTP/1.1 200 Conn'),
    'agrees, and resets the connection': reset('HTTP/1.1 200 OK\r\n\r\n'),
    'agrees, and ends the connection': answer('HTTP/1.1 204 No Content\r\n\r\n'),
    'switches to another protocol': stall(head('101 Switching Protocols', { upgrade: 'x', connection: 'upgrade' })),
    'redirects to another proxy': answer(http(302, '', { location: 'http://127.0.0.1:1/' })),
    'sends interim answers without end': flood('', Buffer.from(head('103 Early Hints', { link: '</x>' }).repeat(1000))),
    'sends headers without end': flood('HTTP/1.1 200 OK\r\n', Buffer.from('X-Filler: x\r\n'.repeat(1000))),
  }
  test.concurrent.each(Object.entries(undelivered))(
    'that %s has delivered nothing and is asked again: a bot that is already closed was not closed by us',
    async (_, act) => {
      const { result, api, proxy } = await through({
        proxyScript: (port) => [act, tunnelTo(port)],
        script: [answer(alreadyClosed)],
      })
      expectEnd(result, { outcome: 'already-closed', attempts: 2, status: 400 })
      expect(proxy.connections).toBe(2)
      expect(api.requests).toHaveLength(1)
    },
    testTimeoutMs,
  )

  test.concurrent.each(Object.entries(undelivered).slice(0, 2))(
    'that %s to the end is unreachable',
    async (_, act) => {
      const { result, proxy } = await through({ proxyScript: () => [act], inputs: { 'max-attempts': '2' } })
      expectEnd(result, { outcome: 'unreachable', attempts: 2, shows: [/proxy 127\.0\.0\.1:\d+/] })
      expect(proxy.requests).toHaveLength(2)
    },
    testTimeoutMs,
  )

  const greeting = 'HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n'
  test.concurrent.each<[string, Iterable<string>]>([
    ['in two packets', [greeting.slice(0, 20), greeting.slice(20)]],
    ['byte by byte', greeting],
    ['with a page of headers', [greeting.replace('test', 'x'.repeat(8000))]],
    ['in HTTP/1.0, without a phrase', ['HTTP/1.0 200\r\n\r\n']],
  ])(
    'that agrees %s is a proxy like any other',
    async (_, packets) => {
      const { result, api, proxy } = await through({ proxyScript: (port) => [tunnelTo(port, packets)] })
      expectEnd(result, closed)
      expect(proxy.connections).toBe(1)
      expect(api.requests).toHaveLength(1)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'that is refused is unreachable',
    async () => {
      const { result } = await through({
        variables: () => ({ https_proxy: `http://${credentials}@127.0.0.1:1` }),
        inputs: { 'max-attempts': '2' },
      })
      expectEnd(result, { outcome: 'unreachable', attempts: 2, shows: [/ECONNREFUSED/, /proxy 127\.0\.0\.1:1\b/] })
    },
    testTimeoutMs,
  )

  test.concurrent.each([
    ['is silent', stall()],
    ['agrees and is silent then', stall('HTTP/1.1 200 OK\r\n\r\n')],
  ])(
    'that %s is timed out, and has delivered nothing',
    async (_, act) => {
      const { result, api, proxy } = await through({
        proxyScript: () => [act],
        inputs: { 'max-attempts': '1', 'attempt-timeout-seconds': '1' },
      })
      expectEnd(result, { outcome: 'timed-out', attempts: 1 })
      expect(result.elapsedMs).toBeLessThan(6000)
      expect(proxy.requests).toHaveLength(1)
      expect(api.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'is used for every attempt and every method',
    async () => {
      const { result, api, proxy } = await through({
        script: [answer(page(503)), answer(yes), answer(page(502)), answer(yes)],
        inputs: { 'delete-webhook': 'true' },
      })
      expectEnd(result, { outcome: 'closed', attempts: 2, status: 200 })
      expect(proxy.requests.map(({ line }) => line)).toEqual(Array<string>(4).fill('CONNECT bale.test:443 HTTP/1.1'))
      expect(api.requests).toHaveLength(4)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'does not change what the API says',
    async () => {
      const { result } = await through({ script: [answer(unknownToken)] })
      expectEnd(result, { outcome: 'unauthorized', attempts: 1, status: 403 })
    },
    testTimeoutMs,
  )
})

describe('no proxy', () => {
  const unused = (port: number): Record<string, string> => ({
    https_proxy: `http://${credentials}@127.0.0.1:${port}`,
    http_proxy: `http://${credentials}@127.0.0.1:${port}`,
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
    HTTP_PROXY: `http://127.0.0.1:${port}`,
    NODE_USE_ENV_PROXY: '1',
  })

  test.concurrent.each(['bale.test', '.test', 'x.example,BALE.test:443', '*', '*.test'])(
    'for what no_proxy=%s excepts',
    async (noProxy) => {
      const { result, proxy } = await through({
        variables: (port) => ({ https_proxy: `http://127.0.0.1:${port}`, no_proxy: noProxy }),
        inputs: { 'max-attempts': '1' },
      })
      expectEnd(result, { outcome: 'unreachable', attempts: 1, shows: [/bale\.test.*ENOTFOUND/] })
      expect(proxy.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent.each(['all_proxy', 'ALL_PROXY', 'http_proxy', 'HTTP_PROXY'])(
    'from %s, which is for others',
    async (name) => {
      const { result, proxy } = await through({
        variables: (port) => ({ [name]: `http://127.0.0.1:${port}` }),
        inputs: { 'max-attempts': '1' },
      })
      expectEnd(result, { outcome: 'unreachable', attempts: 1, shows: [/bale\.test.*ENOTFOUND/] })
      expect(proxy.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent.each(['localhost', '127.0.0.1'])(
    'for the loopback host %s, by TLS',
    async (host) => {
      const { result, api, proxy } = await through({
        variables: unused,
        apiUrl: (port) => `https://${host}:${port}`,
        preloads: [],
        inputs: { 'max-attempts': '1' },
      })
      // The certificate is for bale.test: that it is looked at shows that the connection went straight.
      expectEnd(result, { outcome: 'unreachable', attempts: 1, shows: [/for another host/] })
      expect(proxy.connections).toBe(0)
      expect(api.connections).toBe(1)
    },
    testTimeoutMs,
  )

  test.concurrent.each(['localhost', '127.0.0.1'])(
    'for the loopback host %s',
    async (host) => {
      await using api = await startServer([answer(yes)])
      await using proxy = await startServer([answer(no(403, 'token not found'))])
      const result = await run(`http://${host}:${api.port}`, { env: unused(proxy.port) })
      expectEnd(result, closed)
      expect(proxy.connections()).toBe(0)
    },
    testTimeoutMs,
  )
})

describe('a proxy variable that cannot be used is an invalid input, and nothing is sent', () => {
  const invalid: Record<string, string> = {
    'SOCKS 5': `socks5://${credentials}@127.0.0.1:PORT`,
    'SOCKS 5 with names': `socks5h://127.0.0.1:PORT`,
    'SOCKS 4': `socks4://127.0.0.1:PORT`,
    'another scheme': `ftp://${credentials}@127.0.0.1:PORT`,
    'no URL': 'http://[not a host',
    'a port that is none': `http://${credentials}@127.0.0.1:99999`,
    'credentials that cannot be decoded': `http://proxy-user:${encodeURIComponent(password)}%zz@127.0.0.1:PORT`,
  }
  test.concurrent.each(
    Object.entries(invalid).flatMap(([name, value]) =>
      ['https_proxy', 'HTTPS_PROXY'].map((variable) => [name, variable, value] as const),
    ),
  )(
    '%s in %s',
    async (_, variable, value) => {
      const { result, api, proxy } = await through({
        variables: (port) => ({ [variable]: value.replace('PORT', String(port)) }),
      })
      expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [new RegExp(`\\b${variable}\\b`)] })
      expect(proxy.connections + api.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'where Node is too old to use it',
    async () => {
      const { result, proxy } = await through({
        preloads: [pretendVersion('v24.4.1')],
        variables: (port) => ({ https_proxy: `http://${credentials}@127.0.0.1:${port}` }),
      })
      expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/https_proxy.*v24\.4\.1.*24\.5.*2\.328/] })
      expect(proxy.connections).toBe(0)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'reported together with the inputs that are wrong',
    async () => {
      const { result } = await through({
        variables: () => ({ https_proxy: 'socks5://127.0.0.1:1' }),
        inputs: { 'max-attempts': '0', summary: 'yes' },
      })
      expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/max-attempts/, /summary/, /https_proxy/] })
    },
    testTimeoutMs,
  )

  test.concurrent(
    'also in a dry run',
    async () => {
      const { result } = await through({
        variables: () => ({ https_proxy: 'socks5://127.0.0.1:1' }),
        inputs: { 'dry-run': 'true' },
      })
      expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/https_proxy/] })
    },
    testTimeoutMs,
  )
})

test.concurrent(
  'a dry run with a proxy sends nothing, not even to the proxy',
  async () => {
    const { result, api, proxy } = await through({ inputs: { 'dry-run': 'true' } })
    expectEnd(result, { outcome: 'dry-run', attempts: 0, shows: [/nothing was (sent|closed)/i] })
    expect(proxy.connections + api.connections).toBe(0)
  },
  testTimeoutMs,
)

import { afterEach, expect, test } from '@jest/globals'
import { chooseProxy } from '../../src/proxy.ts'

const API = 'https://tapi.bale.ai'
const before = { ...process.env }

/** The toolkit reads `no_proxy` from the process itself. */
function choose(env: Record<string, string>, apiUrl = API) {
  process.env = { ...env }
  return chooseProxy(new URL(apiUrl), process.env)
}

afterEach(() => {
  process.env = before
})

test.each<[Record<string, string>, string, string]>([
  [{ https_proxy: 'http://proxy:3128' }, 'http://proxy:3128/', ''],
  [{ https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:2' }, 'http://lower:1/', ''],
  [{ https_proxy: '', HTTPS_PROXY: 'http://upper:2' }, 'http://upper:2/', ''],
  [{ https_proxy: 'proxy:3128' }, 'http://proxy:3128/', ''],
  [{ https_proxy: ' HTTPS://Proxy/ ' }, 'https://proxy/', ''],
  [{ https_proxy: 'user:pa%20ss@proxy:3128' }, 'http://user:pa%20ss@proxy:3128/', 'user:pa ss'],
  [{ https_proxy: 'http://:a:b@proxy' }, 'http://:a%3Ab@proxy/', ':a:b'],
])('the proxy of %j is %s', (env, href, credentials) => {
  const { proxy, complaint } = choose(env)
  expect(complaint).toBeUndefined()
  expect(proxy?.url.href).toBe(href)
  const basic = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`
  expect(proxy?.headers).toEqual(basic ? { 'proxy-authorization': basic } : {})
})

const PROXY = { https_proxy: 'http://proxy' }
const BROKEN = { https_proxy: 'socks5://broken' }
test.each<[Record<string, string>, string]>([
  [{}, API],
  [{ http_proxy: 'http://proxy', all_proxy: 'http://proxy' }, API],
  [BROKEN, 'https://localhost'],
  [PROXY, 'https://127.0.0.1:8443'],
  [PROXY, 'http://[::1]:8081'],
  [{ ...PROXY, no_proxy: 'x, BALE.ai' }, API],
  [{ ...PROXY, NO_PROXY: 'tapi.bale.ai:443' }, API],
  [{ ...BROKEN, no_proxy: '.bale.ai' }, API],
])('%j and %s make a direct connection', (env, apiUrl) => {
  expect(choose(env, apiUrl)).toEqual({})
})

test('the proxy is used for a host that no_proxy does not name', () => {
  expect(choose({ ...PROXY, no_proxy: 'ale.ai,tapi.bale.ai:8443,,x' }).proxy).toBeDefined()
})

const WRONG =
  'socks5://user:hunter22@proxy:1080 socks://hunter22 ftp://hunter22 http:// http://u:hunter22@ ' +
  'hunter22:port http:/hunter22:1 hunter22/path xhttp://hunter22 http://u:%zzhunter22@proxy ' +
  'http://u:hunter22#@proxy http://u:hunter22?@proxy http://u:hunter22\\@proxy http://hunter22/x ' +
  'http://u:hunter22/@proxy http://hunter22:99999 "http://hunter22:1" \'http://hunter22\' ' +
  '"hunter22" \'hunter22\' "hunter22:3128" \'u:hunter22@proxy\' http://"hunter22" `hunter22`'
test.each([...WRONG.split(' '), 'http://hunter22 x'])('%s is refused and not quoted', (value) => {
  for (const variable of ['https_proxy', 'HTTPS_PROXY']) {
    const { proxy, complaint } = choose({ [variable]: value })
    expect(proxy).toBeUndefined()
    expect(complaint).toMatch(new RegExp(`^The variable ${variable} must be http://.*SOCKS is not`))
    expect(complaint).not.toContain('hunter22')
  }
})

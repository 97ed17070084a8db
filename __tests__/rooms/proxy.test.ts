import { afterEach, expect, test } from '@jest/globals'
import { chooseProxy, portOf } from '../../src/proxy.ts'
import { words } from './samples.ts'

const API = 'https://tapi.bale.ai'
const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY']

/** The toolkit reads `no_proxy` from the process itself. */
function choose(env: Record<string, string>, apiUrl = API) {
  for (const name of VARIABLES) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, env)
  return chooseProxy(new URL(apiUrl), process.env)
}

const before = { ...process.env }
afterEach(() => {
  for (const name of VARIABLES) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, before)
})

const basic = (text: string) => ({
  'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}`,
})

test.each<[Record<string, string>, string, Record<string, string>?]>([
  [{ https_proxy: 'http://proxy:3128' }, 'http proxy 3128'],
  [{ HTTPS_PROXY: 'http://proxy:3128' }, 'http proxy 3128'],
  [{ https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:2' }, 'http lower 1'],
  [{ https_proxy: '', HTTPS_PROXY: 'http://upper:2' }, 'http upper 2'],
  [{ https_proxy: 'proxy:3128' }, 'http proxy 3128'],
  [{ https_proxy: '10.0.0.1:3128' }, 'http 10.0.0.1 3128'],
  [{ https_proxy: 'http://[::1]:3128' }, 'http [::1] 3128'],
  [{ https_proxy: ' HTTP://Proxy/ ' }, 'http proxy 80'],
  [{ https_proxy: 'https://proxy' }, 'https proxy 443'],
  [{ https_proxy: 'https://proxy:8443' }, 'https proxy 8443'],
  [{ https_proxy: 'user:pa%20ss@proxy:3128' }, 'http proxy 3128', basic('user:pa ss')],
  [{ https_proxy: 'https://user:a:b@proxy' }, 'https proxy 443', basic('user:a:b')],
  [{ https_proxy: 'http://token@proxy' }, 'http proxy 80', basic('token:')],
  [{ https_proxy: 'http://:password@proxy' }, 'http proxy 80', basic(':password')],
  [{ https_proxy: 'http://u%3A%40:%2F%23%3F@proxy' }, 'http proxy 80', basic('u:@:/#?')],
])('the proxy of %j is %s', (env, expected, headers = {}) => {
  const { proxy, complaint } = choose(env)
  const url = proxy?.url ?? new URL('none:')
  expect(`${url.protocol.slice(0, -1)} ${url.hostname} ${portOf(url)}`).toBe(expected)
  expect({ headers: proxy?.headers, complaint }).toEqual({ headers, complaint: undefined })
})

test.each<[Record<string, string>, string]>([
  [{}, API],
  [{ https_proxy: ' ' }, API],
  [{ http_proxy: 'http://proxy', all_proxy: 'http://proxy', HTTP_PROXY: 'http://proxy' }, API],
  [{ https_proxy: 'socks5://broken' }, 'https://localhost'],
  [{ https_proxy: 'http://proxy' }, 'https://127.0.0.1:8443'],
  [{ https_proxy: 'http://proxy' }, 'http://[::1]:8081'],
  [{ https_proxy: 'http://proxy', no_proxy: '*' }, API],
  [{ https_proxy: 'http://proxy', no_proxy: 'x, BALE.ai' }, API],
  [{ https_proxy: 'http://proxy', no_proxy: '.bale.ai' }, API],
  [{ https_proxy: 'http://proxy', NO_PROXY: 'tapi.bale.ai:443' }, API],
  [{ https_proxy: 'socks5://broken', no_proxy: 'tapi.bale.ai' }, API],
])('%j and %s is a direct connection', (env, apiUrl) => {
  expect(choose(env, apiUrl)).toEqual({})
})

test.each(['ale.ai', 'tapi.bale.ai:8443', 'tapi.bale.ai.example', '', ' , '])(
  'the proxy is used although no_proxy is %j',
  (noProxy) => {
    expect(choose({ https_proxy: 'http://proxy', no_proxy: noProxy }).proxy).toBeDefined()
  },
)

const BROKEN = words(`
  socks5://user:hunter22@proxy:1080 socks://hunter22 ftp://hunter22 http:// http://user:hunter22@ hunter22:port
  hunter22/x://y:z http:/hunter22:1 hunter22/path xhttp://hunter22 httpx://hunter22 http://user:%zzhunter22@proxy
  http://user:hunter22#@proxy http://user:hunter22?@proxy http://user:hunter22\\@proxy http://user:hunter22/@proxy
  http://proxy/hunter22/ http://hunter22:99999 hunter#22:hunter22@proxy socks5h://hunter22 socks4://hunter22
`)
test.each([...BROKEN, 'http://hunter22 x'])(
  'a complaint names the variable and never quotes it: %s',
  (value) => {
    for (const variable of ['https_proxy', 'HTTPS_PROXY']) {
      const { proxy, complaint } = choose({ [variable]: value })
      expect(proxy).toBeUndefined()
      expect(complaint).toMatch(
        /^The environment variable \w+ must be http.+; SOCKS proxies are not supported\.$/,
      )
      expect(complaint).toContain(` ${variable} `)
      expect(complaint).not.toMatch(/hunter22|zz/)
    }
  },
)

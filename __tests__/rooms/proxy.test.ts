import { describe, expect, test } from '@jest/globals'
import { chooseProxy, proxySecrets } from '../../src/proxy.ts'

type Env = Record<string, string>
function choose(env: Env, url = 'https://tapi.bale.ai', node = 'v24.5.0') {
  const { proxy, complaints } = chooseProxy(new URL(url), env, node)
  const [complain] = complaints
  return complain ? { complaint: complain((text) => text) } : proxy
}

describe('a proxy', () => {
  test.each<[Env, string]>([
    [{ https_proxy: 'http://proxy:3128' }, 'http://proxy:3128/'],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
    [{ https_proxy: 'http://lower:1', HTTPS_PROXY: 'http://upper:2' }, 'http://lower:1/'],
    [{ https_proxy: '', HTTPS_PROXY: 'http://upper:2' }, 'http://upper:2/'],
    [{ https_proxy: 'proxy:3128' }, 'http://proxy:3128/'],
    [{ https_proxy: '  ', HTTPS_PROXY: 'HTTP://upper:2/' }, 'http://upper:2/'],
    [{ https_proxy: '10.0.0.1:3128' }, 'http://10.0.0.1:3128/'],
    [{ https_proxy: ' https://proxy ' }, 'https://proxy/'],
    [{ https_proxy: 'user:pa%20ss@proxy:3128' }, 'http://user:pa%20ss@proxy:3128/'],
  ])('is taken from %j', (env, url) => {
    expect(choose(env)).toMatchObject({ url, host: new URL(url).host })
  })

  test.each<[Env, string]>([
    [{}, 'https://tapi.bale.ai'],
    [{ https_proxy: ' ' }, 'https://tapi.bale.ai'],
    [{ http_proxy: 'http://proxy:1', all_proxy: 'http://proxy:1', ALL_PROXY: 'socks5://x' }, 'https://tapi.bale.ai'],
    [{ https_proxy: 'http://proxy:1' }, 'https://localhost'],
    [{ https_proxy: 'https://proxy:1' }, 'https://127.0.0.1:8443'],
    [{ https_proxy: 'http://proxy:1' }, 'https://[::1]'],
    [{ https_proxy: 'http://proxy:1', no_proxy: 'x' }, 'https://127.0.0.1'],
    [{ http_proxy: 'http://proxy:1' }, 'http://127.0.0.1'],
  ])('%j is not one for %s', (env, url) => {
    expect(choose(env, url)).toBeUndefined()
  })

  test.each<[string, boolean]>([
    ['*', true],
    ['tapi.bale.ai', true],
    ['TAPI.BALE.AI', true],
    ['bale.ai', true],
    ['.bale.ai', true],
    ['*.bale.ai', true],
    ['tapi.bale.ai:443', true],
    ['bale.ai:443', true],
    ['tapi.bale.ai:8443', false],
    ['other.example, bale.ai', true],
    ['other.example bale.ai', true],
    [' ,, bale.ai', true],
    ['ale.ai', false],
    ['api.bale.ai', false],
    ['tapi.bale.ai.example', false],
    ['', false],
    [' , ', false],
    ['.', false],
  ])('is left out by no_proxy %j: %p', (noProxy, isLeftOut) => {
    const env = { https_proxy: 'http://proxy:3128' }
    expect(choose({ ...env, no_proxy: noProxy }) === undefined).toBe(isLeftOut)
    expect(choose({ ...env, NO_PROXY: noProxy }) === undefined).toBe(isLeftOut)
    expect(choose({ ...env, no_proxy: '', NO_PROXY: noProxy }) === undefined).toBe(isLeftOut)
  })

  test('is not left out by nothing between commas, even for a host with a dot at its end', () => {
    const env = { https_proxy: 'http://proxy:3128', no_proxy: ',,' }
    expect(choose(env, 'https://tapi.bale.ai.')).toBeDefined()
  })

  test('is left out with a port of its own', () => {
    const env = { https_proxy: 'http://proxy:3128', no_proxy: 'relay.example:8443' }
    expect(choose(env, 'https://relay.example:8443')).toBeUndefined()
    expect(choose(env, 'https://relay.example')).toBeDefined()
  })
})

describe('a complaint', () => {
  test.each([
    'socks5://user:hunter22@proxy:1080',
    'socks://proxy',
    'ftp://proxy',
    'http://',
    'http://user:hunter22@',
    'http://pro xy',
    'proxy:port',
    'proxy/x://y:z',
    'http:/proxy:1',
    'proxy/path',
    'xhttp://proxy',
    'httpx://proxy',
    'http://user:%zz@proxy',
  ])('names the variable of %s, not its value', (value) => {
    for (const name of ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY']) {
      const choice = choose({ [name]: value })
      expect(choice).toEqual({ complaint: expect.stringContaining(`The environment variable ${name} `) })
      expect(JSON.stringify(choice)).not.toMatch(/hunter22|%zz|pro xy/)
    }
  })

  test.each([
    ['v20.20.2', false],
    ['v22.21.0', false],
    ['v24.4.9', false],
    ['v24.5.0', true],
    ['v24.21.0', true],
    ['v26.0.0', true],
  ])('says whether Node %s can use a proxy: %p', (node, canUse) => {
    const choice = choose({ https_proxy: 'http://u:hunter22@proxy' }, 'https://tapi.bale.ai', node)
    expect(choice && 'url' in choice).toBe(canUse)
    if (!canUse) expect(choice).toEqual({ complaint: expect.stringMatching(/Node v2.*24\.5.*2\.328/) })
  })
})

test('a wrong variable is told even where no proxy is used, and all of them at once', () => {
  const env = { https_proxy: 'socks5://x', HTTP_PROXY: 'ftp://y', no_proxy: '*' }
  const { complaints } = chooseProxy(new URL('http://127.0.0.1'), env, 'v20.0.0')
  expect(complaints.map((complain) => complain(String))).toEqual([
    expect.stringContaining('https_proxy holds no proxy'),
    expect.stringContaining('HTTP_PROXY holds no proxy'),
  ])
})

describe('what must never be shown of the variables', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  test.each<[string, string[]]>([
    ['http://proxy:3128', []],
    ['http://user:abcd@proxy', ['user:abcd', 'abcd', base64('user:abcd')]],
    ['user:abcd@proxy', ['user:abcd', 'abcd', base64('user:abcd')]],
    ['socks5://user:ab:cd@proxy', ['user:ab:cd', 'ab:cd', base64('user:ab:cd')]],
    ['http://token@proxy', ['token', 'token', base64('token')]],
    ['http://u:abc@proxy', ['u:abc', base64('u:abc')]],
    ['http://user:p%zz@', ['user:p%zz', 'p%zz', base64('user:p%zz')]],
  ])('%s', (value, secrets) => {
    const all = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']
    for (const name of all) expect(new Set(proxySecrets({ [name]: value }))).toEqual(new Set(secrets))
  })

  test('is known as it is written and as it is meant', () => {
    expect(proxySecrets({ https_proxy: ' http://user:pa%20ss@proxy ' })).toEqual([
      'user:pa%20ss',
      'pa%20ss',
      base64('user:pa%20ss'),
      'user:pa ss',
      'pa ss',
      base64('user:pa ss'),
    ])
  })
})

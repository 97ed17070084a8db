/** Which proxy, if any, stands between the runner and the API. */
import type { Complaint } from './safety.ts'

export interface Proxy {
  /** For the agent, credentials included. Never to be shown. */
  readonly url: string
  /** Host and port, to be shown. */
  readonly host: string
}

/** Proxies are promised on the runtimes of the action, from the first that knows proxies itself. */
const PROXY_NODE = 'v24.5.0'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Chooses the proxy for a base URL from the usual variables, in either case; the lower case wins, as with curl.
 * Only https bases are proxied: http is for loopback hosts, and those never are.
 * @returns the proxy, or complaints, or neither where no proxy stands between
 */
export function chooseProxy(
  apiUrl: URL,
  env: Env,
  nodeVersion: string,
): { readonly proxy?: Proxy; readonly complaints: readonly Complaint[] } {
  const complaints: Complaint[] = []
  const refuse = (name: string, words: string): void => {
    complaints.push(() => `The environment variable ${name} ${words}.`)
  }
  const https = variable(env, 'https_proxy')
  for (const { name, value } of [https, variable(env, 'http_proxy')]) {
    if (value && !parseProxyUrl(value)) {
      refuse(name, 'holds no proxy that can be used; it takes http://host:port or https://host:port')
    }
  }
  const url = parseProxyUrl(https.value)
  if (!url || isLoopback(apiUrl.hostname) || isExcepted(apiUrl, variable(env, 'no_proxy').value)) return { complaints }
  if (nodeVersion.localeCompare(PROXY_NODE, 'en', { numeric: true }) < 0) {
    const takes = 'it takes Node 24.5 or newer, which runners have since 2.328'
    refuse(https.name, `names a proxy, which Node ${nodeVersion} cannot use; ${takes}`)
  }
  return { proxy: { url: url.href, host: url.host }, complaints }
}

/**
 * What must never be shown of the proxy variables, in use or not: each name, password and pair, as it is written, as it
 * is meant, and as it is sent. What is very short would hide half of any text.
 */
export function proxySecrets(env: Env): string[] {
  return ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'].flatMap((name) => {
    const [, written] = /^(?:[^/]*\/\/)?([^/]+)@/.exec(env[name]?.trim() ?? '') ?? []
    if (written === undefined) return []
    return [written, decode(written) ?? written].flatMap((pair) => {
      const secret = pair.slice(pair.indexOf(':') + 1)
      return [pair, secret, Buffer.from(pair).toString('base64')].filter(({ length }) => length > 3)
    })
  })
}

function variable(env: Env, name: string): { name: string; value: string } {
  const found = [name, name.toUpperCase()].find((each) => env[each]?.trim())
  return { name: found ?? name, value: env[found ?? name]?.trim() ?? '' }
}

/** Whether a URL's host is this machine: the only hosts for plain http, and never proxied. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** `no_proxy`: `*`, or hosts with or without a port, each with all hosts below it, as the runner itself reads it. */
function isExcepted(apiUrl: URL, noProxy: string): boolean {
  const port = apiUrl.port || '443'
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => entry.replace(/^\*?\./, ''))
    .some((entry) =>
      [apiUrl.hostname, `${apiUrl.hostname}:${port}`].some(
        (host) => entry === '*' || host === entry || host.endsWith(`.${entry}`),
      ),
    )
}

function parseProxyUrl(value: string): URL | undefined {
  const shape = /^(?:(https?):\/\/)?([^/\s]+)\/?$/i.exec(value)
  const text = `${shape?.[1] ?? 'http'}://${shape?.[2] ?? ''}`
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return decode(url.username + url.password) === undefined ? undefined : url
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

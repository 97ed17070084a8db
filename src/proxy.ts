/** Which proxy, if any, stands between the runner and the API. */
import type { Complaint } from './safety.ts'

export interface Proxy {
  /** For the agent, credentials included. Never to be shown. */
  readonly url: string
  /** Host and port, to be shown. */
  readonly host: string
  /** What must never be shown. */
  readonly secrets: readonly string[]
}

/** The first Node whose agents honour a proxy. */
const PROXY_NODE = 'v24.5.0'

/**
 * Chooses the proxy for a base URL from the usual variables, in either case; the lower case wins, as with curl.
 * Only https bases are proxied: http is for loopback hosts, and those never are.
 * @returns the proxy, or a complaint, or neither where no proxy stands between
 */
export function chooseProxy(
  apiUrl: URL,
  env: Readonly<Record<string, string | undefined>>,
  nodeVersion: string,
): { readonly proxy?: Proxy; readonly complaints: readonly Complaint[] } {
  const name = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY'
  const value = env[name]?.trim()
  const excepted = env[env['no_proxy'] ? 'no_proxy' : 'NO_PROXY'] ?? ''
  if (!value || isLoopback(apiUrl.hostname) || isExcepted(apiUrl, excepted)) {
    return { complaints: [] }
  }
  const refuse = (words: string) => ({ complaints: [() => `The environment variable ${name} ${words}.`] })
  const url = parseProxyUrl(value)
  if (!url) {
    return refuse('holds no proxy that can be used; it takes http://host:port or https://host:port')
  }
  if (nodeVersion.localeCompare(PROXY_NODE, 'en', { numeric: true }) < 0) {
    return refuse(
      `names a proxy, which Node ${nodeVersion} cannot use; it takes Node 24.5, which runners have since 2.328`,
    )
  }
  return { proxy: { url: url.href, host: url.host, secrets: credentialsOf(url) }, complaints: [] }
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
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return /^https?:$/.test(url.protocol) && canDecode(url.username + url.password) ? url : undefined
}

/** Node decodes the credentials, and throws, with their text, where it cannot. */
function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** The password alone, both together, and as a proxy is sent them. What is very short would hide half of any text. */
function credentialsOf({ username, password }: URL): string[] {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return [decodeURIComponent(password), pair, Buffer.from(pair).toString('base64')].filter(({ length }) => length > 4)
}

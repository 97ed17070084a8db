/** Which proxy, if any, is on the way to the API. */
import { checkBypass } from '@actions/http-client/lib/proxy'
import { tryTo } from './text.ts'

/** Where the proxy is, and the headers with its credentials, which are secret. */
export type Proxy = NonNullable<ReturnType<typeof parseProxy>>

const SUPPORTED =
  'http://host:port or https://host:port, with percent-encoded user:password@ before the host if needed'

/**
 * Chooses the proxy by the rules of the Actions toolkit: `https_proxy` and `no_proxy` (which the toolkit reads from the
 * process) in lower or upper case, and never a proxy to a loopback host. An `http:` API is always on such a host, so
 * `http_proxy` is not needed.
 * @returns neither for a direct connection; a complaint about a variable that would be used, without its value
 */
export function chooseProxy(
  apiUrl: URL,
  env: NodeJS.ProcessEnv,
): { proxy?: Proxy; complaint?: string } {
  const variable = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY'
  const value = env[variable]?.trim()
  if (!value || checkBypass(apiUrl)) return {}
  const proxy = parseProxy(value)
  if (proxy) return { proxy }
  return {
    complaint: `The environment variable ${variable} must be ${SUPPORTED}; SOCKS proxies are not supported.`,
  }
}

/** Stricter than `URL`, which takes `#`, `?` or a backslash in a password for the end of the host. */
function parseProxy(value: string) {
  const text = /^https?:\/\//i.test(value) ? value : `http://${value}`
  if (!/^https?:\/\/[^\s/\\?#]+\/?$/i.test(text)) return undefined
  return tryTo(() => {
    const url = new URL(text)
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    return { url, headers: credentials === ':' ? {} : { 'proxy-authorization': authorization } }
  })
}

/** The port of an http or https URL, stated or not. */
export const portOf = ({ port, protocol }: URL) =>
  Number(port || (protocol === 'https:' ? 443 : 80))

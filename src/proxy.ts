/** Which proxy, if any, is on the way to the API. */
import { checkBypass } from '@actions/http-client/lib/proxy'

export interface Proxy {
  url: URL
  /** With the credentials, which are secret. */
  headers: { 'proxy-authorization'?: string }
}

const SUPPORTED =
  'http://host:port or https://host:port without quotes, with user:password@ (percent-encoded) before ' +
  'the host if needed; SOCKS is not supported'

/**
 * Chooses the proxy by the rules of the Actions toolkit: `https_proxy` and `no_proxy` (which the
 * toolkit reads from the process) in lower or upper case, and never a proxy to a loopback host. An
 * `http:` API is always on such a host, so `http_proxy` is not needed.
 * @returns neither for a direct connection; a complaint names the variable, never its value
 */
export function chooseProxy(
  apiUrl: URL,
  env: NodeJS.ProcessEnv,
): { proxy?: Proxy; complaint?: string } {
  const variable = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY'
  const value = env[variable]?.trim()
  if (!value || checkBypass(apiUrl)) return {}
  try {
    return { proxy: parseProxy(value) }
  } catch {
    return { complaint: `The variable ${variable} must be ${SUPPORTED}.` }
  }
}

/** Stricter than `URL`, which takes quotes, and ends the host at a `#`, `?` or `\` in a password. */
function parseProxy(value: string): Proxy {
  const text = /^https?:\/\//i.test(value) ? value : `http://${value}`
  const url = new URL(text)
  if (!/^https?:\/\/[^\s/\\?#"'`]+\/?$/i.test(text)) throw new Error('This is no URL of a proxy')
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  if (credentials === ':') return { url, headers: {} }
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  return { url, headers: { 'proxy-authorization': authorization } }
}

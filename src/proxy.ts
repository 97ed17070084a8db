/** Which proxy, if any, is on the way to the API. */
import { checkBypass } from '@actions/http-client/lib/proxy'

export interface HttpProxy {
  url: URL
  headers: { 'proxy-authorization'?: string }
}

const SUPPORTED =
  'http://[user:password@]host:port or https, percent-encoded, without quotes; SOCKS is not supported'

/**
 * Follows the rules of the Actions toolkit, which reads `no_proxy` from the process and uses no proxy
 * to a loopback host. An `http:` API is on such a host, so `http_proxy` is not needed.
 * @returns no proxy for a direct connection; a complaint names the variable, never its value
 */
export function chooseProxy(
  apiUrl: URL,
  env: NodeJS.ProcessEnv,
): { proxy?: HttpProxy; complaint?: string } {
  const variable = env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY'
  const value = env[variable]?.trim()
  if (!value || checkBypass(apiUrl)) return {}
  try {
    return { proxy: parseProxy(value) }
  } catch {
    return { complaint: `The variable ${variable} must be ${SUPPORTED}.` }
  }
}

/** Stricter than `URL`, which takes quotes, and ends a password at `#`, `?` or `\`. */
function parseProxy(value: string): HttpProxy {
  const text = /^https?:\/\//i.test(value) ? value : `http://${value}`
  if (!/^https?:\/\/[^\s/\\?#"'`]+\/?$/i.test(text)) throw new Error()
  const url = new URL(text)
  const credentials = decodeURIComponent(`${url.username}:${url.password}`)
  if (credentials === ':') return { url, headers: {} }
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  return { url, headers: { 'proxy-authorization': authorization } }
}

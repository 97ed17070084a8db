/** How a connection to the API comes to stand: directly, or by a tunnel through a proxy. */
import http from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'

/** Far beyond any answer of the API, headers and interim answers included. Only a flood gets there. */
const MAX_BYTES = 1024 * 1024

const OPTIONS = {
  // Node's own 250 ms for each address of a host are too short for far hosts.
  autoSelectFamilyAttemptTimeout: 5_000,
  // Said aloud, so that no setting of the environment turns it off.
  rejectUnauthorized: true,
}

/**
 * Makes an agent for one request.
 * @param proxyUrl an HTTP proxy for an https base, credentials included
 * @param signal ends a tunnel that does not come to stand
 * @param onConnected called when a connection stands on which the request can be delivered, for https after the
 *   handshake: what fails before cannot have taken effect
 */
export function agentFor(
  apiUrl: string,
  proxyUrl: string | undefined,
  signal: AbortSignal,
  onConnected: () => void,
): http.Agent {
  const { protocol, hostname, port } = new URL(apiUrl)
  const isSecure = protocol === 'https:'
  const agent = isSecure ? new https.Agent(OPTIONS) : new http.Agent(OPTIONS)
  const connect = agent.createConnection.bind(agent)
  const start = (target: http.ClientRequestArgs, tunnel?: Duplex): Duplex | null | undefined => {
    const socket = connect({ ...target, ...(tunnel && { socket: tunnel }) })
    let receivedBytes = 0
    socket?.on('data', (chunk: Buffer) => {
      receivedBytes += chunk.length
      if (receivedBytes > MAX_BYTES) socket.destroy(Object.assign(new Error('too long'), { code: 'TOO_LONG' }))
    })
    return socket?.once(isSecure ? 'secureConnect' : 'connect', onConnected)
  }
  // Node's hook for connections: it takes one as the result, or later by the callback.
  agent.createConnection = (target, callback) => {
    if (proxyUrl === undefined) return start(target)
    const done = callback as (error: unknown, stream?: Duplex | null) => void
    openTunnel(proxyUrl, `${hostname}:${port || '443'}`, signal).then((tunnel) => {
      done(null, start(target, tunnel))
    }, done)
    return undefined
  }
  return agent
}

/**
 * Asks a proxy for a tunnel (RFC 9110, CONNECT). Node's own agent does that, too, but an answer that comes in many small
 * pieces makes it take memory without end.
 */
function openTunnel(proxyUrl: string, authority: string, signal: AbortSignal): Promise<Duplex> {
  const { protocol, hostname, port, username, password } = new URL(proxyUrl)
  const host = hostname.replace(/[[\]]/g, '')
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
  return new Promise((resolve, reject) => {
    const request = (protocol === 'https:' ? https : http).request({
      ...OPTIONS,
      method: 'CONNECT',
      host,
      servername: isIP(host) ? '' : host,
      port,
      path: authority,
      headers: { host: authority, ...(username + password && { 'proxy-authorization': `Basic ${credentials}` }) },
      agent: false,
      signal,
    })
    request.on('error', reject)
    request.once('connect', ({ statusCode = 0 }, socket, head) => {
      // The far end of a tunnel does not speak first: what does is no proxy.
      if (statusCode >= 200 && statusCode < 300 && head.length === 0) {
        resolve(socket)
        return
      }
      socket.destroy()
      const code = statusCode === 407 ? 'PROXY_AUTHENTICATION' : 'PROXY_REFUSED'
      reject(Object.assign(new Error(code), { code }))
    })
    request.end()
  })
}

/** A server on raw sockets that plays a script, so that what is sent is what the script holds, byte for byte. */
import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import type { Identity } from './certificates.ts'

export interface WireRequest {
  /** Such as `POST /path HTTP/1.1`. */
  line: string
  /** By their names in lower case. */
  headers: Readonly<Record<string, string>>
  body: string
  atMs: number
}

/** A connection as its act sees it. */
export interface Peer {
  socket: Socket
  /** Waits for the first request. */
  request: () => Promise<unknown>
  /** Leaves all further bytes of the connection to the act. */
  takeOver: () => void
}

/** What happens to one connection. */
export type Act = (peer: Peer) => unknown

export interface WireServer extends AsyncDisposable {
  port: number
  /** In the order of their arrival, from all connections. */
  requests: readonly WireRequest[]
  /** How many connections were accepted. */
  connections: () => number
  /** How many bytes came on them, in TLS without those of TLS itself. */
  bytes: () => number
}

export interface WireOptions {
  tls?: Identity
  host?: string
  port?: number
}

/**
 * Starts a server. Each connection plays the next act of the script; the last act is played again and again, so that a
 * client that asks too often is answered and counted.
 */
export async function startServer(
  script: readonly Act[],
  options: WireOptions = {},
): Promise<WireServer> {
  const { tls: identity, host = '127.0.0.1', port = 0 } = options
  const sockets = new Set<Socket>()
  const requests: WireRequest[] = []
  let connections = 0
  let bytes = 0
  let acts = 0

  function play(socket: Socket): void {
    const act = script[Math.min(acts++, script.length - 1)]
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
    // What fails here fails at the client's end, too, and is judged there.
    void Promise.resolve(act?.(connect(socket, requests))).catch(() => undefined)
  }

  const server = identity ? tls.createServer(identity, play) : net.createServer(play)
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket.on('error', () => undefined))
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections: () => connections,
    bytes: () => bytes,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function connect(socket: Socket, requests: WireRequest[]): Peer {
  const requested = new Promise((resolve) => socket.once('requested', resolve))
  let received = ''
  const read = (chunk: Buffer): void => {
    received += chunk.toString('latin1')
    for (let next = parse(received); next; next = parse(received)) {
      received = next.rest
      requests.push(next.request)
      socket.emit('requested')
    }
  }
  socket.on('error', () => undefined).on('data', read)
  return { socket, request: () => requested, takeOver: () => socket.off('data', read) }
}

function parse(received: string): { request: WireRequest; rest: string } | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...fields] = received.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
    }),
  )
  const bodyEnd = end + 4 + Number(headers['content-length'] ?? 0)
  if (received.length < bodyEnd) return undefined
  const request = { line, headers, body: received.slice(end + 4, bodyEnd), atMs: performance.now() }
  return { request, rest: received.slice(bodyEnd) }
}

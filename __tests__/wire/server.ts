/** Servers on raw sockets, which send exactly the bytes that their script holds. */
import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import tls from 'node:tls'
import type { Identity } from './certificates.ts'
import { answer } from './replies.ts'

export interface WireRequest {
  /** Such as `POST /path HTTP/1.1`. */
  line: string
  /** By their names in lower case. */
  headers: Readonly<Record<string, string>>
  body: string
  atMs: number
}

export interface Connection {
  socket: Socket
  /** Waits for the first request. */
  request: () => Promise<unknown>
  /** Stops reading requests: whatever else comes is for the caller. */
  takeOver: () => void
}

/** What the server does with one connection. */
export type Reply = (connection: Connection) => unknown

/** What the connections get, one after the other; a whole answer ends its connection. */
export type ServerScript = Reply | Buffer | readonly (Reply | Buffer)[]

export interface ServerOptions {
  tls?: Identity | undefined
  host?: string
}

/** What a server has seen until now. */
export interface WireServer {
  readonly port: number
  readonly requests: WireRequest[]
  connections: number
  /** In TLS without those of TLS itself. */
  bytes: number
}

/**
 * Starts a server for as long as a function needs it. The last reply of the script is repeated, so that a client that
 * asks too often is answered and counted.
 */
export async function withServer<T>(
  script: ServerScript,
  { tls: identity, host = '127.0.0.1' }: ServerOptions,
  use: (server: WireServer) => Promise<T>,
): Promise<T> {
  const replies = [script]
    .flat()
    .map((reply) => (typeof reply === 'function' ? reply : answer(reply as Buffer)))
  const sockets = new Set<Socket>()
  let replyCount = 0

  function reply(socket: Socket): void {
    const next = replies[Math.min(replyCount++, replies.length - 1)]
    socket.on('data', (chunk: Buffer) => (seen.bytes += chunk.length))
    // What fails here fails at the client's end, too, and is judged there.
    void Promise.resolve(next?.(readFrom(socket, seen.requests))).catch(() => undefined)
  }

  const server = identity ? tls.createServer(identity, reply) : net.createServer(reply)
  server.on('connection', (socket: Socket) => {
    seen.connections++
    sockets.add(socket.on('error', () => undefined))
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const seen: WireServer = { port, requests: [], connections: 0, bytes: 0 }
  try {
    return await use(seen)
  } finally {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
}

function readFrom(socket: Socket, requests: WireRequest[]): Connection {
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

/** What a server can do to a connection, and the answers that it can give. */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Act, Peer } from './server.ts'

/** Bytes to send in one packet, or milliseconds to pause. */
export type Part = string | Buffer | number

/** Sends the parts after the request, and ends the connection. */
export function answer(...parts: readonly Part[]): Act {
  return async (peer) => {
    await send(peer, parts)
    peer.socket.end()
  }
}

/** Sends the parts after the request, and nothing more. */
export function stall(...parts: readonly Part[]): Act {
  return (peer) => send(peer, parts)
}

/** Sends the parts after the request, and resets the connection. */
export function reset(...parts: readonly Part[]): Act {
  return async (peer) => {
    // Time for the other side to read: a reset may overtake what was sent before it.
    await send(peer, [...parts, 200])
    peer.socket.resetAndDestroy()
  }
}

/** Resets the connection before anything is read. */
export const resetAtOnce: Act = ({ socket }) => socket.resetAndDestroy()

/** Ends the connection before anything is read. */
export const endAtOnce: Act = ({ socket }) => socket.end()

/** Sends a head, and a piece again and again until the client leaves or all the bytes are sent. */
export function flood(head: string, piece: Buffer, bytes = Infinity): Act {
  return async (peer) => {
    await send(peer, [head])
    for (let sent = 0; sent < bytes && peer.socket.writable; sent += piece.length) {
      await write(peer, piece)
    }
    peer.socket.end()
  }
}

/** Sends the text a byte a second. */
export function drip(head: string, text: string): Act {
  return answer(head, ...Array.from(text).flatMap((byte) => [1000, byte]))
}

const established = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** A proxy: connects the client to a port of this machine, whatever host it asked for, and says so in these packets. */
export function tunnelTo(port: number, packets: Iterable<string> = [established]): Act {
  return async (peer) => {
    await peer.request()
    peer.takeOver()
    const { socket } = peer
    const upstream = net.connect(port, '127.0.0.1').on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    // From here on nothing that the client sends is missed.
    socket.pipe(upstream)
    socket.setNoDelay(true)
    for (const packet of packets) {
      await sleep(10)
      socket.write(packet)
    }
    upstream.pipe(socket)
  }
}

async function send(peer: Peer, parts: readonly Part[]): Promise<void> {
  await peer.request()
  peer.socket.setNoDelay(true)
  for (const part of parts) {
    if (typeof part === 'number') await sleep(part, undefined, { ref: false })
    else await write(peer, part)
  }
}

function write({ socket }: Peer, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!socket.writable) reject(new Error('The client has left'))
    socket.write(bytes, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

export type Headers = Readonly<Record<string, string | number>>

/** A whole answer. Its length is stated unless the headers say how it ends. */
export function http(
  status: string | number,
  body: string | Buffer = '',
  headers: Headers = {},
): Buffer {
  const bytes = Buffer.from(body)
  const framing = 'transfer-encoding' in headers ? {} : { 'content-length': bytes.length }
  return Buffer.concat([Buffer.from(head(status, { ...framing, ...headers })), bytes])
}

/** The status of a whole answer. */
export const statusOf = (bytes: Buffer): number => Number(/ (\d+)/.exec(bytes.toString())?.[1])

/** The head of an answer, with the empty line at its end. */
export function head(status: string | number, headers: Headers = {}): string {
  const reason = typeof status === 'number' ? `${status} Reason` : status
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${reason}\r\n${fields.join('')}\r\n`
}

export const yesText = '{"ok":true,"result":true}'
export const yes = http('200 OK', yesText, { 'content-type': 'application/json' })

/** An answer with an envelope that says no; its status is the error code unless told otherwise. */
export function no(
  code: number,
  description: string,
  { status = code, headers = {}, ...fields }: Refusal = {},
): Buffer {
  return http(status, JSON.stringify({ ok: false, error_code: code, description, ...fields }), {
    'content-type': 'application/json',
    ...headers,
  })
}

interface Refusal {
  status?: number
  headers?: Headers
  /** More fields of the envelope. */
  [field: string]: unknown
}

/** A refusal after which the next attempt follows at once, so that a test of another thing need not wait. */
export const tryAgain = no(500, 'Try again', { parameters: { retry_after: 0.01 } })

export const alreadyClosed = no(400, 'Bad Request: the bot has already been closed')
export const unknownToken = no(403, 'Bad Request: Token not found')

/** A gateway's page. */
export function page(status: number, headers: Headers = {}): Buffer {
  return http(status, `<html><body><h1>${status}</h1></body></html>\n`, {
    'content-type': 'text/html',
    ...headers,
  })
}

/** A text as chunks of one packet each, without the end of the last chunk. */
export function chunks(...texts: readonly string[]): string[] {
  return texts.map((text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}

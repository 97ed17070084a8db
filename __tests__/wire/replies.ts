/** What a server can do with a connection. */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, Reply } from './server.ts'

/** Bytes to send in one packet, or milliseconds to pause. */
export type Part = string | Buffer | number

/** Sends the parts after the request, and ends the connection. */
export function answer(...parts: readonly Part[]): Reply {
  return async (connection) => {
    await send(connection, parts)
    connection.socket.end()
  }
}

/** Sends the parts after the request, and nothing more. */
export function stall(...parts: readonly Part[]): Reply {
  return (connection) => send(connection, parts)
}

/** Sends the parts after the request, and resets the connection. */
export function reset(...parts: readonly Part[]): Reply {
  return async (connection) => {
    // Time for the other side to read: a reset may overtake what was sent before it.
    await send(connection, [...parts, 300])
    connection.socket.resetAndDestroy()
  }
}

/** Resets the connection before anything is read. */
export const resetAtOnce: Reply = ({ socket }) => socket.resetAndDestroy()

/** Ends the connection before anything is read. */
export const endAtOnce: Reply = ({ socket }) => socket.end()

/** Sends a head, and a piece again and again until the client leaves. */
export function flood(head: string, piece: Buffer): Reply {
  return async (connection) => {
    await send(connection, [head])
    while (connection.socket.writable) await write(connection, piece)
  }
}

/** A proxy: connects the client to a port of this machine, whatever host it asked for. */
export function tunnelTo(port: number): Reply {
  return async ({ socket, request, takeOver }) => {
    await request()
    takeOver()
    const upstream = net.connect(port, '127.0.0.1').on('error', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
    socket.pipe(upstream)
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    upstream.pipe(socket)
  }
}

async function send(connection: Connection, parts: readonly Part[]): Promise<void> {
  await connection.request()
  connection.socket.setNoDelay(true)
  for (const part of parts) {
    if (typeof part === 'number') await sleep(part, undefined, { ref: false })
    else await write(connection, part)
  }
}

function write({ socket }: Connection, bytes: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!socket.writable) reject(new Error('The client has left'))
    socket.write(bytes, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}

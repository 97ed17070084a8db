/** What a scripted proxy can do with a connection; it is a server like any other. */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Act } from './server.ts'

const established = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** Connects the client to a port of this machine, whatever host it asked for, and says so in these packets. */
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

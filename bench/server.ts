/** A Bot API on loopback. Each token is a bot of its own, which a fault stands before. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Identity } from '../__tests__/wire/certificates.ts'

/** `reset`: the request is lost; `lost`: the bot is closed and the answer is lost. */
export type Reply =
  | { status: number; headers?: Record<string, string>; body: string[] }
  | 'reset'
  | 'lost'
  | 'silence'

export function envelope(status: number, body: object, headers = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: [JSON.stringify(body)],
  }
}
export const yes = envelope(200, { ok: true, result: true })
const alreadyClosed = envelope(400, {
  ok: false,
  error_code: 400,
  description: 'the bot has already been closed',
})

/** Starts a server that ends with the process. @returns makes a bot */
export async function startServer(identity?: Identity) {
  const bots = new Map<string, () => Reply | Promise<Reply>>()
  async function answer(request: http.IncomingMessage, response: http.ServerResponse) {
    // Whatever is no bot is the page that a redirect leads to.
    const reply = (await bots.get(request.url ?? '')?.()) ?? {
      status: 200,
      body: ['<html>Log in</html>'],
    }
    if (typeof reply === 'object')
      Readable.from(reply.body).pipe(response.writeHead(reply.status, reply.headers))
    else if (reply !== 'silence') request.socket.resetAndDestroy()
  }
  const server = identity ? https.createServer(identity) : http.createServer()
  server.on('request', (request, response) => void answer(request, response))
  await once(server.listen(0, 'localhost').unref(), 'listening')
  const url = `http${identity ? 's' : ''}://localhost:${(server.address() as AddressInfo).port}`

  /** @param fault what the first request gets, and others until so many seconds later */
  function newBot(fault: Reply | ((token: string) => Promise<Reply>), seconds = 0) {
    const bot = { url, token: `${1_000_000_000 + bots.size}:${'A'.repeat(35)}`, isClosed: false }
    let firstMs = NaN
    bots.set(`/bot${bot.token}/close`, () => {
      if (bot.isClosed) return alreadyClosed
      if (typeof fault === 'function') return fault(bot.token)
      const reply = performance.now() - firstMs > seconds * 1000 ? yes : fault
      firstMs ||= performance.now()
      bot.isClosed = reply === yes || reply === 'lost'
      return reply
    })
    return bot
  }
  return newBot
}

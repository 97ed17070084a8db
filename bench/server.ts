/** A Bot API on loopback. Each token is a bot of its own, with one fault. */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Bot {
  url: string
  token: string
  isClosed: boolean
  canBeClosed: boolean
}

/** A status and a body, or what happens to the connection. */
type Reply = [number, string | object, http.OutgoingHttpHeaders?] | 'reset' | 'lost' | 'silence'

const no = (code: number, description: string) => ({ ok: false, error_code: code, description })
const yes: Reply = [200, { ok: true, result: true }]
const page = '<html></html>'
const tooMany = no(429, 'Too Many Requests')

/** What the first request gets, and others until so many seconds later. */
export const faults: Record<string, readonly [seconds: number, reply: Reply]> = {
  'no fault': [0, yes],
  '502 page, once': [0, [502, page]],
  '503 page, for 5 s': [5, [503, page]],
  'reset, once': [0, 'reset'],
  'answer lost, bot closed': [0, 'lost'],
  'silence, once': [0, 'silence'],
  '429, wait of 5 s in body': [5, [429, { ...tooMany, parameters: { retry_after: 5 } }]],
  '429, wait of 5 s in header': [5, [429, tooMany, { 'retry-after': '5' }]],
  '429, plain text, for 5 s': [5, [429, 'local_rate_limited']],
  '400 `bot limit exceed`, for 5 s': [5, [400, no(400, 'bot limit exceed')]],
  '429 in HTTP 200, for 5 s': [5, [200, no(429, 'Too Many Requests: retry after 5')]],
  'HTML page, once': [0, [200, page]],
  '400 in HTTP 200': [Infinity, [200, no(400, 'Bad Request')]],
  'redirect to a login page': [Infinity, [302, '', { location: '/login' }]],
  'wrong token': [Infinity, [403, no(403, 'Bad Request: Token not found')]],
  'no such method': [Infinity, [404, no(404, 'Not Found: method not found')]],
}

/** @returns makes a bot */
export async function startServer(identity?: https.ServerOptions): Promise<(fault: string) => Bot> {
  const replies = new Map<string, () => Reply>()
  const server = identity ? https.createServer(identity) : http.createServer()
  server.on('request', (request, response) => {
    // Whatever is no bot is the page that a redirect leads to.
    const reply = replies.get(request.url ?? '')?.() ?? [200, page]
    if (reply === 'reset' || reply === 'lost') request.socket.resetAndDestroy()
    else if (reply !== 'silence') {
      const [status, body, headers] = reply
      response
        .writeHead(status, headers)
        .end(typeof body === 'string' ? body : JSON.stringify(body))
    }
  })
  await once(server.listen(0, 'localhost'), 'listening')
  const url = `http${identity ? 's' : ''}://localhost:${(server.address() as AddressInfo).port}`

  return (fault) => {
    const [seconds, reply] = faults[fault] ?? [0, yes]
    const token = `${1_000_000_000 + replies.size}:${'A'.repeat(35)}`
    const bot = { url, token, isClosed: false, canBeClosed: seconds < Infinity }
    let firstMs = 0
    replies.set(`/bot${token}/close`, () => {
      if (bot.isClosed) return [400, no(400, 'the bot has already been closed')]
      firstMs ||= performance.now()
      const now = performance.now() - firstMs > Math.max(seconds * 1000, 1) ? yes : reply
      bot.isClosed = now === yes || now === 'lost'
      return now
    })
    return bot
  }
}

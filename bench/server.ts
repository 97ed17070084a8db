/** A Bot API on loopback in which each token stands for one run and has a script of its own. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Readable
}

/** `reset`: the request is lost; `lost`: the bot is closed and the answer is lost. */
export type Reply = Answer | 'reset' | 'lost' | 'silence'

/**
 * What a bot's server does with a request.
 * @param attempt from 1
 * @param sinceFirstMs since the bot's first request
 */
export type Script = (attempt: number, sinceFirstMs: number) => Reply

export interface Target {
  readonly apiUrl: string
  readonly token: string
  /** Of the method `close`. */
  readonly url: string
}

export interface Server {
  /** A bot that nobody has asked yet. */
  newBot(script: Script): Target
  isClosed(target: Target): boolean
  stop(): void
}

interface Bot {
  readonly script: Script
  attempts: number
  firstMs: number
  isClosed: boolean
}

export async function startServer(): Promise<Server> {
  const bots = new Map<string, Bot>()
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      const [, token = ''] = /^\/bot([^/]+)\/close$/.exec(request.url ?? '') ?? []
      const bot = bots.get(token)
      // Whatever else is asked for is the page that a redirect leads to.
      const reply = bot ? ask(bot) : page(200, 'Log in')
      if (reply === 'reset' || reply === 'lost') request.socket.resetAndDestroy()
      else if (reply !== 'silence') send(response, reply)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    newBot(script) {
      const token = `${1_000_000_000 + bots.size}:${'A'.repeat(35)}`
      bots.set(token, { script, attempts: 0, firstMs: 0, isClosed: false })
      return { apiUrl, token, url: `${apiUrl}/bot${token}/close` }
    },
    isClosed: ({ token }) => bots.get(token)?.isClosed === true,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function ask(bot: Bot): Reply {
  const nowMs = performance.now()
  if (bot.attempts++ === 0) bot.firstMs = nowMs
  const reply = bot.script(bot.attempts, nowMs - bot.firstMs)
  bot.isClosed ||= reply === yes || reply === 'lost'
  return reply
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers)
  if (typeof body === 'string') response.end(body)
  else {
    body.pipe(response)
    response.once('close', () => body.destroy())
  }
}

export function json(status: number, envelope: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return whole(status, { 'content-type': 'application/json', ...headers }, JSON.stringify(envelope))
}

export function page(status: number, title: string): Answer {
  return whole(status, { 'content-type': 'text/html' }, `<html><h1>${title}</h1></html>\n`)
}

/** An answer of known length. */
export function whole(status: number, headers: Readonly<Record<string, string>>, body: string): Answer {
  return { status, headers: { ...headers, 'content-length': String(body.length) }, body }
}

export const yes: Answer = json(200, { ok: true, result: true })

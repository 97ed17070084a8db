/** A Bot API server on loopback, for bots whose life cycle and faults are set beforehand. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { parseFault } from './faults.ts'
import type { Fault, HttpAnswer } from './faults.ts'
import { alreadyClosed, call, failure, isKnownMethod } from './lifecycle.ts'
import type { Answer, Bot } from './lifecycle.ts'

export interface BotSetup {
  token: string
  /** Starts closed. */
  closed?: boolean
  /** It was launched just now, and `close` is refused for so long. */
  youngSeconds?: number
  webhook?: boolean
  /** A forgotten poller: so long after each close it calls `getUpdates`, which launches the bot again. */
  pollerSeconds?: number
  /** The server has no method `close`. */
  noClose?: boolean
  /** Kinds of faults, as on the command line. Each spoils one request to this bot, in this order. */
  faults?: readonly string[]
}

export interface EmulatorOptions {
  bots: readonly BotSetup[]
  /** What `close` says to a token of no bot: Bale's answer, or that of the reference server. */
  unknownToken?: 'not-found' | 'already-closed'
  host?: string
  port?: number
  onRequest?: (request: RequestRecord) => void
}

/** A request without the token. */
export interface RequestRecord {
  /** Empty if the path was not one of the Bot API. */
  botId: string
  /** As sent if the server knows it, else `(unknown)`: what is not known could be secret. */
  method: string
  httpMethod: string
  /** Path and query as sent, the token replaced by `<token>`. */
  target: string
  body: string
  /** Status and note, or the fault. */
  answer: string
}

export interface Emulator {
  url: string
  requests: readonly RequestRecord[]
  stop(): Promise<void>
}

/** Bot API servers refuse `close` for ten minutes after a launch. */
const usualWindowMs = 600_000

/** Starts a server; the promise is kept when it listens, and broken when it cannot. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { host = '127.0.0.1', port = 0, unknownToken = 'not-found', onRequest } = options
  const startMs = performance.now()
  const bots = new Map(options.bots.map((setup) => [setup.token, newBot(setup, startMs)]))
  const faults = new Map(
    options.bots.map((setup) => [setup.token, (setup.faults ?? []).map(knownFault)]),
  )
  const pollers = new Map(options.bots.map((setup) => [setup.token, setup.pollerSeconds]))
  const timers = new Set<NodeJS.Timeout>()
  const requests: RequestRecord[] = []

  function ask(token: string, method: string): Answer {
    const bot = bots.get(token)
    if (bot === undefined) return askStranger(method)
    const next = call(bot, method, performance.now())
    bots.set(token, next.bot)
    const pollerSeconds = pollers.get(token)
    const isClosedNow = bot.closableFromMs !== undefined && next.bot.closableFromMs === undefined
    if (pollerSeconds !== undefined && isClosedNow)
      timers.add(setTimeout(poll, pollerSeconds * 1000, token))
    return next.answer
  }

  function poll(token: string): void {
    const answer = describe(ask(token, 'getUpdates'))
    record({
      botId: String(Number.parseInt(token, 10)),
      method: 'getUpdates',
      httpMethod: 'POST',
      target: '/bot<token>/getUpdates',
      body: '',
      answer,
    })
  }

  function record(request: RequestRecord): void {
    requests.push(request)
    onRequest?.(request)
  }

  function askStranger(method: string): Answer {
    if (unknownToken === 'not-found') return failure(403, 'Bad Request: Token not found')
    return method.toLowerCase() === 'close' ? alreadyClosed : failure(401, 'Unauthorized')
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method: httpMethod = '', url = '' } = request
    const body = await text(request)
    // Anything may stand before `/bot`: relays have a path of their own.
    const [, token = '', botId = '', method = ''] =
      /\/bot((\d+):[^/?]*)\/([^/?]*)(?:\?|$)/.exec(url) ?? []
    const { reply, answer } = spoil(faults.get(token)?.shift(), () => {
      if (token === '') return failure(404, 'Not Found')
      if (!['GET', 'POST'].includes(httpMethod)) return failure(405, 'Method Not Allowed')
      return ask(token, method)
    })
    record({
      botId,
      method: isKnownMethod(method) ? method : '(unknown)',
      httpMethod,
      target: token === '' ? url : url.replace(token, '<token>'),
      body,
      answer,
    })
    if (reply === 'reset') request.socket.resetAndDestroy()
    else if (reply !== 'silence') send(response, reply)
  }

  const server = createServer((request, response) => {
    // A client that leaves in the middle of its request is no fault of the server.
    handle(request, response).catch(() => request.socket.destroy())
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { address, family, port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
        for (const timer of timers) clearTimeout(timer)
      }),
  }
}

function knownFault(kind: string): Fault {
  const fault = parseFault(kind)
  if (fault === undefined) throw new RangeError(`There is no fault ${kind}`)
  return fault
}

function newBot(setup: BotSetup, nowMs: number): Bot {
  const { token, closed = false, youngSeconds, webhook = false, noClose = false } = setup
  return {
    id: Number.parseInt(token, 10),
    closableFromMs: closed ? undefined : nowMs + (youngSeconds ?? 0) * 1000,
    windowMs: youngSeconds === undefined ? usualWindowMs : youngSeconds * 1000,
    webhook,
    knowsClose: !noClose,
  }
}

interface Outcome {
  reply: HttpAnswer | 'reset' | 'silence'
  /** For the log. */
  answer: string
}

function spoil(fault: Fault | undefined, ask: () => Answer): Outcome {
  switch (fault?.kind) {
    case undefined: {
      const answer = ask()
      return { reply: toHttp(answer), answer: describe(answer) }
    }
    case 'answer':
      return { reply: fault.answer(new Date()), answer: `fault ${fault.name}` }
    case 'lost':
      return { reply: 'reset', answer: `fault lost (${describe(ask())})` }
    case 'reset':
    case 'silence':
      return { reply: fault.kind, answer: `fault ${fault.name}` }
  }
}

function describe({ status, note }: Answer): string {
  return `${status} ${note}`
}

function toHttp({ status, envelope }: Answer): HttpAnswer {
  const retryAfter = envelope.ok ? undefined : envelope.parameters?.retry_after
  return {
    status,
    headers: {
      'content-type': 'application/json',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    },
    body: JSON.stringify(envelope),
  }
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

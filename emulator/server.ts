/** A Bot API server on loopback, for bots whose life cycle and faults are set beforehand. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Difference, differ } from './differences.ts'
import { type HttpAnswer, parseFault } from './faults.ts'
import * as lifecycle from './lifecycle.ts'
import type { Answer, Bot } from './lifecycle.ts'

export interface BotSetup {
  token: string
  /** Starts closed. */
  closed?: boolean
  /** `close` is refused for so long after each launch, and the bot was launched just now. */
  youngSeconds?: number
  webhook?: boolean
  /** Updates that wait for the bot. */
  pendingUpdates?: number
  /** A forgotten poller: so long after each close it calls `getUpdates`, which launches the bot. */
  pollerSeconds?: number
  /** The server has no method `close`. */
  noClose?: boolean
  /** As on the command line. Each spoils one request to this bot, in this order. */
  faults?: readonly string[]
}

export interface EmulatorOptions {
  bots: readonly BotSetup[]
  /** They take effect in this order. */
  differences?: readonly Difference[]
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
  /** Status and note, or the fault. */
  answer: string
}

export interface Emulator {
  url: string
  requests: readonly RequestRecord[]
  stop: () => Promise<void>
}

/** The reference server refuses `close` for ten minutes after a launch. */
const USUAL_WINDOW_SECONDS = 600

/** Starts a server; the promise is kept when it listens, and broken when it cannot. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { differences = [], host = '127.0.0.1', port = 0, onRequest } = options
  const bots = new Map(options.bots.map((setup) => [setup.token, newBot(setup)]))
  const timers: NodeJS.Timeout[] = []
  const requests: RequestRecord[] = []

  function record(request: RequestRecord): void {
    requests.push(request)
    onRequest?.(request)
  }

  function ask(token: string, method: string): Answer {
    const known = bots.get(token)
    if (!known) return lifecycle.TOKEN_NOT_FOUND
    const wasOpen = known.bot.closableFromMs !== undefined
    const { bot, answer } = lifecycle.call(known.bot, method, performance.now())
    known.bot = bot
    if (known.pollerSeconds !== undefined && wasOpen && bot.closableFromMs === undefined) {
      timers.push(setTimeout(poll, known.pollerSeconds * 1000, token))
    }
    return answer
  }

  function poll(token: string): void {
    const botId = String(bots.get(token)?.bot.id)
    const answer = describe(ask(token, 'getUpdates'))
    record({ botId, method: 'getUpdates', httpMethod: 'POST', answer })
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const { method: httpMethod = '', url = '', socket } = request
    // Anything may stand before `/bot`: relays have a path of their own.
    const [, token = '', botId = '', method = ''] =
      /\/bot((\d+):[^/?]*)\/([^/?]*)(?:\?|$)/.exec(url) ?? []
    const fault = bots.get(token)?.faults.shift()
    const respond = () => {
      if (token === '') return lifecycle.failure(404, 'Not Found')
      const isUsual = httpMethod === 'GET' || httpMethod === 'POST'
      return isUsual
        ? differ(ask(token, method), method, differences)
        : lifecycle.failure(405, 'Method Not Allowed')
    }
    const answer = !fault || fault.kind === 'lost' ? respond() : undefined
    const note = answer ? describe(answer) : ''
    record({
      botId,
      method: lifecycle.isKnownMethod(method) ? method : '(unknown)',
      httpMethod,
      answer: fault ? `fault ${fault.name}${note && ` (${note})`}` : note,
    })
    if (fault?.kind === 'answer') send(response, fault.answer())
    else if (fault?.kind === 'reset' || fault?.kind === 'lost') socket.resetAndDestroy()
    else if (answer) send(response, toHttp(answer))
  }

  const server = createServer((request, response) => {
    request.resume().on('end', () => handle(request, response))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const { address, family, port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        timers.forEach(clearTimeout)
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function newBot(setup: BotSetup) {
  const { token, closed = false, youngSeconds = 0, webhook = false, noClose = false } = setup
  const bot: Bot = {
    id: Number.parseInt(token, 10),
    closableFromMs: closed ? undefined : performance.now() + youngSeconds * 1000,
    windowMs: (setup.youngSeconds ?? USUAL_WINDOW_SECONDS) * 1000,
    webhook,
    knowsClose: !noClose,
    pendingUpdates: setup.pendingUpdates ?? 0,
  }
  return { bot, pollerSeconds: setup.pollerSeconds, faults: (setup.faults ?? []).map(parseFault) }
}

const describe = ({ status, note }: Answer) => `${status} ${note}`

/** An answer as it is sent; the reference server names a wait in a header, too. */
export function toHttp({ status, envelope }: Answer): HttpAnswer {
  const waitSeconds = envelope.ok ? undefined : envelope.parameters?.retry_after
  const wait = waitSeconds === undefined ? {} : { 'retry-after': String(waitSeconds) }
  const headers = { 'content-type': 'application/json', ...wait }
  return { status, headers, body: JSON.stringify(envelope) }
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** A world with a clock of its own: waits take no time, and every request is answered by a script. */
import type { Inputs } from '../../src/inputs.ts'
import type { Exchange, Method } from '../../src/judge.ts'
import type { Listener, World } from '../../src/retry.ts'

export interface Request {
  readonly method: Method
  readonly atMs: number
  readonly timeoutMs: number
}

export interface VirtualWorld extends World {
  readonly requests: Request[]
  readonly log: string[]
  readonly listener: Listener
  readonly cancel: (reason?: string) => void
  /** Lets time pass. */
  readonly pass: (ms: number) => void
}

export type Answerer = (request: Request, world: VirtualWorld) => Exchange

/** @param answerOf is asked for each request; a fault `TIMEOUT` takes the attempt's whole time */
export function virtualWorld(answerOf: Answerer, { random = (): number => 0.5, startMs = 50 } = {}): VirtualWorld {
  let nowMs = startMs
  const stop = new AbortController()
  const requests: Request[] = []
  const log: string[] = []
  const world: VirtualWorld = {
    requests,
    log,
    call: (method, timeoutMs) => {
      const request = { method, timeoutMs, atMs: nowMs }
      requests.push(request)
      const exchange = answerOf(request, world)
      if (exchange.fault === 'TIMEOUT') nowMs += timeoutMs
      return Promise.resolve(exchange)
    },
    nowMs: () => nowMs,
    wallMs: () => Date.parse('2026-01-01T00:00:00Z') + nowMs,
    random,
    sleep: (ms) => {
      nowMs += ms
      return Promise.resolve()
    },
    stop: stop.signal,
    cancel: (reason = 'cancelled') => {
      stop.abort(reason)
    },
    pass: (ms) => {
      nowMs += ms
    },
    listener: {
      onWait: (_, waitMs) => log.push(`wait ${waitMs}`),
      onMinute: (leftMs) => log.push(`left ${leftMs}`),
    },
  }
  return world
}

/** The defaults, for a bot that is none. */
export const INPUTS: Inputs = {
  token: '1:x',
  botId: '1',
  apiUrl: new URL('https://tapi.bale.ai'),
  deleteWebhook: false,
  allowAlreadyClosed: false,
  maxAttempts: 10,
  attemptTimeoutMs: 20_000,
  timeoutMs: 900_000,
  dryRun: false,
  summary: true,
}

export const answered = (status: number, body: unknown, retryAfter = ''): Exchange => ({
  head: { status, retryAfter, date: '' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

export const YES = answered(200, { ok: true, result: true })
export const ALREADY_CLOSED = answered(400, {
  ok: false,
  error_code: 400,
  description: 'Bad Request: the bot has already been closed',
})
export const NOT_FOUND = answered(403, {
  ok: false,
  error_code: 403,
  description: 'Bad Request: Token not found',
})
export const BAD_GATEWAY = answered(502, '<html>')
export const UNAVAILABLE = answered(503, '<html>')

export const tooMany = (seconds: number): Exchange =>
  answered(429, {
    ok: false,
    error_code: 429,
    description: `Too Many Requests: retry after ${seconds}`,
    parameters: { retry_after: seconds },
  })

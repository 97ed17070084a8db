/** Inputs, exchanges, and a run on a virtual clock. */
import { type Exchange, parseRetryAfter, type Step } from '../../src/bale.ts'
import { closeBot, type Wait, type World } from '../../src/closing.ts'
import { type InputValues, parseInputs, type ValidInputs } from '../../src/inputs.ts'
import { createQuote } from '../../src/text.ts'
import { judge } from '../../src/verdict.ts'

export const SECRET = 'AAabcdefghijklmnopqrstuvwxyz_012345-'
export const TOKEN = `1234567890:${SECRET}`

export type Texts = Partial<Record<keyof InputValues, string>>

export const ONCE: Texts = { 'max-attempts': '1' }
export const DELETE: Texts = { 'delete-webhook': 'true' }
export const ALLOW: Texts = { 'allow-already-closed': 'true' }
export const CHECK: Texts = { 'confirm-after-seconds': '30' }

/** Parses inputs as the runner passes them on, by default with a good token. */
export function parse(texts: Texts = {}, env: NodeJS.ProcessEnv = {}) {
  const all = Object.entries({ 'bale-token': TOKEN, ...texts })
  const variables = all.map(([name, text]) => [`INPUT_${name.toUpperCase()}`, text])
  return parseInputs({ ...(Object.fromEntries(variables) as NodeJS.ProcessEnv), ...env })
}

export function validInputs(texts: Texts = {}, env: NodeJS.ProcessEnv = {}): ValidInputs {
  const inputs = parse(texts, env)
  if (!inputs.isValid) throw new Error(inputs.complaints.join(' '))
  return inputs
}

export function complaintsAbout(texts: Texts, env: NodeJS.ProcessEnv = {}): string[] {
  const inputs = parse(texts, env)
  return inputs.isValid ? [] : inputs.complaints
}

export const NOW = 'Thu, 01 Jan 2026 12:00:00 GMT'

/** @param body is sent as JSON unless it is a text */
export function answer(status: number, body: unknown, retryAfter = ''): Exchange {
  return {
    kind: 'answer',
    mayHaveArrived: true,
    status,
    retryAfterSeconds: parseRetryAfter(retryAfter, Date.parse(NOW)),
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

/** A refusal by the API itself. */
export const refusal = (status: number, description: string, more: object = {}) =>
  answer(status, { ok: false, error_code: status, description, ...more })

/** As the reference server refuses `close` after a launch. */
export const tooMany = (seconds: number) =>
  refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds })

export function failed(code: string, mayHaveArrived = false): Exchange {
  return { kind: 'error', mayHaveArrived, code }
}

export const YES = answer(200, { ok: true, result: true })
export const CLOSED = refusal(400, 'Bad Request: the bot has already been closed')
export const UNKNOWN_TOKEN = refusal(403, 'Bad Request: Token not found')
export const BOT_LIMIT = refusal(400, 'bot limit exceed')
export const BAD_GATEWAY = answer(502, '<html>')
export const UNAVAILABLE = answer(503, '<html>')
/** An error whose body cannot be read. */
export const CUT_ERROR = { ...UNAVAILABLE, body: undefined } as Exchange
export const CONNECTED: Exchange = { kind: 'connected', mayHaveArrived: false }
export const REFUSED = failed('ECONNREFUSED')
export const RESET = failed('ECONNRESET', true)
export const CUT_OFF: Exchange = { kind: 'error', mayHaveArrived: true, status: 200, code: 'X' }
export const TOO_LONG: Exchange = { kind: 'too-long', mayHaveArrived: true, status: 200 }
/** On the virtual clock, these two take all the time that they get. */
export const SILENCE: Exchange = { kind: 'timed-out', mayHaveArrived: true, timeoutSeconds: 10 }
export const NO_CONNECTION: Exchange = { ...SILENCE, mayHaveArrived: false }
export const STOPPED: Exchange = { kind: 'stopped', mayHaveArrived: true }
export const STOPPED_BEFORE: Exchange = { kind: 'stopped', mayHaveArrived: false }

export interface VirtualWorld extends World {
  /** `close 10` is a request and its time limit, `retry 0.75` a report of a wait; in seconds. */
  log: string[]
  waits: { wait: Wait; leftSeconds: number; atSeconds: number }[]
  pass: (seconds: number) => void
  cancel: () => void
}

export interface Options {
  startSeconds?: number
  onSleep?: (world: VirtualWorld) => void
}

/** @param exchangeFor is asked for each request */
export function virtualWorld(
  exchangeFor: (step: Step, world: VirtualWorld) => Exchange,
  { startSeconds = 0, onSleep }: Options = {},
): VirtualWorld {
  let nowSeconds = startSeconds
  const stop = new AbortController()
  const world: VirtualWorld = {
    log: [],
    waits: [],
    ask: (step, timeoutSeconds) => {
      world.log.push(`${step} ${timeoutSeconds}`)
      let exchange = exchangeFor(step, world)
      if (exchange.kind === 'timed-out') {
        nowSeconds += timeoutSeconds
        exchange = { ...exchange, timeoutSeconds }
      }
      return Promise.resolve(judge(step, exchange, createQuote([TOKEN])))
    },
    elapsedSeconds: () => nowSeconds,
    sleep: (seconds) => {
      onSleep?.(world)
      if (!stop.signal.aborted) nowSeconds += seconds
      return Promise.resolve()
    },
    stop: stop.signal,
    onWait: (wait, leftSeconds) => {
      world.log.push(`${wait.attempt ? 'retry' : 'check'} ${leftSeconds}`)
      world.waits.push({ wait, leftSeconds, atSeconds: nowSeconds })
    },
    pass: (seconds) => {
      nowSeconds += seconds
    },
    cancel: () => stop.abort(),
  }
  return world
}

/** An exchange, or what happens while a request is under way. */
export type Planned = Exchange | ((world: VirtualWorld) => Exchange)

/** The run is cancelled meanwhile. */
export const cancelled = (exchange: Exchange) => (world: VirtualWorld) => {
  world.cancel()
  return exchange
}

/** The exchange takes some time. */
export const slow = (seconds: number, exchange: Exchange) => (world: VirtualWorld) => {
  world.pass(seconds)
  return exchange
}

/** For a run that is cancelled in its first wait. */
export const CANCELLED_IN_WAIT = { onSleep: (world: VirtualWorld) => world.cancel() }

/** Runs against a list of exchanges, all of which must be asked for. */
export async function run(planned: Planned[], inputs = validInputs(), options?: Options) {
  const rest = [...planned]
  const world = virtualWorld((_, self) => {
    const next = rest.shift()
    if (!next) throw new Error('One request more than planned')
    return typeof next === 'function' ? next(self) : next
  }, options)
  const result = await closeBot(inputs, world)
  if (rest.length > 0) throw new Error(`${rest.length} requests fewer than planned`)
  return { result, world }
}

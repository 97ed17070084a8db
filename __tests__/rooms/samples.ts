/** Inputs, answers, and a world with a clock of its own, in which waits take no time. */
import type { Exchange, Step } from '../../src/bale.ts'
import { closeBot, type Wait, type World } from '../../src/closing.ts'
import { failureOf } from '../../src/failures.ts'
import { type Inputs, INPUTS, parseInputs, type ValidInputs } from '../../src/inputs.ts'

export const SECRET = 'AAabcdefghijklmnopqrstuvwxyz_012345-'
export const TOKEN = `1234567890:${SECRET}`

/** The words of a text, for tables without spaces. */
export const words = (text: string) => text.trim().split(/\s+/)

export type Values = Partial<Record<keyof typeof INPUTS, string>>

/** Parses inputs as the runner passes them on, by default with a good token. */
export function parse(
  values: Values = {},
  env: NodeJS.ProcessEnv = {},
  nodeVersion = '24.21.0',
): Inputs {
  const all = Object.entries({ 'bale-token': TOKEN, ...values })
  const variables = Object.fromEntries(
    all.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
  )
  return parseInputs({ ...variables, ...env }, nodeVersion)
}

export function validInputs(values: Values = {}, env: NodeJS.ProcessEnv = {}): ValidInputs {
  const inputs = parse(values, env)
  if (!inputs.isValid) throw new Error(inputs.complaints.join(' '))
  return inputs
}

/** @param body is sent as JSON unless it is a text */
export function answer(
  status: number,
  body: unknown,
  headers: { retryAfter?: string; date?: string } = {},
): Exchange {
  const date = 'Thu, 01 Jan 2026 00:00:00 GMT'
  const head = {
    status,
    retryAfter: '',
    date,
    receivedAtSeconds: Date.parse(date) / 1000,
    ...headers,
  }
  return {
    kind: 'answer',
    wasSent: true,
    ...head,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}

/** A refusal by the API itself. */
export const refusal = (status: number, description: string, more: object = {}) =>
  answer(status, { ok: false, error_code: status, description, ...more })

/** As the reference server refuses `close` after a launch. */
export const tooMany = (seconds: number) =>
  refusal(429, `Too Many Requests: retry after ${seconds}`, {
    parameters: { retry_after: seconds },
  })

export const YES = answer(200, { ok: true, result: true })
export const ALREADY_CLOSED = refusal(400, 'Bad Request: the bot has already been closed')
export const TOKEN_NOT_FOUND = refusal(403, 'Bad Request: Token not found')
export const BAD_GATEWAY = answer(502, '<html>')
export const UNAVAILABLE = answer(503, '<html>')

const ended = <T extends string>(kind: T, wasSent: boolean, status?: number) => ({
  kind,
  wasSent,
  status,
})
export const failed = (code: string, wasSent: boolean) => ({
  ...ended('failed', wasSent),
  failure: failureOf(code),
})
export const CONNECTED = ended('connected', false)
export const RESET = failed('ECONNRESET', true)
export const REFUSED = failed('ECONNREFUSED', false)
export const SILENCE = { ...ended('timed-out', true), timeoutSeconds: 10 }
export const NO_CONNECTION = { ...ended('timed-out', false), timeoutSeconds: 10 }
export const TOO_LONG = ended('too-long', true, 200)
export const STOPPED = ended('stopped', true)
export const STOPPED_UNSENT = ended('stopped', false)

export const DELETING: Values = { 'delete-webhook': 'true' }
export const CONFIRMING: Values = { 'confirm-after-seconds': '30' }
export const DRY: Values = { 'dry-run': 'true' }
export const ONCE: Values = { 'max-attempts': '1' }

export interface VirtualWorld extends World {
  /** What happened: `close 10` is a request and its time limit, `retry 0.75` a report of a wait, in seconds. */
  log: string[]
  waits: { wait: Wait; leftSeconds: number; atSeconds: number }[]
  requests: { step: Step; atSeconds: number }[]
  /** Lets time pass. */
  pass: (seconds: number) => void
  cancel: (reason?: unknown) => void
}

/** @param answerOf is asked for each request; one that times out takes all its time */
export function virtualWorld(
  answerOf: (step: Step, world: VirtualWorld) => Exchange,
  {
    startSeconds = 0,
    onSleep,
  }: { startSeconds?: number; onSleep?: (world: VirtualWorld) => void } = {},
): VirtualWorld {
  let nowSeconds = startSeconds
  const stop = new AbortController()
  const world: VirtualWorld = {
    log: [],
    waits: [],
    requests: [],
    exchange: (_, step, timeoutSeconds) => {
      world.log.push(`${step} ${timeoutSeconds}`)
      world.requests.push({ step, atSeconds: nowSeconds })
      // A defect is a rejection, as it is of an asynchronous function.
      return Promise.resolve().then(() => {
        const exchange = answerOf(step, world)
        if (exchange.kind !== 'timed-out') return exchange
        nowSeconds += timeoutSeconds
        return { ...exchange, timeoutSeconds }
      })
    },
    elapsedSeconds: () => nowSeconds,
    sleep: (seconds) => {
      onSleep?.(world)
      if (!stop.signal.aborted) nowSeconds += seconds
      return Promise.resolve()
    },
    stop: stop.signal,
    onWait: (wait, leftSeconds) => {
      world.log.push(`${wait.purpose} ${leftSeconds}`)
      world.waits.push({ wait, leftSeconds, atSeconds: nowSeconds })
    },
    pass: (seconds) => {
      nowSeconds += seconds
    },
    cancel: (reason = 'cancelled') => {
      stop.abort(reason)
    },
  }
  return world
}

/** Answers when the run was cancelled meanwhile, or stopped by a defect elsewhere. */
export const cancelled = (exchange: Exchange, reason?: Error) => (world: VirtualWorld) => {
  world.cancel(reason)
  return exchange
}

/** Answers after some time. */
export const late = (seconds: number, exchange: Exchange) => (world: VirtualWorld) => {
  world.pass(seconds)
  return exchange
}

/** Cancels the run in its first wait. */
export const cancelledInWait = {
  onSleep: (world: VirtualWorld) => {
    world.cancel()
  },
}

/** One part of a script: an exchange, a defect, or something that happens while a request is under way. */
export type Scripted = Exchange | Error | ((world: VirtualWorld) => Exchange)

export type Options = Parameters<typeof virtualWorld>[1]

/** Plays a run against a script of answers; `left` is how many more it has, or negative if it had too few. */
export async function play(script: Scripted[], inputs: Inputs = validInputs(), options?: Options) {
  let left = script.length
  const world = virtualWorld((_, self) => {
    const next = script[script.length - left--] ?? new Error('The script has ended')
    if (next instanceof Error) throw next
    return typeof next === 'function' ? next(self) : next
  }, options)
  const result = await closeBot(inputs, world)
  return { result, world, left }
}

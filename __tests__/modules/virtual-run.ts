/** A run on a virtual clock. */
import type { Exchange, Step } from '../../src/bale.ts'
import { closeBot, type Wait, type World } from '../../src/closing.ts'
import { createQuote } from '../../src/text.ts'
import { judge } from '../../src/verdict.ts'
import { validInputs } from './parse.ts'
import { TOKEN } from './samples.ts'

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

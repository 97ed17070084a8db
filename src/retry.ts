/** When to ask again: a pure plan, and the thin loop that follows it. */
import type { Exchange, Judgement, Method } from './judge.ts'
import { judge } from './judge.ts'

/** A wait must leave room for a real attempt: this long, or the attempt's own time-out where that is shorter. */
const MIN_ATTEMPT_MS = 5_000
const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 30_000

export interface Limits {
  readonly maxAttempts: number
  readonly attemptTimeoutMs: number
  /** From the program's start. */
  readonly timeoutMs: number
}

/** What the loop needs of the world; a test's world has a clock of its own. */
export interface World {
  readonly call: (method: Method, timeoutMs: number, stop: AbortSignal) => Promise<Exchange>
  /** Milliseconds since the program's start, monotonic. */
  readonly nowMs: () => number
  readonly wallMs: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  /** Ends early, and without an error, when `stop` is aborted. */
  readonly sleep: (ms: number, stop: AbortSignal) => Promise<void>
  /** Aborted when the run must end: `reason` is the outcome. */
  readonly stop: AbortSignal
}

/** `final`: asking again would not help. */
export type Plan = { readonly waitMs: number } | { readonly giveUp: GiveUp }
export type GiveUp = 'final' | 'attempts' | 'time'

/**
 * Plans what follows an attempt that did not succeed: never sooner than the server asked, never past the deadline.
 * Where the server asks for nothing, the wait is an exponential backoff with equal jitter.
 * @param attempt the number of the attempt that was judged, from 1
 * @param random from 0 to below 1
 */
export function planNext(judgement: Judgement, attempt: number, nowMs: number, limits: Limits, random: number): Plan {
  if (!judgement.retryable) return { giveUp: 'final' }
  if (attempt >= limits.maxAttempts) return { giveUp: 'attempts' }
  const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (attempt - 1), MAX_BACKOFF_MS)
  const waitMs = judgement.retryAfterSeconds ? judgement.retryAfterSeconds * 1000 : (backoffMs * (1 + random)) / 2
  const roomMs = Math.min(limits.attemptTimeoutMs, MIN_ATTEMPT_MS)
  return nowMs + waitMs + roomMs > limits.timeoutMs ? { giveUp: 'time' } : { waitMs }
}

/** The run so far. It is kept outside of the loop, so that what is known survives a signal and a defect. */
export interface Progress {
  method: Method
  /** Requests begun for each method. */
  readonly attempts: Record<Method, number>
  /** Whether a request is under way. */
  inFlight: boolean
  /** Whether a `close` may have taken effect without our knowing. */
  lost: boolean
  /** The time that the last attempt had. */
  timeoutMs: number
  /** What came of it. */
  last?: Judgement
  /** Why no further attempt was made. */
  giveUp?: GiveUp
}

/** Told of each wait as it begins, and again after each minute of it. */
export interface Listener {
  readonly onWait: (progress: Progress, waitMs: number, untilWallMs: number) => void
  readonly onMinute: (leftMs: number, untilWallMs: number) => void
}

const MINUTE_MS = 60_000

/**
 * Calls a method until it is settled, writing into `progress` what happens.
 * @returns what settled it, or `stopped`; a yes that has arrived stands, whatever happened meanwhile
 */
export async function persist(
  method: Method,
  limits: Limits,
  world: World,
  progress: Progress,
  listener: Listener,
): Promise<Judgement['outcome'] | 'stopped'> {
  progress.method = method
  delete progress.last
  const isStopped = (): boolean => world.stop.aborted
  while (!isStopped()) {
    const leftMs = limits.timeoutMs - world.nowMs()
    if (leftMs <= 0) {
      progress.giveUp = 'time'
      return 'timed-out'
    }
    const timeoutMs = Math.min(limits.attemptTimeoutMs, leftMs)
    const judgement = await attempt(method, timeoutMs, world, progress)
    if (judgement.outcome === 'yes') return 'yes'
    if (isStopped()) break
    const plan = planNext(judgement, progress.attempts[method], world.nowMs(), limits, world.random())
    if ('giveUp' in plan) {
      progress.giveUp = plan.giveUp
      return judgement.outcome
    }
    await wait(plan.waitMs, world, progress, listener)
  }
  return 'stopped'
}

async function attempt(method: Method, timeoutMs: number, world: World, progress: Progress): Promise<Judgement> {
  progress.attempts[method]++
  progress.timeoutMs = timeoutMs
  progress.inFlight = true
  delete progress.last
  const exchange = await world.call(method, timeoutMs, world.stop)
  const judgement = judge(method, exchange, world.wallMs())
  progress.last = judgement
  progress.inFlight = exchange.fault === 'STOPPED'
  progress.lost ||= method === 'close' && judgement.lost
  return judgement
}

async function wait(waitMs: number, world: World, progress: Progress, listener: Listener): Promise<void> {
  const untilMs = world.nowMs() + waitMs
  const untilWallMs = world.wallMs() + waitMs
  listener.onWait(progress, waitMs, untilWallMs)
  for (let leftMs = waitMs; leftMs > 0 && !world.stop.aborted; leftMs = untilMs - world.nowMs()) {
    if (leftMs < waitMs && leftMs >= 1000) listener.onMinute(leftMs, untilWallMs)
    await world.sleep(Math.min(leftMs, MINUTE_MS), world.stop)
  }
}

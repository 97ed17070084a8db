/** The procedure: steps, attempts, waits and the deadline. It settles the facts of a run and words none of them. */
import type { Exchange, Method, Step } from './bale.ts'
import type { ValidInputs } from './inputs.ts'
import {
  type AnswerVerdict,
  answerOf,
  type Decision,
  judge,
  LAUNCH_WINDOW_SECONDS,
  type Outcome,
  type Verdict,
} from './verdict.ts'

/** What the procedure needs from outside. */
export interface World {
  exchange: (step: Step, timeoutMs: number) => Promise<Exchange>
  /** Milliseconds since the start of the program, monotonic. */
  nowMs: () => number
  /** Ends early, without an error, when `stop` is aborted. */
  sleep: (ms: number) => Promise<void>
  /** Aborted by a signal, or by a defect: then the reason is an `Error`. */
  stop: AbortSignal
  /** Called when a wait begins and after each minute of it. */
  onWait: (wait: Wait) => void
}

/** A wait, before attempt number `count + 1` or before the check whether something opened the bot again. */
export type Wait = Pause & { leftMs: number }
type Pause = { totalMs: number } & ({ purpose: 'retry'; verdict: Decision; count: number } | { purpose: 'confirm' })

export interface Attempt {
  step: Step
  /** `undefined` if a defect of the action ended the attempt. */
  verdict: Verdict | undefined
}

export interface Result {
  outcome: Outcome
  closed: 'yes' | 'no' | 'unknown'
  /** What the outcome `closed` rests on: the API's answer, or "already closed" after a `close` that may have worked. */
  proof: 'answer' | 'inferred' | undefined
  /** Whether something opened the bot again after the close. */
  confirmation?: 'still closed' | 'not told' | 'failed'
  webhook: 'untouched' | 'deleted' | 'maybe deleted'
  /** If the run failed: the method that was not done. */
  failedMethod: Method
  /** If time ran out: the smallest `timeout-seconds` that would have allowed another attempt. */
  neededSeconds?: number
  /** If time ran out: something launched the bot during the waits, so that a longer wait would not help. */
  wasLaunchedAgain: boolean
  /** The verdict that decided the outcome, if one did. */
  decisive?: Decision
  attempts: readonly Attempt[]
  /** The error behind `internal-error`. */
  defect?: unknown
}

/** How the procedure or a step of it ended; all else in the result follows from the attempts. */
type End = Partial<Omit<Result, 'outcome'>> & { outcome: Outcome | 'yes' }

/** A run on its way. */
interface Run {
  inputs: ValidInputs
  world: World
  /** Appended to, never changed. */
  attempts: Attempt[]
}

/** A wait must leave room for a real attempt: so long, or `attempt-timeout-seconds` if that is shorter. */
const MIN_ATTEMPT_MS = 5_000
const FIRST_BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 30_000
/** If the API does not say how long the launch was ago: ten attempts outlast the ten minutes. */
const LAUNCH_BACKOFF_MS = 70_000
const REPORT_MS = 60_000

/** The result of a run whose inputs are wrong. */
export function invalidInputsResult(): Result {
  return settle({ outcome: 'invalid-input' }, [], false)
}

/** Closes the bot. No error escapes: a defect is an outcome, too. */
export async function closeBot(inputs: ValidInputs, world: World): Promise<Result> {
  const run: Run = { inputs, world, attempts: [] }
  const end = await runSteps(run).catch((defect: unknown): End => ({ outcome: 'internal-error', defect }))
  return settle(end, run.attempts, inputs.allowAlreadyClosed)
}

async function runSteps(run: Run): Promise<End> {
  if (run.inputs.dryRun) {
    const end = await persist('connect', run)
    return end.outcome === 'yes' ? { outcome: 'dry-run' } : end
  }
  if (run.inputs.deleteWebhook) {
    const end = await persist('deleteWebhook', run)
    if (end.outcome !== 'yes') return end
  }
  const end = await persist('close', run)
  if (end.outcome !== 'yes' || run.inputs.confirmAfterMs === 0) return end
  // The API has confirmed the close: nothing that fails from here on changes that.
  return confirm(end, run).catch((): End => ({ ...end, confirmation: 'failed' }))
}

/** Repeats a step until it is done or refused for good, or no attempts or no time are left. */
async function persist(step: Step, run: Run): Promise<End> {
  const { inputs, world, attempts } = run
  for (let count = 1; ; count++) {
    if (world.stop.aborted) return stopped(world.stop)
    if (world.nowMs() >= inputs.timeoutMs) return { outcome: 'timed-out' }
    const verdict = await attempt(step, run)
    if (verdict.kind === 'stopped') return stopped(world.stop)
    if (verdict.kind === 'connected') return { outcome: 'yes' }
    const end: End = { outcome: verdict.outcome, decisive: verdict }
    if (!verdict.retryable || count === inputs.maxAttempts) return end
    const waitMs = waitMsAfter(verdict, count)
    const neededMs = neededMsFor(waitMs, run)
    if (neededMs > inputs.timeoutMs) {
      return { ...end, neededSeconds: Math.ceil(neededMs / 1000), wasLaunchedAgain: wasLaunchedAgain(attempts) }
    }
    await wait({ purpose: 'retry', verdict, count, totalMs: waitMs }, world)
  }
}

async function attempt(step: Step, { inputs, world, attempts }: Run): Promise<Verdict> {
  const timeoutMs = Math.min(inputs.attemptTimeoutMs, inputs.timeoutMs - world.nowMs())
  let verdict: Verdict | undefined
  try {
    verdict = judge(step, await world.exchange(step, timeoutMs), inputs.quote)
    return verdict
  } finally {
    attempts.push({ step, verdict })
  }
}

/** Sends `close` once more, which launches no bot: the answer tells whether something opened the bot again. */
async function confirm(closed: End, run: Run): Promise<End> {
  const { inputs, world } = run
  const failed: End = { ...closed, confirmation: 'failed' }
  const closedAtMs = world.nowMs()
  if (neededMsFor(inputs.confirmAfterMs, run) > inputs.timeoutMs) return failed
  await wait({ purpose: 'confirm', totalMs: inputs.confirmAfterMs }, world)
  if (world.stop.aborted) return failed
  const verdict = await attempt('close', run)
  if (verdict.outcome === 'already-closed') return { ...closed, confirmation: 'still closed' }
  if (verdict.outcome === 'yes') return { ...closed, confirmation: 'not told' }
  const answer = answerOf(verdict)
  const isReopened = answer && wasLaunchedWithin(world.nowMs() - closedAtMs, answer)
  return isReopened ? { outcome: 'reopened', decisive: answer } : failed
}

/** Whether `close` was refused as for a bot launched so recently. */
function wasLaunchedWithin(ms: number, { isLaunchRefusal, reason, waitSeconds }: AnswerVerdict): boolean {
  if (!isLaunchRefusal || reason === 'bot limit') return false
  return waitSeconds === 0 || waitSeconds >= LAUNCH_WINDOW_SECONDS - ms / 1000
}

async function wait(pause: Pause, world: World): Promise<void> {
  const { totalMs } = pause
  const endMs = world.nowMs() + totalMs
  for (let leftMs = totalMs; leftMs > 0 && !world.stop.aborted; leftMs = endMs - world.nowMs()) {
    // A timer may end a moment early, and so small a rest needs no line.
    if (leftMs === totalMs || leftMs > 1000) world.onWait({ ...pause, leftMs })
    await world.sleep(Math.min(leftMs, REPORT_MS))
  }
}

/** What the server asks for, or else an exponential backoff with equal jitter. */
function waitMsAfter(verdict: Verdict, count: number): number {
  const answer = answerOf(verdict)
  if (answer && answer.waitSeconds > 0) return answer.waitSeconds * 1000
  if (answer?.isLaunchRefusal) return LAUNCH_BACKOFF_MS
  const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (count - 1), MAX_BACKOFF_MS)
  return (backoffMs / 2) * (1 + Math.random())
}

/** The time at which a wait and a real attempt after it would be over. */
const neededMsFor = (waitMs: number, { inputs, world }: Run) =>
  world.nowMs() + waitMs + Math.min(inputs.attemptTimeoutMs, MIN_ATTEMPT_MS)

/** Whether the wait that the API asks for grew although the wait before was kept. */
function wasLaunchedAgain(attempts: readonly Attempt[]): boolean {
  const [before, now] = [launchWaitSeconds(attempts.at(-2)), launchWaitSeconds(attempts.at(-1))]
  return before > 0 && now > before
}

function launchWaitSeconds(attempt: Attempt | undefined): number {
  const answer = answerOf(attempt?.verdict)
  return answer?.isLaunchRefusal ? answer.waitSeconds : 0
}

function stopped({ reason }: AbortSignal): End {
  return reason instanceof Error ? { outcome: 'internal-error', defect: reason } : { outcome: 'cancelled' }
}

function settle(end: End, attempts: readonly Attempt[], allowAlreadyClosed: boolean): Result {
  const mayBeClosed = isInDoubt('close', attempts)
  const isInferred = end.outcome === 'already-closed' && mayBeClosed
  const outcome = end.outcome === 'yes' || isInferred ? 'closed' : end.outcome
  const isClosed = outcome === 'closed' || (outcome === 'already-closed' && allowAlreadyClosed)
  const closed = isClosed ? 'yes' : mayBeClosed && outcome !== 'reopened' ? 'unknown' : 'no'
  const proof = outcome !== 'closed' ? undefined : isInferred ? 'inferred' : 'answer'
  const webhook = webhookAfter(attempts)
  const failedMethod = webhook !== 'deleted' && attempts.at(-1)?.step === 'deleteWebhook' ? 'deleteWebhook' : 'close'
  return { wasLaunchedAgain: false, ...end, outcome, closed, proof, webhook, failedMethod, attempts }
}

/** Whether a method may have worked although no answer said so; "unauthorized" ends the doubt. */
function isInDoubt(method: Method, attempts: readonly Attempt[]): boolean {
  const lastClear = attempts.map(({ verdict }) => verdict?.outcome).lastIndexOf('unauthorized')
  return attempts.slice(lastClear + 1).some(({ step, verdict }) => step === method && (verdict?.mayHaveWorked ?? true))
}

function webhookAfter(attempts: readonly Attempt[]): Result['webhook'] {
  if (attempts.some(({ step, verdict }) => step === 'deleteWebhook' && verdict?.outcome === 'yes')) return 'deleted'
  return isInDoubt('deleteWebhook', attempts) ? 'maybe deleted' : 'untouched'
}

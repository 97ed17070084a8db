/** The procedure: steps, attempts, waits and the deadline. It settles the facts of a run and words none of them. */
import type { Exchange, Method, Step } from './bale.ts'
import type { Inputs, ValidInputs } from './inputs.ts'
import { judge, type Outcome, type Reason, type Verdict, wasLaunchedWithin } from './verdict.ts'

/** What the procedure needs from outside. */
export interface World {
  exchange: (inputs: ValidInputs, step: Step, timeoutSeconds: number) => Promise<Exchange>
  /** Since the start of the program, by a monotonic clock. */
  elapsedSeconds: () => number
  /** Ends early, without an error, when `stop` is aborted. */
  sleep: (seconds: number) => Promise<void>
  /** Aborted with `cancelled` by a signal, else with a defect. */
  stop: AbortSignal
  /** Called when a wait begins and after each minute of it. */
  onWait: (wait: Wait, leftSeconds: number, inputs: ValidInputs) => void
}

/** A wait after failed attempt number `count`, or before the check whether something opened the bot again. */
export type Wait = { seconds: number } & (
  { purpose: 'retry'; verdict: Verdict; count: number } | { purpose: 'confirm' }
)

interface Attempt {
  step: Step
  /** `undefined` if a defect of the action ended the attempt; then it may have worked. */
  verdict: Verdict | undefined
}

/** How the procedure or a step of it ended. */
interface End {
  outcome: Outcome | 'yes'
  /** The verdict that decided the outcome, if one did. */
  decisive?: Verdict
  /** Why it failed, if the outcome alone does not say it; after `launched again`, more time would not help. */
  reason?: Reason | undefined
  /** Whether something opened the bot again after the close. */
  confirmation?: 'still closed' | 'not told' | 'failed'
  /** If time ran out: the smallest `timeout-seconds` that would have allowed another attempt. */
  neededSeconds?: number
  /** The error behind `internal-error`. */
  defect?: unknown
}

/** The end of a run, and the facts that follow from its attempts. */
export interface Result extends End {
  outcome: Outcome
  /** How many attempts the last step took, the confirmation included. */
  count: number
  /** `unknown` if a `close` may have worked but no answer confirmed it. */
  closed: 'yes' | 'no' | 'unknown'
  /** "Already closed" after a `close` of this run that may have worked. */
  isInferred: boolean
  webhook: 'deleted' | 'maybe deleted' | 'untouched'
  wasCloseSent: boolean
  attempts: readonly Attempt[]
}

/** A run on its way. Attempts are appended, never changed. */
interface Run {
  inputs: ValidInputs
  world: World
  attempts: Attempt[]
}

/** A wait must leave room for a real attempt: so long, or `attempt-timeout-seconds` if that is shorter. */
const MIN_ATTEMPT_SECONDS = 5
const MAX_BACKOFF_SECONDS = 30
/** After a 429 to `close` that asks for no wait: the nine waits of ten attempts outlast the ten minutes after a launch. */
const LAUNCH_BACKOFF_SECONDS = 70
const REPORT_INTERVAL_SECONDS = 60
const UNCONFIRMED = { confirmation: 'failed' } as const

/** Closes the bot if the inputs are right. No error escapes: a defect is an outcome, too. */
export async function closeBot(inputs: Inputs, world: World): Promise<Result> {
  if (!inputs.isValid) return settle({ outcome: 'invalid-input' }, [], false)
  const run: Run = { inputs, world, attempts: [] }
  const failWith = (defect: unknown): End => ({ outcome: 'internal-error', defect })
  const end = await runSteps(run).catch(failWith)
  const isDefect = end.outcome === 'cancelled' && world.stop.reason !== 'cancelled'
  return settle(
    isDefect ? failWith(world.stop.reason) : end,
    run.attempts,
    inputs['allow-already-closed'],
  )
}

async function runSteps(run: Run): Promise<End> {
  if (run.inputs['dry-run']) return runStep('connect', run)
  if (run.inputs['delete-webhook']) {
    const end = await runStep('deleteWebhook', run)
    if (end.outcome !== 'yes') return end
  }
  const end = await runStep('close', run)
  if (end.outcome !== 'yes' || run.inputs['confirm-after-seconds'] === 0) return end
  // The API has confirmed the close: nothing that fails from here on changes that.
  return { ...end, ...(await confirm(run).catch(() => UNCONFIRMED)) }
}

/** Repeats a step until it is done or refused for good, or no attempts or no time are left. */
async function runStep(step: Step, run: Run): Promise<End> {
  const { inputs, world } = run
  for (let count = 1; ; count++) {
    if (world.stop.aborted) return { outcome: 'cancelled' }
    if (world.elapsedSeconds() >= inputs['timeout-seconds']) return { outcome: 'timed-out' }
    const verdict = await attempt(step, run)
    const end: End = { outcome: verdict.outcome, decisive: verdict, reason: verdict.reason }
    if (!verdict.retryable || count === inputs['max-attempts'] || wasCutShort(verdict, inputs))
      return end
    const seconds = secondsToWait(verdict, count)
    const neededSeconds = neededSecondsFor(seconds, run)
    if (neededSeconds > inputs['timeout-seconds']) {
      // The last attempt is that of this verdict, at(-2) the one before.
      const reason = hasWaitGrown(run.attempts.at(-2)?.verdict, verdict)
        ? 'launched again'
        : verdict.reason
      return { ...end, neededSeconds: Math.ceil(neededSeconds), reason }
    }
    await pause({ purpose: 'retry', verdict, count, seconds }, run)
  }
}

async function attempt(step: Step, { inputs, world, attempts }: Run): Promise<Verdict> {
  const leftSeconds = inputs['timeout-seconds'] - world.elapsedSeconds()
  const timeoutSeconds = Math.min(inputs['attempt-timeout-seconds'], leftSeconds)
  let verdict: Verdict | undefined
  try {
    verdict = judge(step, await world.exchange(inputs, step, timeoutSeconds), inputs.quote)
    return verdict
  } finally {
    attempts.push({ step, verdict })
  }
}

/** Sends `close` once more, which launches no bot: the answer tells whether something opened the bot again. */
async function confirm(run: Run): Promise<Partial<End>> {
  const { inputs, world } = run
  const seconds = inputs['confirm-after-seconds']
  const closedAtSeconds = world.elapsedSeconds()
  if (neededSecondsFor(seconds, run) > inputs['timeout-seconds']) return UNCONFIRMED
  await pause({ purpose: 'confirm', seconds }, run)
  if (world.stop.aborted) return UNCONFIRMED
  const verdict = await attempt('close', run)
  if (verdict.outcome === 'already-closed') return { confirmation: 'still closed' }
  if (verdict.outcome === 'yes') return { confirmation: 'not told' }
  const isReopened = wasLaunchedWithin(world.elapsedSeconds() - closedAtSeconds, verdict)
  return isReopened ? { outcome: 'reopened', decisive: verdict } : UNCONFIRMED
}

async function pause(wait: Wait, { inputs, world }: Run): Promise<void> {
  for (
    let leftSeconds = wait.seconds;
    leftSeconds > 0 && !world.stop.aborted;
    leftSeconds -= REPORT_INTERVAL_SECONDS
  ) {
    world.onWait(wait, leftSeconds, inputs)
    await world.sleep(Math.min(leftSeconds, REPORT_INTERVAL_SECONDS))
  }
}

/** What the server asks for, or else an exponential backoff with equal jitter. */
function secondsToWait({ waitSeconds, isClose429 }: Verdict, count: number): number {
  if (waitSeconds > 0) return waitSeconds
  if (isClose429) return LAUNCH_BACKOFF_SECONDS
  const backoffSeconds = Math.min(2 ** (count - 1), MAX_BACKOFF_SECONDS)
  return (backoffSeconds / 2) * (1 + Math.random())
}

/** When a wait and a real attempt after it would be over. */
const neededSecondsFor = (waitSeconds: number, { inputs, world }: Run) =>
  world.elapsedSeconds() +
  waitSeconds +
  Math.min(inputs['attempt-timeout-seconds'], MIN_ATTEMPT_SECONDS)

/** Whether `timeout-seconds` ended the attempt early: then nobody can say how much time would have been enough. */
const wasCutShort = ({ exchange }: Verdict, inputs: ValidInputs) =>
  exchange.kind === 'timed-out' && exchange.timeoutSeconds < inputs['attempt-timeout-seconds']

/** Whether the API, after a full wait, asks for a longer one: then something launched the bot during that wait. */
function hasWaitGrown(before: Verdict | undefined, now: Verdict): boolean {
  if (!before?.isClose429 || !before.waitSeconds) return false
  return now.isClose429 && now.waitSeconds > before.waitSeconds
}

function settle(end: End, attempts: readonly Attempt[], allowAlreadyClosed: boolean): Result {
  // These answers say that no attempt has worked, or that its effect is gone.
  const isRuledOut = end.outcome === 'unauthorized' || end.outcome === 'reopened'
  const mayHaveWorked = (method: Method) =>
    !isRuledOut &&
    attempts.some(({ step, verdict }) => step === method && verdict?.mayHaveWorked !== false)
  const isInferred = end.outcome === 'already-closed' && mayHaveWorked('close')
  const outcome = end.outcome === 'yes' || isInferred ? 'closed' : end.outcome
  const isClosed = outcome === 'closed' || (outcome === 'already-closed' && allowAlreadyClosed)
  const isDeleted = attempts.some(
    ({ step, verdict }) => step === 'deleteWebhook' && verdict?.outcome === 'yes',
  )
  const notClosed = mayHaveWorked('close') ? 'unknown' : 'no'
  const notDeleted = mayHaveWorked('deleteWebhook') ? 'maybe deleted' : 'untouched'
  return {
    ...end,
    outcome,
    count: attempts.filter(({ step }) => step === attempts.at(-1)?.step).length,
    closed: isClosed ? 'yes' : notClosed,
    isInferred,
    webhook: isDeleted ? 'deleted' : notDeleted,
    wasCloseSent: attempts.some(
      ({ step, verdict }) => step === 'close' && verdict?.exchange.wasSent !== false,
    ),
    attempts,
  }
}

/** The procedure: steps, attempts, waits and the deadline. It settles the facts of a run. */
import type { Method, Step } from './bale.ts'
import type { ValidInputs } from './inputs.ts'
import type { FailedAnswer, Verdict } from './verdict.ts'

/** What the procedure needs from outside. */
export interface World {
  /** Makes a request and judges what comes back. */
  ask: (step: Step, timeoutSeconds: number) => Promise<Verdict>
  /** Since the start of the program, by a monotonic clock. */
  elapsedSeconds: () => number
  /** Ends early, without an error, when `stop` is aborted. */
  sleep: (seconds: number) => Promise<void>
  /** Aborted when the run is cancelled. */
  stop: AbortSignal
  /** Called when a wait begins and after each minute of it. */
  onWait: (wait: Wait, leftSeconds: number) => void
}

export interface Wait {
  seconds: number
  /** The attempt that is to be repeated, and its number; absent before the check. */
  failed?: { verdict: Verdict; count: number }
}

/** Its kind settles whether the bot counts as closed, and that only `failed` fails the step. */
export type Result = Closed | DryRun | Failed

interface Facts {
  /** How many `close` attempts were begun, the check included. */
  closeAttempts: number
  /** The attempt that decided the outcome, if one did; the check only if the bot was reopened. */
  decisive: Verdict | undefined
  webhook: 'deleted' | 'maybe deleted' | 'untouched'
}

interface DryRun extends Facts {
  kind: 'dry-run'
  outcome: 'dry-run'
}

export interface Closed extends Facts {
  kind: 'closed'
  outcome: 'closed' | 'already-closed' | 'unconfirmed'
  /** A yes; "already closed" after a `close` of this run that may have worked; or allowed. */
  evidence: 'confirmed' | 'inferred' | 'allowed'
  check: Check | undefined
}

/** What the check found out; a verdict in a `Closed` told nothing, any other means `reopened`. */
export type Check = 'still closed' | 'no time' | 'cancelled' | Verdict

export interface Failed extends Facts {
  kind: 'failed'
  outcome: FailedOutcome
  /** A `close` may have worked, but no answer confirmed it. */
  mayBeClosed: boolean
  /** What was left of `timeout-seconds`, if that was too little to go on. */
  leftSeconds: number | undefined
}

/** The outcome `invalid-input` comes before the procedure. */
export type FailedOutcome = FailedAnswer | 'reopened'

interface StepEnd {
  answer: Verdict['answer']
  decisive?: Verdict
  leftSeconds?: number
}

interface Run {
  inputs: ValidInputs
  world: World
  attempts: Verdict[]
}

/** A wait must leave time for another attempt: this, or `attempt-timeout-seconds` if that is less. */
const MIN_ATTEMPT_SECONDS = 5
const MAX_BACKOFF_SECONDS = 30
/** With ten attempts, nine such waits outlast the ten minutes of the reference server. */
const LAUNCH_BACKOFF_SECONDS = 70
const REPORT_INTERVAL_SECONDS = 60

/** Closes the bot, or for a dry run connects. Throws only on a defect. */
export async function closeBot(inputs: ValidInputs, world: World): Promise<Result> {
  const run: Run = { inputs, world, attempts: [] }
  const end = await runSteps(run)
  const { answer } = end
  if (answer === 'done' && inputs['dry-run']) {
    return { ...factsAfter(end, run), kind: 'dry-run', outcome: 'dry-run' }
  }
  if (answer !== 'done' && answer !== 'already-closed') return failure(answer, end, run)
  const evidence = answer === 'done' ? 'confirmed' : evidenceWithoutYes(run)
  if (!evidence) return failure('already-closed', end, run)
  const check = inputs['confirm-after-seconds'] > 0 ? await checkStillClosed(run) : undefined
  if (isReopened(check, evidence)) return failure('reopened', { answer, decisive: check }, run)
  const found = evidence === 'allowed' ? 'already-closed' : 'closed'
  const outcome = check === undefined || check === 'still closed' ? found : 'unconfirmed'
  return { ...factsAfter(end, run), kind: 'closed', outcome, evidence, check }
}

async function runSteps(run: Run): Promise<StepEnd> {
  if (run.inputs['dry-run']) return runStep('connect', run)
  if (run.inputs['delete-webhook']) {
    const end = await runStep('deleteWebhook', run)
    if (end.answer !== 'done') return end
  }
  return runStep('close', run)
}

/** Repeats a step until it is done or refused for good, or until attempts or time run out. */
async function runStep(step: Step, run: Run): Promise<StepEnd> {
  for (let count = 1; ; count++) {
    if (run.world.stop.aborted) return { answer: 'cancelled' }
    if (secondsLeft(run) <= 0) return { answer: 'timed-out', leftSeconds: 0 }
    const verdict = await attempt(step, run)
    const end = { answer: verdict.answer, decisive: verdict }
    if (!verdict.isRetryable || count === run.inputs['max-attempts']) return end
    const seconds = secondsToWait(verdict, count)
    if (!leavesRoom(seconds, run)) return { ...end, leftSeconds: secondsLeft(run) }
    await pause({ seconds, failed: { verdict, count } }, run)
  }
}

async function attempt(step: Step, run: Run): Promise<Verdict> {
  const timeoutSeconds = Math.min(run.inputs['attempt-timeout-seconds'], secondsLeft(run))
  const verdict = await run.world.ask(step, timeoutSeconds)
  run.attempts.push(verdict)
  return verdict
}

async function pause(wait: Wait, { world }: Run): Promise<void> {
  let leftSeconds = wait.seconds
  while (leftSeconds > 0 && !world.stop.aborted) {
    world.onWait(wait, leftSeconds)
    await world.sleep(Math.min(leftSeconds, REPORT_INTERVAL_SECONDS))
    leftSeconds -= REPORT_INTERVAL_SECONDS
  }
}

/** What the server asks for, or else an exponential backoff with equal jitter. */
function secondsToWait({ waitSeconds, reason }: Verdict, count: number): number {
  if (waitSeconds > 0) return waitSeconds
  if (reason === 'launch') return LAUNCH_BACKOFF_SECONDS
  const backoffSeconds = Math.min(2 ** (count - 1), MAX_BACKOFF_SECONDS)
  return (backoffSeconds / 2) * (1 + Math.random())
}

const secondsLeft = ({ inputs, world }: Run) => inputs['timeout-seconds'] - world.elapsedSeconds()

function leavesRoom(waitSeconds: number, run: Run): boolean {
  const attemptSeconds = Math.min(run.inputs['attempt-timeout-seconds'], MIN_ATTEMPT_SECONDS)
  return waitSeconds + attemptSeconds <= secondsLeft(run)
}

/** Sends `close` once more: it launches no bot, and its answer tells whether something else did. */
async function checkStillClosed(run: Run): Promise<Check> {
  const seconds = run.inputs['confirm-after-seconds']
  if (!leavesRoom(seconds, run)) return 'no time'
  await pause({ seconds }, run)
  if (run.world.stop.aborted) return 'cancelled'
  const verdict = await attempt('close', run)
  if (verdict.answer === 'cancelled') return 'cancelled'
  return verdict.answer === 'already-closed' ? 'still closed' : verdict
}

/** What an "already closed" is worth; `undefined` if nothing. */
function evidenceWithoutYes({ inputs, attempts }: Run): Closed['evidence'] | undefined {
  if (effectOf('close', attempts).mayHaveWorked) return 'inferred'
  return inputs['allow-already-closed'] ? 'allowed' : undefined
}

/** A yes after a yes is no sign: some servers may answer every `close` with yes. */
function isReopened(check: Check | undefined, evidence: Closed['evidence']): check is Verdict {
  if (typeof check !== 'object') return false
  return check.reason === 'launch' || (check.answer === 'done' && evidence !== 'confirmed')
}

function failure(outcome: FailedOutcome, end: StepEnd, run: Run): Failed {
  const { mayHaveWorked } = effectOf('close', run.attempts)
  return {
    ...factsAfter(end, run),
    kind: 'failed',
    outcome,
    mayBeClosed: outcome !== 'reopened' && mayHaveWorked,
    leftSeconds: end.leftSeconds,
  }
}

function factsAfter({ decisive }: StepEnd, { attempts }: Run): Facts {
  const closeAttempts = attempts.filter(({ step }) => step === 'close').length
  const { isConfirmed, mayHaveWorked } = effectOf('deleteWebhook', attempts)
  const otherwise = mayHaveWorked ? 'maybe deleted' : 'untouched'
  return { closeAttempts, decisive, webhook: isConfirmed ? 'deleted' : otherwise }
}

function effectOf(method: Method, attempts: readonly Verdict[]) {
  const verdicts = attempts.filter(({ step }) => step === method)
  const got = (expected: Verdict['answer']) => verdicts.some(({ answer }) => answer === expected)
  return {
    isConfirmed: got('done'),
    // An API that does not know the token has done nothing.
    mayHaveWorked: verdicts.some((verdict) => verdict.mayHaveWorked) && !got('unauthorized'),
  }
}

/** The procedure: steps, attempts, waits and the deadline. It settles the facts of a run. */
import type { Method, Step } from './bale.ts'
import type { ValidInputs } from './inputs.ts'
import type { FailedAnswer, Outcome, Verdict } from './verdict.ts'

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

/** A wait after failed attempt number `count`, or before the check of `confirm-after-seconds`. */
export type Wait = { seconds: number } & (
  { purpose: 'retry'; verdict: Verdict; count: number } | { purpose: 'check' }
)

export type Result = Facts & (Closed | { kind: 'dry-run' } | Failed)

interface Facts {
  outcome: Outcome
  closed: boolean
  /** Whether the step passes. */
  passes: boolean
  /** How many `close` attempts were begun, the check included. */
  closeAttempts: number
  /** The attempt that decided the outcome, if one did; the check only if the bot was reopened. */
  decisive: Verdict | undefined
  webhook: 'deleted' | 'maybe deleted' | 'untouched'
}

export interface Closed {
  kind: 'closed'
  /** A yes; "already closed" after a `close` of this run that may have worked; or allowed. */
  evidence: 'confirmed' | 'inferred' | 'allowed'
  check: Check | undefined
}

/** What the check found out; a verdict is one that tells nothing. */
export type Check = 'still closed' | 'no time' | 'cancelled' | Verdict

export interface Failed {
  kind: 'failed'
  outcome: FailedOutcome
  /** A `close` may have worked, but no answer confirmed it. */
  mayBeClosed: boolean
  /** What ran out, if that ended the run. */
  exhausted: 'attempts' | 'time' | undefined
  /** What is left of `timeout-seconds`. */
  leftSeconds: number
}

/** The outcome `invalid-input` comes before the procedure. */
export type FailedOutcome = FailedAnswer | 'reopened'

interface StepEnd {
  answer: Verdict['answer']
  decisive?: Verdict
  exhausted?: 'attempts' | 'time'
}

interface Run {
  inputs: ValidInputs
  world: World
  attempts: Verdict[]
}

/** A wait must leave room for a real attempt: so long, or `attempt-timeout-seconds` if shorter. */
const MIN_ATTEMPT_SECONDS = 5
const MAX_BACKOFF_SECONDS = 30
/** With ten attempts, nine such waits outlast the ten minutes of the reference server. */
const LAUNCH_BACKOFF_SECONDS = 70
const REPORT_INTERVAL_SECONDS = 60

/** Closes the bot, or for a dry run connects. Throws only on a defect. */
export async function closeBot(inputs: ValidInputs, world: World): Promise<Result> {
  const run: Run = { inputs, world, attempts: [] }
  const end = await runSteps(run)
  if (inputs['dry-run'] && end.answer === 'done') {
    const outcome = 'dry-run'
    return { ...factsAfter(end, run), kind: outcome, outcome, closed: false, passes: true }
  }
  const evidence = evidenceAfter(end, run)
  if (!evidence) return failure(end.answer as FailedAnswer, end, run)
  const check = inputs['confirm-after-seconds'] > 0 ? await checkStillClosed(run) : undefined
  if (isReopened(check, evidence)) return failure('reopened', { ...end, decisive: check }, run)
  const found = evidence === 'allowed' ? 'already-closed' : 'closed'
  const outcome = check === undefined || check === 'still closed' ? found : 'unconfirmed'
  const state = { kind: 'closed', outcome, closed: true, passes: true } as const
  return { ...factsAfter(end, run), ...state, evidence, check }
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
  const { inputs, world } = run
  for (let count = 1; ; count++) {
    if (world.stop.aborted) return { answer: 'cancelled' }
    if (secondsLeft(run) <= 0) return { answer: 'timed-out', exhausted: 'time' }
    const verdict = await attempt(step, run)
    const end = { answer: verdict.answer, decisive: verdict }
    if (!verdict.isRetryable) return end
    if (count === inputs['max-attempts']) return { ...end, exhausted: 'attempts' }
    const seconds = secondsToWait(verdict, count)
    if (!leavesRoom(seconds, run)) return { ...end, exhausted: 'time' }
    await pause({ purpose: 'retry', verdict, count, seconds }, run)
  }
}

async function attempt(step: Step, run: Run): Promise<Verdict> {
  const { inputs, world, attempts } = run
  const timeoutSeconds = Math.min(inputs['attempt-timeout-seconds'], secondsLeft(run))
  const verdict = await world.ask(step, timeoutSeconds)
  attempts.push(verdict)
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
  await pause({ purpose: 'check', seconds }, run)
  if (run.world.stop.aborted) return 'cancelled'
  const verdict = await attempt('close', run)
  if (verdict.answer === 'cancelled') return 'cancelled'
  return verdict.answer === 'already-closed' ? 'still closed' : verdict
}

/** What shows that the bot is closed; `undefined` if nothing does. */
function evidenceAfter({ answer }: StepEnd, { inputs, attempts }: Run) {
  if (answer === 'done') return 'confirmed'
  if (answer !== 'already-closed') return undefined
  if (effectOf('close', attempts).mayHaveWorked) return 'inferred'
  return inputs['allow-already-closed'] ? 'allowed' : undefined
}

/** A yes after a yes is no sign: some servers may answer every `close` with yes. */
function isReopened(check: Check | undefined, evidence: Closed['evidence']): check is Verdict {
  if (typeof check !== 'object') return false
  return check.reason === 'launch' || (check.answer === 'done' && evidence !== 'confirmed')
}

function failure(outcome: FailedOutcome, end: StepEnd, run: Run): Result {
  return {
    ...factsAfter(end, run),
    kind: 'failed',
    outcome,
    closed: false,
    passes: false,
    mayBeClosed: outcome !== 'reopened' && effectOf('close', run.attempts).mayHaveWorked,
    exhausted: end.exhausted,
    leftSeconds: secondsLeft(run),
  }
}

function factsAfter({ decisive }: StepEnd, { attempts }: Run) {
  const closeAttempts = attempts.filter(({ step }) => step === 'close').length
  const { isConfirmed, mayHaveWorked } = effectOf('deleteWebhook', attempts)
  const otherwise = mayHaveWorked ? 'maybe deleted' : 'untouched'
  return { closeAttempts, decisive, webhook: isConfirmed ? 'deleted' : otherwise } as const
}

function effectOf(method: Method, attempts: readonly Verdict[]) {
  const verdicts = attempts.filter(({ step }) => step === method)
  const gotAnswer = (expected: Verdict['answer']) =>
    verdicts.some(({ answer }) => answer === expected)
  return {
    isConfirmed: gotAnswer('done'),
    // An API that does not know the token has done nothing.
    mayHaveWorked:
      verdicts.some(({ mayHaveWorked }) => mayHaveWorked) && !gotAnswer('unauthorized'),
  }
}

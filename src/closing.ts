/** The procedure: steps, attempts, waits and the deadline. It settles the facts of a run. */
import type { Method, Step } from './bale.ts'
import type { ValidInputs } from './inputs.ts'
import type { FailureKind, Verdict } from './verdict.ts'

/** What the procedure needs from outside. */
export interface World {
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
  attempt?: { verdict: Verdict; count: number }
}

/** The output `closed` is true only for `closed`; only `failed` fails the step. */
export type Result = Closed | DryRun | Failed

interface Facts {
  /** How many `close` attempts were begun, the check included. */
  closeAttempts: number
  /** What decided the outcome, if an attempt did; the check only if the bot was reopened. */
  verdict: Verdict | undefined
  webhookDeletion: Effect
}

/** Whether a method worked: an answer confirmed it, it is possible, or it did not. */
type Effect = 'confirmed' | 'possible' | 'none'

interface DryRun extends Facts {
  kind: 'dry-run'
  outcome: 'dry-run'
}

export interface Closed extends Facts {
  kind: 'closed'
  outcome: 'closed' | 'already-closed' | 'unconfirmed'
  basis: Basis
  /** How the check ended, if one was asked for. */
  check: StepEnd | undefined
}

/** Why: a yes, "already closed" after a `close` that may have worked, or `allow-already-closed`. */
export type Basis = 'confirmed' | 'inferred' | 'allowed'

export interface Failed extends Facts {
  kind: 'failed'
  outcome: FailedOutcome
  /** A `close` may have worked, but no answer confirmed it. */
  mayBeClosed: boolean
  /** What was left of `timeout-seconds`, if the run ended because that was too little. */
  unusedSeconds: number | undefined
}

export type FailedOutcome = FailureKind | 'reopened'

export interface StepEnd {
  kind: Verdict['kind']
  verdict?: Verdict
  unusedSeconds?: number
}

interface Run {
  inputs: ValidInputs
  world: World
  verdicts: Verdict[]
}

/** A wait must leave this for another attempt, or `attempt-timeout-seconds` if that is less. */
const MIN_ATTEMPT_SECONDS = 5
const MAX_BACKOFF_SECONDS = 30
/** With ten attempts, nine such waits outlast the ten minutes of the reference server. */
const LAUNCH_BACKOFF_SECONDS = 70
const REPORT_INTERVAL_SECONDS = 60

/** Closes the bot, or for a dry run connects. Throws only on a defect. */
export async function closeBot(inputs: ValidInputs, world: World): Promise<Result> {
  const run: Run = { inputs, world, verdicts: [] }
  const end = await runSteps(run)
  const { kind } = end
  if (kind !== 'done' && kind !== 'already-closed') return failed(kind, end, run)
  if (inputs['dry-run']) return { ...factsAfter(end, run), kind: 'dry-run', outcome: 'dry-run' }
  const basis = kind === 'done' ? 'confirmed' : basisWithoutYes(run)
  if (!basis) return failed('already-closed', end, run)
  const check = await checkStillClosed(run)
  if (check && isReopened(check, basis)) return failed('reopened', check, run)
  const found = basis === 'allowed' ? 'already-closed' : 'closed'
  const outcome = check && check.kind !== 'already-closed' ? 'unconfirmed' : found
  return { ...factsAfter(end, run), kind: 'closed', outcome, basis, check }
}

async function runSteps(run: Run): Promise<StepEnd> {
  if (run.inputs['dry-run']) return runStep('connect', run)
  if (run.inputs['delete-webhook']) {
    const end = await runStep('deleteWebhook', run)
    if (end.kind !== 'done') return end
  }
  return runStep('close', run)
}

/** Repeats a step until it is done or refused for good, or until attempts or time run out. */
async function runStep(step: Step, run: Run): Promise<StepEnd> {
  for (let count = 1; ; count++) {
    if (run.world.stop.aborted) return { kind: 'cancelled' }
    if (secondsLeft(run) <= 0) return { kind: 'timed-out', unusedSeconds: 0 }
    const verdict = await makeAttempt(step, run)
    const end = { kind: verdict.kind, verdict }
    if (!verdict.isRetryable || count === run.inputs['max-attempts']) return end
    const seconds = secondsToWait(verdict, count)
    if (!leavesRoom(seconds, run)) return { ...end, unusedSeconds: secondsLeft(run) }
    await pause({ seconds, attempt: { verdict, count } }, run)
  }
}

async function makeAttempt(step: Step, run: Run): Promise<Verdict> {
  const timeoutSeconds = Math.min(run.inputs['attempt-timeout-seconds'], secondsLeft(run))
  const verdict = await run.world.ask(step, timeoutSeconds)
  run.verdicts.push(verdict)
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
async function checkStillClosed(run: Run): Promise<StepEnd | undefined> {
  const seconds = run.inputs['confirm-after-seconds']
  if (seconds === 0) return undefined
  if (!leavesRoom(seconds, run)) return { kind: 'timed-out' }
  await pause({ seconds }, run)
  if (run.world.stop.aborted) return { kind: 'cancelled' }
  const verdict = await makeAttempt('close', run)
  return { kind: verdict.kind, verdict }
}

/** What lets "already closed" count as closed, if anything does. */
function basisWithoutYes(run: Run): Basis | undefined {
  if (effectOf('close', run) === 'possible') return 'inferred'
  return run.inputs['allow-already-closed'] ? 'allowed' : undefined
}

/** A yes after a yes is no sign: some servers may answer every `close` with yes. */
function isReopened({ kind, verdict }: StepEnd, basis: Basis): boolean {
  return verdict?.reason === 'launch' || (kind === 'done' && basis !== 'confirmed')
}

function failed(outcome: FailedOutcome, end: StepEnd, run: Run): Failed {
  return {
    ...factsAfter(end, run),
    kind: 'failed',
    outcome,
    mayBeClosed: outcome !== 'reopened' && effectOf('close', run) === 'possible',
    unusedSeconds: end.unusedSeconds,
  }
}

function factsAfter({ verdict }: StepEnd, run: Run): Facts {
  const closeAttempts = run.verdicts.filter(({ step }) => step === 'close').length
  return { closeAttempts, verdict, webhookDeletion: effectOf('deleteWebhook', run) }
}

function effectOf(method: Method, run: Run): Effect {
  const verdicts = run.verdicts.filter(({ step }) => step === method)
  const got = (expected: Verdict['kind']) => verdicts.some(({ kind }) => kind === expected)
  if (got('done')) return 'confirmed'
  // An API that does not know the token has done nothing.
  if (got('unauthorized')) return 'none'
  return verdicts.some(({ mayHaveWorked }) => mayHaveWorked) ? 'possible' : 'none'
}

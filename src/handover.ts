/** What a hand-over does, step by step: delete the webhook where that is asked for, then close. */
import type { Inputs } from './inputs.ts'
import type { FailedOutcome } from './judge.ts'
import type { Listener, Progress, World } from './retry.ts'
import { persist } from './retry.ts'

export type Outcome = FailedOutcome | 'closed' | 'dry-run' | 'invalid-input' | 'cancelled' | 'internal-error'

export interface Result {
  readonly outcome: Outcome
  /** Whether the bot is known to be closed, or taken as such because the workflow allows it. */
  readonly closed: boolean
  readonly progress: Readonly<Progress>
}

/** A run in which nothing was sent yet. */
export function nothingSent(): Progress {
  return { method: 'close', attempts: { close: 0, deleteWebhook: 0 }, inFlight: false, lost: false, timeoutMs: 0 }
}

/** Closes the bot. No error escapes: a defect is an outcome, too, and what was known before it is kept. */
export async function handOver(inputs: Inputs, world: World, listener: Listener): Promise<Result> {
  const progress = nothingSent()
  let outcome: Outcome
  try {
    outcome = await ask(inputs, world, listener, progress)
  } catch {
    outcome = 'internal-error'
  }
  const closed = outcome === 'closed' || (outcome === 'already-closed' && inputs.allowAlreadyClosed)
  return { outcome, closed, progress }
}

async function ask(inputs: Inputs, world: World, listener: Listener, progress: Progress): Promise<Outcome> {
  const prepared = inputs.deleteWebhook ? await persist('deleteWebhook', inputs, world, progress, listener) : 'yes'
  const settled = prepared === 'yes' ? await persist('close', inputs, world, progress, listener) : prepared
  if (settled === 'yes') return 'closed'
  if (settled === 'stopped') return world.stop.reason as 'cancelled' | 'internal-error'
  // Whoever closed it, it was this run: an earlier `close` of ours arrived, and only its answer was lost.
  return settled === 'already-closed' && progress.lost ? 'closed' : settled
}

/** Everything that is read from or written to GitHub's runner. */
import { existsSync } from 'node:fs'
import * as core from '@actions/core'
// By its path, since the package hides it and its root loads 1.4 MB, half of the time to start.
import { Context } from '../node_modules/@actions/github/lib/context.js'
import type { RunContext } from './advice.ts'
import type { Result } from './closing.ts'
import { type Message, unwrittenOutputsMessage } from './message.ts'
import { quotationsAsCode } from './text.ts'
import type { Outcome } from './verdict.ts'

/** The repository of a fork may have been deleted. */
interface Branch {
  repo: { full_name: string } | null
}

/** Outside a workflow, `::error::` is only noise, and `::add-mask::` would show the secret. */
const isInWorkflow = process.env['GITHUB_ACTIONS'] === 'true'

/** If the context cannot be read, the general words serve. */
export function readContext(): RunContext {
  const unknown = { startedBy: 'other', isRerun: false } as const
  const eventPath = process.env['GITHUB_EVENT_PATH']
  // `Context` prints the path of a missing event file, and throws on a broken one.
  if (!isInWorkflow || (eventPath && !existsSync(eventPath))) return unknown
  try {
    const { actor, eventName, payload, runAttempt } = new Context()
    const { head, base } = (payload.pull_request ?? {}) as { head?: Branch; base?: Branch }
    // A run for `pull_request_target` gets the secrets of the target.
    const isOfFork =
      eventName !== 'pull_request_target' && head?.repo?.full_name !== base?.repo?.full_name
    const startedBy = actor === 'dependabot[bot]' ? 'Dependabot' : isOfFork ? 'fork' : 'other'
    return { startedBy, isRerun: runAttempt > 1 }
  } catch {
    return unknown
  }
}

/** Before 20.3, Node has no `AbortSignal.any`. */
export function complaintAboutNode(): string | undefined {
  const { node } = process.versions
  if (!/^(1?\d|20\.[0-2])\./.test(node)) return undefined
  return `This is Node ${node}; it must be Node 20.3 or newer.`
}

export function maskSecrets(secrets: readonly string[]): void {
  if (isInWorkflow) secrets.forEach((secret) => core.setSecret(secret))
}

export const log = core.info

/**
 * @param result is absent if the inputs are invalid
 * @returns whether the outputs are written
 */
export async function report(message: Message, result?: Result): Promise<boolean> {
  printMessage(message)
  const areWritten = writeOutputs(result)
  if (!areWritten) printMessage(unwrittenOutputsMessage())
  if (isInWorkflow) await writeSummary(message)
  return areWritten
}

export function printMessage({ level, title, text }: Message): void {
  if (level === 'info') log(text)
  else if (isInWorkflow) core[level](text, { title })
  else log(`${level.toUpperCase()}: ${text}`)
}

/** Outputs hold no text of a server, since people paste them into commands. */
function writeOutputs(result: Result | undefined): boolean {
  const outcome: Outcome = result?.outcome ?? 'invalid-input'
  const outputs = {
    closed: result?.kind === 'closed',
    outcome,
    attempts: result?.closeAttempts ?? 0,
    'http-status': result?.verdict?.exchange.status ?? '',
  }
  const file = process.env['GITHUB_OUTPUT']
  if (isInWorkflow && !file) return false
  try {
    for (const [name, value] of Object.entries(outputs)) {
      if (file) core.setOutput(name, value)
      else log(`${name}=${value}`)
    }
    return true
  } catch {
    return false
  }
}

async function writeSummary({ text }: Message): Promise<void> {
  core.summary.addRaw(quotationsAsCode(text), true)
  // Without a summary, the result is the same.
  await core.summary.write().catch(() => undefined)
}

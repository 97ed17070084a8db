/** All that is said to GitHub's runner, and what it tells of the run. */
import { existsSync } from 'node:fs'
import * as core from '@actions/core'
// By its path, since the package hides it and its root loads 1.4 MB, half of the time to start.
import { Context } from '../node_modules/@actions/github/lib/context.js'
import type { Result } from './closing.ts'
import { type Message, unwrittenOutputsMessage } from './message.ts'
import { quotationsAsCode } from './text.ts'

export interface RunContext {
  /** Who started the run, as far as that decides which secrets it gets. */
  startedBy: 'hand' | 'fork' | 'Dependabot' | 'workflow'
  isRerun: boolean
}

/** By hand, `::error::` is only noise, and `::add-mask::` would show the secret. */
const isInWorkflow = process.env['GITHUB_ACTIONS'] === 'true'

/** Reads the context of the run. If it cannot be read, the general words serve. */
export function readContext(): RunContext {
  const unknown = { startedBy: isInWorkflow ? 'workflow' : 'hand', isRerun: false } as const
  const eventPath = process.env['GITHUB_EVENT_PATH']
  // `Context` prints the path of a missing event file, and throws on a broken one.
  if (!isInWorkflow || (eventPath && !existsSync(eventPath))) return unknown
  try {
    const { actor, eventName, payload, runAttempt } = new Context()
    const { head, base } = (payload.pull_request ?? {}) as { head?: Branch; base?: Branch }
    const isOfFork = head?.repo?.full_name !== base?.repo?.full_name
    // A run for `pull_request_target` gets the secrets of the target.
    const cause = isOfFork && eventName !== 'pull_request_target' ? 'fork' : 'workflow'
    return {
      startedBy: actor === 'dependabot[bot]' ? 'Dependabot' : cause,
      isRerun: runAttempt > 1,
    }
  } catch {
    return unknown
  }
}

/** Its repository may have been deleted since, if it is a fork. */
interface Branch {
  repo: { full_name: string } | null
}

/** Before 20.3, Node has no `AbortSignal.any`. */
export function complaintAboutNode(): string | undefined {
  const { node } = process.versions
  if (!/^(1?\d|20\.[0-2])\./.test(node)) return undefined
  return `This is Node ${node}; it must be Node 20.3 or newer: update the runner.`
}

export function maskSecrets(secrets: readonly string[]): void {
  if (isInWorkflow) secrets.forEach((secret) => core.setSecret(secret))
}

export const log = core.info

/**
 * Prints the message, then writes outputs and summary.
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

/** In a workflow, whatever is more than information is an annotation. */
export function printMessage({ level, title, text, link }: Message): void {
  const line = link ? `${text} Details: ${link}` : text
  if (level === 'info') log(line)
  else if (isInWorkflow) core[level](line, { title })
  else log(`${level.toUpperCase()}: ${line}`)
}

/** Outputs hold no text of a server, since people paste them into commands. */
function writeOutputs(result: Result | undefined): boolean {
  const outputs = {
    closed: result?.kind === 'closed',
    outcome: result?.outcome ?? 'invalid-input',
    attempts: result?.closeAttempts ?? 0,
    'http-status': result?.decisive?.exchange.status ?? '',
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

async function writeSummary({ text, link }: Message): Promise<void> {
  const details = link && `\n\n[Details](${link})`
  core.summary.addRaw(`${quotationsAsCode(text)}${details}\n`, true)
  // Without a summary, the result is the same.
  await core.summary.write().catch(() => undefined)
}

/** The runner: what it tells of the run, and what it gets to show and to pass on. */
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

type OutputFacts = Pick<Result, 'closed' | 'outcome' | 'closeAttempts' | 'decisive'>

/** By hand, commands such as `::error::` are only noise, and a request to mask would show the secret. */
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

/** Of a pull request. The repository of a fork may have been deleted since. */
interface Branch {
  repo: { full_name: string } | null
}

/** Before 20.3, Node has no `AbortSignal.any`. */
export function complaintsAboutNode(): string[] {
  const { node } = process.versions
  if (!/^(1?\d|20\.[0-2])\./.test(node)) return []
  return [`This is Node ${node}; it must be Node 20.3 or newer: update the runner.`]
}

export function maskSecrets(secrets: readonly string[]): void {
  if (isInWorkflow) secrets.forEach((secret) => core.setSecret(secret))
}

export const log = core.info

/** Prints the message, then writes outputs and summary. @returns whether the outputs are written */
export async function report(message: Message, facts: OutputFacts): Promise<boolean> {
  printMessage(message)
  const areWritten = writeOutputs(facts)
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
function writeOutputs({ closed, outcome, closeAttempts, decisive }: OutputFacts): boolean {
  const httpStatus = decisive?.exchange.status ?? ''
  const outputs = { closed, outcome, attempts: closeAttempts, 'http-status': httpStatus }
  try {
    for (const [name, value] of Object.entries(outputs)) {
      if (process.env['GITHUB_OUTPUT']) core.setOutput(name, value)
      else log(`${name}=${value}`)
    }
    return true
  } catch {
    return false
  }
}

async function writeSummary({ level, title, text, link }: Message): Promise<void> {
  const sign = { info: '✅', notice: 'ℹ️', warning: '⚠️', error: '❌' }[level]
  const details = link && `\n\n[Details](${link})`
  core.summary.addRaw(`### ${sign} ${title}\n\n${quotationsAsCode(text)}${details}`, true)
  await core.summary.write().catch(() => {
    log('The job summary could not be written; the result is the same without it.')
  })
}

/** What the workflow run tells about itself, as far as it helps to explain a failure. */
import { readFileSync } from 'node:fs'
// Not from the package's root, which parses the event file as it loads and throws if that is broken.
import { Context } from '../node_modules/@actions/github/lib/context.js'

export interface RunContext {
  isInWorkflow: boolean
  isFromFork: boolean
  isByDependabot: boolean
  /** From 1; above 1 in a re-run. */
  runAttempt: number
  /** Where the action's pages are, with a slash at the end; empty if the runner does not say. */
  pagesUrl: string
  /** False if there is an event file that cannot be read. */
  isEventReadable: boolean
}

/** The part of the event that is looked at. It comes from a file, so nothing in it is certain. */
type Event = { pull_request?: { head?: Branch; base?: Branch } } | null
type Branch = { repo?: { full_name?: unknown } | null } | null

/** Whether a runner reads what is printed. By hand, commands such as `::error::` are only noise. */
export function isInWorkflow(): boolean {
  return process.env['GITHUB_ACTIONS'] === 'true'
}

/** Reads the context. A missing or broken event file only leaves out what it would have told. */
export function readContext(): RunContext {
  const path = process.env['GITHUB_EVENT_PATH']
  const isEventReadable = !path || isJsonFile(path)
  // `Context` throws on a broken event file and prints the path of a missing one.
  if (!isEventReadable) delete process.env['GITHUB_EVENT_PATH']
  const context = new Context()
  const pull = (context.payload as Event)?.pull_request
  const isFork = pull?.head?.repo?.full_name !== pull?.base?.repo?.full_name
  return {
    isInWorkflow: isInWorkflow(),
    // A run for `pull_request_target` gets the secrets of the target.
    isFromFork: isFork && context.eventName !== 'pull_request_target',
    isByDependabot: context.actor === 'dependabot[bot]',
    runAttempt: Number.isNaN(context.runAttempt) ? 1 : context.runAttempt,
    pagesUrl: pagesUrl(context.serverUrl),
    isEventReadable,
  }
}

function isJsonFile(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, 'utf8'))
    return true
  } catch {
    return false
  }
}

/** The runner names the action's repository and ref, unless the action is used from a checkout. */
function pagesUrl(serverUrl: string): string {
  const url = `${serverUrl}/${process.env['GITHUB_ACTION_REPOSITORY']}/blob/${process.env['GITHUB_ACTION_REF']}/`
  return /^https?:\/\/[\w.:-]+\/[\w.-]+\/[\w.-]+\/blob\/[\w./-]+\/$/.test(url) ? url : ''
}

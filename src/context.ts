/** What the workflow run tells about itself, as far as it helps to explain a failure. */
import { readFileSync } from 'node:fs'
// Not from the package's root, which parses the event file as it loads and throws if that is broken.
import { Context } from '../node_modules/@actions/github/lib/context.js'
import { tryTo } from './text.ts'

export type RunContext = ReturnType<typeof readContext>

/** The part of the event that is looked at. It comes from a file, so nothing in it is certain. */
type Event = { pull_request?: { head?: Branch; base?: Branch } } | null
type Branch = { repo?: { full_name?: unknown } | null } | null

/** Whether a runner reads what is printed. By hand, commands such as `::error::` are only noise. */
export const isInWorkflow = process.env['GITHUB_ACTIONS'] === 'true'

/** Reads the context. A missing or broken event file only leaves out what it would have told. */
export function readContext() {
  const path = process.env['GITHUB_EVENT_PATH']
  const isEventReadable =
    !path || tryTo<unknown>(() => JSON.parse(readFileSync(path, 'utf8'))) !== undefined
  // `Context` throws on a broken event file and prints the path of a missing one.
  if (!isEventReadable) delete process.env['GITHUB_EVENT_PATH']
  const context = new Context()
  const pull = (context.payload as Event)?.pull_request
  const isFork = pull?.head?.repo?.full_name !== pull?.base?.repo?.full_name
  return {
    isInWorkflow,
    // A run for `pull_request_target` gets the secrets of the target.
    isFromFork: isFork && context.eventName !== 'pull_request_target',
    isByDependabot: context.actor === 'dependabot[bot]',
    isRerun: context.runAttempt > 1,
    pagesUrl: pagesUrl(context.serverUrl),
    isEventReadable,
  }
}

/** Where the action's pages are, with a slash at the end; empty if the runner does not name its repository and ref. */
function pagesUrl(serverUrl: string): string {
  const url = `${serverUrl}/${process.env['GITHUB_ACTION_REPOSITORY']}/blob/${process.env['GITHUB_ACTION_REF']}/`
  return /^https?:\/\/[\w.:-]+\/[\w.-]+\/[\w.-]+\/blob\/[\w./-]+\/$/.test(url) ? url : ''
}

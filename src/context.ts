/** What the workflow run tells of itself, as far as it helps to explain a failure. */
import { existsSync } from 'node:fs'
// The package's root parses the event file as it loads, and throws on a broken one.
import { Context } from '../node_modules/@actions/github/lib/context.js'

export interface RunContext {
  readonly isFromFork: boolean
  readonly isByDependabot: boolean
  /** From 1; above 1 in a re-run. */
  readonly runAttempt: number
  /** Whether the event file could be read, where there is one. */
  readonly isEventReadable: boolean
  /** Where the action's pages are, with a slash at the end; empty where the runner does not say. */
  readonly pagesUrl: string
}

/** Reads the run's context; a missing or broken event file only leaves out what it would have told. */
export function readContext(): RunContext {
  const { context, isEventReadable } = loadContext()
  const payload: unknown = context.payload
  const pull = field(payload, 'pull_request')
  const home = field(field(field(pull, 'base'), 'repo'), 'full_name')
  const origin = field(field(pull, 'head'), 'repo')
  const isFork = field(origin, 'full_name') !== home || field(origin, 'fork') === true
  return {
    // A `pull_request_target` run has the secrets of the base.
    isFromFork: pull !== undefined && isFork && context.eventName !== 'pull_request_target',
    isByDependabot: context.actor === 'dependabot[bot]',
    runAttempt: context.runAttempt || 1,
    isEventReadable,
    pagesUrl: pagesUrl(context.serverUrl),
  }
}

/** The runner names the repository and the ref of the action, but not where it is used from its own repository. */
function pagesUrl(serverUrl: string): string {
  const repository = process.env['GITHUB_ACTION_REPOSITORY'] ?? ''
  const ref = process.env['GITHUB_ACTION_REF'] ?? ''
  const isWhole = /^[\w.-]+\/[\w.-]+$/.test(repository) && /^[\w./-]+$/.test(ref)
  return isWhole && /^https?:\/\/[\w.:-]+$/.test(serverUrl) ? `${serverUrl}/${repository}/blob/${ref}/` : ''
}

function loadContext(): { context: Context; isEventReadable: boolean } {
  const path = process.env['GITHUB_EVENT_PATH']
  try {
    // Context would print the path of a missing file as it is.
    if (path && !existsSync(path)) throw new Error('no event file')
    return { context: new Context(), isEventReadable: true }
  } catch {
    delete process.env['GITHUB_EVENT_PATH']
    return { context: new Context(), isEventReadable: false }
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

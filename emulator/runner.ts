/** Runs the bundle the way a GitHub runner does. */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { isMask, jobOutputsOf, showLog } from './runner-log.ts'
import type { ShownLog } from './runner-log.ts'

export interface BundleOptions {
  /** Inputs by their names in `action.yml`. */
  inputs: Readonly<Record<string, string>>
  /** Variables on top of the runner's own; `undefined` takes one away. */
  env?: Readonly<Record<string, string | undefined>>
  bundle?: string
  nodePath?: string
  /** Arguments of Node itself, before the bundle. */
  nodeArguments?: readonly string[]
}

export interface BundleResult extends ShownLog {
  /** `null` when a signal ended the process. */
  exitCode: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** As the step set them. */
  outputs: Record<string, string>
  /** As they would reach other jobs. */
  jobOutputs: Record<string, string>
  /** As written; a runner masks it line by line. */
  summary: string
  elapsedMs: number
  /** All text that left the process, masks not applied and `add-mask` lines left out. */
  written: string
}

export interface BundleRun {
  child: ChildProcessByStdio<null, Readable, Readable>
  done: Promise<BundleResult>
  /** Ends it as a runner ends a step that is cancelled or out of time: more forcibly each time, until it has ended. */
  cancel: () => void
}

const committedBundle = fileURLToPath(new URL('../dist/index.js', import.meta.url))

/** A run that outlives this is killed, so that no caller leaves a process behind. */
const killAfterMs = 150_000

/** The signals of a cancellation, and when the runner sends them. */
const cancellation = [
  ['SIGINT', 0],
  ['SIGTERM', 7500],
  ['SIGKILL', 10_000],
] as const

/** Starts the bundle with a runner's environment and nothing of this process's own. */
export function runBundle({
  inputs,
  env = {},
  bundle = committedBundle,
  nodePath = process.execPath,
  nodeArguments = [],
}: BundleOptions): BundleRun {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'))
  const file = (name: string, content = ''): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const outputFile = file('output')
  const summaryFile = file('summary.md')
  const startedMs = performance.now()
  const child = spawn(nodePath, [...nodeArguments, bundle], {
    cwd: folder,
    env: {
      // Windows cannot open a socket without it.
      SystemRoot: process.env['SystemRoot'],
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'octocat',
      GITHUB_EVENT_NAME: 'push',
      GITHUB_EVENT_PATH: file('event.json', '{}'),
      GITHUB_OUTPUT: outputFile,
      GITHUB_REPOSITORY: 'octo-org/octo-repo',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_RUN_ID: '1',
      GITHUB_STEP_SUMMARY: summaryFile,
      GITHUB_WORKSPACE: folder,
      RUNNER_TEMP: folder,
      ...Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [inputVariable(name), value]),
      ),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: killAfterMs,
    killSignal: 'SIGKILL',
    // On Windows, a console of its own: what cancels this run must not reach the process that started it.
    windowsHide: true,
  })

  const lines: string[] = []
  const stdout = collect(child.stdout, lines)
  const stderr = collect(child.stderr, lines)
  const done = new Promise<Pick<BundleResult, 'exitCode' | 'signal'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      resolve({ exitCode, signal })
    })
  })
    .then((end) => {
      const outputText = readFileSync(outputFile, 'utf8')
      const outputs = parseOutputs(outputText)
      const summary = readFileSync(summaryFile, 'utf8')
      const shown = showLog(lines)
      return {
        ...end,
        elapsedMs: performance.now() - startedMs,
        stdout: stdout(),
        stderr: stderr(),
        outputs,
        jobOutputs: jobOutputsOf(outputs, shown.masks),
        summary,
        ...shown,
        written: [...lines.filter((line) => !isMask(line)), outputText, summary].join('\n'),
      }
    })
    .finally(() => {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    })
  const cancel = () => {
    const timers = cancellation.map(([signal, afterMs]) =>
      setTimeout(() => child.kill(signal), afterMs),
    )
    child.once('exit', () => {
      timers.forEach(clearTimeout)
    })
  }
  return { child, done, cancel }
}

function inputVariable(name: string): string {
  return `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`
}

/** Gathers the text of a stream, and its lines in the order in which both streams gave them. */
function collect(stream: Readable, lines: string[]): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  createInterface({ input: stream }).on('line', (line) => lines.push(line))
  return () => text
}

/** Reads `name<<delimiter` blocks and `name=value` lines; like the runner, refuses anything else. */
function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {}
  const lines = text.split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (line === '') continue
    const [, name = '', sign, rest = ''] = /^([^=<]+)(<<|=)(.*)$/.exec(line) ?? []
    if (sign === undefined) throw new Error(`The output file holds an invalid line: ${line}`)
    if (sign === '=') {
      outputs[name] = rest
      continue
    }
    const end = lines.indexOf(rest, at + 1)
    if (end < 0) throw new Error(`The output file does not end the value of ${name}`)
    outputs[name] = lines.slice(at + 1, end).join('\n')
    at = end
  }
  return outputs
}

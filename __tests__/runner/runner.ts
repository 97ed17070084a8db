/** A stand-in for GitHub's runner: starts the bundle with a step's environment and files, and reads what it leaves. */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { readLog } from './log.ts'
import type { StepLog } from './log.ts'

export interface BundleOptions {
  /** Inputs by their names in `action.yml`. */
  inputs: Readonly<Record<string, string>>
  /** Variables on top of the runner's own; `undefined` takes one away. */
  env?: Readonly<Record<string, string | undefined>> | undefined
  /** The content of files, by the variables that hold their paths. */
  files?: Readonly<Record<string, string>> | undefined
  /** Arguments of Node itself, before the bundle. */
  nodeArguments?: readonly string[]
}

export interface BundleResult extends StepLog {
  /** `null` when a signal ended the process. */
  exitCode: number | null
  stdout: string
  stderr: string
  outputs: Record<string, string>
  /** As written; the runner masks it line by line. */
  summary: string
  elapsedMs: number
  /** All text that left the process, without the `add-mask` lines and not masked. */
  written: string
}

export interface BundleRun {
  child: ChildProcessByStdio<null, Readable, Readable>
  done: Promise<BundleResult>
}

const bundle = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

/** A run that outlives this is killed, so that no caller leaves a process behind. */
const KILL_AFTER_MS = 150_000

/** Starts the bundle with a runner's environment, in a folder of its own, and nothing of this process's own. */
export function runBundle({ inputs, env, files, nodeArguments = [] }: BundleOptions): BundleRun {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'))
  const pathOf = (variable: string) => join(folder, variable)
  const contents = { GITHUB_EVENT_PATH: '{}', GITHUB_OUTPUT: '', GITHUB_STEP_SUMMARY: '', ...files }
  for (const [variable, content] of Object.entries(contents))
    writeFileSync(pathOf(variable), content)
  const startedMs = performance.now()
  const child = spawn(process.execPath, [...nodeArguments, bundle], {
    cwd: folder,
    env: {
      // Windows cannot open a socket without it.
      SystemRoot: process.env['SystemRoot'],
      CI: 'true',
      GITHUB_ACTIONS: 'true',
      GITHUB_ACTOR: 'octocat',
      GITHUB_EVENT_NAME: 'push',
      GITHUB_REPOSITORY: 'octo-org/octo-repo',
      GITHUB_RUN_ATTEMPT: '1',
      GITHUB_RUN_ID: '1',
      GITHUB_WORKSPACE: folder,
      RUNNER_TEMP: folder,
      ...Object.fromEntries(Object.keys(contents).map((variable) => [variable, pathOf(variable)])),
      ...Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
      ),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: KILL_AFTER_MS,
    killSignal: 'SIGKILL',
    windowsHide: true,
  })
  const stdout = textOf(child.stdout)
  const stderr = textOf(child.stderr)
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  const done = exited
    .then((exitCode) => {
      const lines = (stdout() + stderr()).split(/\r?\n/)
      const outputText = readFileSync(pathOf('GITHUB_OUTPUT'), 'utf8')
      const summary = readFileSync(pathOf('GITHUB_STEP_SUMMARY'), 'utf8')
      return {
        exitCode,
        elapsedMs: performance.now() - startedMs,
        stdout: stdout(),
        stderr: stderr(),
        outputs: parseOutputs(outputText),
        summary,
        ...readLog(lines),
        written: [...lines.filter((line) => !isMask(line)), outputText, summary].join('\n'),
      }
    })
    .finally(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
  return { child, done }
}

export const isMask = (line: string): boolean => line.startsWith('::add-mask::')

function textOf(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return () => text
}

/** Reads `name<<delimiter` blocks, the one form that `@actions/core` writes. */
function parseOutputs(text: string): Record<string, string> {
  const blocks = text.matchAll(/^(.+)<<(.+)\r?\n([^]*?)\r?\n\2(?:\r?\n|$)/gm)
  return Object.fromEntries(Array.from(blocks, ([, name = '', , value = '']) => [name, value]))
}

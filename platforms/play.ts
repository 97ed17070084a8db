/** Runs the bundle with a given Node, against a server that plays a script, and checks how it ends. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { runBundle } from '../emulator/runner.ts'
import type { BundleResult, BundleRun } from '../emulator/runner.ts'
import type { Identity } from '../__tests__/wire/certificates.ts'
import { findLeak } from '../__tests__/wire/secrets.ts'
import { startServer } from '../__tests__/wire/server.ts'
import type { Act, WireRequest } from '../__tests__/wire/server.ts'

/** What is tested: a bundle, run by a Node. */
export interface Program {
  nodePath: string
  bundle: string
}

export const botId = '1234567890'
const secret = 'FAKE_smoke-test_secret_0123456789-ABCDEF'
export const token = `${botId}:${secret}`

export interface RunOptions {
  /** On top of the token, and of a limit that keeps a broken run short. */
  inputs?: Readonly<Record<string, string>>
  env?: Readonly<Record<string, string | undefined>>
  nodeArguments?: readonly string[]
  /** Takes part while the run goes on. */
  during?: (run: BundleRun) => unknown
}

/** Runs the bundle; nothing that leaves it may hold a part of the secret. */
export async function run(
  program: Program,
  apiUrl: string,
  options: RunOptions = {},
): Promise<BundleResult> {
  const { inputs, env = {}, nodeArguments = [], during } = options
  const bundleRun = runBundle({
    ...program,
    inputs: { 'bale-token': token, 'api-url': apiUrl, 'timeout-seconds': '30', ...inputs },
    env,
    nodeArguments,
  })
  try {
    const [result] = await Promise.all([bundleRun.done, during?.(bundleRun)])
    assert.equal(result.stderr, '')
    assert.equal(findLeak(result.written, secret), undefined, 'It shows a part of the secret')
    return result
  } finally {
    bundleRun.child.kill('SIGKILL')
  }
}

type Played = BundleResult & { requests: readonly WireRequest[] }

/** Runs the bundle against a server that plays a script, one act for each connection. */
export async function play(
  program: Program,
  script: readonly Act[],
  { tls, ...options }: RunOptions & { tls?: Identity } = {},
): Promise<Played> {
  await using server = await startServer(script, tls ? { tls } : {})
  const origin = tls ? 'https://localhost' : 'http://127.0.0.1'
  const result = await run(program, `${origin}:${server.port}`, options)
  return { ...result, requests: server.requests }
}

/** How a run must end. */
export interface End {
  outcome: string
  /** By default only with the outcome `closed`. */
  closed?: boolean
  /** By default only if the bot is closed. */
  passes?: boolean
  attempts: number
  status?: number
  retryAfterSeconds?: number
  /** What people read. */
  shows?: RegExp
}

export function assertEnd(result: BundleResult, end: End): void {
  const {
    outcome,
    closed = outcome === 'closed',
    passes = closed,
    attempts,
    status,
    retryAfterSeconds,
    shows,
  } = end
  assert.deepEqual(
    { exitCode: result.exitCode, ...result.outputs },
    {
      exitCode: passes ? 0 : 1,
      closed: String(closed),
      outcome,
      'bot-id': botId,
      attempts: String(attempts),
      'http-status': String(status ?? ''),
      'retry-after-seconds': String(retryAfterSeconds ?? ''),
    },
  )
  const errors = result.annotations.filter(({ level }) => level === 'error')
  assert.equal(errors.length, passes ? 0 : 1, 'A failure is one annotation')
  for (const { text } of errors) assert.doesNotMatch(text, /[\r\n]/, 'The annotation is one line')
  assert.match(result.summary, new RegExp(botId))
  if (shows) assert.match(read(result), shows)
}

/** What people read: the titles of annotations and the log. */
export function read({ annotations, logAsShown }: BundleResult): string {
  return [...annotations.map(({ title }) => title), logAsShown].join('\n')
}

/** Until the first line that the run prints, beside the masks. */
export function firstLine({ child }: BundleRun): Promise<void> {
  return new Promise((resolve) => {
    let text = ''
    child.once('close', resolve)
    child.stdout.on('data', (chunk: Buffer | string) => {
      text += chunk.toString()
      if (/^(?!::add-mask).+\n/m.test(text)) resolve()
    })
  })
}

/** Does what a runner does to a step that is cancelled; the run must end soon after. */
export async function cancel(
  { child, done }: BundleRun,
  signal: 'SIGINT' | 'SIGTERM',
): Promise<void> {
  if (process.platform === 'win32')
    await pressCtrl(signal === 'SIGINT' ? 'C' : 'Break', child.pid ?? 0)
  else child.kill(signal)
  const cancelledMs = performance.now()
  await done
  assert.ok(performance.now() - cancelledMs < 5000, 'It ended soon after it was cancelled')
}

/** Windows has no signals. Only a process on the same console can press its keys, so PowerShell moves there. */
async function pressCtrl(key: 'C' | 'Break', processId: number): Promise<void> {
  const script = `
    $console = Add-Type -PassThru -Namespace Scenes -Name Console -MemberDefinition '
      [DllImport("kernel32.dll")] public static extern bool FreeConsole();
      [DllImport("kernel32.dll")] public static extern bool AttachConsole(uint processId);
      [DllImport("kernel32.dll")] public static extern bool SetConsoleCtrlHandler(IntPtr handler, bool add);
      [DllImport("kernel32.dll")] public static extern bool GenerateConsoleCtrlEvent(uint controlEvent, uint group);'
    $console::FreeConsole()
    $console::AttachConsole(${processId})
    $console::SetConsoleCtrlHandler([IntPtr]::Zero, $true)
    $console::GenerateConsoleCtrlEvent(${key === 'C' ? 0 : 1}, 0)`
  const encoded = Buffer.from(script, 'utf16le').toString('base64')
  const powershell = promisify(execFile)('powershell', [
    '-NoProfile',
    '-NonInteractive',
    '-EncodedCommand',
    encoded,
  ])
  // Ctrl+Break ends PowerShell, too. How the bundle ends is what counts.
  await powershell.catch(() => undefined)
}

export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "Zoë's bot بازو "))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

export function write(folder: string, name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** Copies the bundle with its folder, which says that it is a module. */
export function copyBundle(bundle: string, folder: string): string {
  const copy = join(folder, 'dist')
  cpSync(dirname(bundle), copy, { recursive: true })
  return join(copy, basename(bundle))
}

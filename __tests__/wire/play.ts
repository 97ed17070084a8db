/** Plays a run of the bundle against scripted servers, and holds it to what must be true of every run. */
import { expect, jest, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBundle } from '../../emulator/runner.ts'
import type { BundleResult, BundleRun } from '../../emulator/runner.ts'
import { answer } from './acts.ts'
import { measurePeak, preload, resolveNothing } from './preload.ts'
import { findLeak } from './secrets.ts'
import { startServer } from './server.ts'
import type { Act, WireOptions, WireRequest, WireServer } from './server.ts'

export const botId = '1234567890'
export const secret = 'FAKE_wire-test_secret_0123456789ABCDEFGH'
export const token = `${botId}:${secret}`

const maxPeakBytes = 120_000_000

// No test waits so long; the runner kills a run before.
jest.setTimeout(160_000)

export interface RunOptions {
  /** On top of the token and of budgets that keep a broken run short. */
  inputs?: Readonly<Record<string, string>>
  env?: Readonly<Record<string, string | undefined>>
  /** A certificate authority that the run trusts. */
  trusted?: string
  /** What the event file says. */
  event?: object
  /** Sources of modules that Node loads first. By default, no host is known that is not this machine. */
  preloads?: readonly string[]
  /** More that must not show. */
  secrets?: readonly string[]
  /** Takes part while the run goes on. */
  during?: (run: BundleRun) => unknown
}

/** Runs the bundle against any address. Nothing but this machine may be reached, not even by a mistake. */
export async function run(apiUrl: string, options: RunOptions = {}): Promise<BundleResult> {
  const isHere = /^https?:\/\/(127\.|localhost|\[::1\])/.test(apiUrl)
  const {
    inputs,
    env,
    trusted,
    event,
    preloads = isHere ? [] : [resolveNothing],
    secrets = [],
    during,
  } = options
  const folder = mkdtempSync(join(tmpdir(), 'wire-'))
  try {
    const file = (name: string, content: string): string => {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    }
    const peakFile = file('peak', '')
    const given = { 'bale-token': token, 'api-url': apiUrl, 'timeout-seconds': '60', ...inputs }
    const bundleRun = runBundle({
      inputs: given,
      env: {
        ...(trusted !== undefined && { NODE_EXTRA_CA_CERTS: file('authority.pem', trusted) }),
        ...(event !== undefined && {
          GITHUB_EVENT_PATH: file('event.json', JSON.stringify(event)),
        }),
        ...env,
      },
      nodeArguments: preload([measurePeak(peakFile), ...preloads]),
    })
    const [result] = await Promise.all([bundleRun.done, during?.(bundleRun)])
    expectSound(result, !(env && 'GITHUB_ACTIONS' in env))
    for (const hidden of [secret, ...secrets])
      expect(findLeak(result.written, hidden)).toBeUndefined()
    expect(Number(readFileSync(peakFile, 'utf8')) * 1024).toBeLessThan(maxPeakBytes)
    // A second is promised; a busy machine may need some more to start and to end a process.
    expect(result.elapsedMs).toBeLessThan(1000 * (Number(given['timeout-seconds']) || 900) + 5000)
    return result
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** What one connection meets: an act, or an answer and the end of the connection. */
export type Move = Act | Buffer

/** What the connections meet, one after the other. The last move is played again and again. */
export type Script = Move | readonly Move[]

export interface SceneOptions extends Omit<RunOptions, 'during'>, WireOptions {
  /** The address that the run is given, with `PORT` for the server's port. */
  url?: string
  /** Takes part while the run goes on. */
  during?: (run: BundleRun, server: WireServer) => unknown
}

/** What a run came to, and what its server saw. */
export interface Scene extends BundleResult {
  requests: readonly WireRequest[]
  connections: number
  /** Received by the server. */
  bytes: number
}

/** Runs the bundle against a server that plays a script. */
export async function against(script: Script, options: SceneOptions = {}): Promise<Scene> {
  const { tls, url = tls ? 'https://localhost:PORT' : 'http://127.0.0.1:PORT', during } = options
  const moves = Array.isArray(script) ? (script as readonly Move[]) : [script as Move]
  const acts = moves.map((move) => (typeof move === 'function' ? move : answer(move)))
  await using server = await startServer(acts, options)
  const apiUrl = url.replace('PORT', String(server.port))
  const result = await run(apiUrl, {
    ...options,
    during: (bundleRun) => during?.(bundleRun, server),
  })
  for (const request of server.requests)
    expectInnocent(request, new URL(apiUrl).pathname.replace(/\/+$/, ''))
  return {
    ...result,
    requests: server.requests,
    connections: server.connections(),
    bytes: server.bytes(),
  }
}

/** What must be true of every run, whatever happened. */
function expectSound(result: BundleResult, isInWorkflow: boolean): void {
  const { exitCode, stdout, stderr, outputs, summary, masks, annotations } = result
  expect([0, 1]).toContain(exitCode)
  expect(stderr).toBe('')
  const lines = stdout.split('\n')
  const commands = lines.flatMap((line) => /^\s*::([\w-]+)/.exec(line)?.slice(1) ?? [])
  // In a workflow, the masks come first. A failure is one annotation; a success is none, a notice or a warning.
  expect(commands.slice(0, masks.length)).toEqual(masks.map(() => 'add-mask'))
  expect(lines.slice(0, masks.length).filter((line) => !line.startsWith('::add-mask::'))).toEqual(
    [],
  )
  const levels = commands.slice(masks.length)
  expect(levels.length).toBeLessThanOrEqual(1)
  if (exitCode === 1 || !isInWorkflow) expect(levels).toEqual(isInWorkflow ? ['error'] : [])
  else expect(levels).not.toContain('error')
  expect(masks).not.toContain(botId)
  for (const text of [...lines.slice(masks.length), summary])
    expect(text).not.toMatch(/##\[|^::.*%0[AD]|[^\n\P{C}]/u)
  for (const { title } of annotations) {
    // Fixed words and the bot id: a runner masks no titles.
    expect(title.replace(/ \d{9,10} /, ' ')).toMatch(/^[A-Za-z ,:-]+$/)
  }
  for (const value of Object.values(outputs)) expect(value).toMatch(/^[\w-]*$/)
}

/** Only the methods of the contract, without a body; the token is where it must be, and nowhere else. */
function expectInnocent({ line, headers, body }: WireRequest, path: string): void {
  const [close, deleteWebhook] = ['close', 'deleteWebhook'].map(
    (name) => `POST ${path}/bot${token}/${name} HTTP/1.1`,
  )
  expect([close, deleteWebhook]).toContain(line)
  expect(body).toBe('')
  expect(headers['transfer-encoding']).toBeUndefined()
  expect(headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': 'close-bale-bot' })
  expect(findLeak(JSON.stringify(headers), secret)).toBeUndefined()
}

/** Windows ends a process that another one signals. */
export const onPosix = process.platform === 'win32' ? test.concurrent.skip : test.concurrent

/** Waits until the run has printed a line that fits; by default any line but a mask. */
export function printed({ child }: BundleRun, pattern = /^(?!::add-mask).+\n/m): Promise<void> {
  return new Promise((resolve) => {
    let seen = ''
    child.stdout.on('data', (chunk: Buffer | string) => {
      seen += chunk.toString()
      if (pattern.test(seen)) resolve()
    })
  })
}

/** The lines of a run but its masks. */
export const linesOf = ({ stdout }: BundleResult): string[] =>
  stdout.split('\n').filter((line) => !/^(::add-mask::.*)?$/.test(line))

/** How a run must end. */
export interface End {
  outcome: string
  /** By default, only with the outcome `closed`. */
  closed?: boolean
  /** `close` requests begun; 1 by default. */
  attempts?: number
  /** Of the answer that decided the outcome. */
  status?: number
  retryAfterSeconds?: number
  /** Whether a `close` may have worked, so that the failure must say that the bot may be closed. */
  lost?: boolean
  /** What a failure must say of the webhook. */
  webhook?: 'is deleted' | 'may be deleted'
  /** Whether a success is a warning. */
  warns?: boolean
  /** What people read, annotation or plain lines. */
  shows?: readonly RegExp[]
}

/** The bot is closed, as an answer with this status says. */
export const closed: End = { outcome: 'closed', status: 200 }

/** "Already closed" after an attempt that may have worked. */
export const inferred: End = {
  outcome: 'closed',
  attempts: 2,
  status: 400,
  warns: true,
  shows: [/wrong token/],
}

/** An answer with this status says that the bot is not closed. */
export const failed = (outcome: string, status: number, more: Partial<End> = {}): End => ({
  outcome,
  status,
  ...more,
})

/** Compares a run with how it must end. */
export function expectEnd(result: BundleResult, end: End): void {
  const {
    outcome,
    closed = outcome === 'closed',
    attempts = 1,
    status,
    retryAfterSeconds,
    shows = [],
  } = end
  const isGood = closed || outcome === 'dry-run'
  expect({ exitCode: result.exitCode, ...result.outputs }).toEqual({
    exitCode: isGood ? 0 : 1,
    closed: String(closed),
    outcome,
    'bot-id': botId,
    attempts: String(attempts),
    'http-status': String(status ?? ''),
    'retry-after-seconds': String(retryAfterSeconds ?? ''),
  })
  for (const pattern of shows) expect(result.logAsShown).toMatch(pattern)
  const level =
    outcome === 'dry-run'
      ? 'notice'
      : (end.warns ?? outcome === 'already-closed')
        ? 'warning'
        : undefined
  if (!isGood) expectFailure(result, end)
  else
    expect(result.annotations.map((annotation) => annotation.level)).toEqual(level ? [level] : [])
}

/** The annotation of a failure: its title has the verdict, its text repeats it and says what must not be left out. */
function expectFailure(
  { annotations }: BundleResult,
  { outcome, lost = false, webhook }: End,
): void {
  const { title = '', text = '' } = annotations[0] ?? {}
  const states: Record<string, string> = {
    'already-closed': 'was not closed by this run',
    reopened: 'did not stay closed',
  }
  const state = lost ? 'is not known to be closed' : (states[outcome] ?? 'was not closed')
  expect(title).toBe(`Bale bot ${botId} ${state}: ${outcome.replaceAll('-', ' ')}`)
  expect(text).toContain(state)
  expect(text).toMatch(/troubleshooting\S*#\S/)
  if (lost) expect(text).toMatch(/new run.*allow-already-closed: true/)
  if (lost && webhook === 'is deleted') expect(text).toContain('delete-webhook: false')
  if (webhook === undefined) expect(text).not.toMatch(/webhook .*deleted/)
  else
    expect(text).toMatch(new RegExp(`webhook ${webhook}.*launched the bot.*set its webhook again`))
}

/** Expects so many requests and these waits between them, at least, and not much longer. */
export function expectRequests(scene: Scene, gapsMs: readonly number[]): void {
  expect(scene.requests).toHaveLength(gapsMs.length + 1)
  const found = scene.requests
    .slice(1)
    .map(({ atMs }, at) => atMs - (scene.requests[at]?.atMs ?? NaN))
  gapsMs.forEach((gapMs, at) => {
    // A timer may be a millisecond early, and a backoff twice its least.
    expect(found[at]).toBeGreaterThanOrEqual(gapMs - 5)
    expect(found[at]).toBeLessThan(2 * gapMs + 5000)
  })
}

/** The least wait before the first, second and third retry where the server asks for none. */
const backoffMs = [500, 1000, 2000]

/** So few attempts that nothing is retried. */
export const once = { 'max-attempts': '1' }

/** A run against one server, as a row of a table. */
export type Row = readonly [name: string, script: Script, end: End, options?: RowOptions]

export interface RowOptions extends SceneOptions {
  /** The waits between the requests, of which there is one more. By default the attempts, each after its backoff. */
  gapsMs?: readonly number[]
  /** Nothing is sent: there are only so many connections. */
  unsentOn?: number
  /** How long it may take, roughly. */
  withinMs?: number
}

/** Makes a test of each row. They run side by side. */
export function playAll(rows: readonly Row[]): void {
  test.concurrent.each([...rows])('%s', async (_, script, end, options = {}) => {
    const {
      gapsMs = backoffMs.slice(0, (end.attempts ?? 1) - 1),
      unsentOn,
      withinMs = 15_000,
    } = options
    const scene = await against(script, options)
    expectEnd(scene, end)
    if (unsentOn === undefined) expectRequests(scene, gapsMs)
    else expect([scene.connections, scene.requests]).toEqual([unsentOn, []])
    expect(scene.elapsedMs).toBeLessThan(withinMs)
  })
}

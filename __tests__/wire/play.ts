/** Plays a run of the bundle against scripted servers, and holds it to what must be true of every run. */
import { expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBundle } from '../../emulator/runner.ts'
import type { BundleResult, BundleRun } from '../../emulator/runner.ts'
import { measurePeak, preload } from './preload.ts'
import { findLeak } from './secrets.ts'
import { startServer } from './server.ts'
import type { Act, WireOptions, WireRequest } from './server.ts'

export const botId = '1234567890'
export const secret = 'FAKE_wire-test_secret_0123456789-ABCDEFG'
export const token = `${botId}:${secret}`

const maxPeakBytes = 120_000_000

/** No test waits so long; the runner kills a run before. */
export const testTimeoutMs = 160_000

export interface RunOptions {
  /** On top of the token and of budgets that keep a broken run short. */
  inputs?: Readonly<Record<string, string>>
  env?: Readonly<Record<string, string | undefined>>
  /** A certificate authority that the run trusts. */
  trusted?: string
  /** What the event file says. */
  event?: object
  /** Sources of modules that Node loads first. */
  preloads?: readonly string[]
  /** More that must not show. */
  secrets?: readonly string[]
  /** Takes part while the run goes on. */
  during?: (run: BundleRun) => unknown
}

/** Runs the bundle against any address. */
export async function run(apiUrl: string, options: RunOptions = {}): Promise<BundleResult> {
  const { inputs, env, trusted, event, preloads = [], secrets = [], during } = options
  const folder = mkdtempSync(join(tmpdir(), 'wire-'))
  try {
    const file = (name: string, content: string): string => {
      const path = join(folder, name)
      writeFileSync(path, content)
      return path
    }
    const peakFile = file('peak', '')
    const bundleRun = runBundle({
      inputs: { 'bale-token': token, 'api-url': apiUrl, 'timeout-seconds': '60', ...inputs },
      env: {
        ...(trusted !== undefined && { NODE_EXTRA_CA_CERTS: file('authority.pem', trusted) }),
        ...(event !== undefined && { GITHUB_EVENT_PATH: file('event.json', JSON.stringify(event)) }),
        ...env,
      },
      nodeArguments: preload([measurePeak(peakFile), ...preloads]),
    })
    const [result] = await Promise.all([bundleRun.done, during?.(bundleRun)])
    expectSound(result, !(env && 'GITHUB_ACTIONS' in env))
    for (const hidden of [secret, ...secrets]) expect(findLeak(result.written, hidden)).toBeUndefined()
    expect(Number(readFileSync(peakFile, 'utf8')) * 1024).toBeLessThan(maxPeakBytes)
    return result
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** What a run came to, and what its server saw. */
export interface Scene extends BundleResult {
  requests: readonly WireRequest[]
  connections: number
}

/** Runs the bundle against a server that plays a script. */
export async function against(
  script: readonly Act[],
  options: RunOptions & WireOptions & { path?: string } = {},
): Promise<Scene> {
  const { tls, host, path = '' } = options
  await using server = await startServer(script, options)
  const shownHost = tls ? 'localhost' : host?.includes(':') ? `[${host}]` : (host ?? '127.0.0.1')
  const result = await run(`${tls ? 'https' : 'http'}://${shownHost}:${server.port}${path}`, options)
  for (const request of server.requests) expectInnocent(request, path.replace(/\/+$/, ''))
  return { ...result, requests: server.requests, connections: server.connections() }
}

/** What must be true of every run, whatever happened. */
function expectSound(result: BundleResult, isInWorkflow: boolean): void {
  const { exitCode, stdout, stderr, outputs, summary, masks } = result
  expect([0, 1]).toContain(exitCode)
  expect(stderr).toBe('')
  const lines = stdout.split('\n')
  const commands = lines.flatMap((line) => /^\s*::([\w-]+)/.exec(line)?.slice(1) ?? [])
  // In a workflow, the masks come first, and a failure is one annotation.
  expect(commands.slice(0, masks.length)).toEqual(masks.map(() => 'add-mask'))
  expect(commands.slice(masks.length)).toEqual(isInWorkflow && exitCode === 1 ? ['error'] : [])
  expect(lines.slice(0, masks.length).filter((line) => !line.startsWith('::add-mask::'))).toEqual([])
  expect(masks).not.toContain(botId)
  for (const text of [...lines.slice(masks.length), summary]) expect(text).not.toMatch(/##\[|[^\n\P{C}]/u)
  for (const value of Object.values(outputs)) expect(value).toMatch(/^[\w-]*$/)
}

/** Only the methods of the contract, without a body; the token is where it must be, and nowhere else. */
function expectInnocent({ line, headers, body }: WireRequest, path: string): void {
  const [close, deleteWebhook] = ['close', 'deleteWebhook'].map((name) => `POST ${path}/bot${token}/${name} HTTP/1.1`)
  expect([close, deleteWebhook]).toContain(line)
  expect(body).toBe('')
  expect(headers['transfer-encoding']).toBeUndefined()
  expect(findLeak(JSON.stringify(headers), secret)).toBeUndefined()
}

/** How a run must end. */
export interface End {
  outcome: string
  /** By default, only with the outcome `closed`. */
  closed?: boolean
  /** `close` requests begun. */
  attempts: number
  /** Of the last attempt. */
  status?: number
  retryAfterSeconds?: number
  /** Whether an answer was lost, so that the failure must say that the bot may be closed. */
  lost?: boolean
  /** What people read, annotation or plain lines. */
  shows?: readonly RegExp[]
}

/** Compares a run with how it must end. */
export function expectEnd(result: BundleResult, end: End): void {
  const { outcome, closed = outcome === 'closed', attempts, status, retryAfterSeconds, lost = false, shows = [] } = end
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
  if (isGood) return
  const title = lost ? 'is not known to be closed' : 'was not closed'
  expect(result.logAsShown).toContain(`Bale bot ${botId} ${title}: ${outcome.replaceAll('-', ' ')}`)
  if (lost) expect(result.logAsShown).toMatch(/may be closed.*allow-already-closed/s)
  else expect(result.logAsShown).not.toMatch(/may be closed/)
}

/** Expects so many requests and these waits between them, at least, and not much longer. */
export function expectRequests(scene: Scene, gapsMs: readonly number[]): void {
  expect(scene.requests).toHaveLength(gapsMs.length + 1)
  const found = scene.requests.slice(1).map(({ atMs }, at) => atMs - (scene.requests[at]?.atMs ?? NaN))
  gapsMs.forEach((gapMs, at) => {
    // A timer may be a millisecond early, and a backoff twice its least.
    expect(found[at]).toBeGreaterThanOrEqual(gapMs - 5)
    expect(found[at]).toBeLessThan(2 * gapMs + 5000)
  })
}

/** The least wait before the first, second and third retry where the server asks for none. */
export const backoffMs = [500, 1000, 2000] as const

/** A run against one server, as a row of a table. */
export interface Row extends RunOptions, WireOptions {
  name: string
  script: readonly Act[]
  end: End
  /** The waits between the requests, of which there is one more. By default the attempts, each after its backoff. */
  gapsMs?: readonly number[]
  path?: string
  /** How long it may take, roughly. */
  withinMs?: number
}

/** Makes a test of each row. They run side by side. */
export function playAll(rows: readonly Row[]): void {
  test.concurrent.each([...rows])(
    '$name',
    async ({ script, end, gapsMs = backoffMs.slice(0, end.attempts - 1), withinMs = 15_000, ...options }) => {
      const scene = await against(script, options)
      expectEnd(scene, end)
      expectRequests(scene, gapsMs)
      expect(scene.elapsedMs).toBeLessThan(withinMs)
    },
    testTimeoutMs,
  )
}

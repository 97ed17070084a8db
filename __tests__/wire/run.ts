/** Runs the bundle against servers, and compares what comes of it with the contract. */
import { expect, jest, test } from '@jest/globals'
import { isMask, runBundle } from '../runner/runner.ts'
import type { BundleOptions, BundleResult, BundleRun } from '../runner/runner.ts'
import { findLeak } from './leaks.ts'
import { preload, resolveNothing } from './preload.ts'
import { withServer } from './server.ts'
import type { ServerOptions, ServerScript, WireRequest, WireServer } from './server.ts'

export const botId = '1234567890'
export const secret = 'FAKE_wire-test_secret_0123456789ABCDEFGH'
export const token = `${botId}:${secret}`

/** What a busy machine may need more. */
export const BUSY_MS = 15_000

// No test waits so long. The runner kills a run before.
jest.setTimeout(170_000)

/** For what needs signals: Windows ends a process that another one signals. */
export const testOnPosix = process.platform === 'win32' ? test.concurrent.skip : test.concurrent
export interface RunOptions extends Omit<BundleOptions, 'inputs' | 'nodeArguments'> {
  /** On top of the token, the address, and a `timeout-seconds` that keeps a broken run short. */
  inputs?: Readonly<Record<string, string>>
  /** A certificate authority that the run trusts. */
  trusted?: string
  /** Sources of modules that Node loads first. By default, only this machine has a name. */
  preloads?: readonly string[]
  /** More than the secret half of the token that must not show. */
  secrets?: readonly string[]
  /** Takes part while the run goes on. */
  during?: (run: BundleRun) => unknown
}

/** Runs the bundle against any address. Nothing but this machine may be reached, not even by a mistake. */
export async function run(apiUrl: string, options: RunOptions = {}): Promise<BundleResult> {
  const isHere = /^https?:\/\/(127\.|localhost|\[::1\])/.test(apiUrl)
  const { trusted, env, preloads = isHere ? [] : [resolveNothing], secrets = [] } = options
  const defaults = { 'bale-token': token, 'api-url': apiUrl, 'timeout-seconds': '60' }
  const inputs = { ...defaults, ...options.inputs }
  const files = { ...options.files, ...(trusted && { NODE_EXTRA_CA_CERTS: trusted }) }
  const bundleRun = runBundle({ inputs, env, files, nodeArguments: preload(preloads) })
  const [result] = await Promise.all([bundleRun.done, options.during?.(bundleRun)])
  expectSound(result, !(env && 'GITHUB_ACTIONS' in env))
  for (const hidden of [secret, ...secrets])
    expect(findLeak(result.written, hidden)).toBeUndefined()
  const limitSeconds = Number(inputs['timeout-seconds']) || 900
  expect(result.elapsedMs).toBeLessThan(1000 * limitSeconds + BUSY_MS)
  return result
}

export interface ServedRunOptions extends Omit<RunOptions, 'during'>, ServerOptions {
  /** The address that the run is given, with `PORT` for the server's port. */
  url?: string
  during?: (run: BundleRun, server: WireServer) => unknown
}

/** The result of a run, and what its server saw. */
export type ServedResult = BundleResult & WireServer

/** Runs the bundle against a server with a script. */
export function runAgainst(
  script: ServerScript,
  options: ServedRunOptions = {},
): Promise<ServedResult> {
  const { tls, url = tls ? 'https://localhost:PORT' : 'http://127.0.0.1:PORT' } = options
  return withServer(script, options, async (server) => {
    const apiUrl = url.replace('PORT', String(server.port))
    const during = (bundleRun: BundleRun) => options.during?.(bundleRun, server)
    const result = await run(apiUrl, { ...options, during })
    const path = new URL(apiUrl).pathname.replace(/\/+$/, '')
    for (const request of server.requests) expectAllowedRequest(request, path)
    return { ...result, ...server }
  })
}

/** What Node says of a variable that has no effect on the action. */
const NODE_ON_TLS = /^\(node:\d+\) Warning: Setting the NODE_TLS_REJECT_UNAUTHORIZED .*\n.*\n$/

/** What must be true of every run, whatever happened. */
function expectSound(result: BundleResult, isInWorkflow: boolean): void {
  const { exitCode, stdout, stderr, outputs, summary, masks, annotations } = result
  expect([0, 1]).toContain(exitCode)
  expect(stderr.replace(NODE_ON_TLS, '')).toBe('')
  expect(masks).not.toContain(botId)
  const lines = stdout.split('\n')
  expect(lines.slice(0, masks.length).every(isMask)).toBe(true)
  const shown = lines.slice(masks.length)
  expect(shown.filter((line) => /^\s*::/.test(line))).toHaveLength(annotations.length)
  for (const text of [...shown, summary]) expect(text).not.toMatch(/##\[|^::.*%0[AD]|[^\n\P{C}]/u)
  if (!isInWorkflow) expect(annotations).toEqual([])
  else expect(annotations.some(({ level }) => level === 'error')).toBe(exitCode === 1)
  for (const { title, text } of annotations) {
    // Fixed words and the bot id, since the runner masks no titles.
    expect(title.replace(` ${botId} `, ' ')).toMatch(/^[A-Za-z ,:-]+$/)
    expect(text.startsWith(`${title}. `)).toBe(true)
  }
  for (const value of Object.values(outputs)) expect(value).toMatch(/^[\w-]*$/)
}

/** Only the methods of the contract, without a body; the token is where it must be, and nowhere else. */
function expectAllowedRequest({ line, headers, body }: WireRequest, path: string): void {
  const methods = ['close', 'deleteWebhook']
  expect(methods.map((name) => `POST ${path}/bot${token}/${name} HTTP/1.1`)).toContain(line)
  expect([body, headers['transfer-encoding']]).toEqual(['', undefined])
  expect(headers).toMatchObject({ 'accept-encoding': 'identity', 'user-agent': 'close-bale-bot' })
  expect(findLeak(JSON.stringify(headers), secret)).toBeUndefined()
}

/** How a run must end. */
export interface Expectation {
  outcome: string
  /** By default `true` for the outcomes `closed` and `unconfirmed` alone. */
  closed?: boolean
  /** By default 1, or 0 if nothing is sent. */
  attempts?: number
  /** Of the answer that decided the outcome. */
  status?: number
  /** Of the outcome `closed`: a warning instead of a plain line. */
  isInferred?: boolean
  /** A failure says that a `close` may have worked. */
  mayBeClosed?: boolean
  /** What a failure says of the webhook. */
  webhook?: 'is deleted' | 'may be deleted'
  /** Of a failure: the run was a dry run. */
  isDryRun?: boolean
  /** What people must read, in the annotation or in plain lines. */
  says?: readonly RegExp[]
}

/** The bot is closed, as an answer with this status says. */
export const closed: Expectation = { outcome: 'closed', status: 200 }

/** "Already closed" after an attempt that may have worked. */
export const inferred: Expectation = {
  outcome: 'closed',
  attempts: 2,
  status: 400,
  isInferred: true,
  says: [/wrong token/],
}

export const fails = (
  outcome: string,
  status?: number,
  more: Partial<Expectation> = {},
): Expectation => ({ outcome, ...(status !== undefined && { status }), ...more })

/** Compares a result with an expectation: exit code, outputs, and what people read. */
export function expectResult(result: BundleResult, expectation: Expectation): void {
  const { outcome, status = '', says = [], isDryRun, webhook } = expectation
  const isUnsent = outcome === 'dry-run' || outcome === 'invalid-input' || isDryRun
  const { attempts = isUnsent ? 0 : 1 } = expectation
  const isClosed = expectation.closed ?? ['closed', 'unconfirmed'].includes(outcome)
  const passes = isClosed || outcome === 'dry-run'
  const outputs = { closed: isClosed, outcome, attempts, 'http-status': status }
  expect({ exitCode: result.exitCode, ...result.outputs }).toEqual({
    exitCode: passes ? 0 : 1,
    ...Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, String(value)])),
  })
  const line = passes ? successIn(expectation) : failureIn(expectation)
  for (const pattern of [new RegExp(`^${line}$`, 'm'), ...says])
    expect(result.logAsShown).toMatch(pattern)
  expect(result.annotations).toHaveLength(line.startsWith('##') ? 1 : 0)
  const deletion = /webhook ((?:is|may be) deleted)/.exec(result.logAsShown)?.[1]
  if (!passes) expect(deletion).toBe(webhook)
}

/** A plain line, or a warning or notice where somebody should look. */
function successIn({ outcome, isInferred }: Expectation): string {
  if (outcome === 'dry-run') return `##\\[notice\\]Dry run for Bale bot ${botId} passed\\..*`
  const isPlain = outcome === 'closed' && !isInferred
  return `${isPlain ? '' : '##\\[warning\\]'}Bale bot ${botId} is (treated as )?closed[.,].*`
}

/** The verdict first, a link last. What is between is in the snapshot of the messages. */
function failureIn({ outcome, mayBeClosed, isDryRun }: Expectation): string {
  const doubt = mayBeClosed ? 'is not known to be closed' : '(was not|did not stay) closed.*'
  const verdict = isDryRun ? `Dry run for Bale bot ${botId} failed` : `Bale bot ${botId} ${doubt}`
  const section = mayBeClosed ? 'not-known-to-be-closed' : outcome
  const link = `https://\\S+/close-bale-bot/blob/v1/docs/troubleshooting.md#${section}`
  return `##\\[error\\]${verdict}: ${outcome.replaceAll('-', ' ')}\\..* Details: ${link}`
}

/** Expects a request more than waits, and these waits between them, at least, and not many times as long. */
export function expectRequests({ requests }: ServedResult, waits: readonly number[] = []): void {
  expect(requests).toHaveLength(waits.length + 1)
  waits.forEach((seconds, at) => {
    const [before = NaN, after = NaN] = [requests[at]?.atMs, requests[at + 1]?.atMs]
    // A timer may be a millisecond early, and a backoff is up to twice its least.
    expect(after - before).toBeGreaterThanOrEqual(1000 * seconds - 10)
    expect(after - before).toBeLessThan(2000 * seconds + BUSY_MS)
  })
}

/** Inputs with which nothing is retried. */
export const once = { 'max-attempts': '1' }

/** A run against one server, as a row of a table. */
export type Scenario = readonly [string, ServerScript, Expectation, ScenarioOptions?]

export interface ScenarioOptions extends ServedRunOptions {
  /** The least seconds between the requests; by default, as many backoffs as there are retries. */
  waits?: readonly number[]
  /** Nothing is sent: there are only so many connections. */
  unsentOn?: number
  /** How long it may take on a quiet machine. */
  withinSeconds?: number
}

/** Makes a test of each scenario. They run side by side. */
export function testScenarios(scenarios: readonly Scenario[]): void {
  test.concurrent.each([...scenarios])('%s', async (_, script, expectation, options = {}) => {
    const { attempts = 1 } = expectation
    const { waits = [0.5, 1, 2].slice(0, attempts - 1), unsentOn, withinSeconds } = options
    const result = await runAgainst(script, options)
    expectResult(result, expectation)
    if (unsentOn === undefined) expectRequests(result, waits)
    else expect([result.connections, result.requests]).toEqual([unsentOn, []])
    if (withinSeconds) expect(result.elapsedMs).toBeLessThan(1000 * withinSeconds + BUSY_MS)
  })
}

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
  stdout.split('\n').filter((line) => line !== '' && !isMask(line))

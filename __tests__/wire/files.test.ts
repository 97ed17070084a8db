/** What the runner gives and takes: outputs, summary, log, context; also by hand, and where the action itself breaks. */
import { describe, expect, test } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runBundle } from '../runner/runner.ts'
import { alreadyClosed, page, unknownToken, yes } from './answers.ts'
import { atConnect, preload } from './preload.ts'
import { stall } from './replies.ts'
import { closed, expectResult, fails, linesOf, once, runAgainst, secret, token } from './run.ts'
import type { ServedResult, ServerScript } from './run.ts'

type PathIn = (folder: string) => string

/** Runs with a variable that has a path in a new folder. */
async function runWithPath(variable: string, pathIn: PathIn, script: ServerScript, inputs = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'wire-files-'))
  try {
    return await runAgainst(script, { env: { [variable]: pathIn(folder) }, inputs })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const missing: PathIn = (folder) => join(folder, 'missing')
const itself: PathIn = (folder) => folder
const holding =
  (content: string): PathIn =>
  (folder) => {
    const path = join(folder, 'file')
    writeFileSync(path, content)
    return path
  }

describe('The summary', () => {
  test.concurrent('says what happened', async () => {
    const { summary } = await runAgainst(unknownToken)
    expect(summary).toMatch(/Bale bot 1234567890 was not closed: unauthorized/)
  })

  test.concurrent.each([
    ['is missing', missing],
    ['is a folder', itself],
    ['is unset', () => ''],
  ])('that %s fails no step', async (_, pathIn) => {
    expectResult(await runWithPath('GITHUB_STEP_SUMMARY', pathIn, yes), closed)
  })
})

describe('The context', () => {
  test.concurrent.each([
    ['event file is missing', 'GITHUB_EVENT_PATH', missing],
    ['event file is a folder', 'GITHUB_EVENT_PATH', itself],
    ['event file is broken', 'GITHUB_EVENT_PATH', holding(`{"token": ${secret}}`)],
    ['event is another', 'GITHUB_EVENT_PATH', holding('{"pull_request": {"head": null}}')],
    ['repository is unknown', 'GITHUB_REPOSITORY', () => ''],
  ])('whose %s changes no result', async (_, variable, pathIn) => {
    expectResult(await runWithPath(variable, pathIn, yes), closed)
    const result = await runWithPath(variable, pathIn, alreadyClosed)
    expectResult(result, fails('already-closed', 400))
  })
})

describe('The log', () => {
  test.concurrent('that nobody reads changes nothing', async () => {
    const result = await runAgainst(yes, { during: ({ child }) => child.stdout.destroy() })
    expect([result.exitCode, result.outputs['outcome']]).toEqual([0, 'closed'])
  })

  test.concurrent('has the masks first, and then one line', async () => {
    for (const script of [yes, unknownToken]) {
      const result = await runAgainst(script)
      expect(new Set(result.masks)).toEqual(new Set([token, secret]))
      expect(linesOf(result)).toHaveLength(1)
    }
  })
})

describe('Outputs that cannot be written are an error after the message, and fail the step:', () => {
  const dryRun = { 'dry-run': 'true' }
  test.concurrent.each<[string, Buffer, RegExp, Record<string, string>, PathIn, number]>([
    ['a close', yes, /^Bale bot 1234567890 is closed/m, {}, missing, 1],
    ['a refusal', unknownToken, /was not closed: unauthorized/, {}, itself, 2],
    ['a doubt', page(502), /is not known to be closed: server error/, once, missing, 2],
    ['a dry run', yes, /nothing was closed/i, dryRun, itself, 2],
  ])('%s', async (_, bytes, says, inputs, pathIn, annotations) => {
    const result = await runWithPath('GITHUB_OUTPUT', pathIn, bytes, inputs)
    expect(result.exitCode).toBe(1)
    expect(result.logAsShown).toMatch(says)
    expect(result.annotations).toHaveLength(annotations)
    expect(linesOf(result).at(-1)).toMatch(/^::error.*outputs/i)
  })
})

describe('By hand, all is plain lines:', () => {
  const names = ['GITHUB_ACTIONS', 'GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY', 'CI']
  const env = Object.fromEntries(names.map((name) => [name, undefined]))
  const allowing = { 'allow-already-closed': 'true' }
  test.concurrent.each<[string, Buffer, Record<string, string>, RegExp, string]>([
    ['a close', yes, {}, /^Bale bot \d+ is closed/, 'true closed 1 200'],
    ['a warning', alreadyClosed, allowing, /^WARNING: Bale bot/, 'true already-closed 1 400'],
    ['a failure', unknownToken, {}, /^ERROR: Bale bot/, 'false unauthorized 1 403'],
    ['a dry run', yes, { 'dry-run': 'true' }, /^NOTICE: Dry run/, 'false dry-run 0 '],
  ])('%s', async (_, bytes, inputs, message, values) => {
    const result = await runAgainst(bytes, { env, inputs })
    const [closed, outcome, attempts, status] = values.split(' ')
    expect(result.exitCode).toBe(values.includes('unauthorized') ? 1 : 0)
    expect(result.masks).toEqual([])
    expect(linesOf(result)).toEqual([
      expect.stringMatching(message),
      `closed=${closed}`,
      `outcome=${outcome}`,
      `attempts=${attempts}`,
      `http-status=${status}`,
    ])
  })
})

describe('A defect of the action', () => {
  const message = JSON.stringify(`Invalid URL: https://tapi.bale.ai/bot${token}/close`)

  test.concurrent('is one error with its name and position, never its message', async () => {
    const preloads = [atConnect(`throw new TypeError(${message})`)]
    const text = expectDefect(await runAgainst(yes, { preloads }))
    const [, line] = /\bTypeError at index\.js:(\d+):\d+/.exec(text) ?? []
    const bundle = readFileSync(new URL('../../dist/index.js', import.meta.url), 'utf8')
    expect(bundle.split('\n')[Number(line) - 1]).toMatch(/connect\(/)
  })

  test.concurrent.each<[string, string, ServerScript]>([
    ['thrown while a request is in flight', `throw new Error(${message})`, stall()],
    ['rejected while a request is in flight', `void Promise.reject(${message})`, stall()],
    ['thrown in the body of a yes', `throw ${message}`, stall(yes.subarray(0, -1))],
  ])('%s ends the run', async (_, statement, script) => {
    const preloads = [atConnect(`setTimeout(() => { ${statement} }, 1500)`)]
    expectDefect(await runAgainst(script, { preloads }))
  })

  function expectDefect(result: ServedResult): string {
    expect(result.exitCode).toBe(1)
    expect(result.outputs['closed'] ?? 'false').toBe('false')
    expect(result.annotations).toMatchObject([{ level: 'error' }])
    const text = result.annotations[0]?.text ?? ''
    expect(text).toMatch(/not known to be closed.*report/i)
    expect(result.written).not.toMatch(/Invalid URL|(^|%0A)\s+at /m)
    return text
  }

  test.concurrent('that leaves it without an end does not look like a success', async () => {
    // The socket never connects, and nothing keeps the process alive.
    const source = `
      import net from 'node:net'
      import timers from 'node:timers'
      net.connect = () => Object.assign(new net.Socket(), { connecting: true })
      globalThis.setTimeout = (...values) => timers.setTimeout(...values).unref()
    `
    const inputs = { 'bale-token': token, 'api-url': 'http://127.0.0.1:1' }
    const { exitCode, outputs } = await runBundle({ inputs, nodeArguments: preload([source]) }).done
    expect([exitCode, outputs['closed'] ?? 'false']).toEqual([1, 'false'])
  })
})

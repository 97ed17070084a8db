/** What the runner gives and takes: outputs, summary, log, context; also by hand, and where the action itself breaks. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { runBundle } from '../runner/runner.ts'
import { alreadyClosed, unknownToken, yes } from './answers.ts'
import { atConnect, preload } from './preload.ts'
import { stall } from './replies.ts'
import { closed, expectResult, fails, linesOf, runAgainst, secret, token } from './run.ts'
import type { ServedResult, ServedRunOptions } from './run.ts'
import type { ServerScript } from './server.ts'

// A run has a folder of its own, which is the working directory.
const missing = 'missing'
const folder = '.'

describe('The summary', () => {
  test.concurrent.each([
    ['is a folder', folder],
    ['is unset', ''],
  ])('that %s fails no step', async (_, path) => {
    expectResult(await runAgainst(yes, { env: { GITHUB_STEP_SUMMARY: path } }), closed)
  })
})

describe('The context', () => {
  const refused = fails('already-closed', 400)
  const eventFile = (content: string) => ({ files: { GITHUB_EVENT_PATH: content } })

  test.concurrent(
    'tells a re-run, in which the attempt before may have closed the bot',
    async () => {
      const result = await runAgainst(alreadyClosed, { env: { GITHUB_RUN_ATTEMPT: '3' } })
      expectResult(result, { ...refused, says: [/earlier attempt/] })
    },
  )

  test.concurrent.each<[string, ServedRunOptions]>([
    ['event file is missing', { env: { GITHUB_EVENT_PATH: missing } }],
    ['event file is a folder', { env: { GITHUB_EVENT_PATH: folder } }],
    ['event file is broken', eventFile(`{"token": ${secret}}`)],
    ['event is another', eventFile('{"pull_request": {"head": null}}')],
    ['repository is unknown', { env: { GITHUB_REPOSITORY: '' } }],
  ])('whose %s changes no result', async (_, options) => {
    expectResult(await runAgainst(alreadyClosed, options), refused)
  })
})

describe('The log', () => {
  test.concurrent('that nobody reads changes nothing', async () => {
    const result = await runAgainst(yes, { during: ({ child }) => child.stdout.destroy() })
    expect([result.exitCode, result.outputs['outcome']]).toEqual([0, 'closed'])
  })

  test.concurrent.each([
    ['success', yes, /Bale bot 1234567890 is closed/],
    ['failure', unknownToken, /Bale bot 1234567890 was not closed: unauthorized/],
  ])('of a %s is masks and one line, which the summary has, too', async (_, bytes, says) => {
    const result = await runAgainst(bytes)
    expect(result.masks).toEqual([token, secret])
    expect(linesOf(result)).toEqual([expect.stringMatching(says)])
    expect(result.summary).toMatch(says)
  })
})

describe('Outputs that cannot be written are an error after the message, and fail the step:', () => {
  test.concurrent.each<[string, Buffer, RegExp, string, number]>([
    ['a close', yes, /^Bale bot 1234567890 is closed/m, missing, 1],
    ['a refusal', unknownToken, /was not closed: unauthorized/, folder, 2],
    ['a runner that names no file', yes, /^Bale bot 1234567890 is closed/m, '', 1],
  ])('%s', async (_, bytes, says, path, annotations) => {
    const result = await runAgainst(bytes, { env: { GITHUB_OUTPUT: path } })
    expect(result.exitCode).toBe(1)
    expect(result.logAsShown).toMatch(says)
    expect(result.annotations).toHaveLength(annotations)
    expect(linesOf(result).at(-1)).toMatch(/^::error.*outputs/i)
  })
})

describe('By hand, all is plain lines:', () => {
  const names = ['GITHUB_ACTIONS', 'GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY', 'CI']
  const env = Object.fromEntries(names.map((name) => [name, undefined]))
  test.concurrent.each<[string, Buffer, number, RegExp, string]>([
    [
      'a close',
      yes,
      0,
      /^Bale bot \d+ is closed/,
      'closed=true outcome=closed attempts=1 http-status=200',
    ],
    [
      'a failure',
      unknownToken,
      1,
      /^ERROR: Bale bot/,
      'closed=false outcome=unauthorized attempts=1 http-status=403',
    ],
  ])('%s', async (_, bytes, exitCode, message, values) => {
    const result = await runAgainst(bytes, { env })
    expect([result.exitCode, result.masks]).toEqual([exitCode, []])
    const [shown, ...outputs] = linesOf(result)
    expect(shown).toMatch(message)
    expect(outputs.join(' ')).toBe(values)
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
    [
      'rejected in the body of a yes',
      `void Promise.reject(${message})`,
      stall(yes.subarray(0, -1)),
    ],
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

  test.concurrent('that ends it without a word does not look like a success', async () => {
    const inputs = { 'bale-token': token, 'api-url': 'http://127.0.0.1:1' }
    const nodeArguments = preload([atConnect('process.exit()')])
    const { exitCode, outputs } = await runBundle({ inputs, nodeArguments }).done
    expect([exitCode, outputs]).toEqual([1, {}])
  })
})

/** Signals: while waiting, in flight, after the yes. */
import { describe, expect, test } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, head, no, page, stall, yes, yesText } from './acts.ts'
import { expectEnd, run, testTimeoutMs } from './play.ts'
import type { End } from './play.ts'
import { resolveOnce } from './preload.ts'
import { startServer } from './server.ts'
import type { Act, WireServer } from './server.ts'
import type { BundleRun } from '../../emulator/runner.ts'

/** Windows ends a process that another one signals. */
const onPosix = process.platform === 'win32' ? test.concurrent.skip : test.concurrent

const limited = no(429, 'Too Many Requests: retry after 50')

/** What the run prints first, beside the masks: the line that announces a wait. */
function firstLine({ child }: BundleRun): Promise<void> {
  return new Promise((resolve) => {
    let seen = ''
    child.stdout.on('data', (chunk: Buffer | string) => {
      seen += chunk.toString()
      if (/^(?!::add-mask).+\n/m.test(seen)) resolve()
    })
  })
}

async function requestAt(server: WireServer): Promise<void> {
  while (server.requests.length === 0) await sleep(20)
  // What was sent after the request arrives, too.
  await sleep(1500)
}

/** Runs against a script and signals at the given moment; the run must end soon after it. */
async function interrupt(
  script: readonly Act[],
  moment: (bundleRun: BundleRun, server: WireServer) => Promise<void>,
  signals: readonly NodeJS.Signals[],
  inputs: Record<string, string> = {},
) {
  await using server = await startServer(script)
  let signalledMs = NaN
  const result = await run(`http://127.0.0.1:${server.port}`, {
    inputs,
    during: async (bundleRun) => {
      await moment(bundleRun, server)
      signalledMs = performance.now()
      for (const signal of signals) bundleRun.child.kill(signal)
    },
  })
  expect(performance.now() - signalledMs).toBeLessThan(5000)
  return { result, requests: server.requests.length }
}

describe('a signal', () => {
  onPosix.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    '%s while waiting ends the wait',
    async (signal) => {
      const { result, requests } = await interrupt([answer(limited), answer(yes)], firstLine, [signal])
      expectEnd(result, {
        outcome: 'cancelled',
        attempts: 1,
        status: 429,
        shows: [/cancelled.* no request was under way/],
      })
      expect(requests).toBe(1)
    },
    testTimeoutMs,
  )

  const inFlight: [string, Act, Partial<End>][] = [
    ['before the answer', stall(), {}],
    ['in the headers of the answer', stall('HTTP/1.1 200 OK\r\n'), {}],
    ['in the body of a yes', stall(head('200 OK', { 'content-length': 99 }), yesText), { status: 200 }],
  ]
  onPosix.each(inFlight)(
    'in flight, %s, ends the request, and the bot may be closed',
    async (_, act, end) => {
      const { result, requests } = await interrupt([act], (_run, server) => requestAt(server), ['SIGINT'])
      expectEnd(result, {
        outcome: 'cancelled',
        attempts: 1,
        lost: true,
        shows: [/cancelled.* close request was under way/],
        ...end,
      })
      expect(requests).toBe(1)
    },
    testTimeoutMs,
  )

  onPosix(
    'while waiting after a lost answer: the bot may be closed',
    async () => {
      const { result } = await interrupt([answer(page(502, { 'retry-after': 50 }))], firstLine, ['SIGTERM'])
      expectEnd(result, {
        outcome: 'cancelled',
        attempts: 1,
        status: 502,
        lost: true,
        shows: [/no request was under way/],
      })
    },
    testTimeoutMs,
  )

  onPosix(
    'in flight of the deletion: close was not sent',
    async () => {
      const { result, requests } = await interrupt([stall()], (_run, server) => requestAt(server), ['SIGINT'], {
        'delete-webhook': 'true',
      })
      expectEnd(result, { outcome: 'cancelled', attempts: 0, shows: [/deleteWebhook request was under way/] })
      expect(requests).toBe(1)
    },
    testTimeoutMs,
  )

  onPosix(
    'again and again changes nothing',
    async () => {
      const { result } = await interrupt([answer(limited)], firstLine, [
        'SIGINT',
        'SIGTERM',
        'SIGHUP',
        'SIGINT',
        'SIGTERM',
      ])
      expectEnd(result, { outcome: 'cancelled', attempts: 1, status: 429 })
    },
    testTimeoutMs,
  )

  onPosix(
    'while a name is looked up ends the run',
    async () => {
      const result = await run('http://localhost:1', {
        preloads: [resolveOnce('127.0.0.1')],
        during: async (bundleRun) => {
          await firstLine(bundleRun)
          await sleep(2000)
          bundleRun.child.kill('SIGTERM')
        },
      })
      expect(result.outputs).toMatchObject({ outcome: 'cancelled', closed: 'false', attempts: '2' })
      expect(result.elapsedMs).toBeLessThan(12_000)
    },
    testTimeoutMs,
  )

  onPosix.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    '%s after the yes changes nothing',
    async (signal) => {
      const folder = mkdtempSync(join(tmpdir(), 'wire-signal-'))
      try {
        // Writing to a pipe holds the run until somebody reads: the yes is here, and the end is not.
        const summaryPipe = join(folder, 'summary')
        execFileSync('mkfifo', [summaryPipe])
        await using server = await startServer([answer(yes)])
        const result = await run(`http://127.0.0.1:${server.port}`, {
          env: { GITHUB_STEP_SUMMARY: summaryPipe },
          during: async ({ child, done }) => {
            await requestAt(server)
            await sleep(1000)
            expect(child.exitCode).toBeNull()
            child.kill(signal)
            await sleep(500)
            // Opened without waiting for a writer: there is none if the signal has ended the run.
            const reader = openSync(summaryPipe, constants.O_RDONLY | constants.O_NONBLOCK)
            await done
            expect(readFileSync(reader, 'utf8')).toContain('closed')
            closeSync(reader)
          },
        })
        expectEnd(result, { outcome: 'closed', attempts: 1, status: 200 })
        expect(server.requests).toHaveLength(1)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
    testTimeoutMs,
  )

  onPosix(
    'between the yes to the deletion and close sends no close',
    async () => {
      const { result, requests } = await interrupt([answer(yes), answer(limited), answer(yes)], firstLine, ['SIGINT'], {
        'delete-webhook': 'true',
      })
      expectEnd(result, { outcome: 'cancelled', attempts: 1, status: 429 })
      expect(requests).toBe(2)
    },
    testTimeoutMs,
  )
})

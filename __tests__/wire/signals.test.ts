/** Signals, in every phase of a run. */
import { describe, expect } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { answer, head, no, page, stall, tryAgain, yes, yesText } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { expectEnd, failed, onPosix, printed, run } from './play.ts'
import type { End, RunOptions } from './play.ts'
import { resolveNothing, resolveSlowly } from './preload.ts'
import { startServer } from './server.ts'
import type { Act, WireServer } from './server.ts'
import type { BundleRun } from '../../emulator/runner.ts'

type Moment = (bundleRun: BundleRun, server: WireServer) => Promise<void>

const limited = no(429, 'Too Many Requests: retry after 50')
const inFlight: Partial<End> = { attempts: 1, lost: true, shows: [/A close request was in flight/i] }
const unsent: Partial<End> = { attempts: 1, shows: [/No (close request had been sent|request was in flight)/i] }
const between: Partial<End> = { attempts: 1, shows: [/No request was in flight/i] }

const waiting: Moment = (bundleRun) => printed(bundleRun, /\b50 s\b/)
const requested: Moment = async (_, server) => {
  while (server.requests.length === 0) await sleep(20)
  // What was sent after the request arrives, too.
  await sleep(700)
}
const connected: Moment = async (_, server) => {
  while (server.connections() === 0) await sleep(20)
  await sleep(300)
}
const lookingUp: Moment = (bundleRun) => printed(bundleRun, /looking up/)

/** Runs against a script and signals at the given moment; the run must end soon after it. */
async function interrupt(
  script: readonly Act[],
  moment: Moment,
  signals: readonly NodeJS.Signals[],
  options: RunOptions = {},
  apiUrl = (port: number) => `http://127.0.0.1:${port}`,
) {
  await using server = await startServer(script)
  let signalledMs = NaN
  const result = await run(apiUrl(server.port), {
    ...options,
    during: async (bundleRun) => {
      await moment(bundleRun, server)
      signalledMs = performance.now()
      for (const signal of signals) bundleRun.child.kill(signal)
    },
  })
  // A second is promised; a busy machine may need some more.
  expect(performance.now() - signalledMs).toBeLessThan(3000)
  return { result, requests: server.requests.length }
}

describe('a signal', () => {
  onPosix.each<NodeJS.Signals[]>([['SIGINT'], ['SIGTERM'], ['SIGHUP'], ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGINT']])(
    '%s while waiting ends the wait, however often it comes',
    async (...signals) => {
      const { result, requests } = await interrupt([answer(limited), answer(yes)], waiting, signals)
      expectEnd(
        result,
        failed('cancelled', undefined, {
          shows: [/cancelled/, /No request was in flight/i, /still stopped/],
        }),
      )
      expect(requests).toBe(1)
    },
  )

  const deleting = { inputs: { 'delete-webhook': 'true' } }
  const phases: [string, readonly Act[], Moment, Partial<End>, RunOptions?][] = [
    ['before the answer', [stall()], requested, inFlight],
    ['in the headers of the answer', [stall('HTTP/1.1 200 OK\r\n')], requested, inFlight],
    ['in the body of a yes', [stall(head('200 OK', { 'content-length': 99 }), yesText)], requested, inFlight],
    ['in a long answer of 103s', [stall(head('103 Early Hints', { link: '</x>' }).repeat(9))], requested, inFlight],
    [
      'while waiting after a lost answer',
      [answer(page(502, { 'retry-after': 50 }))],
      waiting,
      { ...between, lost: true },
    ],
    ['while waiting after many attempts', [answer(tryAgain), answer(limited)], waiting, { ...between, attempts: 2 }],
    [
      'in flight of the deletion: close was not sent',
      [stall()],
      requested,
      { attempts: 0, webhook: 'may be deleted', shows: [/deleteWebhook request was in flight/i] },
      deleting,
    ],
    [
      'while waiting to delete: close was not sent',
      [answer(tryAgain), answer(limited)],
      waiting,
      { attempts: 0, shows: [/No close request had been sent/i] },
      deleting,
    ],
    [
      'while waiting after the deletion',
      [answer(yes), answer(limited), answer(yes)],
      waiting,
      { ...between, webhook: 'is deleted' },
      deleting,
    ],
  ]
  onPosix.each(phases)('%s', async (_, script, moment, end, options) => {
    const { result } = await interrupt(script, moment, ['SIGINT'], options)
    expectEnd(result, failed('cancelled', undefined, { ...end }))
  })

  const authority = newAuthority('Test Authority of Signals')
  const early: [string, Act, Moment, RunOptions, ((port: number) => string)?][] = [
    [
      'while a name is looked up',
      stall(),
      lookingUp,
      { preloads: [resolveSlowly] },
      (port) => `http://localhost:${port}`,
    ],
    ['in the TLS handshake', () => undefined, connected, {}, (port) => `https://localhost:${port}`],
    [
      'while the certificate is looked at',
      () => undefined,
      connected,
      { trusted: authority.cert },
      (port) => `https://127.0.0.1:${port}`,
    ],
  ]
  onPosix.each(early)('%s, in a real and in a dry run', async (_, act, moment, options, apiUrl) => {
    const [real, dry] = await Promise.all([
      interrupt([act], moment, ['SIGTERM'], options, apiUrl),
      interrupt([act], moment, ['SIGTERM'], { ...options, inputs: { 'dry-run': 'true' } }, apiUrl),
    ])
    expectEnd(real.result, failed('cancelled', undefined, { ...unsent }))
    expectEnd(dry.result, { outcome: 'cancelled', ...unsent, attempts: 0 })
  })

  onPosix('while a proxy is asked', async () => {
    await using proxy = await startServer([stall()])
    const options: RunOptions = { preloads: [resolveNothing], env: { https_proxy: `127.0.0.1:${proxy.port}` } }
    const moment: Moment = (bundleRun) => requested(bundleRun, proxy)
    const { result } = await interrupt([stall()], moment, ['SIGINT'], options, () => 'https://bale.test')
    expectEnd(result, failed('cancelled', undefined, { ...unsent }))
  })

  onPosix.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s after the yes changes nothing', async (signal) => {
    // Comes as the first output is written.
    const source = `
        import fs from 'node:fs'
        const { appendFileSync } = fs
        fs.appendFileSync = (...values) => {
          process.kill(process.pid, '${signal}')
          appendFileSync(...values)
        }
      `
    await using server = await startServer([answer(yes)])
    const result = await run(`http://127.0.0.1:${server.port}`, { preloads: [source] })
    expectEnd(result, { outcome: 'closed', attempts: 1, status: 200 })
    expect(server.requests).toHaveLength(1)
  })
})

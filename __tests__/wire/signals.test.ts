/** Signals, in every phase of a run. */
import { describe, expect } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { head, no, page, stall, tryAgain, yes, yesText } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, closed, expectEnd, expectRequests, onPosix, printed, run } from './play.ts'
import type { End, SceneOptions, Script } from './play.ts'
import { atFirstOutput, resolveSlowly } from './preload.ts'
import { startServer } from './server.ts'
import type { WireServer } from './server.ts'
import type { BundleRun } from '../../emulator/runner.ts'

type Moment = (bundleRun: BundleRun, server: WireServer) => Promise<void>

const limited = no(429, 'Too Many Requests: retry after 50')
const inFlight: Partial<End> = { lost: true, shows: [/A close request was in flight/i] }
const unsent: Partial<End> = { shows: [/No (close request had been sent|request was in flight)/i] }
const between: Partial<End> = { shows: [/No request was in flight/i] }

const waiting: Moment = (bundleRun) => printed(bundleRun, /\b50 s\b/)
const lookingUp: Moment = (bundleRun) => printed(bundleRun, /looking up/)
const connected: Moment = async (_, server) => {
  while (server.connections() === 0) await sleep(20)
  await sleep(300)
}
const requested: Moment = async (_, server) => {
  while (server.requests.length === 0) await sleep(20)
  // What was sent after the request arrives, too.
  await sleep(700)
}

/** Takes part in a run: signals at the given moment, soon after which the run must end. */
const signalAt =
  (moment: Moment, ...signals: readonly NodeJS.Signals[]) =>
  async (bundleRun: BundleRun, server: WireServer): Promise<void> => {
    await moment(bundleRun, server)
    const signalledMs = performance.now()
    for (const signal of signals) bundleRun.child.kill(signal)
    await bundleRun.done
    // A second is promised; a busy machine may need some more.
    expect(performance.now() - signalledMs).toBeLessThan(3000)
  }

describe('a signal', () => {
  onPosix.each<NodeJS.Signals[]>([
    ['SIGINT'],
    ['SIGTERM'],
    ['SIGHUP'],
    ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGINT'],
  ])('%s while waiting ends the wait, however often it comes', async (...signals) => {
    const scene = await against([limited, yes], { during: signalAt(waiting, ...signals) })
    const shows = [/cancelled/, /No request was in flight/i, /still stopped/]
    expectEnd(scene, { outcome: 'cancelled', shows })
    expectRequests(scene, [])
  })

  const manyHints = head('103 Early Hints', { link: '</x>' }).repeat(9)
  const halfYes = stall(head('200 OK', { 'content-length': 99 }), yesText)
  const lost = page(502, { 'retry-after': 50 })
  const inDeletion = { attempts: 0, shows: [/deleteWebhook request was in flight/i] }
  const notYet: Partial<End> = { attempts: 0, shows: [/No close request had been sent/i] }
  const deleted: Partial<End> = { ...between, webhook: 'is deleted' }
  const deleting = { 'delete-webhook': 'true' }
  onPosix.each<[string, Script, Moment, Partial<End>, Record<string, string>?]>([
    ['before the answer', stall(), requested, inFlight],
    ['in the headers of the answer', stall('HTTP/1.1 200 OK\r\n'), requested, inFlight],
    ['in the body of a yes', halfYes, requested, inFlight],
    ['in a long answer of 103s', stall(manyHints), requested, inFlight],
    ['while waiting after a lost answer', lost, waiting, { ...between, lost: true }],
    [
      'while waiting after many attempts',
      [tryAgain, limited],
      waiting,
      { ...between, attempts: 2 },
    ],
    [
      'in flight of the deletion',
      stall(),
      requested,
      { ...inDeletion, webhook: 'may be deleted' },
      deleting,
    ],
    ['while waiting to delete: close was not sent', [tryAgain, limited], waiting, notYet, deleting],
    ['while waiting after the deletion', [yes, limited, yes], waiting, deleted, deleting],
  ])('%s', async (_, script, moment, end, inputs = {}) => {
    const scene = await against(script, { inputs, during: signalAt(moment, 'SIGINT') })
    expectEnd(scene, { outcome: 'cancelled', ...end })
  })

  const trusted = newAuthority('Test Authority of Signals').cert
  onPosix.each<[string, Script, Moment, SceneOptions]>([
    [
      'while a name is looked up',
      stall(),
      lookingUp,
      { url: 'http://localhost:PORT', preloads: [resolveSlowly] },
    ],
    ['in the TLS handshake', () => undefined, connected, { url: 'https://localhost:PORT' }],
    [
      'while the certificate is looked at',
      () => undefined,
      connected,
      { url: 'https://127.0.0.1:PORT', trusted },
    ],
  ])('%s, in a real and in a dry run', async (_, script, moment, options) => {
    const during = signalAt(moment, 'SIGTERM')
    const [real, dry] = await Promise.all([
      against(script, { ...options, during }),
      against(script, { ...options, during, inputs: { 'dry-run': 'true' } }),
    ])
    expectEnd(real, { outcome: 'cancelled', ...unsent })
    expectEnd(dry, { outcome: 'cancelled', ...unsent, attempts: 0 })
  })

  onPosix('while a proxy is asked', async () => {
    await using proxy = await startServer([stall()])
    const result = await run('https://bale.test', {
      env: { https_proxy: `127.0.0.1:${proxy.port}` },
      during: (bundleRun) => signalAt(requested, 'SIGINT')(bundleRun, proxy),
    })
    expectEnd(result, { outcome: 'cancelled', ...unsent })
  })

  onPosix.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])(
    '%s after the yes changes nothing',
    async (signal) => {
      const source = atFirstOutput(`process.kill(process.pid, '${signal}')`)
      const scene = await against(yes, { preloads: [source] })
      expectEnd(scene, closed)
      expectRequests(scene, [])
    },
  )
})

/** Signals, in every phase of a run. */
import { describe, expect } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BundleRun } from '../runner/runner.ts'
import { head, page, tooMany, tryAgain, yes, yesText } from './answers.ts'
import { atFirstOutput, resolveSlowly } from './preload.ts'
import { silent, stall } from './replies.ts'
import { closed, expectRequests, expectResult, fails, printed, run } from './run.ts'
import { runAgainst, testOnPosix } from './run.ts'
import type { Expectation, ServedRunOptions, ServerScript } from './run.ts'
import { withServer } from './server.ts'
import type { WireServer } from './server.ts'

type Moment = (bundleRun: BundleRun, server: WireServer) => Promise<unknown>

const cancelled = (more?: Partial<Expectation>) => fails('cancelled', undefined, more)
const limited = tooMany(50)
const inFlight: Partial<Expectation> = { mayBeClosed: true, says: [/close.* was in flight/i] }
const noneInFlight: Partial<Expectation> = { says: [/no request was in flight/i] }

const waiting: Moment = (bundleRun) => printed(bundleRun, /\b50 s\b/)
const lookingUp: Moment = (bundleRun) => printed(bundleRun, /looking up/)
const connected: Moment = async (_, server) => {
  while (server.connectionCount() === 0) await sleep(20)
  await sleep(500)
}
const requested: Moment = async (_, server) => {
  while (server.requests.length === 0) await sleep(20)
  // What was sent after the request arrives, too.
  await sleep(700)
}

/** Signals at the given moment, soon after which the run must end. */
const signalAt =
  (moment: Moment, ...signals: readonly NodeJS.Signals[]) =>
  async (bundleRun: BundleRun, server: WireServer): Promise<void> => {
    await moment(bundleRun, server)
    const signalledMs = performance.now()
    for (const signal of signals) bundleRun.child.kill(signal)
    await bundleRun.done
    // A second is promised. A busy machine may need some more, but all these runs would last much longer.
    expect(performance.now() - signalledMs).toBeLessThan(8000)
  }

describe('A cancellation', () => {
  const halfYes = stall(head(200, { 'content-length': 99 }), yesText)
  const lost = page(502, { 'retry-after': 50 })
  const inDeletion = { attempts: 0, says: [/deleteWebhook.* was in flight/i] }
  const [twice, never] = [2, 0].map((attempts) => ({ ...noneInFlight, attempts }))
  const deleting = { 'delete-webhook': 'true' }
  type Row = [
    string,
    ServerScript,
    Moment,
    Partial<Expectation> | undefined,
    object?,
    NodeJS.Signals?,
  ]
  testOnPosix.each<Row>([
    ['by SIGINT in a wait', limited, waiting, noneInFlight],
    ['by SIGTERM in a wait', limited, waiting, noneInFlight, {}, 'SIGTERM'],
    ['by SIGHUP in a wait', limited, waiting, noneInFlight, {}, 'SIGHUP'],
    ['before the answer', stall(), requested, inFlight],
    ['in the headers of the answer', stall('HTTP/1.1 200 OK\r\n'), requested, inFlight],
    ['in the body of a yes', halfYes, requested, inFlight],
    ['in a wait after a lost answer', lost, waiting, { ...noneInFlight, mayBeClosed: true }],
    ['in a wait after two attempts', [tryAgain, limited], waiting, twice],
    ['in a deletion', stall(), requested, { ...inDeletion, webhook: 'may be deleted' }, deleting],
    ['in a wait between two deletions', [tryAgain, limited], waiting, never, deleting],
    [
      'in a wait after the deletion',
      [yes, limited],
      waiting,
      { ...noneInFlight, webhook: 'is deleted' },
      deleting,
    ],
  ])('%s', async (_, script, moment, more, inputs = {}, signal = 'SIGINT') => {
    // A signal that comes again changes nothing.
    const during = signalAt(moment, signal, 'SIGINT')
    const patient = { 'timeout-seconds': '600', ...inputs }
    expectResult(await runAgainst(script, { inputs: patient, during }), cancelled(more))
  })

  testOnPosix.each<[string, Moment, ServedRunOptions]>([
    ['of a look-up', lookingUp, { url: 'http://localhost:PORT', preloads: [resolveSlowly] }],
    ['of a TLS handshake', connected, { url: 'https://localhost:PORT' }],
  ])('%s, in a real and in a dry run', async (_, moment, options) => {
    const served = { ...options, during: signalAt(moment, 'SIGTERM') }
    const [real, dry] = await Promise.all([
      runAgainst(silent, served),
      runAgainst(silent, { ...served, inputs: { 'dry-run': 'true' } }),
    ])
    expectResult(real, cancelled(noneInFlight))
    expectResult(dry, cancelled({ isDryRun: true }))
  })

  testOnPosix('while a proxy is asked', () =>
    withServer([stall()], {}, async (proxy) => {
      const result = await run('https://bale.test', {
        env: { https_proxy: `127.0.0.1:${proxy.port}` },
        during: (bundleRun) => signalAt(requested, 'SIGINT')(bundleRun, proxy),
      })
      expectResult(result, cancelled(noneInFlight))
    }),
  )

  testOnPosix('after the yes changes nothing', async () => {
    const preloads = [atFirstOutput("process.kill(process.pid, 'SIGTERM')")]
    const result = await runAgainst(yes, { preloads })
    expectResult(result, closed)
    expectRequests(result)
  })
})

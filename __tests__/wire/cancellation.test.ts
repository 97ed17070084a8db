/** Signals, in every phase of a run. */
import { describe, expect } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BundleRun } from '../runner/runner.ts'
import { head, tooMany, tryAgain, yes, yesText } from './answers.ts'
import { atOutput, resolveSlowly } from './preload.ts'
import { stall } from './replies.ts'
import { closed, expectResult, fails, printed, run, runAgainst, testOnPosix } from './run.ts'
import type { Expectation, ServedRunOptions } from './run.ts'
import { withServer } from './server.ts'
import type { ServerScript, WireServer } from './server.ts'

type Moment = (bundleRun: BundleRun, server: WireServer) => Promise<unknown>

const cancelled = (more?: Partial<Expectation>) => fails('cancelled', undefined, more)
const limited = tooMany(600)
const inFlight: Partial<Expectation> = { mayBeClosed: true, says: [/close.* was in flight/i] }
const noneInFlight: Partial<Expectation> = { says: [/no request was in flight/i] }

const waiting: Moment = (bundleRun) => printed(bundleRun, /\b600 s\b/)
const lookingUp: Moment = (bundleRun) => printed(bundleRun, /looking up/)
const connected =
  (count = 1): Moment =>
  async (_, server) => {
    while (server.connections < count) await sleep(20)
    // The request and what is sent after it arrive, too.
    await sleep(1500)
  }

/** Signals at the given moment, soon after which the run must end. */
const signalAt =
  (moment: Moment, signal: NodeJS.Signals = 'SIGINT') =>
  async (bundleRun: BundleRun, server: WireServer): Promise<void> => {
    await moment(bundleRun, server)
    const signalledMs = performance.now()
    // A second signal changes nothing.
    for (const each of [signal, 'SIGINT'] as const) bundleRun.child.kill(each)
    await bundleRun.done
    // A second is promised. A busy machine may need more, but all these runs would last far longer.
    expect(performance.now() - signalledMs).toBeLessThan(8000)
  }

describe('A cancellation', () => {
  const halfYes = stall(head(200, { 'content-length': 99 }), yesText)
  const inDeletion = { attempts: 0, says: [/deleteWebhook.* was in flight/i] }
  const lost = cancelled({ ...inDeletion, webhook: 'may be deleted' })
  const between = cancelled({ ...noneInFlight, attempts: 0 })
  const deleting = { inputs: { 'delete-webhook': 'true' } }
  const checkingIn = (seconds: string) => ({ inputs: { 'confirm-after-seconds': seconds } })
  const unconfirmed = { outcome: 'unconfirmed', status: 200, says: [/cancelled/] }
  const inCheck = { ...unconfirmed, attempts: 2 }
  const resolving = { url: 'http://localhost:PORT', preloads: [resolveSlowly] }
  const dryByTls = { url: 'https://localhost:PORT', inputs: { 'dry-run': 'true' } }
  type Row = [string, ServerScript, Moment, Expectation, ServedRunOptions?, NodeJS.Signals?]
  testOnPosix.each<Row>([
    ['by SIGTERM in a wait', limited, waiting, cancelled(noneInFlight), {}, 'SIGTERM'],
    ['by SIGHUP in a wait', limited, waiting, cancelled(noneInFlight), {}, 'SIGHUP'],
    ['of a look-up', stall(), lookingUp, cancelled(noneInFlight), resolving],
    ['of a dry run in TLS', stall(), connected(), cancelled({ isDryRun: true }), dryByTls],
    ['before the answer', stall(), connected(), cancelled(inFlight)],
    ['in the body of a yes', halfYes, connected(), cancelled(inFlight)],
    ['in a deletion', stall(), connected(), lost, deleting],
    ['between two deletions', [tryAgain, limited], waiting, between, deleting],
    ['before a check leaves the bot closed', yes, waiting, unconfirmed, checkingIn('600')],
    ['in a check leaves the bot closed', [yes, stall()], connected(2), inCheck, checkingIn('1')],
  ])('%s', async (_, script, moment, expectation, options = {}, signal = 'SIGINT') => {
    const inputs = { 'timeout-seconds': '1000', ...options.inputs }
    const during = signalAt(moment, signal)
    expectResult(await runAgainst(script, { ...options, inputs, during }), expectation)
  })

  testOnPosix('while a proxy is asked', () =>
    withServer(stall(), {}, async (proxy) => {
      const result = await run('https://bale.test', {
        env: { https_proxy: `127.0.0.1:${proxy.port}` },
        during: (bundleRun) => signalAt(connected())(bundleRun, proxy),
      })
      expectResult(result, cancelled(noneInFlight))
    }),
  )

  testOnPosix('after the yes changes nothing', async () => {
    const preloads = [atOutput("process.kill(process.pid, 'SIGTERM')")]
    expectResult(await runAgainst(yes, { preloads }), closed)
  })
})

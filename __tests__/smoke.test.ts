/** The committed bundle against the emulator, once for each kind of end, in a few seconds. */
import { expect, test } from '@jest/globals'
import { startEmulator } from '../emulator/server.ts'
import type { BotSetup } from '../emulator/server.ts'
import {
  closed,
  expectEnd,
  failed,
  once,
  onPosix,
  printed,
  run,
  secret,
  token,
} from './wire/play.ts'
import type { End, RunOptions } from './wire/play.ts'

type Inputs = Record<string, string>

/** Runs against a server that knows this bot, or none, and expects this end after calls of these methods. */
async function play(
  bot: Partial<BotSetup> | null,
  options: RunOptions,
  end: End,
  methods: string,
): Promise<void> {
  const emulator = await startEmulator({ bots: bot === null ? [] : [{ token, ...bot }] })
  try {
    const result = await run(emulator.url, options)
    expectEnd(result, end)
    expect(emulator.requests.map(({ method }) => method).join(' ')).toBe(methods)
    expect(new Set(result.masks)).toEqual(new Set([token, secret]))
  } finally {
    await emulator.stop()
  }
}

const alreadyClosed = failed('already-closed', 400)
const tooLong = failed('rate-limited', 429, { retryAfterSeconds: 534 })
const unsent = { attempts: 0 }
const twice: End = { ...closed, attempts: 2 }
const reopened = failed('reopened', 429, { attempts: 2, shows: [/old host.*webhook/] })
const confirming = { 'confirm-after-seconds': '3' }
const allowing = { 'allow-already-closed': 'true' }
const hasty = { ...once, 'attempt-timeout-seconds': '1' }
const deleting = { 'delete-webhook': 'true' }

test.concurrent.each<[string, string, End, Partial<BotSetup> | null, Inputs?]>([
  ['a running bot', 'close', closed, {}],
  ['with its webhook', 'deleteWebhook close', closed, { webhook: true }, deleting],
  ['a bot that stays closed', 'close close', twice, {}, confirming],
  [
    'a bot that a poller opens again',
    'close getUpdates close',
    reopened,
    { pollerSeconds: 1 },
    confirming,
  ],
  ['after a gateway error', 'close close', twice, { faults: ['502'] }],
  ['a bot that is closed', 'close', alreadyClosed, { closed: true }],
  [
    'a bot that may be closed',
    'close',
    { ...alreadyClosed, closed: true },
    { closed: true },
    allowing,
  ],
  ['a wrong token', 'close', failed('unauthorized', 403), null],
  ['a server without close', 'close', failed('unsupported', 404), { noClose: true }],
  ['a wait that is too long', 'close', tooLong, { faults: ['429-body:534'] }],
  ['a server in trouble', 'close', failed('server-error', 503), { faults: ['503'] }, once],
  ['a redirect', 'close', failed('invalid-response', 302), { faults: ['redirect'] }],
  [
    'a broken connection',
    'close',
    { outcome: 'unreachable', lost: true },
    { faults: ['reset'] },
    once,
  ],
  [
    'a silent server',
    'close',
    { outcome: 'timed-out', lost: true },
    { faults: ['silence'] },
    hasty,
  ],
  ['a wrong input', '', { outcome: 'invalid-input', ...unsent }, {}, { 'dry-run': 'yes' }],
  ['a dry run', '', { outcome: 'dry-run', ...unsent }, {}, { 'dry-run': 'true' }],
])('%s', (_, methods, end, bot, inputs = {}) => play(bot, { inputs }, end, methods))

onPosix('a cancelled wait', async () => {
  const during: RunOptions['during'] = async (bundleRun) => {
    await printed(bundleRun, /Next try/)
    bundleRun.cancel()
  }
  await play({ youngSeconds: 30 }, { during }, { outcome: 'cancelled' }, 'close')
})

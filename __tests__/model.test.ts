/**
 * The procedure against a model of the server's life cycle: random histories on a virtual clock.
 * What no client can tell apart is left out: a gateway that forges the API's own answers.
 */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Bot, call, restart } from '../emulator/lifecycle.ts'
import type { Exchange } from '../src/bale.ts'
import { closeBot } from '../src/closing.ts'
import { validInputs } from './modules/parse.ts'
import * as samples from './modules/samples.ts'
import { answer } from './modules/samples.ts'
import { virtualWorld } from './modules/virtual-run.ts'

/** What can become of a request on its way. */
interface Course {
  /** At the server. */
  arrives: boolean
  /** Comes back in place of the server's own answer. */
  instead?: Exchange
  /** It shows not whether the request arrived. */
  isDoubtful?: boolean
}

const page = (status: number) => answer(status, '<html>')
const envoy = (words: string) => answer(503, `disconnect/reset before headers. ${words}`)
const lost = (instead: Exchange): Course[] => [
  { arrives: false, instead, isDoubtful: true },
  { arrives: true, instead, isDoubtful: true },
]
const refused = (instead: Exchange): Course => ({ arrives: false, instead })

const COURSES: Course[] = [
  ...[samples.RESET, samples.SILENCE, samples.CUT_OFF, samples.TOO_LONG].flatMap(lost),
  ...[page(502), envoy('remote reset')].flatMap(lost),
  ...lost(answer(502, 'the bot has already been closed')),
  ...[500, 521, 403, 302].map(page).map(refused),
  ...[samples.REFUSED, samples.NO_CONNECTION, samples.failed('CERT_HAS_EXPIRED')].map(refused),
  ...[answer(429, 'local_rate_limited', 7), samples.BOT_LIMIT].map(refused),
  ...[answer(200, 'OK'), answer(400, 'the bot has already been closed')].map(refused),
  refused(envoy('connection failure')),
]
const SERVER: Course = { arrives: true }

type Event = (bot: Bot, nowMs: number) => Bot
/** What others do to the bot; the deletion by a second run launches it. */
const EVENTS: Event[] = [
  (bot, nowMs) => call(bot, 'getUpdates', nowMs).bot,
  restart,
  (bot, nowMs) => call(bot, 'close', nowMs).bot,
  (bot, nowMs) => call(call(bot, 'deleteWebhook', nowMs).bot, 'close', nowMs).bot,
]

const sometimes = <T>(weight: number, usual: T, others: T[]) =>
  fc.oneof(
    { weight, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )
const event = sometimes<Event>(4, (bot) => bot, EVENTS)

const history = fc.record({
  token: sometimes(9, 'right', ['unknown', 'unknown, but said to be closed']),
  isClosed: fc.boolean(),
  windowSeconds: fc.oneof(fc.constantFrom(0, 1, 600), fc.integer({ min: 0, max: 2_000 })),
  /** How long ago the bot was launched. */
  ageSeconds: fc.oneof(fc.constant(2_000), fc.nat(2_000)),
  /** Whether a refusal says for how long. */
  namesWait: fc.boolean(),
  webhook: fc.boolean(),
  knowsClose: sometimes(9, true, [false]),
  requests: fc.array(
    fc.record({ course: sometimes(1, SERVER, COURSES), before: event, inWait: event }),
    { maxLength: 12 },
  ),
  cancelledRequest: fc.option(fc.record({ at: fc.nat(6), isSent: fc.boolean() }), { freq: 6 }),
  cancelledWait: fc.option(fc.nat(6), { freq: 6 }),
  deletesWebhook: fc.boolean(),
  allows: fc.boolean(),
  checkSeconds: fc.constantFrom(0, 0, 1, 20, 200),
  maxAttempts: fc.integer({ min: 1, max: 8 }),
  /** Besides the time for a check. */
  timeoutSeconds: fc.constantFrom(1.5, 30, 300, 900, 3_000),
})
type History = typeof history extends fc.Arbitrary<infer T> ? T : never

/** A `close`, and the bot on the server before and after it. */
interface Close {
  isDoubtful: boolean
  wasOpen: boolean
  isOpen: boolean
  /** The server's own answer came back. */
  isAnswered: boolean
}

async function happen(past: History) {
  const ageMs = past.ageSeconds * 1000
  const windowMs = past.windowSeconds * 1000
  const isOpen = () => bot.closableFromMs !== undefined
  let bot: Bot = {
    id: 1,
    closableFromMs: past.isClosed ? undefined : windowMs - ageMs,
    windowMs,
    webhook: past.webhook,
    knowsClose: past.knowsClose,
  }
  const methods: string[] = []
  const closes: Close[] = []
  let wasLaunchedSince = false
  let waits = 0
  const change = (what: Event = (same) => same, nowMs: number) => {
    const wasOpen = isOpen()
    bot = what(bot, nowMs)
    if (!wasOpen && isOpen()) wasLaunchedSince = true
  }

  /** The answer of the server, which knows nothing of an unknown token. */
  const ask = (method: string, nowMs: number): Exchange => {
    if (past.token === 'unknown') return samples.UNKNOWN_TOKEN
    if (past.token !== 'right') return samples.CLOSED
    const called = call(bot, method, nowMs)
    const { status, envelope } = called.answer
    bot = called.bot
    if (status !== 429 || past.namesWait) return answer(status, envelope)
    return samples.refusal(429, 'Too Many Requests')
  }

  const world = virtualWorld(
    (method) => {
      const at = methods.push(method) - 1
      const nowMs = world.elapsedSeconds() * 1000
      const { course, before } = past.requests[at] ?? { course: SERVER, before: undefined }
      let { arrives, instead, isDoubtful = false }: Course = course
      change(before, nowMs)
      if (past.cancelledRequest?.at === at) {
        world.cancel()
        isDoubtful = past.cancelledRequest.isSent
        arrives = arrives && isDoubtful
        instead = { kind: 'stopped', mayHaveArrived: isDoubtful }
      }
      const wasOpen = isOpen()
      const own = arrives ? ask(method, nowMs) : undefined
      const exchange = instead ?? own ?? samples.REFUSED
      if (method === 'close') {
        const isAnswered = own === exchange
        closes.push({ isDoubtful, wasOpen, isOpen: isOpen(), isAnswered })
        if (arrives && !isOpen()) wasLaunchedSince = false
      }
      return exchange
    },
    {
      onSleep: (self) => {
        if (waits++ === past.cancelledWait) self.cancel()
        change(past.requests[methods.length - 1]?.inWait, self.elapsedSeconds() * 1000)
      },
    },
  )
  const inputs = validInputs({
    'delete-webhook': String(past.deletesWebhook),
    'allow-already-closed': String(past.allows),
    'confirm-after-seconds': String(past.checkSeconds),
    'max-attempts': String(past.maxAttempts),
    'timeout-seconds': String(past.timeoutSeconds + past.checkSeconds),
  })
  const result = await closeBot(inputs, world)
  const isFalselyOpen = isOpen() && !wasLaunchedSince
  return { result, methods, closes, isFalselyOpen, seconds: world.elapsedSeconds() }
}

test('no history makes the procedure say anything false', async () => {
  const ends = new Set<string>()
  const check = async (past: History) => {
    const { result, methods, closes, isFalselyOpen, seconds } = await happen(past)
    const { outcome } = result
    const closed = result.kind === 'closed'
    ends.add(outcome)
    const isTokenRight = past.token === 'right'
    const wasDoubtful = closes.some(({ isDoubtful }) => isDoubtful)
    const last = closes.at(-1)

    // Closed means closed, by this run or before, and only a later launch may have changed that.
    if (closed && isTokenRight) {
      expect(closes.some(({ isAnswered, isOpen }) => isAnswered && !isOpen)).toBe(true)
      expect(isFalselyOpen).toBe(false)
    }
    if (closed && !isTokenRight) expect(past.token).toBe('unknown, but said to be closed')
    if (result.kind === 'closed') {
      if (result.basis === 'confirmed') expect(isTokenRight).toBe(true)
      if (result.basis === 'inferred') expect(wasDoubtful).toBe(true)
      if (result.basis === 'allowed') expect(past.allows).toBe(true)
    }

    // A check tells whether something opened the bot, wherever the server's own answer tells it.
    const found = result.kind === 'closed' ? result.check : undefined
    const isAnswered = last?.isAnswered === true
    if (outcome === 'reopened') expect(isTokenRight && isAnswered && last.wasOpen).toBe(true)
    if (isTokenRight && found?.kind === 'already-closed')
      expect(isAnswered && !last.wasOpen).toBe(true)
    else if (isTokenRight && found?.verdict && found.kind !== 'cancelled' && isAnswered) {
      expect(result).toMatchObject({ basis: 'confirmed', check: { kind: 'done' } })
    }

    // Not closed, but a `close` may have worked: only `unauthorized` and `reopened` clear that.
    if (result.kind === 'failed') {
      const isCleared = outcome === 'unauthorized' || outcome === 'reopened'
      expect(result.mayBeClosed).toBe(wasDoubtful && !isCleared)
    }

    expect(methods.join(' ')).toMatch(
      past.deletesWebhook ? /^(deleteWebhook ?)*(close ?)*$/ : /^(close ?)*$/,
    )
    expect(closes.length).toBeLessThanOrEqual(past.maxAttempts + (past.checkSeconds > 0 ? 1 : 0))
    expect(methods.length - closes.length).toBeLessThanOrEqual(past.maxAttempts)
    expect(seconds).toBeLessThanOrEqual(past.timeoutSeconds + past.checkSeconds + 1)
  }
  // A failure prints the seed and the path that repeat it.
  const seed = Number(process.env['PROPERTY_SEED'] ?? 20_260_101)
  await fc.assert(fc.asyncProperty(history, check), { seed, numRuns: 10_000 })
  // The histories are worth something only if they end in all ways.
  expect(ends.size).toBe(13)
})

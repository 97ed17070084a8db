/**
 * The hand-over against a model of the server's life cycle, under random histories on a virtual clock: answers that are
 * lost before and after they took effect, refusal windows, gateways that lie, webhooks, restarts, a second poller.
 *
 * What no client can tell apart is left out: a gateway that forges the API's own yes or its own "already closed".
 */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Bot, call, restart } from '../emulator/lifecycle.ts'
import { handOver } from '../src/handover.ts'
import { answered, BAD_GATEWAY, INPUTS, tooMany, UNAVAILABLE, virtualWorld } from './rooms/world.ts'
import type { Exchange, Method } from '../src/judge.ts'

/** What happens to one request: whether it reaches the server, and what comes back instead of the server's answer. */
const FATES = {
  answered: { reaches: true },
  'lost on the way': { reaches: false, instead: { fault: 'ECONNRESET' } },
  'answer lost': { reaches: true, instead: { fault: 'ECONNRESET' } },
  'never answered': { reaches: false, instead: { fault: 'TIMEOUT' } },
  'answered too late': { reaches: true, instead: { fault: 'TIMEOUT' } },
  'answer cut off': {
    reaches: true,
    instead: { head: { status: 200, retryAfter: '', date: '' }, fault: 'ECONNRESET' },
  },
  'gateway before it gives up': { reaches: false, instead: BAD_GATEWAY },
  'gateway after it gives up': { reaches: true, instead: answered(504, '<html>') },
  'gateway is overloaded': { reaches: false, instead: UNAVAILABLE },
  'gateway limits the rate': { reaches: false, instead: answered(429, 'local_rate_limited') },
  'gateway shows a page': { reaches: true, instead: answered(200, '<html>Welcome') },
  'gateway says OK': { reaches: false, instead: answered(200, 'OK') },
  'gateway lies about closing': { reaches: false, instead: answered(400, 'the bot has already been closed') },
  'gateway sends JSON of its own': { reaches: false, instead: answered(200, { result: true }) },
  'gateway redirects': { reaches: false, instead: answered(302, '') },
  'connection refused': { reaches: false, instead: { fault: 'ECONNREFUSED', isUndelivered: true } },
  'server asks for a wait': { reaches: false, instead: tooMany(3) },
} as const satisfies Record<string, { reaches: boolean; instead?: Exchange }>

type Fate = keyof typeof FATES
type Happening = 'nothing' | 'second poller' | 'server restarts' | 'somebody closes'

/** A state of the server that is worth a word: what it last said of, or did to, the bot at our request. */
type Said = 'nothing' | 'closed it' | 'refused'

const history = fc.record({
  state: fc.constantFrom('running', 'young', 'closed'),
  webhook: fc.boolean(),
  knowsClose: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  windowMs: fc.constantFrom(2_000, 60_000, 600_000),
  steps: fc.array(
    fc.record({
      fate: fc.oneof(fc.constant<Fate>('answered'), fc.constantFrom(...(Object.keys(FATES) as Fate[]))),
      happening: fc.oneof(
        { weight: 4, arbitrary: fc.constant<Happening>('nothing') },
        { weight: 1, arbitrary: fc.constantFrom<Happening>('second poller', 'server restarts', 'somebody closes') },
      ),
    }),
    { maxLength: 12 },
  ),
  cancelAt: fc.option(fc.nat(8), { freq: 6 }),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  inputs: fc.record({
    deleteWebhook: fc.boolean(),
    allowAlreadyClosed: fc.boolean(),
    maxAttempts: fc.integer({ min: 1, max: 8 }),
    timeoutMs: fc.constantFrom(1_000, 30_000, 300_000, 900_000),
  }),
})

const HAPPENINGS: Record<Happening, (bot: Bot, nowMs: number) => Bot> = {
  nothing: (bot) => bot,
  'second poller': (bot, nowMs) => call(bot, 'getUpdates', nowMs).bot,
  'server restarts': restart,
  'somebody closes': (bot, nowMs) => call(bot, 'close', nowMs).bot,
}

async function live({
  state,
  webhook,
  knowsClose,
  windowMs,
  steps,
  cancelAt,
  random,
  inputs,
}: typeof history extends fc.Arbitrary<infer T> ? T : never) {
  const closableFromMs = { running: 0, young: windowMs, closed: undefined }[state]
  let bot: Bot = { id: 1, closableFromMs, windowMs, webhook, knowsClose }
  let said: Said = 'nothing'
  let isFinal = false
  const waits: { askedMs: number; atMs: number }[] = []
  const world = virtualWorld(
    ({ method, atMs }) => {
      expect(isFinal).toBe(false)
      const asked = waits.at(-1)
      if (asked) expect(atMs).toBeGreaterThanOrEqual(asked.atMs + asked.askedMs)
      const at = world.requests.length - 1
      if (at === cancelAt) world.cancel()
      const { fate, happening } = steps[at] ?? { fate: 'answered', happening: 'nothing' }
      bot = HAPPENINGS[happening](bot, atMs)
      const { reaches, ...rest } = FATES[fate]
      let arrived: Exchange | undefined = 'instead' in rest ? rest.instead : undefined
      if (reaches) {
        const { bot: next, answer } = call(bot, method, atMs)
        bot = next
        if (method === 'close') said = bot.closableFromMs === undefined ? 'closed it' : 'refused'
        arrived ??= answered(answer.status, answer.envelope)
      }
      const exchange = arrived ?? { fault: 'ECONNRESET' }
      waits.push({ atMs, askedMs: askedMs(exchange) })
      isFinal = method === 'close' && isYes(exchange)
      return exchange
    },
    { random: () => random },
  )
  const result = await handOver({ ...INPUTS, ...inputs }, world, world.listener)
  return { result, world, said, bot }
}

const bodyOf = ({ body }: Exchange): { ok?: boolean; result?: unknown; parameters?: { retry_after?: number } } =>
  body?.startsWith('{') ? (JSON.parse(body) as object) : {}
const isYes = (exchange: Exchange): boolean => bodyOf(exchange).ok === true && exchange.head?.status === 200
const askedMs = (exchange: Exchange): number => (bodyOf(exchange).parameters?.retry_after ?? 0) * 1000

const SEED = Number(process.env['PROPERTY_SEED'] ?? 20260101)

test('no history makes it say closed of a bot that the server did not close', async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(history, async (past) => {
      const { result, world, said, bot } = await live(past)
      seen.set(result.outcome, (seen.get(result.outcome) ?? 0) + 1)
      if (result.closed) {
        expect(said).toBe('closed it')
        expect(bot.closableFromMs).toBeUndefined()
        expect(result.outcome).toMatch(past.inputs.allowAlreadyClosed ? /^(already-)?closed$/ : /^closed$/)
      }
      const methods = world.requests.map(({ method }) => method)
      const allowed: Method[] = past.inputs.deleteWebhook ? ['deleteWebhook', 'close'] : ['close']
      expect(methods.every((method) => allowed.includes(method))).toBe(true)
      expect(methods.lastIndexOf('deleteWebhook')).toBeLessThan(
        methods.includes('close') ? methods.indexOf('close') : Infinity,
      )
      for (const method of allowed) {
        expect(methods.filter((each) => each === method).length).toBeLessThanOrEqual(past.inputs.maxAttempts)
      }
      expect(world.nowMs()).toBeLessThanOrEqual(past.inputs.timeoutMs)
    }),
    { seed: SEED, numRuns: 10_000 },
  )
  // The histories are worth something only if they end in all of these ways.
  expect([...seen.keys()].sort()).toEqual(
    expect.arrayContaining([
      'already-closed',
      'cancelled',
      'closed',
      'invalid-response',
      'rate-limited',
      'rejected',
      'server-error',
      'timed-out',
      'unreachable',
      'unsupported',
    ]),
  )
})

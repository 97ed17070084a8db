import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Exchange } from '../../src/bale.ts'
import { closeBot, type Result } from '../../src/closing.ts'
import * as samples from './samples.ts'
import {
  ALREADY_CLOSED,
  CONFIRMING,
  DELETING,
  DRY,
  ONCE,
  play,
  RESET,
  tooMany,
  UNAVAILABLE,
  YES,
} from './samples.ts'
import {
  type Options,
  parse,
  type Scripted,
  validInputs,
  type Values,
  virtualWorld,
} from './samples.ts'

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  jest.restoreAllMocks()
})

/** What a run settles, in words. */
function facts({ outcome, closed, isInferred, confirmation, webhook }: Result): string {
  const proof = isInferred ? 'inferred' : ''
  return [outcome, closed, proof, confirmation, webhook === 'untouched' ? '' : webhook]
    .filter(Boolean)
    .join(', ')
}

async function factsOf(
  script: Scripted[],
  values: Values = {},
  options?: Options,
): Promise<string> {
  const { result, left } = await play(script, validInputs(values), options)
  expect(left).toBe(0)
  return facts(result)
}

const { BAD_GATEWAY, REFUSED, SILENCE, STOPPED, STOPPED_UNSENT, TOKEN_NOT_FOUND, cancelled, late } =
  samples
const ALLOWED = { 'allow-already-closed': 'true' }
const DRY_OF_ALL = { ...DRY, ...DELETING, ...CONFIRMING }
const GATEWAY_SAYS_CLOSED = samples.answer(502, {
  ok: false,
  description: 'the bot has already been closed',
})
const DEFECT = new TypeError('a defect')

describe('a close is settled as', () => {
  test.each<[string, Scripted[], Values, string]>([
    ['confirmed', [YES], {}, 'closed, yes'],
    ['confirmed at last', [UNAVAILABLE, RESET, YES], {}, 'closed, yes'],
    ['confirmed, although cancelled meanwhile', [cancelled(YES)], {}, 'closed, yes'],
    ['already closed', [ALREADY_CLOSED], {}, 'already-closed, no'],
    ['already closed, which is allowed', [ALREADY_CLOSED], ALLOWED, 'already-closed, yes'],
    [
      'already closed, without a confirmation',
      [ALREADY_CLOSED],
      { ...ALLOWED, ...CONFIRMING },
      'already-closed, yes',
    ],
    [
      'already closed after a refusal',
      [tooMany(1), UNAVAILABLE, ALREADY_CLOSED],
      {},
      'already-closed, no',
    ],
    [
      'already closed after no connection',
      [REFUSED, samples.NO_CONNECTION, ALREADY_CLOSED],
      {},
      'already-closed, no',
    ],
    ['inferred after a reset', [RESET, ALREADY_CLOSED], {}, 'closed, yes, inferred'],
    [
      'inferred after a silence',
      [SILENCE, UNAVAILABLE, ALREADY_CLOSED],
      {},
      'closed, yes, inferred',
    ],
    ['inferred after a gateway', [BAD_GATEWAY, ALREADY_CLOSED], ALLOWED, 'closed, yes, inferred'],
    ['unauthorized after a reset', [RESET, TOKEN_NOT_FOUND], {}, 'unauthorized, no'],
    ['unauthorized, which allows nothing', [TOKEN_NOT_FOUND], ALLOWED, 'unauthorized, no'],
    ['unknown after a reset', [RESET, samples.refusal(400, 'no')], {}, 'rejected, unknown'],
    ['unknown after too long a body', [samples.TOO_LONG], {}, 'invalid-response, unknown'],
    [
      'unknown after too many attempts',
      [RESET, UNAVAILABLE],
      { 'max-attempts': '2' },
      'server-error, unknown',
    ],
    ['refused', [UNAVAILABLE], ONCE, 'server-error, no'],
    ['stopped in a request', [cancelled(STOPPED)], {}, 'cancelled, unknown'],
    ['stopped before a request', [cancelled(STOPPED_UNSENT)], {}, 'cancelled, no'],
    ['stopped after an answer', [cancelled(UNAVAILABLE)], {}, 'cancelled, no'],
    ['stopped after a reset', [RESET, cancelled(STOPPED_UNSENT)], {}, 'cancelled, unknown'],
    ['a defect', [DEFECT], {}, 'internal-error, unknown'],
    ['a defect after an answer', [UNAVAILABLE, DEFECT], {}, 'internal-error, unknown'],
    ['a defect elsewhere', [cancelled(STOPPED, DEFECT)], {}, 'internal-error, unknown'],
    [
      'a defect elsewhere, before a wait',
      [cancelled(UNAVAILABLE, DEFECT)],
      {},
      'internal-error, no',
    ],
    ['already closed, by a gateway', [GATEWAY_SAYS_CLOSED], {}, 'already-closed, no'],
    ['a dry run', [samples.CONNECTED], DRY_OF_ALL, 'dry-run, no'],
    [
      'a dry run without a connection',
      [REFUSED, REFUSED],
      { ...DRY, 'max-attempts': '2' },
      'unreachable, no',
    ],
    ['a dry run that is cancelled', [cancelled(STOPPED_UNSENT)], DRY, 'cancelled, no'],
    ['a defect in a dry run', [DEFECT], DRY, 'internal-error, no'],
    ['deleted and closed', [YES, YES], DELETING, 'closed, yes, deleted'],
    [
      'deleted and closed at last',
      [RESET, UNAVAILABLE, YES, YES],
      DELETING,
      'closed, yes, deleted',
    ],
    ['not deleted', [TOKEN_NOT_FOUND], DELETING, 'unauthorized, no'],
    [
      'perhaps deleted',
      [RESET, UNAVAILABLE],
      { ...DELETING, 'max-attempts': '2' },
      'server-error, no, maybe deleted',
    ],
    ['not deleted with a wrong token', [RESET, TOKEN_NOT_FOUND], DELETING, 'unauthorized, no'],
    [
      'deleted, but not closed',
      [YES, UNAVAILABLE],
      { ...DELETING, ...ONCE },
      'server-error, no, deleted',
    ],
    [
      'deleted, not known to be closed',
      [YES, RESET],
      { ...DELETING, ...ONCE },
      'unreachable, unknown, deleted',
    ],
    [
      'already closed, whatever the deletion left',
      [RESET, YES, ALREADY_CLOSED],
      DELETING,
      'already-closed, no, deleted',
    ],
    ['cancelled between', [cancelled(YES)], DELETING, 'cancelled, no, deleted'],
    ['cancelled in the deletion', [cancelled(STOPPED)], DELETING, 'cancelled, no, maybe deleted'],
    ['a defect in the deletion', [DEFECT], DELETING, 'internal-error, no, maybe deleted'],
    ['deleted, and then no time', [late(900, YES)], DELETING, 'timed-out, no, deleted'],
  ])('%s', async (_, script, values, expected) => {
    expect(await factsOf(script, values)).toBe(expected)
  })

  test('refused with wrong inputs: nothing is asked', async () => {
    const { result } = await play([], parse({ 'max-attempts': '0' }))
    expect(facts(result)).toBe('invalid-input, no')
    expect(result).toMatchObject({ attempts: [], wasCloseSent: false })
  })

  test('each method has attempts of its own', async () => {
    const script = [UNAVAILABLE, UNAVAILABLE, YES, UNAVAILABLE, UNAVAILABLE, YES]
    const { result } = await play(script, validInputs({ ...DELETING, 'max-attempts': '3' }))
    const methods = Array.from({ length: 6 }, (_, at) => (at < 3 ? 'deleteWebhook' : 'close'))
    expect(result.attempts.map(({ step }) => step)).toEqual(methods)
    expect(facts(result)).toBe('closed, yes, deleted')
  })
})

describe('a confirmation', () => {
  const asked = samples.refusal(429, 'Too Many Requests')
  test.each<[string, Scripted[], string]>([
    ['already closed: nothing opened it', [YES, ALREADY_CLOSED], 'closed, yes, still closed'],
    ['another yes: the server does not tell', [YES, YES], 'closed, yes, not told'],
    ['refused without a time', [YES, asked], 'reopened, no'],
    ['refused for the ten minutes', [YES, tooMany(600)], 'reopened, no'],
    ['refused for what is left of them', [YES, tooMany(570)], 'reopened, no'],
    ['refused for less', [YES, tooMany(569)], 'closed, yes, failed'],
    ['limited', [YES, samples.refusal(429, 'bot limit exceed')], 'closed, yes, failed'],
    [
      'limited by a proxy',
      [YES, samples.refusal(429, 'local_rate_limited')],
      'closed, yes, failed',
    ],
    ['limited by a gateway', [YES, samples.answer(429, '<html>')], 'closed, yes, failed'],
    ['refused for another reason', [YES, samples.refusal(403, 'no')], 'closed, yes, failed'],
    ['an unknown token', [YES, TOKEN_NOT_FOUND], 'closed, yes, failed'],
    ['lost', [YES, RESET], 'closed, yes, failed'],
    ['a time-out', [YES, SILENCE], 'closed, yes, failed'],
    ['a cancellation in the request', [YES, cancelled(STOPPED)], 'closed, yes, failed'],
    ['a cancellation before', [cancelled(YES)], 'closed, yes, failed'],
    ['a defect', [YES, DEFECT], 'closed, yes, failed'],
    ['a doubt before', [RESET, YES, tooMany(600)], 'reopened, no'],
    ['none after an inferred close', [RESET, ALREADY_CLOSED], 'closed, yes, inferred'],
    ['none after a failure', [TOKEN_NOT_FOUND], 'unauthorized, no'],
  ])('%s', async (_, script, expected) => {
    expect(await factsOf(script, CONFIRMING)).toBe(expected)
  })

  test('decides with its own answer only if the bot was reopened', async () => {
    const { result } = await play([YES, tooMany(600)], validInputs(CONFIRMING))
    expect(result.decisive).toMatchObject({ exchange: { status: 429 } })
    expect((await play([YES, UNAVAILABLE], validInputs(CONFIRMING))).result.decisive).toMatchObject(
      {
        exchange: { status: 200 },
      },
    )
  })

  test('counts from the close, and with the time that its own answer takes', async () => {
    expect(await factsOf([YES, late(5, tooMany(565))], CONFIRMING)).toBe('reopened, no')
    expect(await factsOf([tooMany(100), YES, tooMany(569)], CONFIRMING)).toBe('closed, yes, failed')
  })
})

describe('requests and waits:', () => {
  const within = (seconds: string, more: Values = {}): Values => ({
    'timeout-seconds': seconds,
    ...more,
  })
  const bare = samples.refusal(429, 'Too Many Requests')
  const LATER = { 'confirm-after-seconds': '70' }
  const SHORT = { 'attempt-timeout-seconds': '1' }
  test.each<[string, Scripted[], Values, string]>([
    ['a dry run', [REFUSED, samples.CONNECTED], DRY_OF_ALL, 'connect 10, retry 0.75, connect 10'],
    ['one request', [YES], within('3'), 'close 3'],
    ['the wait that is asked for', [tooMany(7), YES], {}, 'close 10, retry 7, close 10'],
    ['reports', [tooMany(150), YES], {}, 'close 10, retry 150, retry 90, retry 30, close 10'],
    [
      'a report of the last second',
      [tooMany(61), YES],
      {},
      'close 10, retry 61, retry 1, close 10',
    ],
    ['no report of nothing', [tooMany(60), YES], {}, 'close 10, retry 60, close 10'],
    ['a refusal without a time', [bare, YES], {}, 'close 10, retry 70, retry 10, close 10'],
    [
      'a gateway without a time',
      [samples.answer(429, ''), YES],
      {},
      'close 10, retry 0.75, close 10',
    ],
    [
      'a limit of the deletion',
      [bare, TOKEN_NOT_FOUND],
      DELETING,
      'deleteWebhook 10, retry 0.75, deleteWebhook 10',
    ],
    [
      'each method anew',
      [YES, RESET, YES],
      DELETING,
      'deleteWebhook 10, close 10, retry 0.75, close 10',
    ],
    ['just room for an attempt', [tooMany(10), YES], within('15'), 'close 10, retry 10, close 5'],
    ['no room for an attempt', [tooMany(10)], within('14.9'), 'close 10'],
    [
      'just room for a short one',
      [tooMany(10), YES],
      within('11', SHORT),
      'close 1, retry 10, close 1',
    ],
    ['no room for a short one', [tooMany(10)], within('10.9', SHORT), 'close 1'],
    ['silence', [SILENCE, SILENCE], within('27'), 'close 10, retry 0.75, close 10'],
    ['a confirmation', [YES, RESET], { ...CONFIRMING, ...ONCE }, 'close 10, confirm 30, close 10'],
    ['reports of it', [YES, YES], LATER, 'close 10, confirm 70, confirm 10, close 10'],
    ['just room for it', [YES, YES], within('35', CONFIRMING), 'close 10, confirm 30, close 5'],
    ['no room for it', [YES], within('34.9', CONFIRMING), 'close 10'],
  ])('%s', async (_, script, values, expected) => {
    const { world, left } = await play(script, validInputs(values))
    expect({ log: world.log.join(', '), left }).toEqual({ log: expected, left: 0 })
  })

  test('the wait doubles from one second to thirty, half of it random', async () => {
    const waitsOf = async (answer: Exchange, random: number) => {
      jest.spyOn(Math, 'random').mockReturnValue(random)
      return (await play(new Array<Exchange>(10).fill(answer))).world.waits.map(
        ({ wait }) => wait.seconds,
      )
    }
    expect(await waitsOf(UNAVAILABLE, 0.5)).toEqual([0.75, 1.5, 3, 6, 12, 22.5, 22.5, 22.5, 22.5])
    expect(await waitsOf(REFUSED, 0)).toEqual([0.5, 1, 2, 4, 8, 15, 15, 15, 15])
    expect(await waitsOf(REFUSED, 1)).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30])
  })

  test('a report has the count of attempts so far', async () => {
    const { world } = await play([tooMany(7), YES])
    const verdict = { step: 'close', exchange: { status: 429 } }
    expect(world.waits).toMatchObject([
      { wait: { purpose: 'retry', seconds: 7, count: 1, verdict }, leftSeconds: 7 },
    ])
  })

  test('the deadline counts from the start of the program, and a cancellation ends a wait', async () => {
    const { result } = await play([], validInputs(within('1')), { startSeconds: 1 })
    expect(result).toMatchObject({ outcome: 'timed-out', closed: 'no', attempts: [] })
    expect(result.decisive).toBeUndefined()
    expect((await play([YES], validInputs(within('3')), { startSeconds: 1 })).world.log).toEqual([
      'close 2',
    ])
    const options = samples.cancelledInWait
    expect(await factsOf([tooMany(600)], {}, options)).toBe('cancelled, no')
    expect(await factsOf([YES], CONFIRMING, options)).toBe('closed, yes, failed')
    expect((await play([tooMany(600)], undefined, options)).world.log).toEqual([
      'close 10',
      'retry 600',
    ])
  })
})

describe('if time is too short,', () => {
  test.each<[string, Scripted[], string, number | undefined, boolean]>([
    ['a launch', [tooMany(600)], '600', 605, false],
    ['a backoff', [RESET], '5.1', 6, false],
    [
      'a wait without end',
      [samples.answer(503, '', { retryAfter: '9'.repeat(400) })],
      '900',
      Number.MAX_SAFE_INTEGER + 5,
      false,
    ],
    ['no wait', [TOKEN_NOT_FOUND], '900', undefined, false],
    ['an attempt that the deadline cut', [SILENCE], '5', undefined, false],
    ['a wait that grew', [tooMany(500), tooMany(600)], '900', 1105, true],
    ['a wait that shrank', [tooMany(550), tooMany(549)], '900', 1104, false],
    ['a wait that stayed', [tooMany(550), tooMany(550)], '900', 1105, false],
    [
      'a wait after another answer',
      [samples.answer(503, '', { retryAfter: '7' }), tooMany(893)],
      '900',
      905,
      false,
    ],
    ['a wait after a bare refusal', [samples.refusal(429, 'x'), tooMany(830)], '900', 905, false],
    [
      'a wait for a gateway',
      [tooMany(500), samples.answer(503, '', { retryAfter: '600' })],
      '900',
      1105,
      false,
    ],
    [
      'a wait that grew only at first',
      [tooMany(10), tooMany(800), tooMany(790)],
      '900',
      1605,
      false,
    ],
  ])(
    '%s: what is enough, and was it launched again?',
    async (_, script, seconds, enough, again) => {
      const { result, left } = await play(script, validInputs({ 'timeout-seconds': seconds }))
      const isAgain = result.reason === 'launched again'
      expect({ enough: result.neededSeconds, isAgain, left }).toEqual({
        enough,
        isAgain: again,
        left: 0,
      })
    },
  )
})

test('a stop before the first attempt sends nothing', async () => {
  const world = virtualWorld(() => YES)
  world.cancel()
  expect(facts(await closeBot(validInputs(), world))).toBe('cancelled, no')
  expect(world.log).toEqual([])
})

test('a defect is kept, wherever it is', async () => {
  const elsewhere = await play([cancelled(STOPPED, DEFECT)])
  expect(elsewhere.result).toMatchObject({ outcome: 'internal-error', defect: DEFECT })
  const thrown = await play([RESET, DEFECT])
  expect(thrown.result).toMatchObject({
    defect: DEFECT,
    attempts: [{ verdict: { outcome: 'unreachable' } }, { step: 'close', verdict: undefined }],
  })
  const world = virtualWorld(() => UNAVAILABLE)
  world.onWait = () => {
    throw DEFECT
  }
  expect(facts(await closeBot(validInputs(), world))).toBe('internal-error, no')
})

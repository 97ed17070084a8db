import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { Result } from '../../src/closing.ts'
import { ALLOW, CHECK, DELETE, ONCE, type Texts, validInputs } from './parse.ts'
import * as samples from './samples.ts'
import { CLOSED, refusal, RESET, STOPPED, STOPPED_BEFORE, tooMany, UNAVAILABLE } from './samples.ts'
import { UNKNOWN_TOKEN, YES } from './samples.ts'
import { cancelled, CANCELLED_IN_WAIT, type Options, type Planned, run } from './virtual-run.ts'
import { slow } from './virtual-run.ts'

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  jest.restoreAllMocks()
})

const TWICE: Texts = { 'max-attempts': '2' }
const TEN: Texts = { 'timeout-seconds': '10' }
const DRY: Texts = { 'dry-run': 'true', ...DELETE, ...CHECK }

/** The outcome, the facts behind it, and the status of the exchange that decided. */
function inWords(result: Result): string {
  const { outcome, verdict, webhookDeletion: deletion } = result
  const facts: unknown[] = [outcome]
  if (result.kind === 'closed') {
    const { basis, check } = result
    facts.push(basis, check && `(${check.kind})`)
  }
  if (result.kind === 'failed') {
    facts.push(result.mayBeClosed && 'maybe', result.unusedSeconds !== undefined && 'time')
  }
  if (deletion !== 'none') facts.push(`deletion ${deletion}`)
  return [...facts, verdict?.exchange.status].filter(Boolean).join(' ')
}

const { BAD_GATEWAY, BOT_LIMIT, SILENCE } = samples
const BARE = refusal(429, 'Too Many Requests')
const LIMIT = refusal(429, 'bot limit exceed, retry after 4')

type Row = [string, Planned[], Texts, string]

describe('a run ends:', () => {
  test.each<Row>([
    ['a yes', [YES], {}, 'closed confirmed 200'],
    ['a yes, cancelled meanwhile', [cancelled(YES)], {}, 'closed confirmed 200'],
    ['a closed bot', [CLOSED], {}, 'already-closed 400'],
    ['an allowed one', [CLOSED], ALLOW, 'already-closed allowed 400'],
    [
      'a closed bot, never reached before',
      [tooMany(1), samples.REFUSED, samples.NO_CONNECTION, samples.answer(521, ''), CLOSED],
      {},
      'already-closed 400',
    ],
    [
      'an allowed one after a gateway, twice',
      [BAD_GATEWAY, UNAVAILABLE, CLOSED],
      ALLOW,
      'closed inferred 400',
    ],
    ['a wrong token after a reset', [RESET, UNKNOWN_TOKEN], {}, 'unauthorized 403'],
    ['a body that is too long', [samples.TOO_LONG], {}, 'invalid-response maybe 200'],
    ['a refusal after a gateway', [BAD_GATEWAY, refusal(400, 'No')], {}, 'rejected maybe 400'],
    ['attempts used up', [RESET, UNAVAILABLE], TWICE, 'server-error maybe 503'],
    ['cancelled in a request', [cancelled(STOPPED)], {}, 'cancelled maybe'],
    ['cancelled before sending', [cancelled(STOPPED_BEFORE)], {}, 'cancelled'],
    ['a dry run', [samples.CONNECTED], DRY, 'dry-run'],
    ['a dry run without a connection', [samples.REFUSED], { ...DRY, ...ONCE }, 'unreachable'],
  ])('%s', async (_, planned, texts, expected) => {
    const { result } = await run(planned, validInputs(texts))
    expect(inWords(result)).toBe(expected)
    expect(result.closeAttempts).toBe('dry-run' in texts ? 0 : planned.length)
  })

  test.each<Row>([
    ['a yes to both', [YES, YES], {}, 'closed confirmed deletion confirmed 200'],
    ['a lost deletion', [RESET, UNAVAILABLE], TWICE, 'server-error deletion possible 503'],
    ['a wrong token after a reset', [RESET, UNKNOWN_TOKEN], {}, 'unauthorized 403'],
    ['a closed bot', [RESET, YES, CLOSED], {}, 'already-closed deletion confirmed 400'],
    ['cancelled between', [cancelled(YES)], {}, 'cancelled deletion confirmed'],
    ['cancelled in the deletion', [cancelled(STOPPED)], {}, 'cancelled deletion possible'],
    ['no time for the close', [slow(900, YES)], {}, 'timed-out time deletion confirmed'],
  ])('with a deletion: %s', async (_, planned, texts, expected) => {
    const { result } = await run(planned, validInputs({ ...DELETE, ...texts }))
    expect(inWords(result)).toBe(expected)
  })

  const UNTOLD = 'unconfirmed confirmed'
  test.each<Row>([
    ['closed again', [YES, CLOSED], {}, 'closed confirmed (already-closed) 200'],
    ['a yes again', [YES, YES], {}, `${UNTOLD} (done) 200`],
    ['a launch without a time', [YES, BARE], {}, 'reopened 429'],
    ['a limiter with a time', [YES, LIMIT], {}, `${UNTOLD} (rate-limited) 200`],
    ['cancelled', [YES, cancelled(STOPPED)], {}, `${UNTOLD} (cancelled) 200`],
    ['cancelled before', [cancelled(YES)], {}, `${UNTOLD} (cancelled) 200`],
    ['no time', [YES], { 'timeout-seconds': '34.9' }, `${UNTOLD} (timed-out) 200`],
    ['more attempts than max-attempts', [YES, UNAVAILABLE], ONCE, `${UNTOLD} (server-error) 200`],
    ['inferred', [RESET, CLOSED, CLOSED], {}, 'closed inferred (already-closed) 400'],
    ['inferred, then a yes', [RESET, CLOSED, YES], {}, 'reopened 200'],
    ['inferred, then a launch', [RESET, CLOSED, BARE], {}, 'reopened 429'],
    [
      'inferred, then silence',
      [RESET, CLOSED, SILENCE],
      {},
      'unconfirmed inferred (timed-out) 400',
    ],
    ['allowed, then a launch', [CLOSED, tooMany(3600)], ALLOW, 'reopened 429'],
    ['a launch after a deletion', [YES, YES, BARE], DELETE, 'reopened deletion confirmed 429'],
    ['allowed', [CLOSED, CLOSED], ALLOW, 'already-closed allowed (already-closed) 400'],
    ['allowed, then a yes', [CLOSED, YES], ALLOW, 'reopened 200'],
    ['allowed, then a limit', [CLOSED, BOT_LIMIT], ALLOW, 'unconfirmed allowed (rate-limited) 400'],
  ])('with a check: %s', async (_, planned, texts, expected) => {
    const { result } = await run(planned, validInputs({ ...CHECK, ...texts }))
    expect(inWords(result)).toBe(expected)
  })
})

describe('requests and waits:', () => {
  const BACKOFF = [0.75, 1.5, 3, 6, 12, 22.5, 22.5]
  test.each<[string, Planned[], Texts, string]>([
    [
      'an exponential backoff with equal jitter',
      [...BACKOFF.map(() => UNAVAILABLE), YES],
      {},
      `${BACKOFF.map((seconds) => `close 10, retry ${seconds}`).join(', ')}, close 10`,
    ],
    ['what the server asks for', [LIMIT, YES], {}, 'close 10, retry 4, close 10'],
    ['70 s after a bare refusal', [BARE, YES], {}, 'close 10, retry 70, retry 10, close 10'],
    ['not 70 s for a limiter', [BOT_LIMIT, YES], {}, 'close 10, retry 0.75, close 10'],
    [
      'a report each minute',
      [tooMany(121), YES],
      {},
      'close 10, retry 121, retry 61, retry 1, close 10',
    ],
    [
      'attempts for each method',
      [UNAVAILABLE, YES, UNAVAILABLE, YES],
      { ...DELETE, ...TWICE },
      'deleteWebhook 10, retry 0.75, deleteWebhook 10, close 10, retry 0.75, close 10',
    ],
    ['a check', [YES, CLOSED], CHECK, 'close 10, check 30, close 10'],
    ['room for 5 s', [tooMany(5), YES], TEN, 'close 10, retry 5, close 5'],
    ['no room', [tooMany(5.1)], TEN, 'close 10'],
    [
      'room for a shorter attempt',
      [tooMany(9), YES],
      { ...TEN, 'attempt-timeout-seconds': '1' },
      'close 1, retry 9, close 1',
    ],
  ])('%s', async (_, planned, texts, expected) => {
    const { world } = await run(planned, validInputs(texts))
    expect(world.log.join(', ')).toBe(expected)
  })

  test.each<[Planned, string, string, number]>([
    [slow(2, tooMany(600)), '602', 'rate-limited time 429', 600],
    [RESET, '5.1', 'unreachable maybe time', 5.1],
    [SILENCE, '10', 'timed-out maybe time', 0],
  ])('time runs out %#', async (planned, seconds, expected, left) => {
    const { result } = await run([planned], validInputs({ 'timeout-seconds': seconds }))
    expect(inWords(result)).toBe(expected)
    expect(result).toHaveProperty('unusedSeconds', left)
  })

  test.each<[string, Options, Planned[], string, string]>([
    ['the deadline was before', { startSeconds: 900 }, [], 'timed-out time', ''],
    ['the deadline is near', { startSeconds: 898 }, [YES], 'closed confirmed 200', 'close 2'],
    [
      'it is cancelled in a wait',
      CANCELLED_IN_WAIT,
      [tooMany(600)],
      'cancelled',
      'close 10, retry 600',
    ],
  ])('%s', async (_, options, planned, expected, log) => {
    const { result, world } = await run(planned, validInputs(), options)
    expect(inWords(result)).toBe(expected)
    expect(world.log.join(', ')).toBe(log)
  })

  test('a check that is cancelled in its wait sends nothing', async () => {
    const { result, world } = await run([YES], validInputs(CHECK), CANCELLED_IN_WAIT)
    expect(inWords(result)).toBe('unconfirmed confirmed (cancelled) 200')
    expect(world.log).toEqual(['close 10', 'check 30'])
  })
})

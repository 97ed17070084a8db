/** How long the action waits before it asks again, and when it gives up. */
import { describe, expect, test } from '@jest/globals'
import { parseRetryAfter } from '../../src/bale.ts'
import { head, no, page, tooMany, yes } from './answers.ts'
import { answer, stall } from './replies.ts'
import { closed, expectRequests, expectResult, fails, runAgainst, testScenarios } from './run.ts'
import type { Expectation } from './run.ts'
import type { Reply } from './server.ts'

const closedBy = (attempts: number): Expectation => ({ ...closed, attempts })

describe('A wait', () => {
  const headers = { 'retry-after': 2 }
  const longest = no(429, 'retry after 1', { parameters: { retry_after: 1 }, headers })
  const says = [/timeout-seconds/, /\b56 s\b/]
  testScenarios([
    ['is as long as the server asks', [longest, yes], closedBy(2), { waits: [2] }],
    [
      'without room for an attempt after it is not begun',
      tooMany(56),
      fails('rate-limited', 429, { says }),
      { withinSeconds: 2 },
    ],
  ])

  test.each([
    ['120', 120],
    ['Thu, 01 Jan 2026 12:00:30 GMT', 30],
    ['Thu, 01 Jan 2026 11:59:00 GMT', -60],
    ['Thu, 01 Jan 2026 12:00:30 EST', NaN],
    ['5, 5', NaN],
    ['', NaN],
  ])('by a header of %j: %d s', (header, seconds) => {
    expect(parseRetryAfter(header, Date.UTC(2026, 0, 1, 12))).toBe(seconds)
  })

  test.concurrent('until a date goes by the clock of the runner', async () => {
    const busy: Reply = (connection) => {
      const date = new Date(Date.now() + 4000).toUTCString()
      return answer(page(503, { 'retry-after': date }))(connection)
    }
    const result = await runAgainst([busy, yes])
    expectResult(result, closedBy(2))
    // Such a date has no fraction: the wait is up to a second shorter.
    expectRequests(result, [2.9])
  })
})

describe('The time runs out', () => {
  const inputs = { 'timeout-seconds': '10', 'attempt-timeout-seconds': '600' }
  const says = [/timeout-seconds/]
  const timedOut = fails('timed-out', undefined, { mayBeClosed: true, says })
  const tenSeconds = { inputs, withinSeconds: 11 }
  const byteEachSecond = Array.from('X-Slow: 12345678901234567890', (byte) => [1000, byte]).flat()
  const slow = answer('HTTP/1.1 200 OK\r\n', ...byteEachSecond)
  testScenarios([
    ['although the server goes on', slow, timedOut, tenSeconds],
    [
      'before the first attempt',
      stall(),
      fails('timed-out', undefined, { attempts: 0, says }),
      { inputs: { 'timeout-seconds': '0.001' }, url: 'http://127.8.9.10:PORT', unsentOn: 0 },
    ],
    [
      'in the second attempt, which is cut short',
      [tooMany(3), stall(head(200, { 'content-length': 99 }))],
      { ...timedOut, status: 200, attempts: 2 },
      { inputs: { ...inputs, 'timeout-seconds': '20' }, waits: [3] },
    ],
  ])
})

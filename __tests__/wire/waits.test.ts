/** How long the action waits before it asks again, and when it gives up. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { alreadyClosed, head, http, no, page, tooMany, yes } from './answers.ts'
import { answer, drip, stall } from './replies.ts'
import { closed, expectRequests, expectResult, fails, once, printed } from './run.ts'
import { runAgainst, testOnPosix, testScenarios } from './run.ts'
import type { Expectation, Scenario, ServedResult } from './run.ts'
import type { Reply } from './server.ts'

const closedBy = (attempts: number): Expectation => ({ ...closed, attempts })
const httpDate = (secondsFromNow: number) =>
  new Date(Date.now() + secondsFromNow * 1000).toUTCString()

/** It passes while the other tests run. */
let longWait: Promise<ServedResult>
beforeAll(() => {
  longWait = runAgainst([tooMany(63), yes], { inputs: { 'timeout-seconds': '120' } })
})
afterAll(() => Promise.allSettled([longWait]))

describe('A wait that the server asks for is kept:', () => {
  const headers = { 'retry-after': 2 }
  const forms: Record<string, Buffer> = {
    'in the parameters': tooMany(2),
    'at the top level': no(500, 'No', { retry_after: 2 }),
    'in the header, in seconds': page(503, headers),
    'the longest': no(429, 'retry after 1', { parameters: { retry_after: 1 }, headers }),
  }
  testScenarios(
    Object.entries(forms).map(([name, bytes]): Scenario => {
      return [name, [bytes, yes], closedBy(2), { waits: [2] }]
    }),
  )

  test.concurrent('in the header, as a date by the clock of the runner', async () => {
    const busy: Reply = (it) => answer(page(503, { 'retry-after': httpDate(4) }))(it)
    const result = await runAgainst([busy, yes])
    expectResult(result, closedBy(2))
    // Such a date has no fraction: the wait is up to a second shorter.
    expectRequests(result, [2.9])
  })
})

describe('Where the server asks for nothing usable, the wait is a backoff:', () => {
  const passed = page(429, { 'retry-after': httpDate(-60) })
  const zero = no(500, 'No', { retry_after: 0, headers: { 'retry-after': 0 } })
  const deletion = { inputs: { 'delete-webhook': 'true' }, waits: [0.5, 0] }
  testScenarios([
    ['a date that has passed', [passed, yes], closedBy(2)],
    ['zero everywhere', [zero, yes], closedBy(2)],
    ['longer each time', [page(503), http(429, 'local_rate_limited'), page(500), yes], closedBy(4)],
    ['for a refused deletion, too', [tooMany(), yes], closed, deletion],
  ])
})

describe('A wait that the time cannot hold is not begun:', () => {
  const says = [/timeout-seconds/]
  const limited = (pattern: RegExp) => fails('rate-limited', 429, { says: [...says, pattern] })
  const growing = [tooMany(1, 'bot limit exceed'), tooMany(600, 'bot limit exceed')]
  const noLaunch = fails('rate-limited', 429, { attempts: 2, saysNot: /launch/ })
  const soon = { withinSeconds: 2 }
  testScenarios([
    ['ten minutes', tooMany(600), limited(/\b600 s\b/), soon],
    ['no room for an attempt of five seconds', tooMany(56), limited(/\b56 s\b/), soon],
    ['seventy seconds, as after a launch', tooMany(), limited(/after (a|its) launch/), soon],
    ['beyond all numbers', page(429, { 'retry-after': '9'.repeat(400) }), limited(/./), soon],
    ['a limit on bots that grows is no launch', growing, noLaunch, { waits: [1] }],
  ])
})

describe('Attempts and time run out:', () => {
  const timedOut = fails('timed-out', undefined, { mayBeClosed: true, says: [/timeout-seconds/] })
  const inBody: Expectation = { ...timedOut, status: 200, attempts: 2 }
  const unsent = fails('timed-out', undefined, { attempts: 0, says: [/timeout-seconds/] })
  const saysNot = /timeout-seconds/
  const limited = fails('rate-limited', 429, { saysNot })
  const within = (seconds: string) => ({
    'timeout-seconds': seconds,
    'attempt-timeout-seconds': '60',
  })
  const tenSeconds = { inputs: within('10'), withinSeconds: 11 }
  const slow = drip('HTTP/1.1 200 OK\r\n', 'X-Slow: 12345678901234567890')
  const halfAnswer = stall(head(200, { 'content-length': 99 }))
  const twice = { inputs: { 'max-attempts': '2' } }
  testScenarios([
    ['attempts', [page(503), tooMany(1)], { ...limited, attempts: 2 }, twice],
    ['a single attempt', tooMany(1), limited, { inputs: once }],
    ['time, in silence', stall(), timedOut, tenSeconds],
    ['time, although the server goes on', slow, timedOut, tenSeconds],
    ['time, before the first attempt', stall(), unsent, { inputs: within('0.001'), unsentOn: 0 }],
    [
      'time, in the second attempt, which is cut short',
      [tooMany(3), halfAnswer],
      inBody,
      { inputs: within('20'), waits: [3] },
    ],
  ])

  test.concurrent('time, between two attempts', async () => {
    const result = await runAgainst(page(429), { inputs: { 'timeout-seconds': '20' } })
    const attempts = result.requests.length
    expectResult(result, fails('rate-limited', 429, { attempts, says: [/timeout-seconds/] }))
    // Waits of at least 0.5, 1, 2, 4 and 8 seconds, and room for an attempt of five.
    expect(attempts).toBeGreaterThanOrEqual(2)
    expect(attempts).toBeLessThanOrEqual(5)
  })
})

describe('A long wait', () => {
  test.concurrent('is announced, with its reason and end, and reported each minute', async () => {
    const result = await longWait
    const announced = /attempt 1 of 10.*\b63 s\b.*\d\d:\d\d:\d\d UTC.*after its launch/i
    const reported = /^(?!.*attempt 1 of).*\b[\d.]+ s\b.*\d\d:\d\d:\d\d UTC/m
    expectResult(result, { ...closedBy(2), says: [announced, reported] })
    expectRequests(result, [63])
  })

  testOnPosix.each<[string, Buffer, RegExp, RegExp]>([
    ['of a gateway', page(503, { 'retry-after': 40 }), /\b40 s\b/, / launch/],
    ['of a refusal without a wait', tooMany(), /\b70 s\b.* launch/, /pause/],
  ])('%s has its own reason', async (_, bytes, says, saysNot) => {
    const result = await runAgainst([bytes, alreadyClosed], {
      inputs: { 'timeout-seconds': '600' },
      during: async (bundleRun) => {
        await printed(bundleRun)
        bundleRun.child.kill()
      },
    })
    expectResult(result, fails('cancelled', undefined, { says: [says], saysNot }))
  })

  test.concurrent('is none within half a minute: one line without a clock', async () => {
    const result = await runAgainst([tooMany(3), yes])
    const says = [/attempt 1 of 10.*429.*\b3 s\b/i]
    expectResult(result, { ...closedBy(2), says, saysNot: /UTC/ })
  })
})

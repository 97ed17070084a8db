/** How long the action waits before it asks again, and when it gives up. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { answer, head, http, no, page, reset, stall, yes } from './acts.ts'
import type { Headers } from './acts.ts'
import { against, expectEnd, expectRequests, playAll, testTimeoutMs } from './play.ts'
import type { End, Row, Scene } from './play.ts'

const closed = (attempts: number): End => ({ outcome: 'closed', attempts, status: 200 })
const tooMany = 'Too Many Requests'
const limited = (headers: Headers = {}, parameters?: unknown, description = tooMany): Buffer =>
  no(429, description, { headers, parameters })
/** An HTTP date so many seconds from now, or from a clock that is wrong by some hours. */
const httpDate = (seconds: number, hoursWrong = 0): string =>
  new Date(Date.now() + seconds * 1000 + hoursWrong * 3_600_000).toUTCString()

/** It passes while the other tests run. */
let longWait: Promise<Scene>
beforeAll(() => {
  longWait = against([answer(limited({}, { retry_after: 64 })), answer(yes)], { inputs: { 'timeout-seconds': '100' } })
})
afterAll(async () => {
  await longWait.catch(() => undefined)
}, testTimeoutMs)

describe('a wait that the server asks for is kept', () => {
  const forms: Record<string, Buffer> = {
    'in the parameters': limited({}, { retry_after: 2 }),
    'in the header, in seconds': limited({ 'retry-after': 2 }),
    'in the header, as a date by a clock that is hours late': limited({
      date: httpDate(0, -5),
      'retry-after': httpDate(2, -5),
    }),
    'in the header, as a date by a clock that is hours early': limited({
      date: httpDate(0, 7),
      'retry-after': httpDate(2, 7),
    }),
    'in the description': limited({}, undefined, 'Too Many Requests: Retry After 2'),
    'in a text': http(429, 'slow down, retry after 2 seconds'),
    'in a text, whatever the status': http(400, 'retry after 2'),
    'inside HTTP 200': no(429, 'Too Many Requests: retry after 2', { status: 200 }),
    'by a gateway': page(503, { 'retry-after': 2 }),
    'by the API, out of order': no(500, 'Internal Server Error', { parameters: { retry_after: 2 } }),
    'on a page that cannot be read': http(429, 'no gzip', { 'content-encoding': 'gzip', 'retry-after': '2' }),
    'as the longest of three: the parameters': limited({ 'retry-after': 1 }, { retry_after: 2 }, 'retry after 1'),
    'as the longest of three: the header': limited({ 'retry-after': 2 }, { retry_after: 1 }, 'retry after 1'),
    'as the longest of three: the description': limited({ 'retry-after': 1 }, { retry_after: 1 }, 'retry after 2'),
    'with a fraction': limited({}, { retry_after: 1.999 }),
  }
  playAll(
    Object.entries(forms).map(([name, bytes]): Row => ({
      name,
      script: [answer(bytes), answer(yes)],
      end: closed(2),
      gapsMs: [name === 'with a fraction' ? 1999 : 2000],
    })),
  )

  test.concurrent(
    'in the header, as a date without a clock of the server',
    async () => {
      const dated = () => limited({ 'retry-after': httpDate(4) })
      const scene = await against([(peer) => answer(dated())(peer), answer(yes)])
      expectEnd(scene, closed(2))
      // Such a date has no fraction: the wait is up to a second shorter.
      expectRequests(scene, [2900])
    },
    testTimeoutMs,
  )
})

describe('where the server says nothing of use, the wait is a second, doubling, half of it random', () => {
  const useless: Record<string, Buffer> = {
    local_rate_limited: http(429, 'local_rate_limited', { 'content-type': 'text/plain' }),
    'local_rate_limited with another status': http(403, 'local_rate_limited'),
    'bot limit exceed': no(400, 'Bot Limit Exceed'),
    'no number at all': limited(),
    'zero everywhere': limited({ 'retry-after': 0 }, { retry_after: 0 }, 'retry after 0'),
    'negative numbers': limited({ 'retry-after': -7 }, { retry_after: -7 }, 'retry after -7'),
    'numbers in texts': limited({ 'retry-after': 'seven' }, { retry_after: '7' }),
    'a number that is none': limited({ 'retry-after': '0x7' }, { retry_after: { seconds: 7 } }),
    'parameters that are none': limited({}, 7),
    'a date that has passed': limited({ date: httpDate(0), 'retry-after': httpDate(-60) }),
    'a date that is none': limited({ 'retry-after': 'Thu, 32 Foo 2030 25:61:61 GMT' }),
    'an empty header': limited({ 'retry-after': '' }),
  }
  playAll([
    ...Object.entries(useless).map(([name, bytes]): Row => ({
      name,
      script: [answer(bytes), answer(yes)],
      end: closed(2),
    })),
    {
      name: 'three times',
      script: [answer(page(503)), answer(limited()), answer(page(500)), answer(yes)],
      end: closed(4),
      gapsMs: [500, 1000, 2000],
      withinMs: 20_000,
    },
    {
      name: 'and is taken from the attempt, not from the wait before',
      script: [answer(limited({ 'retry-after': 1 })), answer(page(503)), answer(yes)],
      end: closed(3),
      gapsMs: [1000, 1000],
    },
  ])
})

describe('a wait that the time cannot hold is not begun', () => {
  const hopeless = (retryAfterSeconds: number, shows: RegExp): Pick<Row, 'end' | 'withinMs'> => ({
    end: { outcome: 'rate-limited', attempts: 1, status: 429, retryAfterSeconds, shows: [shows] },
    withinMs: 6000,
  })
  playAll([
    { name: 'ten minutes', script: [answer(limited({}, { retry_after: 600 }))], ...hopeless(600, /10 min/) },
    { name: 'as a header', script: [answer(limited({ 'retry-after': 601 }))], ...hopeless(601, /10 min 1 s/) },
    {
      name: 'a date in another century',
      script: [
        answer(limited({ date: 'Sun, 06 Nov 1994 08:49:37 GMT', 'retry-after': 'Mon, 06 Nov 2084 08:49:37 GMT' })),
      ],
      ...hopeless((Date.UTC(2084, 10, 6) - Date.UTC(1994, 10, 6)) / 1000, /days/),
    },
    {
      name: 'a number beyond all days',
      script: [answer(limited({}, { retry_after: 1e20 }))],
      ...hopeless(Number.MAX_SAFE_INTEGER, /days/),
    },
    {
      name: 'a number beyond all numbers',
      script: [answer(http(429, '{"ok":false,"error_code":429,"parameters":{"retry_after":1e999}}'))],
      ...hopeless(Number.MAX_SAFE_INTEGER, /days/),
    },
    {
      name: 'a header of four hundred digits',
      script: [answer(limited({ 'retry-after': '9'.repeat(400) }))],
      ...hopeless(Number.MAX_SAFE_INTEGER, /days/),
    },
    {
      name: 'a text of four hundred digits',
      script: [answer(http(429, `retry after ${'9'.repeat(400)}`))],
      ...hopeless(Number.MAX_SAFE_INTEGER, /days/),
    },
    {
      name: 'one that leaves no room for an attempt of five seconds',
      script: [answer(limited({}, { retry_after: 8 }))],
      inputs: { 'timeout-seconds': '12' },
      ...hopeless(8, /\b8 s/),
    },
    {
      name: 'a gateway',
      script: [answer(page(503, { 'retry-after': 3600 }))],
      end: { outcome: 'server-error', attempts: 1, status: 503, retryAfterSeconds: 3600, shows: [/\b1 h/] },
      withinMs: 6000,
    },
    {
      name: 'the last number is the one that counts',
      script: [
        answer(limited({}, { retry_after: 1 })),
        answer(limited({}, { retry_after: 1.2 })),
        answer(limited({}, { retry_after: 99.2 })),
      ],
      end: { outcome: 'rate-limited', attempts: 3, status: 429, retryAfterSeconds: 100 },
      gapsMs: [1000, 1200],
    },
  ])
  playAll([
    {
      name: 'but one is that leaves room for a shorter attempt',
      script: [answer(limited({}, { retry_after: 4 })), answer(yes)],
      inputs: { 'timeout-seconds': '9', 'attempt-timeout-seconds': '2' },
      end: closed(2),
      gapsMs: [4000],
    },
  ])
})

describe('attempts and time run out', () => {
  playAll([
    {
      name: 'attempts, with the outcome of the last',
      script: [answer(page(503)), answer(limited({}, { retry_after: 1 }))],
      inputs: { 'max-attempts': '2' },
      end: { outcome: 'rate-limited', attempts: 2, status: 429, retryAfterSeconds: 1 },
    },
    {
      name: 'a single attempt is a single request',
      script: [answer(limited({}, { retry_after: 1 }))],
      inputs: { 'max-attempts': '1' },
      end: { outcome: 'rate-limited', attempts: 1, status: 429, retryAfterSeconds: 1 },
    },
  ])

  test.concurrent(
    'time, between two attempts',
    async () => {
      const scene = await against([answer(limited())], {
        inputs: { 'timeout-seconds': '10', 'attempt-timeout-seconds': '3', 'max-attempts': '100' },
      })
      const attempts = scene.requests.length
      expectEnd(scene, { outcome: 'rate-limited', attempts, status: 429 })
      // Waits of 1, 2, 4 and 8 seconds, each at least half as long, and 3 seconds for the last attempt.
      expect(attempts).toBeGreaterThanOrEqual(3)
      expect(attempts).toBeLessThanOrEqual(4)
      expect(scene.elapsedMs).toBeLessThan(15_000)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'time, inside an attempt',
    async () => {
      const scene = await against([stall()], { inputs: { 'timeout-seconds': '2' } })
      expectEnd(scene, { outcome: 'timed-out', attempts: 1, lost: true })
      expectRequests(scene, [])
      expect(scene.elapsedMs).toBeGreaterThan(1900)
      expect(scene.elapsedMs).toBeLessThan(7000)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'time, in the second attempt, which is cut short',
    async () => {
      const scene = await against([reset(), stall(head('200 OK', { 'content-length': 9 }))], {
        inputs: { 'timeout-seconds': '10' },
      })
      expectEnd(scene, { outcome: 'timed-out', attempts: 2, status: 200, lost: true })
      expectRequests(scene, [500])
      expect(scene.elapsedMs).toBeGreaterThan(9900)
      expect(scene.elapsedMs).toBeLessThan(15_000)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'no time at all: nothing is sent, or it is cut at once',
    async () => {
      const scene = await against([stall()], { inputs: { 'timeout-seconds': '0.001' } })
      expectEnd(scene, { outcome: 'timed-out', attempts: scene.requests.length })
      expect(scene.requests).toHaveLength(0)
      expect(scene.elapsedMs).toBeLessThan(5000)
    },
    testTimeoutMs,
  )
})

describe('a long wait', () => {
  test.concurrent(
    'is announced with its reason and its end, and reported every minute',
    async () => {
      const scene = await longWait
      expectEnd(scene, {
        ...closed(2),
        shows: [/HTTP 429.*1 min 4 s.*\d\d:\d\d:\d\d UTC/, /^.*waiting.* [\d.]+ s\b.*\d\d:\d\d:\d\d UTC/m],
      })
      expectRequests(scene, [64_000])
    },
    testTimeoutMs,
  )

  test.concurrent(
    'of half a minute is one line without a clock',
    async () => {
      const scene = await against([answer(limited({}, { retry_after: 3 })), answer(yes)])
      expectEnd(scene, { ...closed(2), shows: [/attempt 1.*HTTP 429|HTTP 429.*attempt 1/, /\b3 s/] })
      expect(scene.logAsShown).not.toContain('UTC')
    },
    testTimeoutMs,
  )
})

/** How long the action waits before it asks again, and when it gives up. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { alreadyClosed, answer, drip, head, http, no, page, stall, statusOf, yes } from './acts.ts'
import type { Headers } from './acts.ts'
import {
  against,
  closed,
  expectEnd,
  expectRequests,
  failed,
  onPosix,
  once,
  playAll,
  printed,
} from './play.ts'
import type { End, Row, Scene } from './play.ts'

const closedBy = (attempts: number): End => ({ ...closed, attempts })
const tooMany = 'Too Many Requests'
/** What the API answers to a `close` in the ten minutes after a launch. */
const limited = (seconds?: unknown, headers: Headers = {}, description = tooMany): Buffer =>
  no(429, description, {
    headers,
    ...(seconds !== undefined && { parameters: { retry_after: seconds } }),
  })
/** An HTTP date so many seconds from now, or from a clock that is wrong by some hours. */
const httpDate = (seconds: number, hoursWrong = 0): string =>
  new Date(Date.now() + seconds * 1000 + hoursWrong * 3_600_000).toUTCString()

/** It passes while the other tests run. */
let longWait: Promise<Scene>
beforeAll(() => {
  longWait = against([limited(64), yes], { inputs: { 'timeout-seconds': '100' } })
})
afterAll(async () => {
  await longWait.catch(() => undefined)
})

describe('a wait that the server asks for is kept', () => {
  const lateClock = { date: httpDate(0, -5), 'retry-after': httpDate(2, -5) }
  const forms: [string, Buffer, number?][] = [
    ['in the parameters', limited(2)],
    ['in the header, in seconds', limited(undefined, { 'retry-after': 2 })],
    ['in the header, as a date by a clock that is hours late', limited(undefined, lateClock)],
    ['in the description', limited(undefined, {}, 'Too Many Requests: Retry After 2')],
    ['in a text', http(429, 'slow down, retry after 2 seconds')],
    ['inside HTTP 200', no(429, 'Too Many Requests: retry after 2', { status: 200 })],
    ['as the longest: the header', limited(1, { 'retry-after': 2 }, 'retry after 1')],
    ['with a fraction', limited(1.999), 1999],
  ]
  playAll(
    forms.map(([name, bytes, gapMs = 2000]): Row => [
      name,
      [bytes, yes],
      closedBy(2),
      { gapsMs: [gapMs] },
    ]),
  )

  test.concurrent('in the header, as a date without a clock of the server', async () => {
    const dated = () => limited(undefined, { 'retry-after': httpDate(4) })
    const scene = await against([(peer) => answer(dated())(peer), yes])
    expectEnd(scene, closedBy(2))
    // Such a date has no fraction: the wait is up to a second shorter.
    expectRequests(scene, [2900])
  })
})

describe('where the server says nothing of use, the wait is a second, doubling, half of it random', () => {
  const useless: Record<string, Buffer> = {
    local_rate_limited: http(429, 'local_rate_limited', { 'content-type': 'text/plain' }),
    'zero everywhere': page(429, { 'retry-after': 0 }),
    'a date that has passed': page(429, { date: httpDate(0), 'retry-after': httpDate(-60) }),
  }
  const [first, second] = [page(429, { 'retry-after': 1 }), page(503)]
  const deletion = { inputs: { 'delete-webhook': 'true' }, gapsMs: [500, 0] }
  playAll([
    ...Object.entries(useless).map(([name, bytes]): Row => [name, [bytes, yes], closedBy(2)]),
    ['three times', [page(503), page(429), page(500), yes], closedBy(4), { withinMs: 20_000 }],
    [
      'and is taken from the attempt, not from the wait before',
      [first, second, yes],
      closedBy(3),
      { gapsMs: [1000, 1000] },
    ],
    [
      'so it is for the deletion, which the API refuses with 429',
      [limited(), yes, yes],
      closed,
      deletion,
    ],
  ])
})

describe('a wait that the time cannot hold is not begun', () => {
  /** What the server asks for, and the wait with room for an attempt after it; the time that has passed comes on top. */
  type Hopeless = [
    name: string,
    bytes: Buffer,
    asked: number | undefined,
    needed: number | undefined,
    shows?: RegExp,
  ]
  const century = (Date.UTC(2084, 10, 6) - Date.UTC(1994, 10, 6)) / 1000
  const dates = {
    date: 'Sun, 06 Nov 1994 08:49:37 GMT',
    'retry-after': 'Mon, 06 Nov 2084 08:49:37 GMT',
  }
  const endless = http(429, '{"ok":false,"error_code":429,"parameters":{"retry_after":1e999}}')
  test.concurrent.each<Hopeless>([
    ['ten minutes', limited(600), 600, 605, /asks to wait 600 s,/],
    ['one that leaves no room for an attempt of five seconds', limited(56), 56, 61, /\b56 s/],
    [
      'an hour of a gateway',
      page(503, { 'retry-after': 3600 }),
      3600,
      3605,
      /asks to wait 3600 s,/,
    ],
    ['seventy seconds after a refusal that says nothing', limited(), undefined, 75],
    ['a date in another century', limited(undefined, dates), century, undefined],
    ['a number beyond all numbers', endless, Number.MAX_SAFE_INTEGER, undefined],
    [
      'four hundred digits',
      limited(undefined, { 'retry-after': '9'.repeat(400) }),
      Number.MAX_SAFE_INTEGER,
      undefined,
    ],
  ])('%s', async (_, bytes, asked, needed, shows = /./) => {
    const scene = await against(bytes)
    const status = statusOf(bytes)
    const end = failed(status === 503 ? 'server-error' : 'rate-limited', status, { shows: [shows] })
    expectEnd(scene, asked === undefined ? end : { ...end, retryAfterSeconds: asked })
    expect(scene.elapsedMs).toBeLessThan(8000)
    const named = scene.logAsShown.match(/\b\d+\b/g)?.map(Number) ?? []
    if (needed)
      expect(named.some((seconds) => seconds > needed && seconds <= needed + 8)).toBe(true)
  })

  const short = {
    inputs: { 'timeout-seconds': '9', 'attempt-timeout-seconds': '1' },
    gapsMs: [4000],
  }
  const grows = { attempts: 2, retryAfterSeconds: 600, shows: [/launched the bot again/] }
  const tooLong = { attempts: 2, retryAfterSeconds: 100, shows: [/\b1(0[89]|1[0-5])\b/] }
  playAll([
    ['but one is that leaves room for a shorter attempt', [limited(4), yes], closedBy(2), short],
    [
      'and grew: something launched the bot again',
      [limited(1), limited(600)],
      failed('rate-limited', 429, grows),
      { gapsMs: [1000] },
    ],
    [
      'and the waits before it count in what would have been enough',
      [limited(2), page(503, { 'retry-after': 100 })],
      failed('server-error', 503, tooLong),
      { gapsMs: [2000] },
    ],
  ])
})

describe('attempts and time run out', () => {
  const twice: Partial<End> = { attempts: 2, retryAfterSeconds: 1, shows: [/2 attempts/] }
  const single: Partial<End> = { retryAfterSeconds: 1, shows: [/1 attempt\b/] }
  const timedOut: End = { outcome: 'timed-out', lost: true }
  const [four, ten] = [
    { inputs: { 'timeout-seconds': '4' } },
    { inputs: { 'timeout-seconds': '10' } },
  ]
  const cutShort = stall(head('200 OK', { 'content-length': 9 }))
  playAll([
    [
      'attempts, with the outcome of the last',
      [page(503), limited(1)],
      failed('rate-limited', 429, twice),
      { inputs: { 'max-attempts': '2' } },
    ],
    [
      'a single attempt is a single request',
      limited(1),
      failed('rate-limited', 429, single),
      { inputs: once },
    ],
    ['time, inside an attempt', stall(), timedOut, four],
    [
      'time, although the server goes on',
      drip('HTTP/1.1 200 OK\r\n', 'X-Slow: 1234567890'),
      timedOut,
      four,
    ],
    [
      'time, in the second attempt, which is cut short',
      [limited(4), cutShort],
      { ...timedOut, status: 200, attempts: 2 },
      { ...ten, gapsMs: [4000], withinMs: 13_000 },
    ],
  ])

  test.concurrent('no time at all: nothing is sent, as the failure says', async () => {
    const scene = await against(stall(), { inputs: { 'timeout-seconds': '0.001' } })
    expectEnd(scene, { outcome: 'timed-out', attempts: 0, shows: [/timeout-seconds/] })
    expect(scene.requests).toHaveLength(0)
  })

  test.concurrent('time, between two attempts', async () => {
    const inputs = { 'timeout-seconds': '7', 'attempt-timeout-seconds': '1', 'max-attempts': '100' }
    const scene = await against(page(429), { inputs })
    const attempts = scene.requests.length
    expectEnd(scene, failed('rate-limited', 429, { attempts, shows: [/timeout-seconds/] }))
    // Waits of 1, 2, 4 and 8 seconds, each at least half as long, and a second for the last attempt.
    expect(attempts).toBeGreaterThanOrEqual(3)
    expect(attempts).toBeLessThanOrEqual(4)
  })
})

describe('a long wait', () => {
  test.concurrent(
    'is announced with its reason and its end, and reported every minute',
    async () => {
      const scene = await longWait
      const announced = /attempt 1 of 10.*HTTP 429.*64 s.*\d\d:\d\d:\d\d UTC.*ten minutes/i
      const reported = /^.*waiting.* [\d.]+ s\b.*\d\d:\d\d:\d\d UTC/m
      expectEnd(scene, { ...closedBy(2), shows: [announced, reported] })
      expectRequests(scene, [64_000])
    },
  )

  onPosix.each<[string, Buffer, boolean]>([
    ['of a gateway has another reason', page(503, { 'retry-after': 40 }), false],
    ['of a refusal that says nothing has the same', limited(), true],
  ])('%s', async (_, bytes, isLaunch) => {
    const scene = await against([bytes, alreadyClosed], {
      inputs: { 'timeout-seconds': '200' },
      during: async (bundleRun) => {
        await printed(bundleRun)
        bundleRun.child.kill()
      },
    })
    expectEnd(scene, { outcome: 'cancelled' })
    expect(scene.logAsShown.includes('ten minutes')).toBe(isLaunch)
  })

  test.concurrent('is none within half a minute: one line without a clock', async () => {
    const scene = await against([limited(3), yes])
    expectEnd(scene, { ...closedBy(2), shows: [/attempt 1 of 10.*HTTP 429.*\b3 s/i] })
    expect(scene.logAsShown).not.toMatch(/UTC|ten minutes/)
  })
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { duration } from '../src/advice.ts'
import { type Exchange, judge, type Judgement } from '../src/judge.ts'
import { planNext } from '../src/retry.ts'
import { clean, inert, redactor, secretsOf, shownWith } from '../src/safety.ts'

// A fixed seed by default. A failure prints the seed and the path that repeat it.
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 20260101), numRuns: 2000 })

const json = fc.json({ maxDepth: 3 })
const envelope = fc.record(
  {
    ok: fc.oneof(fc.boolean(), fc.constantFrom('true', 1, null)),
    result: fc.oneof(fc.boolean(), fc.constantFrom('true', 1, null, {})),
    description: fc.oneof(fc.string(), fc.constantFrom('Token not found', 'has already been closed', 'retry after 9')),
    error_code: fc.oneof(fc.integer(), fc.constantFrom(400, 403, 429, 502)),
    parameters: fc.record({ retry_after: fc.double() }),
  },
  { requiredKeys: [] },
)
const body = fc.oneof(
  fc.string({ unit: 'binary' }),
  json,
  envelope.map((fields) => JSON.stringify(fields)),
)
const retryAfter = fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String))
const head = fc.record({ status: fc.integer({ min: 100, max: 999 }), retryAfter, date: retryAfter })
const fault = fc.oneof(fc.string(), fc.constantFrom('TIMEOUT', 'STOPPED', 'TOO_LONG', 'ECONNRESET', 'ECONNREFUSED'))
const exchange: fc.Arbitrary<Exchange> = fc.oneof(
  fc.record({ head, body }),
  fc.record({ head, fault }),
  fc.record({ fault }),
)
const method = fc.constantFrom('close', 'deleteWebhook')

/** The yes of the API, told in another way than the code tells it. */
function isYes({ head, body, fault }: Exchange): boolean {
  try {
    const { ok, result } = JSON.parse(body?.trim() ?? '') as { ok?: unknown; result?: unknown }
    return fault === undefined && Math.floor((head?.status ?? 0) / 100) === 2 && ok === true && result === true
  } catch {
    return false
  }
}

describe('judging', () => {
  test('is total, and says yes to a yes and to nothing else', () => {
    fc.assert(
      fc.property(method, exchange, (asked, answer) => {
        expect(judge(asked, answer, 0).outcome === 'yes').toBe(isYes(answer))
      }),
    )
  })

  test('never asks again after a yes, a redirect, or "already closed"', () => {
    fc.assert(
      fc.property(method, exchange, (asked, answer) => {
        const { outcome, retryable, status = 0 } = judge(asked, answer, 0)
        if (outcome === 'yes' || outcome === 'already-closed' || Math.floor(status / 100) === 3) {
          expect(retryable).toBe(false)
        }
      }),
    )
  })

  test('never asks for a wait of nothing or less', () => {
    fc.assert(
      fc.property(exchange, fc.nat(), (answer, wallMs) => {
        const { retryAfterSeconds } = judge('close', answer, wallMs)
        if (retryAfterSeconds !== undefined) expect(retryAfterSeconds).toBeGreaterThan(0)
      }),
    )
  })
})

const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.constantFrom('::', '##[', '::error::', ':', '#', '[', '\u001b[31m', '\u009b', '\r\n', '\u202e', '\u200b', ' '),
    ),
  )
  .map((parts) => parts.join(''))

describe('cleaned text', () => {
  test('can start no workflow command and holds nothing invisible', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(clean(text)).not.toMatch(
          /::|##\[|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]|^\s|\s$/u,
        )
      }),
    )
  })

  test('is the same when it is cleaned again', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(clean(clean(text))).toBe(clean(text))
      }),
    )
  })
})

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'
const tokenChar = fc.constantFrom(...Array.from(ALPHABET))
const secret = fc.string({ unit: tokenChar, minLength: 20, maxLength: 64 })
const token = fc.tuple(fc.integer({ min: 1, max: 9_999_999_999 }), secret).map(([id, half]) => `${id}:${half}`)
/** Ways to write a character that leave it to be read. */
const disguise = fc.constantFrom<((char: string) => string)[]>(
  (char) => char,
  (char) => `${char}\u200b`,
  (char) => `${char}\u001b[0m`,
  (char) => `${char}\n`,
  (char) => `%${char.charCodeAt(0).toString(16)}`,
  (char) => `%25${char.charCodeAt(0).toString(16).toUpperCase()}`,
)
const disguises = fc.array(disguise, { minLength: 64, maxLength: 64 })

/** Every part of 12 characters that can be read in a text, told in another way than the code tells it. */
function readableParts(text: string, half: string): string[] {
  const read = decodeAll(text).replace(/[^\w-]/g, '')
  return Array.from({ length: half.length - 11 }, (_, at) => half.slice(at, at + 12)).filter((part) =>
    read.includes(part),
  )
}

function decodeAll(text: string): string {
  const decoded = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return decoded === text ? text : decodeAll(decoded)
}

describe('shown text', () => {
  test('holds no readable part of the token, however it is embedded and disguised', () => {
    fc.assert(
      fc.property(
        token,
        hostile,
        hostile,
        disguises,
        fc.nat(40),
        fc.nat(320),
        (whole, before, after, ways, from, pad) => {
          const half = whole.slice(whole.indexOf(':') + 1)
          const start = Math.min(from, half.length - 12)
          const embedded = Array.from(half.slice(start))
            .map((char, at) => ways[at]?.(char) ?? char)
            .join('')
          const shown = shownWith(redactor(secretsOf(whole)))(`${'.'.repeat(pad)}${before} ${embedded} ${after}`)
          expect(readableParts(shown, half)).toEqual([])
        },
      ),
    )
  })

  test('is bounded, and is the same when it is shown again', () => {
    fc.assert(
      fc.property(token, hostile, fc.nat(400), (whole, text, pad) => {
        const show = shownWith(redactor(secretsOf(whole)))
        const shown = show(`${text}${'x'.repeat(pad)}${text}`)
        expect(Array.from(shown).length).toBeLessThanOrEqual(300)
        expect(show(shown)).toBe(shown)
      }),
    )
  })

  test('is inert in a summary', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(inert(clean(text)).slice('<code>'.length, -'</code>'.length)).not.toMatch(
          /[<>`*_@|~$[\]\\/{}!]|&(?!#\d+;)|(?<!&)#|www\./iu,
        )
      }),
    )
  })
})

const judgement: fc.Arbitrary<Judgement> = fc.record({
  outcome: fc.constant('rate-limited' as const),
  retryable: fc.boolean(),
  lost: fc.boolean(),
  retryAfterSeconds: fc.double({ min: 0.001, max: 1e300, noNaN: true }),
})
const withoutWait: fc.Arbitrary<Judgement> = judgement.map(({ outcome, retryable, lost }) => ({
  outcome,
  retryable,
  lost,
}))

describe('the plan', () => {
  const limits = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 100 }),
    attemptTimeoutMs: fc.double({ min: 1, max: 600_000, noNaN: true }),
    timeoutMs: fc.double({ min: 1, max: 21_600_000, noNaN: true }),
  })
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const nowMs = fc.double({ min: 0, max: 22_000_000, noNaN: true })

  test('never waits past the deadline, sooner than asked, beyond the attempts, or for what is final', () => {
    fc.assert(
      fc.property(
        fc.oneof(judgement, withoutWait),
        fc.integer({ min: 1, max: 100 }),
        nowMs,
        limits,
        random,
        (last, attempt, now, within, dice) => {
          const plan = planNext(last, attempt, now, within, dice)
          if (!('waitMs' in plan)) return
          expect(last.retryable).toBe(true)
          expect(attempt).toBeLessThan(within.maxAttempts)
          expect(now + plan.waitMs + Math.min(within.attemptTimeoutMs, 5000)).toBeLessThanOrEqual(within.timeoutMs)
          expect(plan.waitMs).toBeGreaterThanOrEqual((last.retryAfterSeconds ?? 0) * 1000)
          if (last.retryAfterSeconds === undefined) {
            expect(plan.waitMs).toBeGreaterThanOrEqual(500)
            expect(plan.waitMs).toBeLessThanOrEqual(30_000)
          }
        },
      ),
    )
  })
})

test('a duration in words is never shorter than it is', () => {
  const UNITS: Record<string, number> = { h: 3600, min: 60, s: 1 }
  fc.assert(
    fc.property(fc.double({ min: 0, max: 170_000, noNaN: true }), (seconds) => {
      const parts = [...duration(seconds).matchAll(/([\d.]+) (h|min|s)/g)]
      const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? NaN), 0)
      expect(total).toBeGreaterThanOrEqual(seconds)
      expect(total).toBeLessThan(seconds + 1)
    }),
  )
})

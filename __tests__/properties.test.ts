/** What must hold of any text, answer or input, tried with random ones. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { marked } from 'marked'
import type { Step } from '../src/bale.ts'
import { INPUTS } from '../src/inputs.ts'
import { createQuote, escapeForSummary } from '../src/text.ts'
import { judge } from '../src/verdict.ts'
import { answer, parse, SECRET, words } from './rooms/samples.ts'

// A fixed seed by default. A failure prints the seed and the path that repeat it.
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 20260101), numRuns: 2000 })

/** Text that tries to become something else than text. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.constantFrom(
        '::',
        '##[',
        '::error::',
        ':',
        '#',
        '[',
        '\u001b[31m',
        '\u009b',
        '\r\n',
        '\u202e',
        '\u200b',
        ' ',
      ),
      fc.constantFrom(
        '“',
        '”',
        '<b>',
        '@me',
        '](',
        '`',
        '**',
        '&lt;',
        '| a |',
        'www.x.y',
        'https://x',
        '%',
        '%25',
      ),
    ),
  )
  .map((parts) => parts.join(''))

test('a verdict is given on every answer, and is yes to a yes alone, which is never asked for again', () => {
  const WORDS = ['true', 'Token not found', 'retry after 9', 'has already been closed']
  const values = fc.constantFrom<unknown>(true, true, false, 1, null, 429, 502, ...WORDS)
  const keys = fc.constantFrom(
    'ok',
    'ok',
    'result',
    'result',
    'description',
    'error_code',
    'parameters',
    'retry_after',
  )
  const envelope = fc.dictionary(keys, fc.oneof(values, fc.jsonValue({ maxDepth: 1 })))
  const body = fc.oneof(fc.string({ unit: 'binary' }), fc.json({ maxDepth: 3 }), envelope, envelope)
  const header = fc.oneof(
    fc.string(),
    fc.nat().map(String),
    fc.constant('Thu, 01 Jan 2026 00:00:30 GMT'),
  )
  const status = fc.oneof(fc.constant(200), fc.integer({ min: 100, max: 999 }))
  const step = fc.constantFrom<Step>('close', 'deleteWebhook')
  fc.assert(
    fc.property(step, status, body, header, header, (asked, code, sent, retryAfter, date) => {
      const exchange = answer(code, sent, { retryAfter, date })
      const verdict = judge(asked, exchange, createQuote([]))
      const isYes =
        code >= 200 &&
        code < 300 &&
        typeof sent === 'object' &&
        sent['ok'] === true &&
        sent['result'] === true
      expect(verdict.outcome === 'yes').toBe(isYes)
      if (isYes) expect(verdict).toMatchObject({ retryable: false, mayHaveWorked: false })
      expect(verdict.waitSeconds).toBeGreaterThanOrEqual(0)
    }),
  )
})

describe('a quotation', () => {
  const quote = createQuote([SECRET])

  test('can end nothing and start nothing, is short, and is the same when it is quoted again', () => {
    fc.assert(
      fc.property(hostile, fc.nat(400), (text, pad) => {
        const quoted = quote(`${text}${'x'.repeat(pad)}${text}`)
        const inner = quoted.slice(1, -1)
        expect(`“${inner}”`).toBe(quoted)
        expect(inner).not.toMatch(
          /[“”]|::|##\[|\p{C}|\p{Default_Ignorable_Code_Point}|\s\s|[^\S ]/u,
        )
        expect(Array.from(inner).length).toBeLessThanOrEqual(300)
        expect(quote(inner)).toBe(quoted)
      }),
    )
  })

  /** Ways to write a character that leave it to be read. */
  const disguise = fc.oneof(
    fc
      .constantFrom('', '\u200b', '\u001b[0m', '\n', ' - ', '.', '\u0301', '%0a')
      .map((after) => (char: string) => char + after),
    fc
      .constantFrom('%', '%25', '%2525')
      .map((percent) => (char: string) => percent + char.charCodeAt(0).toString(16)),
    fc.constant((char: string) => char.toUpperCase()),
  )
  const secret = fc.stringMatching(/^[\w-]{20,64}$/).filter((text) => /(.*[a-z\d]){12}/i.test(text))

  test('hides any twelve letters and digits in a row of a secret, however they are embedded and disguised', () => {
    const disguises = fc.array(disguise, { minLength: 64, maxLength: 64 })
    fc.assert(
      fc.property(
        secret,
        hostile,
        disguises,
        fc.nat(40),
        fc.nat(320),
        (whole, around, ways, from, pad) => {
          const letters = Array.from(whole.replace(/[^a-z\d]/gi, ''))
          const start = Math.min(from, letters.length - 12)
          const part = letters.slice(start, start + 12)
          const written = part.map((char, at) => ways[at]?.(char)).join('')
          expect(
            createQuote([whole])(`${'.'.repeat(pad)}${around} ${written} ${around}`),
          ).toContain('not shown')
        },
      ),
    )
  })

  test('takes no time that grows with the text', () => {
    const fillers = '\u001b[31m \u001b]8;; \u009b %25 % \t :: \u200b 😀 ##[ \u001b[ “'.split(' ')
    const startMs = performance.now()
    for (const filler of fillers)
      expect(quote(filler.repeat(64 * 1024)).length).toBeLessThanOrEqual(602)
    // Seconds, where a quadratic search would take minutes.
    expect(performance.now() - startMs).toBeLessThan(5000)
  })
})

test('text in a summary becomes no element but code, and no link', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const quoted = createQuote([])(text)
      const html = marked.parse(escapeForSummary(`Said ${quoted}.`), { async: false })
      expect(html.replace(/^<p>Said “<code>|<\/code>”.<\/p>\n$/g, '')).not.toMatch(/[<>]/)
      const inCode = escapeForSummary(quoted).replace(/^“<code>|<\/code>”$/g, '')
      expect(inCode).not.toMatch(/[<>`*_|~$[\]\\/{}!@]|&(?!#\d+;)|www\.|:/iu)
    }),
  )
})

test('inputs are right or have complaints, and no complaint quotes the token', () => {
  const value = fc.oneof(
    hostile,
    fc.constantFrom('true', '5', 'https://x', SECRET, `1:${SECRET}`, `x ${SECRET}`),
  )
  const values = fc.dictionary(
    fc.constantFrom(...(Object.keys(INPUTS) as (keyof typeof INPUTS)[])),
    value,
  )
  const variables = fc.dictionary(
    fc.constantFrom(...words('INPUT_DRYRUN https_proxy input_api-url INPUT_API_URL')),
    value,
  )
  fc.assert(
    fc.property(values, variables, (given, env) => {
      const inputs = parse(given, env)
      if (inputs.isValid) return
      expect(inputs.complaints.length).toBeGreaterThan(0)
      for (const complaint of inputs.complaints) {
        expect(complaint).toMatch(/^[^\r\n]*\.$/)
        expect(complaint).not.toContain(SECRET.slice(4, 16))
      }
    }),
  )
})

/** What must hold of any text, answer and input, tried with random ones. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { marked } from 'marked'
import type { Step } from '../src/bale.ts'
import { INPUT_NAMES } from '../src/inputs.ts'
import { createQuote, quotationsAsCode } from '../src/text.ts'
import { judge } from '../src/verdict.ts'
import { parse } from './modules/parse.ts'
import { answer, SECRET } from './modules/samples.ts'

// A failure prints the seed and the path that repeat it.
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 20_260_101), numRuns: 2_000 })

const COMMANDS = ['::', '##[', '::error::', '\u001b[31m', '\u009b', '\r\n', '\u202e', '\u200b', ' ']
const MARKDOWN = '“ ” <b> @me ]( ` `` ** &lt; |a| https://x %25'.split(' ')
const hostile = fc
  .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...COMMANDS, ...MARKDOWN)))
  .map((parts) => parts.join(''))

/** HTML of text with code and no other element. */
const INERT = /^(<p>([^<>]|<code>[^<>]*<\/code>)*<\/p>\n)?$/

test('judge says done to a yes alone, never throws, and gives no advice against its own answer', () => {
  const words = ['Token not found', 'retry after 9', 'error code: 1016', 'webhook', 'closed']
  const values = fc.constantFrom<unknown>(true, true, false, null, 409, 429, 502, 530, ...words)
  const keys = ['ok', 'ok', 'result', 'result', 'description', 'error_code', 'retry_after']
  const envelope = fc.dictionary(
    fc.constantFrom(...keys, 'parameters'),
    fc.oneof(values, fc.jsonValue({ maxDepth: 1 })),
  )
  const body = fc.oneof(fc.string({ unit: 'binary' }), fc.json({ maxDepth: 3 }), envelope, envelope)
  const status = fc.oneof(fc.constant(200), fc.integer({ min: 100, max: 999 }))
  const step = fc.constantFrom<Step>('close', 'deleteWebhook')
  fc.assert(
    fc.property(step, status, body, fc.double(), (asked, code, sent, retryAfterSeconds) => {
      const verdict = judge(asked, answer(code, sent, retryAfterSeconds), createQuote([]))
      const isOk = typeof sent === 'object' && sent['ok'] === true && code >= 200 && code < 300
      const isYes = isOk && sent['result'] === true
      expect(verdict.kind === 'done').toBe(isYes)
      if (isOk) expect(verdict).toMatchObject({ isRetryable: false, mayHaveWorked: !isYes })
      if (isOk) expect(verdict.reason).toBeUndefined()
      expect(verdict.waitSeconds).toBeGreaterThanOrEqual(0)
    }),
  )
})

test('a quotation shows no twelve characters in a row of a secret', () => {
  const secret = fc.stringMatching(/^[\w-]{20,64}$/)
  const invisible = fc.constantFrom('', '', '\u200b', '\ufeff', '\u00ad', '\u0000', '\u001b[0m')
  const written = fc.constantFrom(
    (char: string) => char,
    (char: string) => char.toUpperCase(),
    (char: string) => `%${char.charCodeAt(0).toString(16)}`,
  )
  const ways = fc.array(fc.tuple(written, invisible), { minLength: 12, maxLength: 12 })
  const texts = fc.tuple(secret, ways, fc.nat(52), hostile, fc.nat(320))
  fc.assert(
    fc.property(texts, ([whole, each, from, around, pad]) => {
      const start = Math.min(from, whole.length - 12)
      const part = each.map(([write, after], at) => write(whole.charAt(start + at)) + after)
      const text = `${'.'.repeat(pad)}${around} ${part.join('')} ${around}`
      expect(createQuote([`1:${whole}`])(text)).toContain('not shown')
    }),
  )
})

test('inputs never leak a token into a complaint', () => {
  const token = fc.constantFrom(SECRET, `1:${SECRET}`, `x ${SECRET}`, `1:${SECRET}\``, '`', '“')
  const value = fc.oneof(hostile, token, fc.constantFrom('true', '5', 'https://x', '`<b>x'))
  const names = INPUT_NAMES.map((name) => `INPUT_${name.toUpperCase()}`)
  const others = ['INPUT_DRYRUN', 'INPUT_API_URL']
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names, ...others), value), (env) => {
      const inputs = parse({}, env)
      const text = inputs.isValid ? '' : inputs.complaints.join(' ')
      if (!inputs.isValid) expect(text).toMatch(/^[A-Za-z][^\r\n]*\.$/)
      expect(text).not.toContain(SECRET.slice(0, 12))
      const html = marked.parse(quotationsAsCode(text), { async: false })
      expect(html).toMatch(INERT)
    }),
  )
})

test('text from outside becomes no element of Markdown but code', () => {
  fc.assert(
    fc.property(hostile, hostile, (one, other) => {
      const quote = createQuote([])
      const text = `It said ${quote(`x${one}`)}, then ${quote(`x${other}`)}.`
      const html = marked.parse(quotationsAsCode(text), { async: false })
      expect(html).toMatch(INERT)
      expect(html.match(/<code>/g)).toHaveLength(2)
    }),
  )
})

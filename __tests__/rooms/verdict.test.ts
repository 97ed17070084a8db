import { describe, expect, test } from '@jest/globals'
import type { Exchange, Step } from '../../src/bale.ts'
import { judge, type Verdict, wasLaunchedWithin } from '../../src/verdict.ts'
import { createQuote, type Quote } from '../../src/text.ts'
import * as samples from './samples.ts'
import { answer, refusal, TOKEN_NOT_FOUND } from './samples.ts'

const quote: Quote = (text) => createQuote([samples.SECRET])(text)
const verdictOn = (exchange: Exchange, step: Step = 'close'): Verdict =>
  judge(step, exchange, quote)

/** A verdict in words, as the tables below have it. */
function inWords(exchange: Exchange, step?: Step): string {
  const verdict = verdictOn(exchange, step)
  const { outcome, retryable, mayHaveWorked, waitSeconds, isClose429, reason } = verdict
  const sure = [outcome, retryable && 'again', mayHaveWorked && 'maybe']
  const words = [
    waitSeconds > 0 && `after ${waitSeconds}`,
    isClose429 && 'launch',
    reason && `(${reason})`,
  ]
  return [...sure, ...words].filter(Boolean).join(' ')
}

const OK = { ok: true, result: true }
const PAGE = '<html><body>Bad Gateway</body></html>'
const NOT_CONNECTED = 'disconnect/reset before headers. reset reason: connection failure'
const text = JSON.stringify

test.each([
  answer(200, OK),
  answer(299, { ...OK, more: [1], error_code: 502, description: 'token not found' }),
  answer(200, `\uFEFF${text(OK)}`),
  answer(200, `\r\n ${text(OK)} \n`),
])('a yes is %j', (exchange) => {
  expect(inWords(exchange)).toBe('yes')
  expect(inWords(exchange, 'deleteWebhook')).toBe('yes')
})

describe('the verdict on', () => {
  test.each<[string, string]>([
    [
      'invalid-response maybe',
      '200 {"ok":true}; 299 {"ok":true,"result":false}; 200 {"ok":true,"result":"true"}',
    ],
    [
      'invalid-response maybe',
      '200 {"ok":true,"error_code":429}; 200 {"ok":true,"description":"retry after"}',
    ],
    [
      'invalid-response',
      '200 {"ok":"true","result":true}; 200 {"ok":1,"result":true}; 200 {"result":true}',
    ],
    [
      'invalid-response again',
      '200 null; 200 "retry after 5"; 200 OK; 200 <html>; 200 <p>local_rate_limited; 200 1',
    ],
    [
      'invalid-response again',
      '299 {"ok":true,"res; 200 {"ok":true}{"ok":true}; 204 ; 200 [{"ok":true}]',
    ],
    [
      'invalid-response',
      '302 {"ok":true,"result":true}; 302 {"error_code":502}; 307 {"ok":false,"description":"Token not found"}',
    ],
    ['invalid-response', '300 <html>; 399 <html>; 199 {"ok":true,"result":true}; 600 <html>'],
    ['server-error again', '500 {"ok":true,"result":true}; 500 '],
    [
      'rejected',
      '400 {"ok":true,"result":true}; 400 ; 200 {"ok":false}; 200 {"ok":false,"error_code":200}',
    ],
  ])('no yes: %s: %s', (expected, answers) => {
    for (const line of answers.split('; ')) {
      expect(`${line}: ${inWords(answer(Number(line.slice(0, 3)), line.slice(4)))}`).toBe(
        `${line}: ${expected}`,
      )
    }
  })

  test.each<[number[], string, string]>([
    [[400, 402, 406, 418, 499], 'rejected', 'rejected'],
    [[401, 403, 421], 'rejected', 'unauthorized'],
    [[404], 'rejected (not found)', 'rejected (not found)'],
    [[405, 501], 'unsupported', 'unsupported (not offered)'],
    [[408, 425, 500, 503, 505, 519], 'server-error again', 'server-error again'],
    [[420], 'rate-limited again', 'rate-limited again'],
    [[429], 'rate-limited again', 'rate-limited again launch (launch)'],
    [[502, 504, 520, 599], 'server-error again maybe', 'server-error again maybe'],
  ])('codes %j, by a page and by the API', (codes, byPage, byApi) => {
    for (const code of codes) {
      expect(inWords(answer(code, PAGE))).toBe(byPage)
      expect(inWords(answer(code, { message: 'no' }))).toBe(byPage)
      for (const status of [code, 200, 418]) {
        expect(inWords(answer(status, { ok: false, error_code: code }))).toBe(byApi)
        expect(inWords(answer(status, { ok: false, error_code: String(code) }))).toBe(byApi)
      }
      expect(inWords(answer(200, { error_code: code }))).toBe(byPage)
    }
  })

  test.each([399, 600, 0, -429, '4e2', ' 429', '-429', null, true, [429], { toString: null }])(
    'code %j, which is none',
    (code) => {
      expect(inWords(answer(500, { ok: false, error_code: code }))).toBe('server-error again')
    },
  )

  test.each<[string, number, string, string, string]>([
    ['Bale', 403, 'Bad Request: Token not found', 'unauthorized', 'unauthorized'],
    ['Bale in 200', 200, 'TOKEN NOT FOUND', 'unauthorized', 'unauthorized'],
    ['Bale in 404', 404, 'token not found', 'unauthorized', 'unauthorized'],
    ['a method', 404, 'Not Found: Method not found', 'unsupported', 'unsupported'],
    ['a time', 400, 'Retry After 7', 'rate-limited again after 7', 'rate-limited again after 7'],
    [
      'a time in 200',
      200,
      'x: retry after 7',
      'rate-limited again after 7',
      'rate-limited again after 7',
    ],
    ['no time', 400, 'retry after 0', 'rate-limited again', 'rate-limited again'],
    ['no number', 400, 'retry after a while', 'rejected', 'rejected'],
    [
      'a limit',
      400,
      'Bot limit exceed',
      'rate-limited again (bot limit)',
      'rate-limited again (bot limit)',
    ],
    [
      'Envoy',
      503,
      'local_rate_limited\n',
      'rate-limited again (bot limit)',
      'rate-limited again (bot limit)',
    ],
    ['the reference server', 400, 'Logged out', 'rejected (logged out)', 'rejected (logged out)'],
    ['the server, of close', 400, 'the bot has already been closed', 'rejected', 'already-closed'],
    [
      'the server, in 200',
      200,
      'The bot has already been closed!',
      'invalid-response again',
      'already-closed',
    ],
    [
      'Envoy of a reset',
      503,
      'x disconnect/reset before headers x',
      'server-error again maybe',
      'server-error again',
    ],
    [
      'Envoy of another code',
      500,
      'disconnect/reset before headers',
      'server-error again',
      'server-error again',
    ],
    ['Envoy, not connected', 503, NOT_CONNECTED, 'server-error again', 'server-error again'],
  ])(
    'a phrase of %s, as plain text and as a description',
    (_, status, said, asText, asDescription) => {
      expect(inWords(answer(status, said))).toBe(asText)
      expect(inWords(answer(status, { description: said }))).toBe(asDescription)
      expect(inWords(answer(status, `<p>${said}`))).not.toMatch(
        /already-closed|unauthorized|after|maybe/,
      )
      expect(inWords(answer(status, { message: said }))).not.toMatch(
        /already-closed|unauthorized|after|maybe/,
      )
      expect(inWords(answer(status, { description: [said] }))).not.toMatch(
        /already-closed|unauthorized|after/,
      )
    },
  )

  test('"already closed" and 429 to another method', () => {
    expect(inWords(samples.ALREADY_CLOSED, 'deleteWebhook')).toBe('rejected')
    expect(inWords(samples.tooMany(9), 'deleteWebhook')).toBe('rate-limited again after 9')
    expect(inWords(samples.tooMany(9))).toBe('rate-limited again after 9 launch (launch)')
    expect(inWords(TOKEN_NOT_FOUND, 'deleteWebhook')).toBe('unauthorized')
  })

  test.each<[string, Exchange, string]>([
    ['a connection', samples.CONNECTED, 'dry-run'],
    ['a reset', samples.RESET, 'unreachable again maybe'],
    ['a refused connection', samples.REFUSED, 'unreachable again'],
    ['a wrong certificate', samples.failed('CERT_HAS_EXPIRED', false), 'unreachable'],
    ['silence', samples.SILENCE, 'timed-out again maybe'],
    ['a connection that takes too long', samples.NO_CONNECTION, 'timed-out again'],
    ['too long a body', samples.TOO_LONG, 'invalid-response maybe'],
    ['too long a body of a proxy', { ...samples.TOO_LONG, wasSent: false }, 'invalid-response'],
    ['a stop in a request', samples.STOPPED, 'cancelled maybe'],
    ['a stop before a request', samples.STOPPED_UNSENT, 'cancelled'],
  ])('%s', (_, exchange, expected) => {
    expect(inWords(exchange)).toBe(expected)
    expect(verdictOn(exchange)).toMatchObject({ exchange, step: 'close' })
    expect(verdictOn(exchange)).toMatchObject({
      description: '',
      waitSeconds: 0,
      isClose429: false,
      reason: undefined,
    })
  })

  test('an error whose body cannot be read, by its status and headers', () => {
    const head = { status: 503, retryAfter: '7', date: '', receivedAtSeconds: 0 }
    const verdict = verdictOn({ kind: 'answer', wasSent: true, ...head, body: undefined })
    expect(verdict).toMatchObject({ outcome: 'server-error', waitSeconds: 7, description: '' })
  })
})

describe('the wait', () => {
  const NOW = 'Thu, 01 Jan 2026 00:00:00 GMT'
  const DATE = 'Thu, 01 Jan 2026 00:00:30 GMT'
  const unusable = (header: string): [string, string, string, number] => [header, header, NOW, 0]
  test.each<[string, string, string, number]>([
    ['seconds', '120', NOW, 120],
    ['seconds without end', '9'.repeat(400), NOW, Number.MAX_SAFE_INTEGER],
    ['a date, compared with that of the answer', DATE, 'Thu, 01 Jan 2026 00:00:10 GMT', 20],
    [
      'a date of RFC 850',
      'Thursday, 01-Jan-26 00:00:30 GMT',
      'Thursday, 01-Jan-26 00:00:20 GMT',
      10,
    ],
    ['a date of asctime', 'Thu Jan  1 00:00:30 2026', 'Thu Jan  1 00:00:25 2026', 5],
    ['a date beside a date that is none, compared with the clock', DATE, 'yesterday', 30],
    ['a date beside no date', DATE, '', 30],
    ['a date that is over', DATE, 'Thu, 01 Jan 2026 00:01:00 GMT', 0],
    ...[`x ${DATE}`, `${DATE}!`, DATE.replace('01 Jan', '99 Foo'), '2026-01-01T00:00:30Z'].map(
      unusable,
    ),
    ...['1.5', '-5', '5, 5', ''].map(unusable),
  ])('in a header: %s', (_, retryAfter, date, expected) => {
    expect(verdictOn(answer(503, PAGE, { retryAfter, date }))).toMatchObject({
      waitSeconds: expected,
    })
  })

  test.each<[string, object, number]>([
    ['in parameters', { parameters: { retry_after: 5 } }, 5],
    ['at the top level', { retry_after: 6 }, 6],
    ['in the description', { description: 'Retry after 7, please' }, 7],
    [
      'everywhere: the longest',
      { parameters: { retry_after: 8 }, retry_after: 6, description: 'retry after 7' },
      8,
    ],
    ['that is negative', { parameters: { retry_after: -5 } }, 0],
    ['of another kind', { parameters: [5], retry_after: { seconds: 5 } }, 0],
    ['that is null', { parameters: null, retry_after: null }, 0],
    [
      'without end',
      { retry_after: Infinity, description: `retry after ${'9'.repeat(400)}` },
      Number.MAX_SAFE_INTEGER,
    ],
  ])('%s', (_, fields, expected) => {
    expect(verdictOn(answer(429, { ok: false, ...fields }))).toMatchObject({
      waitSeconds: expected,
    })
    const byBoth = verdictOn(answer(429, { ok: false, ...fields }, { retryAfter: '3' }))
    expect(byBoth).toMatchObject({ waitSeconds: Math.max(expected, 3) })
  })
})

test.each<[boolean, number, number]>([
  // The server's whole seconds: 600 less 4.05 is 595.95.
  [true, 4.05, 595],
  [false, 4.05, 594],
  [true, 4, 596],
  [false, 4, 595],
  [true, 4, 0],
])('that a bot was launched is %s after %d s with a wait of %d s', (expected, seconds, wait) => {
  expect(wasLaunchedWithin(seconds, verdictOn(samples.tooMany(wait)))).toBe(expected)
})

test('a verdict does not keep the body', () => {
  expect(verdictOn(samples.YES).exchange).toEqual({ ...samples.YES, body: undefined })
})

test('the words of a server are made safe', () => {
  expect(verdictOn(refusal(400, ' a\u202eb '))).toMatchObject({ description: '“ab”' })
  expect(verdictOn(answer(400, 'plain'))).toMatchObject({ description: '“plain”' })
  expect(verdictOn(answer(400, PAGE))).toMatchObject({ description: '' })
  expect(verdictOn(refusal(400, samples.SECRET))).toMatchObject({
    description: expect.stringContaining('not shown'),
  })
})

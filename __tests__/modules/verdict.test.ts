import { describe, expect, test } from '@jest/globals'
import type { Exchange, Step } from '../../src/bale.ts'
import { createQuote } from '../../src/text.ts'
import { FAILURE_KINDS, judge, type Verdict } from '../../src/verdict.ts'
import * as samples from './samples.ts'
import { answer, refusal, TOKEN } from './samples.ts'

const verdictOn = (exchange: Exchange, step: Step = 'close') =>
  judge(step, exchange, createQuote([TOKEN]))

const tried = new Set<Verdict['kind']>()

/** A verdict in words: its kind, whether it is asked for again and may have worked, and the rest. */
function inWords({ kind, isRetryable, mayHaveWorked, waitSeconds, reason }: Verdict): string {
  tried.add(kind)
  const facts = [
    isRetryable && 'again',
    mayHaveWorked && 'maybe',
    waitSeconds && `${waitSeconds} s`,
  ]
  return [kind, ...facts, reason && `(${reason})`].filter(Boolean).join(' ')
}

describe('the verdict on', () => {
  test.each([
    '200 {"ok":true,"result":true} → done',
    '299  \r\n{"ok":true,"result":true,"error_code":502,"description":"token not found"} → done',
    '200 {"ok":true} → invalid-response maybe',
    '200 {"ok":true,"error_code":530} → invalid-response maybe',
    '200 {"ok":"true","result":true} → invalid-response',
    '200 null → invalid-response again',
    '200 [{"ok":true,"result":true}] → invalid-response again',
    '200 {"ok":true,"result":true}{} → invalid-response again',
    '200 "retry after 5" → invalid-response again',
    '302 {"ok":true,"result":true} → invalid-response',
    '302 {"error_code":502} → invalid-response',
    '300 local_rate_limited, error code: 1016 → invalid-response',
    '199 {"ok":true,"result":true} → invalid-response',
    '500 {"ok":true,"result":true} → server-error again',
    '299 {"ok":false,"error_code":600} → rejected',
  ])('one answer: %s', (line) => {
    const [sent = '', expected] = line.split(' → ')
    expect(inWords(verdictOn(answer(Number(sent.slice(0, 3)), sent.slice(4))))).toBe(expected)
  })

  const PAGE = '<html>token not found, retry after 9, error code: 1016</html>'
  test.each<[number[], string, string]>([
    [[400, 402, 404, 406, 418, 499], 'rejected', 'rejected'],
    [[401, 403, 421], 'rejected', 'unauthorized'],
    [[405, 501], 'unsupported', 'unsupported (not-offered)'],
    [[408, 425, 500, 503, 505, 519, 521, 523, 525, 526, 599], 'server-error again', ''],
    [[502, 504, 520, 522, 524], 'server-error again maybe', ''],
    [[530], 'server-error again (relay)', ''],
    [[420, 429], 'rate-limited again', 'rate-limited again (launch)'],
  ])('the codes %j gives, to others: %s; to the API: %s', (codes, byOthers, byApi) => {
    for (const code of codes) {
      expect(inWords(verdictOn(answer(code, PAGE)))).toBe(byOthers)
      expect(inWords(verdictOn(answer(code, { message: 'no' })))).toBe(byOthers)
      expect(inWords(verdictOn(answer(200, { error_code: code })))).toBe(byOthers)
      for (const status of [code, 200, 418]) {
        const verdict = verdictOn(answer(status, { ok: false, error_code: code }))
        expect(inWords(verdict)).toBe(byApi || byOthers)
      }
    }
  })

  test.each([399, 600, '429', null, [429]])('code %j, which is none', (code) => {
    const exchange = answer(500, { ok: false, error_code: code })
    expect(inWords(verdictOn(exchange))).toBe('server-error again')
  })

  test.each([
    [404, 'Token not found: local_rate_limited', 'unauthorized', 'unauthorized'],
    [504, 'token not found', 'unauthorized maybe', 'unauthorized maybe'],
    [404, 'method not found', 'unsupported', 'unsupported (not-offered)'],
    [500, 'Retry After 7', 'rate-limited again 7 s', 'rate-limited again 7 s (launch)'],
    [400, 'retry after 0', 'rate-limited again', 'rate-limited again (launch)'],
    [400, 'Bot limit exceed', 'rate-limited again', 'rate-limited again'],
    [503, 'x local_rate_limited\n', 'rate-limited again', 'rate-limited again'],
    [409, 'a Webhook', 'rejected (active-webhook)', 'rejected (active-webhook)'],
    [400, 'a webhook', 'rejected', 'rejected'],
    [409, 'x error code: 1001', 'rejected (relay)', 'rejected'],
    [400, 'error code: 999', 'rejected', 'rejected'],
    [400, 'The Bot has already been closed!', 'rejected', 'already-closed'],
    [502, 'the bot has already been closed', 'server-error again maybe', 'already-closed'],
  ])('a phrase: %i %j', (status, words, asText, asDescription) => {
    const body = { ok: false, description: words }
    expect(inWords(verdictOn(answer(status, words)))).toBe(asText)
    expect(inWords(verdictOn(answer(status, body)))).toBe(asDescription)
    for (const elsewhere of [`<p>${words}`, { description: [words] }, JSON.stringify(words)]) {
      expect(inWords(verdictOn(answer(418, elsewhere)))).toBe('rejected')
    }
  })

  const ENVOY = 'upstream connect error or disconnect/reset before headers. '
  test.each([
    [true, 'reset reason: connection termination'],
    [true, 'reset reason: remote reset'],
    [true, 'reset reason: local reset, transport failure reason: x'],
    [true, 'reset reason: protocol error'],
    [true, 'retried and the latest reset reason: connection failure'],
    [false, 'reset reason: connection failure'],
    [false, 'reset reason: connection failure, transport failure reason: Protocol error'],
    [false, 'reset reason: connection timeout'],
    [false, 'reset reason: overflow'],
  ])('a doubt (%p) after the words of Envoy: %s', (isDoubtful, words) => {
    const expected = isDoubtful ? 'server-error again maybe' : 'server-error again'
    expect(inWords(verdictOn(answer(503, ENVOY + words)))).toBe(expected)
    for (const other of [answer(500, ENVOY + words), answer(503, `<${ENVOY}${words}`)]) {
      expect(inWords(verdictOn(other))).toBe('server-error again')
    }
  })

  test.each([
    ['already closed', samples.CLOSED, 'rejected'],
    ['a launch', samples.tooMany(9), 'rate-limited again 9 s'],
    ['a yes', samples.YES, 'done'],
  ])('%s, to deleteWebhook', (_, exchange, expected) => {
    expect(inWords(verdictOn(exchange, 'deleteWebhook'))).toBe(expected)
  })

  test.each<[string, Exchange, string]>([
    ['a connection', samples.CONNECTED, 'done'],
    ['a reset', samples.RESET, 'unreachable again maybe'],
    ['a 2xx that is cut off', samples.CUT_OFF, 'unreachable again maybe'],
    ['a refused connection', samples.REFUSED, 'unreachable again'],
    ['a certificate', samples.failed('CERT_HAS_EXPIRED'), 'unreachable'],
    ['silence', samples.SILENCE, 'timed-out again maybe'],
    ['a body that is too long', samples.TOO_LONG, 'invalid-response maybe'],
    ['a stop in a request', samples.STOPPED, 'cancelled maybe'],
    ['an error without its body', samples.CUT_ERROR, 'server-error again'],
  ])('no answer: %s', (_, exchange, expected) => {
    const verdict = verdictOn(exchange)
    expect(inWords(verdict)).toBe(expected)
    expect(verdict).toMatchObject({ exchange, step: 'close', description: '', waitSeconds: 0 })
  })
})

describe('the wait that is asked for', () => {
  test.each([120, 0, -1, NaN])('in a header: %d s', (seconds) => {
    const expected = seconds > 0 ? seconds : 0
    expect(verdictOn(answer(503, '<html>', seconds)).waitSeconds).toBe(expected)
  })

  test.each([
    ['in parameters', { parameters: { retry_after: 5.5 } }, 5.5],
    ['at the top level', { retry_after: 6 }, 6],
    ['in the description', { description: 'Retry after 7, please' }, 7],
    ['in three places: the longest', { parameters: { retry_after: 8 }, retry_after: 6 }, 8],
    ['of another kind', { parameters: [5], retry_after: '5' }, 0],
  ])('%s', (_, fields, expected) => {
    const body = { ok: false, ...fields }
    expect(verdictOn(answer(429, body)).waitSeconds).toBe(expected)
    expect(verdictOn(answer(429, body, 3)).waitSeconds).toBe(Math.max(expected, 3))
  })
})

const NOT_SHOWN = '(not shown, since it contains part of a secret)'
test.each<[string, Exchange, string]>([
  ['cleaned', refusal(400, ' a\u202eb '), '“ab”'],
  ['those of a gateway', answer(400, 'plain'), '“plain”'],
  ['hidden with a secret', refusal(400, TOKEN), NOT_SHOWN],
  ['none of a page', answer(400, '<html>'), ''],
])('the words of a server are %s', (_, exchange, expected) => {
  expect(verdictOn(exchange).description).toEqual(expected)
})

test('each kind of failure has a row above', () => {
  expect(tried).toEqual(new Set(['done', ...FAILURE_KINDS]))
})

import { describe, expect, test } from '@jest/globals'
import { type Exchange, judge, type Method } from '../../src/judge.ts'

const WALL_MS = Date.parse('2026-01-01T00:00:00Z')

function answer(status: number, body: unknown, headers: { retryAfter?: string; date?: string } = {}): Exchange {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { head: { status, retryAfter: '', date: '', ...headers }, body: text }
}

const refusal = (code: number, description: string, parameters?: object): object => ({
  ok: false,
  error_code: code,
  description,
  parameters,
})

function judged(exchange: Exchange, method: Method = 'close'): string {
  const { outcome, retryable, lost, retryAfterSeconds } = judge(method, exchange, WALL_MS)
  const words = [outcome, retryable && 'again', lost && 'lost', retryAfterSeconds && `after ${retryAfterSeconds}`]
  return words.filter(Boolean).join(' ')
}

const YES = { ok: true, result: true }
const PAGE = '<html><body>Bad Gateway</body></html>'

describe('a yes', () => {
  test.each<[string, Exchange]>([
    ['the yes of the API', answer(200, YES)],
    ['any 2xx', answer(202, YES)],
    ['with fields that nobody knows', answer(200, { ...YES, more: [1] })],
    ['with a byte order mark', answer(200, `\uFEFF${JSON.stringify(YES)}`)],
    ['with white space around', answer(200, `\r\n ${JSON.stringify(YES)} \n`)],
    ['whatever its description says', answer(200, { ...YES, description: 'token not found' })],
  ])('is %s', (_, exchange) => {
    expect(judged(exchange)).toBe('yes')
    expect(judged(exchange, 'deleteWebhook')).toBe('yes')
  })
})

describe('no yes is', () => {
  test.each<[string, Exchange, string]>([
    ['a yes of another kind', answer(200, { ok: true, result: false }), 'invalid-response lost'],
    ['a yes without a result', answer(200, { ok: true }), 'invalid-response lost'],
    ['a yes in a text', answer(200, { ok: true, result: 'true' }), 'invalid-response lost'],
    ['a yes in a number', answer(200, { ok: true, result: 1 }), 'invalid-response lost'],
    ['ok in a text', answer(200, { ok: 'true', result: true }), 'invalid-response again lost'],
    ['ok in a number', answer(200, { ok: 1, result: true }), 'invalid-response again lost'],
    ['an array', answer(200, [YES]), 'invalid-response again lost'],
    ['null', answer(200, 'null'), 'invalid-response again lost'],
    ['true', answer(200, 'true'), 'invalid-response again lost'],
    ['a JSON text', answer(200, '"retry after 5"'), 'invalid-response again lost'],
    ['a page', answer(200, PAGE), 'invalid-response again lost'],
    ['a page after white space', answer(400, ' \n<p>token not found'), 'rejected'],
    ['a page that says a phrase', answer(200, '<p>local_rate_limited'), 'invalid-response again lost'],
    ['a text', answer(200, 'OK'), 'invalid-response again lost'],
    ['nothing', answer(204, ''), 'invalid-response again lost'],
    ['half a yes', answer(200, '{"ok":true,"res'), 'invalid-response again lost'],
    ['two of them', answer(200, `${JSON.stringify(YES)}${JSON.stringify(YES)}`), 'invalid-response again lost'],
    ['a yes in an error', answer(500, YES), 'server-error again lost'],
    ['a yes in a refusal', answer(400, YES), 'rejected lost'],
    ['a yes in a redirect', answer(302, YES), 'invalid-response'],
    ['a no without reasons', answer(200, { ok: false }), 'invalid-response'],
  ])('%s', (_, exchange, expected) => {
    expect(judged(exchange)).toBe(expected)
  })
})

describe('a redirect is final, whatever it says:', () => {
  test.each([300, 301, 302, 303, 304, 307, 308])('%d', (status) => {
    expect(judged(answer(status, refusal(429, 'retry after 5')))).toBe('invalid-response after 5')
  })
})

describe('a phrase counts whatever the code:', () => {
  test.each<[string, Exchange, string]>([
    ['token not found, by Bale', answer(403, refusal(403, 'Bad Request: Token not found')), 'unauthorized'],
    ['token not found in 400', answer(400, refusal(400, 'token not found')), 'unauthorized'],
    ['token not found in 200', answer(200, refusal(400, 'TOKEN NOT FOUND')), 'unauthorized'],
    ['token not found in 502', answer(502, refusal(502, 'Token not found')), 'unauthorized'],
    ['token not found as plain text', answer(404, 'Token not found'), 'unauthorized'],
    ['method not found', answer(404, refusal(404, 'Not Found: method not found')), 'unsupported'],
    ['retry after N in 400', answer(400, refusal(400, 'Retry After 7')), 'rate-limited again after 7'],
    ['retry after N in 200', answer(200, refusal(400, 'x: retry after 7')), 'rate-limited again after 7'],
    ['retry after 0', answer(400, refusal(400, 'retry after 0')), 'rate-limited again'],
    ['retry after no number', answer(400, refusal(400, 'retry after a while')), 'rejected'],
    ['bot limit exceed', answer(400, refusal(400, 'bot limit exceeded')), 'rate-limited again'],
    ['local_rate_limited as plain text', answer(429, 'local_rate_limited'), 'rate-limited again'],
    ['local_rate_limited in 503', answer(503, ' local_rate_limited\n'), 'rate-limited again'],
    ['a phrase in JSON of another kind', answer(400, { message: 'token not found' }), 'rejected'],
    ['a phrase in a page', answer(400, '<p>token not found'), 'rejected'],
    ['a description that is no text', answer(400, { ok: false, description: ['retry after 5'] }), 'rejected'],
  ])('%s', (_, exchange, expected) => {
    expect(judged(exchange)).toBe(expected)
  })
})

describe('already closed', () => {
  const already = refusal(400, 'Bad Request: the bot has already been closed')
  test('comes from a description of close alone', () => {
    expect(judged(answer(400, already))).toBe('already-closed')
    expect(judged(answer(200, already))).toBe('already-closed')
    expect(judged(answer(400, already), 'deleteWebhook')).toBe('rejected')
    expect(judged(answer(400, 'the bot has already been closed'))).toBe('rejected')
    expect(judged(answer(400, '<p>the bot has already been closed'))).toBe('rejected')
  })
})

describe('a code', () => {
  const both: [number, string][] = [
    [400, 'rejected'],
    [402, 'rejected'],
    [404, 'rejected'],
    [405, 'unsupported'],
    [408, 'server-error again'],
    [409, 'rejected'],
    [418, 'rejected'],
    [425, 'server-error again'],
    [429, 'rate-limited again'],
    [451, 'rejected'],
    [499, 'rejected'],
    [500, 'server-error again'],
    [501, 'unsupported'],
    [502, 'server-error again lost'],
    [503, 'server-error again'],
    [504, 'server-error again lost'],
    [505, 'server-error again'],
    [599, 'server-error again'],
  ]
  test.each(both)('%d is the same with and without an envelope', (code, expected) => {
    expect(judged(answer(code, PAGE))).toBe(expected)
    expect(judged(answer(code, ''))).toBe(expected)
    expect(judged(answer(code, refusal(code, 'Some Words')))).toBe(expected)
    expect(judged(answer(200, refusal(code, 'Some Words')))).toBe(expected)
    expect(judged(answer(code, { ok: false }))).toBe(expected)
  })

  test.each([401, 403, 421])('%d says that the token is wrong only in an envelope', (code) => {
    expect(judged(answer(code, refusal(code, 'Unauthorized')))).toBe('unauthorized')
    expect(judged(answer(code, { ok: false }))).toBe('unauthorized')
    expect(judged(answer(code, PAGE))).toBe('rejected')
    expect(judged(answer(code, { error: 'no' }))).toBe('rejected')
  })

  test.each([0, 1, 200, 302, 399, 600, 429.5, '429', null, true])('error_code %p is none', (code) => {
    expect(judged(answer(404, { ok: false, error_code: code }))).toBe('rejected')
  })

  test('beyond the standard is no answer of the API', () => {
    expect(judged(answer(600, PAGE))).toBe('invalid-response')
    expect(judged(answer(999, PAGE))).toBe('invalid-response')
  })
})

describe('the wait that is asked for', () => {
  const date = 'Thu, 01 Jan 2026 10:00:00 GMT'
  test.each<[string, Exchange, number | undefined]>([
    ['parameters', answer(429, refusal(429, 'x', { retry_after: 9 })), 9],
    ['parameters with a fraction', answer(429, refusal(429, 'x', { retry_after: 0.5 })), 0.5],
    ['parameters as text', answer(429, refusal(429, 'x', { retry_after: '9' })), undefined],
    ['parameters below zero', answer(429, refusal(429, 'x', { retry_after: -9 })), undefined],
    ['parameters that are none', answer(429, { ok: false, parameters: null }), undefined],
    ['an absurd number', answer(429, '{"ok":false,"parameters":{"retry_after":1e999}}'), Infinity],
    ['seconds in the header', answer(429, '', { retryAfter: '8' }), 8],
    ['absurd seconds', answer(429, '', { retryAfter: '9'.repeat(400) }), Infinity],
    ['zero', answer(429, '', { retryAfter: '0' }), undefined],
    ['negative seconds', answer(429, '', { retryAfter: '-8' }), undefined],
    ['seconds with more', answer(429, '', { retryAfter: '8 or so' }), undefined],
    ['a date with more', answer(429, '', { retryAfter: 'Thu, 01 Jan 2026 00:00:20 GMT!' }), undefined],
    ['a date inside', answer(429, '', { retryAfter: 'x Thu, 01 Jan 2026 00:00:20 GMT' }), undefined],
    ['a date of no calendar', answer(429, '', { retryAfter: 'Thu, 99 Jan 2026 00:00:20 GMT' }), undefined],
    ['a date without a day', answer(429, '', { retryAfter: '01 Jan 2026 00:00:20 GMT' }), undefined],
    ['a number over a bad text', answer(429, { ok: false, parameters: 5 }), undefined],
    ['nonsense', answer(429, '', { retryAfter: 'soon 5' }), undefined],
    ['nonsense that looks like a date', answer(429, '', { retryAfter: 'Monday, or later' }), undefined],
    ['the date', answer(429, '', { retryAfter: 'Thu, 01 Jan 2026 10:00:30 GMT', date }), 30],
    ['the date of RFC 850', answer(429, '', { retryAfter: 'Thursday, 01-Jan-26 10:00:31 GMT', date }), 31],
    ['the date of asctime', answer(429, '', { retryAfter: 'Thu Jan  1 10:00:32 2026', date }), 32],
    ['a date in the past', answer(429, '', { retryAfter: 'Thu, 01 Jan 2026 09:00:00 GMT', date }), undefined],
    ['our clock without theirs', answer(429, '', { retryAfter: 'Thu, 01 Jan 2026 00:00:20 GMT' }), 20],
    [
      'our clock where theirs is broken',
      answer(429, '', { retryAfter: 'Thu, 01 Jan 2026 00:00:20 GMT', date: 'x' }),
      20,
    ],
    ['the text', answer(429, refusal(429, 'Too Many Requests: retry after 6')), 6],
    ['the text, in digits', answer(429, refusal(429, 'retry after 123 s')), 123],
    ['the longest of three', answer(429, refusal(429, 'retry after 6', { retry_after: 5 }), { retryAfter: '7' }), 7],
    ['the longest, in the text', answer(429, refusal(429, 'retry after 9', { retry_after: 5 })), 9],
    ['that of a gateway', answer(503, PAGE, { retryAfter: '11' }), 11],
  ])('is taken from %s', (_, exchange, seconds) => {
    expect(judge('close', exchange, WALL_MS).retryAfterSeconds).toBe(seconds)
  })
})

describe('a fault', () => {
  const head = { status: 200, retryAfter: '', date: '' }
  test.each([
    ['TIMEOUT', 'timed-out again'],
    ['STOPPED', 'timed-out again'],
    ['TOO_LONG', 'invalid-response'],
    ['Z_DATA_ERROR', 'invalid-response again'],
    ['ERR__ERROR_FORMAT_PADDING_1', 'invalid-response again'],
    ['ECONNRESET', 'unreachable again'],
    ['EPIPE', 'unreachable again'],
    ['ERR_STREAM_PREMATURE_CLOSE', 'unreachable again'],
    ['HPE_INVALID_CONSTANT', 'unreachable again'],
    ['ETIMEDOUT', 'unreachable again'],
    ['ERR_SOCKET_CONNECTION_TIMEOUT', 'unreachable again'],
    ['HPE_INVALID_CHUNK_SIZE', 'unreachable again'],
    ['ENEWCODE', 'unreachable again'],
    ['ECONNREFUSED', 'unreachable again'],
    ['ENOTFOUND', 'unreachable again'],
    ['EAI_AGAIN', 'unreachable again'],
    ['EHOSTUNREACH', 'unreachable again'],
    ['ENETUNREACH', 'unreachable again'],
    ['ENETDOWN', 'unreachable again'],
    ['EADDRNOTAVAIL', 'unreachable again'],
    ['PROXY_REFUSED', 'unreachable again'],
    ['PROXY_AUTHENTICATION', 'unreachable'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'unreachable'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'unreachable'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unreachable'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unreachable'],
    ['CERT_HAS_EXPIRED', 'unreachable'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'unreachable'],
    ['HOSTNAME_MISMATCH', 'unreachable'],
    ['INVALID_CA', 'unreachable'],
    ['PATH_LENGTH_EXCEEDED', 'unreachable'],
    ['CRL_HAS_EXPIRED', 'unreachable'],
    ['EPROTO', 'unreachable'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'unreachable'],
  ])('%s is %s, and lost if the request may have been delivered', (fault, expected) => {
    expect(judged({ fault, isUndelivered: true })).toBe(expected)
    expect(judged({ fault, isUndelivered: false })).toBe(`${expected} lost`)
    expect(judged({ head, fault, isUndelivered: false })).toBe(`${expected} lost`)
  })

  test.each<[number, string, string]>([
    [404, 'TIMEOUT', 'rejected'],
    [403, 'ECONNRESET', 'rejected'],
    [500, 'TOO_LONG', 'server-error again'],
    [502, 'Z_DATA_ERROR', 'server-error again lost'],
    [429, 'ECONNRESET', 'rate-limited again after 3'],
    [302, 'TIMEOUT', 'invalid-response after 3'],
  ])('leaves a %d to be judged by its status and headers: %s', (status, fault, expected) => {
    const retryAfter = expected.includes('after') ? '3' : ''
    expect(judged({ head: { status, retryAfter, date: '' }, fault })).toBe(expected)
  })

  test('is told where it decided, with the status that arrived', () => {
    expect(judge('close', { head, fault: 'ECONNRESET' }, 0)).toMatchObject({ status: 200, fault: 'ECONNRESET' })
    expect(judge('close', { fault: 'ECONNRESET' }, 0)).not.toHaveProperty('status')
    expect(judge('close', {}, 0)).toMatchObject({ outcome: 'timed-out', lost: true })
  })
})

test('what the server says is kept as it came, from an envelope or a plain text', () => {
  expect(judge('close', answer(400, refusal(400, ' a\u202eb ')), 0).said).toBe(' a\u202eb ')
  expect(judge('close', answer(400, 'plain'), 0).said).toBe('plain')
  expect(judge('close', answer(400, PAGE), 0).said).toBeUndefined()
  expect(judge('close', answer(400, '{"message":"no"}'), 0).said).toBeUndefined()
  expect(
    judge('close', { head: { status: 400, retryAfter: '', date: '' }, fault: 'ECONNRESET' }, 0).said,
  ).toBeUndefined()
})

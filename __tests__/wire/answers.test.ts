/** What an answer of the API or of a gateway means. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, envoy, head, http, no, page, tooMany } from './answers.ts'
import { tryAgain, unknownToken, yes, yesText } from './answers.ts'
import { answer, reset, stall } from './replies.ts'
import { closed, expectResult, fails, inferred, once, runAgainst, testScenarios } from './run.ts'
import type { Expectation, Scenario, ServerScript } from './run.ts'
import type { Reply } from './server.ts'

const chunked = { 'transfer-encoding': 'chunked' }
const already = 'the bot has already been closed'
/** Of a refusal that is followed by "already closed". */
const notByThisRun = fails('already-closed', 400, { attempts: 2 })

describe('A yes closes the bot:', () => {
  const otherFields = '{"result":true,"ok":true,"description":"Token not found","error_code":403}'
  const oddChunk = `19;name=value\r\n${yesText}\r\n0\r\nX-Trailer: 1\r\n\r\n`
  testScenarios([
    ['with a byte order mark and white space', http(200, `\uFEFF \t${yesText}\r\n`), closed],
    ['with other fields, whatever they say', http(200, otherFields), closed],
    ['in chunks with an extension and a trailer', answer(head(200, chunked), oddChunk), closed],
    ['in HTTP/1.0, without a length', answer('HTTP/1.0 200 OK\r\n\r\n', 50, yesText), closed],
    ['after 100 and 103', answer(head('100 Continue'), head('103 Early Hints'), yes), closed],
    ['on a connection that stays open', stall(yes), closed],
    ['under a path prefix', yes, closed, { url: 'http://127.0.0.1:PORT/relay/v1/' }],
  ])
})

describe('A single answer decides the outcome:', () => {
  const doubt = { mayBeClosed: true }
  const redirect = { says: [/redirect/] }
  const rows: Record<string, [name: string, bytes: Buffer, more?: Partial<Expectation>][]> = {
    'already-closed': [
      ['the phrase', alreadyClosed, { says: [/allow-already-closed: true/] }],
      ['the phrase in capitals, whatever the status', no(429, already.toUpperCase())],
    ],
    unauthorized: [
      ['the phrase', unknownToken, { says: [/start a new run/] }],
      ['the phrase in plain text', http(404, 'token not found\n')],
      [
        'the phrase before a limiter’s',
        no(403, 'Token not found: local_rate_limited'),
        { saysNot: /\bwait|run again/i },
      ],
      ['401', no(401, 'No')],
    ],
    unsupported: [
      ['the phrase', no(404, 'method not found'), { says: [/can start on the new host/i] }],
      ['405 with a page', page(405), { says: [/api-url/] }],
      ['501', no(501, 'Logged out'), { saysNot: /logOut/ }],
    ],
    'rate-limited': [
      ['429', page(429)],
      ['“retry after” with another status', no(400, 'Bad Request: retry after 5')],
      ['“bot limit exceed” with another status', no(400, 'bot limit exceed')],
      ['a gateway’s words in plain text', http(503, 'local_rate_limited')],
    ],
    'server-error': [
      ['500 that speaks of logging out', no(500, 'Logged out'), { saysNot: /logOut/ }],
      ['599', page(599)],
      ['530 of a relay', page(530), { says: [/Cloudflare/] }],
      ['a relay’s plain text', http(503, 'error code: 1016'), { says: [/Cloudflare/] }],
    ],
    rejected: [
      ['400', no(400, 'No'), { says: [/“No”/] }],
      [
        '409 of an active webhook',
        no(409, 'Conflict: webhook is active'),
        { says: [/delete-webhook: true/], saysNot: /token|firewall/ },
      ],
      ['“ok: false” in a 2xx', http(200, '{"ok":false}')],
      ['a code in quotes', http(200, '{"ok":false,"error_code":"500"}')],
      ['“already closed” in plain text', http(400, already)],
      ['more than 64 KiB', no(400, `Token not found ${'x'.repeat(70_000)}`)],
    ],
    'invalid-response': [
      ['“ok” that is not exactly true', http(200, '{"ok":1,"result":true}')],
      ['“ok: true” without a result', http(200, '{"ok":true}'), doubt],
      ['“ok: true” with another result', http(200, '{"ok":true,"result":"true"}'), doubt],
      ['a 2xx of more than 64 KiB', no(400, 'x'.repeat(70_000), { status: 200 }), doubt],
      ['a redirect, whatever it says', no(403, 'Token not found', { status: 302 }), redirect],
      ['a redirect to this host', http(307, '', { location: 'close' }), redirect],
      ['a redirect elsewhere', http(308, '', { location: 'http://127.0.0.1:1/' }), redirect],
    ],
  }
  testScenarios(
    Object.entries(rows).flatMap(([outcome, answers]) =>
      answers.map(([name, bytes, more]): Scenario => {
        const isRetried = outcome === 'rate-limited' || outcome === 'server-error'
        const status = Number(/ (\d+)/.exec(bytes.toString())?.[1])
        const inputs: Record<string, string> = isRetried ? once : {}
        return [`${outcome}: ${name}`, bytes, fails(outcome, status, more), { inputs }]
      }),
    ),
  )
})

describe('An answer without an envelope:', () => {
  const unreadable: Record<string, Buffer> = {
    'a page': http(200, '<html>Welcome'),
    'no body': http(200, ''),
    'a JSON array': http(200, '[true]'),
    'half of a yes': http(200, yesText.slice(0, -1)),
  }
  const length = { 'content-length': 100 }
  const cuts: Record<string, Reply> = {
    'with a length': answer(head(200, length), yesText),
    'in chunks': answer(head(200, chunked), `19\r\n${yesText}\r\n`),
    'by a reset': reset(head(200, length), yesText),
    'by a reset, without a length': reset(head(200), yesText.slice(0, -1)),
  }
  const limit = reset(head(429, { ...length, 'retry-after': 2 }))
  testScenarios([
    ...Object.entries(unreadable).map(([name, bytes]): Scenario => {
      const title = `a 2xx with ${name} is asked again, and cannot have worked`
      return [title, [bytes, alreadyClosed], notByThisRun]
    }),
    ...Object.entries(cuts).map(([name, reply]): Scenario => {
      const title = `a 2xx that is cut off ${name} is asked again, and may have worked`
      return [title, [reply, alreadyClosed], inferred]
    }),
    [
      'a 2xx that is cut off leaves the bot in doubt',
      answer(head(200, length), yesText),
      fails('unreachable', 200, { mayBeClosed: true }),
      { inputs: once },
    ],
    ['a 403 is judged by its status', answer(head(403, length), '{"ok"'), fails('rejected', 403)],
    ['a 429 is waited for', [limit, yes], { ...closed, attempts: 2 }, { waits: [2] }],
  ])
})

/** "Already closed" after an attempt that may have worked is a close of this run; after any other it is not. */
describe('May a close have worked?', () => {
  const doubtfulReasons = [
    'connection termination',
    'remote reset',
    'local reset',
    'protocol error',
  ]
  const clearReasons = ['connection failure', 'connection timeout', 'overflow']
  const because = (reason: string) => envoy(`reset reason: ${reason}`)
  const latest = 'retried and the latest reset reason: connection failure'
  const doubtful: [string, Buffer][] = [
    ...[502, 504, 520, 522, 524].map((code): [string, Buffer] => [String(code), page(code)]),
    ['502 inside HTTP 200', no(502, 'Bad Gateway', { status: 200 })],
    ...doubtfulReasons.map((reason): [string, Buffer] => [`Envoy’s ${reason}`, because(reason)]),
    [`Envoy’s ${latest}`, envoy(latest)],
  ]
  const clear: [string, Buffer][] = [
    ...[500, 521, 523, 525, 526, 530].map((code): [string, Buffer] => [String(code), page(code)]),
    ['Envoy’s words from the API', no(503, 'disconnect/reset before headers. remote reset')],
    ...clearReasons.map((reason): [string, Buffer] => [`Envoy’s ${reason}`, because(reason)]),
  ]
  const cleared = fails('unauthorized', 403, { attempts: 2 })
  const kept = fails('rejected', 400, { attempts: 2, mayBeClosed: true })
  const allowed = { inputs: { 'allow-already-closed': 'true' } }
  testScenarios([
    ...doubtful.map(([name, it]): Scenario => [`yes, by ${name}`, [it, alreadyClosed], inferred]),
    ...clear.map(([name, it]): Scenario => [`not by ${name}`, [it, alreadyClosed], notByThisRun]),
    ['“token not found” clears the doubt', [page(502), unknownToken], cleared],
    ['other refusals keep it', [page(502), no(400, 'No')], kept],
    [
      'and if it is allowed, too, a doubt counts first',
      [page(502), alreadyClosed],
      inferred,
      allowed,
    ],
    [
      'in a re-run, the attempt before may have',
      alreadyClosed,
      fails('already-closed', 400, { says: [/earlier attempt/] }),
      { env: { GITHUB_RUN_ATTEMPT: '3' } },
    ],
  ])
})

describe('The webhook', () => {
  type Row = [string, ServerScript, Expectation, string, Record<string, string>?]
  const undone = fails('rejected', 400, { attempts: 0, says: [/deleteWebhook/] })
  const notOffered = fails('unsupported', 404, {
    attempts: 0,
    says: [/deleteWebhook/, /delete-webhook: false/, /start a new run/i],
  })
  const doubted = fails('server-error', 502, { attempts: 0, webhook: 'may be deleted' })
  const launched = fails('rate-limited', 429, { webhook: 'is deleted' })
  const inDoubt = fails('server-error', 502, { mayBeClosed: true, webhook: 'is deleted' })
  const refused = fails('unauthorized', 403, { webhook: 'is deleted' })
  const both = 'deleteWebhook close'
  const fourAttempts = 'deleteWebhook deleteWebhook close close'
  const twice = { 'max-attempts': '2' }
  test.concurrent.each<Row>([
    ['is deleted first', yes, closed, both],
    ['is deleted again if the answer was lost', [reset(), yes], closed, `deleteWebhook ${both}`],
    ['cannot be deleted: close is not sent', no(400, 'No'), undone, 'deleteWebhook'],
    ['cannot be “already closed”', alreadyClosed, undone, 'deleteWebhook'],
    ['cannot be deleted at all', no(404, 'method not found'), notOffered, 'deleteWebhook'],
    ['may be deleted: close is not sent', page(502), doubted, 'deleteWebhook', once],
    ['was deleted, which launched the bot', [yes, tooMany(600)], launched, both],
    ['was deleted, and close may have worked', [yes, page(502)], inDoubt, both, once],
    ['was deleted, which every failure says', [yes, unknownToken], refused, both],
    [
      'has attempts of its own',
      [tryAgain, yes, tryAgain, yes],
      { ...closed, attempts: 2 },
      fourAttempts,
      twice,
    ],
  ])('%s', async (_, script, expectation, methods, inputs) => {
    const result = await runAgainst(script, { inputs: { 'delete-webhook': 'true', ...inputs } })
    expectResult(result, expectation)
    const names = result.requests.map(({ line }) => /\/(\w+) HTTP/.exec(line)?.[1])
    expect(names.join(' ')).toBe(methods)
  })
})

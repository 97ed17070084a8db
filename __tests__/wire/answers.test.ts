/** Every class of answer, and what the action makes of it. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, answer, chunks, head, http, no, page } from './acts.ts'
import { reset, stall, statusOf, unknownToken, yes, yesText } from './acts.ts'
import { against, closed, expectEnd, failed, inferred, linesOf, once, playAll } from './play.ts'
import type { End, Row, Script } from './play.ts'
import type { Act } from './server.ts'

const chunked = { 'transfer-encoding': 'chunked' }
const lastChunk = '0\r\n\r\n'
/** Words of Envoy, which does not tell whether the API got the request. */
const envoy =
  'upstream connect error or disconnect/reset before headers. reset reason: connection termination'
const envoyUnsent =
  'upstream connect error or disconnect/reset before headers. reset reason: connection failure'

describe('a yes closes the bot, with one request', () => {
  const whole: Record<string, readonly (string | Buffer | number)[]> = {
    'with a length': [yes],
    'with white space around it': [http('200 OK', `\r\n\t ${yesText} \n`)],
    'with a byte order mark': [http('200 OK', `\uFEFF${yesText}`)],
    'with fields that nobody knows': [
      http('200 OK', '{"result":true,"ok":true,"description":"Token not found"}'),
    ],
    'as text/html': [http('200 OK', yesText, { 'content-type': 'text/html' })],
    'without a reason phrase': [head('200', { 'content-length': yesText.length }), yesText],
    'byte by byte': Array.from(yes.toString()).flatMap((byte) => [byte, 1]),
    'in a chunk for each byte': [
      head('200 OK', chunked),
      ...chunks(...Array.from(yesText)),
      lastChunk,
    ],
    'in chunks with an extension and a trailer': [
      head('200 OK', chunked),
      `${yesText.length.toString(16)};name=value\r\n${yesText}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    ],
    'up to the end of the connection, in HTTP/1.0': ['HTTP/1.0 200 OK\r\n\r\n', 50, yesText],
    'after 100 and 103': [head('100 Continue'), head('103 Early Hints', { link: '</x>' }), yes],
  }
  playAll([
    ...Object.entries(whole).map(([name, parts]): Row => [name, answer(...parts), closed]),
    ['on a connection that stays open', stall(yes), closed],
    ['with status 202', http(202, yesText), { ...closed, status: 202 }],
    ['at a path of its own', yes, closed, { url: 'http://127.0.0.1:PORT/relay/v1/' }],
  ])

  test.concurrent('and is one plain line', async () => {
    expect(linesOf(await against(yes))).toEqual([
      expect.stringMatching(/^Bale bot 1234567890 is closed/),
    ])
  })
})

describe('a 2xx that is no yes', () => {
  const invalid: End = failed('invalid-response', 200)
  const noObjects: Record<string, Buffer> = {
    '204 without content': Buffer.from(head('204 No Content')),
    'half an envelope': http('200 OK', '{"ok":true,"result":tr'),
    'sixty thousand brackets': http('200 OK', '['.repeat(60_000)),
    'UTF-16': http('200 OK', Buffer.from(`\uFEFF${yesText}`, 'utf16le')),
    'bytes that are no text': http('200 OK', Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0])),
  }
  playAll([
    [
      '{"ok":true} is final and may have worked',
      http('200 OK', '{"ok":true}'),
      { ...invalid, lost: true },
    ],
    ['{"ok":1,"result":true} is final', http('200 OK', '{"ok":1,"result":true}'), invalid],
    ['{"ok":false} alone is a refusal', http('200 OK', '{"ok":false}'), failed('rejected', 200)],
    ...Object.entries(noObjects).map(([name, bytes]): Row => [
      `${name} is asked again, and may not have worked`,
      [bytes, alreadyClosed],
      failed('already-closed', 400, { attempts: 2 }),
    ]),
    ...[300, 302, 304].map((status): Row => [
      `a yes with status ${status}`,
      http(status, status === 304 ? '' : yesText),
      { ...invalid, status },
    ]),
    ['a yes with status 404', http(404, yesText), failed('rejected', 404)],
    ['a yes with status 500', http(500, yesText), failed('server-error', 500), { inputs: once }],
  ])
})

describe('an answer that is cut off', () => {
  const length = { 'content-length': 100 }
  const cuts: Record<string, Act> = {
    'with a length': answer(head('200 OK', length), yesText),
    'before its first byte': answer(head('200 OK', length)),
    'in chunks': answer(head('200 OK', chunked), ...chunks(yesText)),
    'inside a chunk': answer(head('200 OK', chunked), '19\r\n{"ok":tr'),
    'by a reset, with a length': reset(head('200 OK', length), yesText),
    'by a reset, without a length': reset(head('200 OK'), yesText.slice(0, -1)),
  }
  const limit = reset(head(429, { ...length, 'retry-after': 2 }))
  playAll([
    ...Object.entries(cuts).flatMap(([name, act]): Row[] => [
      [`a 2xx ${name} is asked again`, [act, alreadyClosed], inferred],
      [
        `a 2xx ${name} may have worked`,
        act,
        failed('unreachable', 200, { lost: true }),
        { inputs: once },
      ],
    ]),
    [
      'a 403 with a length is judged by its status',
      answer(head(403, length), '<html>'),
      failed('rejected', 403),
    ],
    [
      'a 403 in chunks is, too',
      reset(head(403, chunked), ...chunks('Forbidden')),
      failed('rejected', 403),
    ],
    ['a 501 that is reset at once is, too', reset(head(501, length)), failed('unsupported', 501)],
    [
      'a 429 is waited for as its header says',
      [limit, yes],
      { ...closed, attempts: 2 },
      { gapsMs: [2000] },
    ],
  ])
})

describe('the API says no', () => {
  const alreadyIs: End = failed('already-closed', 400, { shows: [/allow-already-closed/] })
  const inRerun: End = { ...alreadyIs, shows: [/earlier attempt/, /token/] }
  const rerun = { env: { GITHUB_RUN_ATTEMPT: '3' } }
  const allowed = { inputs: { 'allow-already-closed': 'true' } }
  const inPlainText = http(400, 'Bad Request: the bot has already been closed')
  const shows = (pattern: RegExp): Partial<End> => ({ shows: [pattern] })
  playAll([
    ['already closed', alreadyClosed, alreadyIs],
    [
      'already closed, which is allowed',
      alreadyClosed,
      { ...alreadyIs, closed: true, shows: [/token/] },
      allowed,
    ],
    [
      'already closed, in a re-run: an earlier attempt or a wrong token',
      alreadyClosed,
      inRerun,
      rerun,
    ],
    ['already closed, but in plain text', inPlainText, failed('rejected', 400), allowed],
    ['Logged out', no(400, 'Bad Request: Logged out'), failed('rejected', 400, shows(/logOut/))],
    [
      '404: api-url before the token',
      no(404, 'Not Found'),
      failed('rejected', 404, shows(/api-url.*token/)),
    ],
    [
      '501 with a page: api-url first',
      page(501),
      failed('unsupported', 501, shows(/api-url.*does not offer/)),
    ],
    ['token not found', unknownToken, failed('unauthorized', 403, shows(/new run/))],
    [
      'token not found, as plain text',
      http(404, 'token not found\n'),
      failed('unauthorized', 404, shows(/new run/)),
    ],
    ['any other, which is quoted', no(418, 'No'), failed('rejected', 418, shows(/“No”/))],
    ['a code in another status', no(403, 'No', { status: 200 }), failed('unauthorized', 200)],
    ['a limit on bots', no(400, 'bot limit exceed'), failed('rate-limited', 400), { inputs: once }],
  ])
})

/** Whether an attempt may have worked shows in how it ends as the only one, and in what "already closed" means then. */
describe('may it have worked?', () => {
  const answers: [string, boolean, Buffer][] = [
    ['502', true, page(502)],
    ['502 inside HTTP 200', true, no(502, 'Bad Gateway', { status: 200 })],
    ['503 of Envoy', true, http(503, envoy)],
    ['503 of Envoy that did not reach the API', false, http(503, envoyUnsent)],
    ['503', false, no(503, 'Service Unavailable')],
  ]
  playAll(
    answers.flatMap(([name, lost, bytes]): Row[] => {
      const end = failed('server-error', statusOf(bytes), { lost })
      const next = lost ? inferred : failed('already-closed', 400, { attempts: 2 })
      return [
        [`${name}: ${lost ? 'yes' : 'no'}`, bytes, end, { inputs: once }],
        [`${name}, and then already closed`, [bytes, alreadyClosed], next],
      ]
    }),
  )
})

describe('the webhook', () => {
  const [cannot, limited] = [
    no(400, 'Bad Request: no'),
    no(429, 'Too Many Requests: retry after 600'),
  ]
  const isLimited = failed('rate-limited', 429, { retryAfterSeconds: 600, webhook: 'is deleted' })
  const isLost = failed('server-error', 502, { lost: true, webhook: 'is deleted' })
  const failures: [Buffer, string, number][] = [
    [unknownToken, 'unauthorized', 403],
    [no(400, 'Bad Request'), 'rejected', 400],
    [http(302), 'invalid-response', 302],
    [page(501), 'unsupported', 501],
  ]
  test.concurrent.each<[string, Script, End, string, Record<string, string>?]>([
    ['is deleted first', yes, closed, 'deleteWebhook close'],
    ['is not touched unless told to', yes, closed, 'close', { 'delete-webhook': 'false' }],
    [
      'is deleted again if the answer was lost',
      [reset(), yes, yes],
      closed,
      'deleteWebhook deleteWebhook close',
    ],
    [
      'cannot be deleted: close is not sent',
      cannot,
      failed('rejected', 400, { attempts: 0, shows: [/deleteWebhook/] }),
      'deleteWebhook',
    ],
    [
      'was deleted, and the launched bot cannot be closed',
      [yes, limited],
      isLimited,
      'deleteWebhook close',
    ],
    [
      'was deleted, and close may have worked: no second deletion',
      [yes, page(502)],
      isLost,
      'deleteWebhook close',
      once,
    ],
    ...failures.map(([bytes, outcome, status]): [string, Script, End, string] => [
      `was deleted, which every failure says: ${outcome}`,
      [yes, bytes],
      failed(outcome, status, { webhook: 'is deleted' }),
      'deleteWebhook close',
    ]),
  ])('%s', async (_, script, end, methods, inputs) => {
    const scene = await against(script, { inputs: { 'delete-webhook': 'true', ...inputs } })
    expectEnd(scene, end)
    expect(scene.requests.map(({ line }) => /\/(\w+) HTTP/.exec(line)?.[1]).join(' ')).toBe(methods)
  })
})

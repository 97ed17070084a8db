/** Every class of answer, and what the action makes of it. */
import { describe, expect, test } from '@jest/globals'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import {
  alreadyClosed,
  answer,
  chunks,
  head,
  http,
  no,
  page,
  reset,
  stall,
  unknownToken,
  yes,
  yesText,
} from './acts.ts'
import { against, expectEnd, expectRequests, playAll, testTimeoutMs } from './play.ts'
import type { End, Row } from './play.ts'

const once = { 'max-attempts': '1' }
const twice = { 'max-attempts': '2' }
const chunked = { 'transfer-encoding': 'chunked' }
const lastChunk = '0\r\n\r\n'

describe('a yes closes the bot, with one request', () => {
  const closed: End = { outcome: 'closed', attempts: 1, status: 200 }
  const whole: Record<string, readonly (string | Buffer | number)[]> = {
    'with a length': [yes],
    'with white space around it': [http('200 OK', `\r\n\t ${yesText} \n`)],
    'with a byte order mark': [http('200 OK', `\uFEFF${yesText}`)],
    'with fields that nobody knows': [http('200 OK', '{"result":true,"ok":true,"description":"Token not found"}')],
    'as text/html': [http('200 OK', yesText, { 'content-type': 'text/html' })],
    'without a reason phrase': [head('200', { 'content-length': yesText.length }), yesText],
    'byte by byte': Array.from(yes.toString()).flatMap((byte) => [byte, 1]),
    'in one chunk': [head('200 OK', chunked) + chunks(yesText).join('') + lastChunk],
    'in a chunk for each byte': [head('200 OK', chunked), ...chunks(...Array.from(yesText)), lastChunk],
    'in chunks, their end in two packets': [head('200 OK', chunked), ...chunks(yesText), 50, '0\r\n', 50, '\r\n'],
    'in chunks, their end in four packets': [
      head('200 OK', chunked),
      ...chunks(yesText),
      ...['0', '\r', '\n\r', '\n'].flatMap((part) => [50, part]),
    ],
    'in chunks with an extension and a trailer': [
      head('200 OK', chunked),
      `${yesText.length.toString(16)};name=value\r\n${yesText}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    ],
    'up to the end of the connection': [head('200 OK'), yesText],
    'up to the end of the connection, in HTTP/1.0': ['HTTP/1.0 200 OK\r\n\r\n', 50, yesText],
    'after 100 and 103': [head('100 Continue'), head('103 Early Hints', { link: '</x>' }), yes],
    'followed by bytes that nobody asked for': [Buffer.concat([yes, Buffer.from('HTTP/1.1 500 Oops\r\n\r\n')])],
    'in gzip': [http('200 OK', gzipSync(yesText), { 'content-encoding': 'gzip' })],
    'in gzip, in chunks': [
      head('200 OK', { ...chunked, 'content-encoding': 'gzip' }),
      `${gzipSync(yesText).length.toString(16)}\r\n`,
      gzipSync(yesText),
      `\r\n${lastChunk}`,
    ],
    'in deflate': [http('200 OK', deflateSync(yesText), { 'content-encoding': 'deflate' })],
    'in raw deflate': [http('200 OK', deflateRawSync(yesText), { 'content-encoding': 'deflate' })],
    'in brotli': [http('200 OK', brotliCompressSync(yesText), { 'content-encoding': 'br' })],
  }
  playAll([
    ...Object.entries(whole).map(([name, parts]): Row => ({ name, script: [answer(...parts)], end: closed })),
    { name: 'on a connection that stays open', script: [stall(yes)], end: closed },
    { name: 'and then a reset', script: [reset(yes)], end: closed },
    { name: 'with status 202', script: [answer(http(202, yesText))], end: { ...closed, status: 202 } },
    { name: 'at a path of its own', script: [answer(yes)], path: '/relay/v1/', end: closed },
  ])
})

test.concurrent.each<[string, Buffer, Record<string, string>]>([
  ['closed', yes, {}],
  ['taken as closed', alreadyClosed, { 'allow-already-closed': 'true' }],
])(
  'a bot that is %s is one plain line',
  async (_, bytes, inputs) => {
    const scene = await against([answer(bytes)], { inputs })
    const lines = scene.stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'))
    expect(lines).toEqual([expect.stringMatching(/^Bale bot 1234567890 is .*closed/), ''])
  },
  testTimeoutMs,
)

describe('what resembles a yes is none', () => {
  const wrongResults = [
    '{"ok":true}',
    ...['false', 'null', '1', '"true"', '[true]'].map((value) => `{"ok":true,"result":${value}}`),
  ]
  playAll([
    ...wrongResults.map((body): Row => ({
      name: `${body} is final`,
      script: [answer(http('200 OK', body))],
      end: { outcome: 'invalid-response', attempts: 1, status: 200, lost: true },
    })),
    {
      name: 'an envelope that neither says yes nor why not is final',
      script: [answer(http('200 OK', '{"ok":false}'))],
      end: { outcome: 'invalid-response', attempts: 1, status: 200 },
    },
    ...['{"ok":"true","result":true}', '{"ok":1,"result":true}'].map((body): Row => ({
      name: body,
      script: [answer(http('200 OK', body))],
      inputs: once,
      end: { outcome: 'invalid-response', attempts: 1, status: 200, lost: true },
    })),
    ...[300, 302, 304].map((status): Row => ({
      name: `a yes with status ${status}`,
      script: [answer(http(status, status === 304 ? '' : yesText))],
      end: { outcome: 'invalid-response', attempts: 1, status },
    })),
    {
      name: 'a yes with status 404',
      script: [answer(http(404, yesText))],
      end: { outcome: 'rejected', attempts: 1, status: 404, lost: true },
    },
    {
      name: 'a yes with status 500',
      script: [answer(http(500, yesText))],
      inputs: once,
      end: { outcome: 'server-error', attempts: 1, status: 500, lost: true },
    },
  ])
})

describe('2xx without an envelope is asked again, and closed if the bot has been closed meanwhile', () => {
  const bodies: Record<string, Buffer> = {
    nothing: http('200 OK'),
    '204 without content': head204(),
    'a page': http('200 OK', '<!DOCTYPE html><p>{"ok":true,"result":true}'),
    'plain text': http('200 OK', 'OK'),
    'half an envelope': http('200 OK', '{"ok":true,"result":tr'),
    'two envelopes': http('200 OK', yesText + yesText),
    'an envelope in an array': http('200 OK', `[${yesText}]`),
    'an envelope in a string': http('200 OK', JSON.stringify(yesText)),
    'an object of another kind': http('200 OK', '{"success":true}'),
    null: http('200 OK', 'null'),
    true: http('200 OK', 'true'),
    'sixty thousand brackets': http('200 OK', '['.repeat(60_000)),
    'UTF-16': http('200 OK', Buffer.from(`\uFEFF${yesText}`, 'utf16le')),
    'bytes that are no text': http('200 OK', Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0])),
    'compression that cannot be read': http('200 OK', yesText, { 'content-encoding': 'gzip' }),
    'compression that nobody knows': http('200 OK', gzipSync(yesText), { 'content-encoding': 'zstd' }),
  }
  playAll(
    Object.entries(bodies).map(([name, bytes]) => ({
      name,
      script: [answer(bytes), answer(alreadyClosed)],
      end: { outcome: 'closed', attempts: 2, status: 400 },
    })),
  )
  playAll([
    {
      name: 'and fails when it never ends',
      script: [answer(http('200 OK', '<p>Welcome</p>'))],
      inputs: twice,
      end: { outcome: 'invalid-response', attempts: 2, status: 200, lost: true },
    },
  ])

  function head204(): Buffer {
    return Buffer.from(head('204 No Content'))
  }
})

describe('a 2xx that is cut off is a lost answer', () => {
  const gzip = gzipSync(yesText)
  const cuts: Record<string, Row['script'][number]> = {
    'with a length': answer(head('200 OK', { 'content-length': 100 }), yesText),
    'before its first byte': answer(head('200 OK', { 'content-length': yesText.length })),
    'in chunks': answer(head('200 OK', chunked), ...chunks(yesText)),
    'inside a chunk': answer(head('200 OK', chunked), '19\r\n{"ok":tr'),
    'by a reset, with a length': reset(head('200 OK', { 'content-length': 100 }), yesText),
    'by a reset, in chunks': reset(head('200 OK', chunked), ...chunks(yesText)),
    'by the end of the connection, without a length': answer(head('200 OK'), yesText.slice(0, -1)),
    'by a reset, without a length': reset(head('200 OK'), yesText.slice(0, -1)),
    'in gzip': answer(http('200 OK', gzip.subarray(0, -14), { 'content-encoding': 'gzip' })),
    'in gzip, with a length': answer(
      head('200 OK', { 'content-encoding': 'gzip', 'content-length': gzip.length }),
      gzip.subarray(0, -14),
    ),
    'in brotli': answer(http('200 OK', brotliCompressSync(yesText).subarray(0, -4), { 'content-encoding': 'br' })),
  }
  playAll(
    Object.entries(cuts).map(([name, act]) => ({
      name: `${name}: it is asked again`,
      script: [act, answer(alreadyClosed)],
      end: { outcome: 'closed', attempts: 2, status: 400 },
    })),
  )

  test.concurrent.each(Object.entries(cuts))(
    '%s: the failure says that the bot may be closed',
    async (_, act) => {
      const scene = await against([act], { inputs: once })
      const { outcome = '' } = scene.outputs
      expect(['unreachable', 'invalid-response']).toContain(outcome)
      expectEnd(scene, { outcome, attempts: 1, status: 200, lost: true })
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )
})

describe('an error that is cut off is judged by its status', () => {
  const length = { 'content-length': 100 }
  playAll([
    {
      name: 'a 403 with a length',
      script: [answer(head(403, length), '<html>')],
      end: { outcome: 'rejected', attempts: 1, status: 403 },
    },
    {
      name: 'a 403 in chunks, reset',
      script: [reset(head(403, chunked), ...chunks('Forbidden'))],
      end: { outcome: 'rejected', attempts: 1, status: 403 },
    },
    {
      name: 'a 403 whose compression cannot be read',
      script: [answer(http(403, 'no gzip', { 'content-encoding': 'gzip' }))],
      end: { outcome: 'rejected', attempts: 1, status: 403 },
    },
    {
      name: 'a 501 that is reset at once',
      script: [reset(head(501, length))],
      end: { outcome: 'unsupported', attempts: 1, status: 501 },
    },
    {
      name: 'a 429 whose header says how long',
      script: [reset(head(429, { ...length, 'retry-after': 2 })), answer(yes)],
      end: { outcome: 'closed', attempts: 2, status: 200 },
      gapsMs: [2000],
    },
    {
      name: 'a 503',
      script: [reset(head(503, length)), answer(yes)],
      end: { outcome: 'closed', attempts: 2, status: 200 },
    },
  ])
})

describe('the API says no', () => {
  playAll([
    {
      name: 'already closed',
      script: [answer(alreadyClosed)],
      end: { outcome: 'already-closed', attempts: 1, status: 400, shows: [/allow-already-closed/] },
    },
    {
      name: 'already closed, which is allowed',
      script: [answer(alreadyClosed)],
      inputs: { 'allow-already-closed': 'true' },
      end: { outcome: 'already-closed', closed: true, attempts: 1, status: 400 },
    },
    {
      name: 'already closed, inside HTTP 200 and in capitals',
      script: [answer(no(400, 'BOT HAS ALREADY BEEN CLOSED', { status: 200 }))],
      end: { outcome: 'already-closed', attempts: 1, status: 200 },
    },
    {
      name: 'already closed, in a re-run',
      script: [answer(alreadyClosed)],
      env: { GITHUB_RUN_ATTEMPT: '3' },
      end: { outcome: 'already-closed', attempts: 1, status: 400, shows: [/attempt 3\b.*earlier/] },
    },
    {
      name: 'already closed after an answer that was no refusal and no loss',
      script: [answer(no(503, 'Service Unavailable')), answer(alreadyClosed)],
      end: { outcome: 'already-closed', attempts: 2, status: 400 },
    },
    {
      name: 'already closed after a refusal',
      script: [answer(no(429, 'Too Many Requests: retry after 1')), answer(alreadyClosed)],
      end: { outcome: 'already-closed', attempts: 2, status: 400 },
      gapsMs: [1000],
    },
    {
      name: 'already closed, but in plain text',
      script: [answer(http(400, 'Bad Request: the bot has already been closed'))],
      inputs: { 'allow-already-closed': 'true' },
      end: { outcome: 'rejected', attempts: 1, status: 400 },
    },
    {
      name: 'already closed, but on a page',
      script: [answer(http(400, '<p>the bot has already been closed</p>'))],
      inputs: { 'allow-already-closed': 'true' },
      end: { outcome: 'rejected', attempts: 1, status: 400 },
    },
    ...[
      ['403', unknownToken, 403],
      ['400', no(400, 'Bad Request: Token not found'), 400],
      ['401', no(401, 'Unauthorized: TOKEN NOT FOUND'), 401],
      ['404 as plain text', http(404, 'token not found\n'), 404],
      ['500, whatever the code', no(500, 'token not found'), 500],
      ['200', no(403, 'token not found', { status: 200 }), 200],
    ].map(([name, bytes, status]) => ({
      name: `token not found with ${String(name)}`,
      script: [answer(bytes as Buffer)],
      end: { outcome: 'unauthorized', attempts: 1, status: status as number },
    })),
    {
      name: 'token not found after a lost answer does not make the bot closed',
      script: [answer(page(502)), answer(unknownToken)],
      end: { outcome: 'unauthorized', attempts: 2, status: 403, lost: true },
    },
    ...[401, 403, 421].flatMap((status): Row[] => [
      {
        name: `${status} with an envelope`,
        script: [answer(no(status, 'No'))],
        end: { outcome: 'unauthorized', attempts: 1, status },
      },
      {
        name: `${status} with a page`,
        script: [answer(page(status))],
        end: { outcome: 'rejected', attempts: 1, status },
      },
    ]),
    {
      name: 'the code of the envelope comes before the status',
      script: [answer(no(403, 'Forbidden', { status: 400 }))],
      end: { outcome: 'unauthorized', attempts: 1, status: 400 },
    },
    {
      name: 'method not found',
      script: [answer(no(404, 'Not Found: method not found'))],
      end: { outcome: 'unsupported', attempts: 1, status: 404 },
    },
    ...[405, 501].flatMap((status): Row[] =>
      [no(status, 'No'), page(status)].map((bytes, at) => ({
        name: `${status} with ${at === 0 ? 'an envelope' : 'a page'}`,
        script: [answer(bytes)],
        end: { outcome: 'unsupported', attempts: 1, status },
      })),
    ),
    ...[400, 402, 406, 409, 410, 413, 418, 422, 431, 451, 499].map((status): Row => ({
      name: `${status}`,
      script: [answer(no(status, 'No'))],
      end: { outcome: 'rejected', attempts: 1, status, shows: [/“No”/] },
    })),
    {
      name: '404 Not Found: api-url is named before the token',
      script: [answer(no(404, 'Not Found'))],
      end: { outcome: 'rejected', attempts: 1, status: 404, shows: [/api-url.*token/] },
    },
    {
      name: 'a page about a token that was not found is a page',
      script: [answer(http(404, '<p>token not found, retry after 5</p>'))],
      end: { outcome: 'rejected', attempts: 1, status: 404 },
    },
    {
      name: 'JSON of another kind about a token that was not found',
      script: [answer(http(404, '{"description":"token not found"}'))],
      end: { outcome: 'rejected', attempts: 1, status: 404 },
    },
    {
      name: 'Logged out',
      script: [answer(no(400, 'Bad Request: Logged out'))],
      end: { outcome: 'rejected', attempts: 1, status: 400, shows: [/logOut/] },
    },
  ])
})

describe('what passes is asked again', () => {
  playAll([
    ...[408, 425, 500, 503, 520].flatMap((status): Row[] =>
      [no(status, 'Try again'), page(status)].map((bytes, at) => ({
        name: `${status} with ${at === 0 ? 'an envelope' : 'a page'}`,
        script: [answer(bytes)],
        inputs: twice,
        end: { outcome: 'server-error', attempts: 2, status },
      })),
    ),
    ...[502, 504].flatMap((status): Row[] => [
      {
        name: `${status}, and then a yes`,
        script: [answer(page(status)), answer(yes)],
        end: { outcome: 'closed', attempts: 2, status: 200 },
      },
      {
        name: `${status} is a lost answer`,
        script: [answer(page(status)), answer(alreadyClosed)],
        end: { outcome: 'closed', attempts: 2, status: 400 },
      },
      {
        name: `${status} to the end: the failure says that the bot may be closed`,
        script: [answer(page(status))],
        inputs: twice,
        end: { outcome: 'server-error', attempts: 2, status, lost: true },
      },
    ]),
    {
      name: '502 inside HTTP 200',
      script: [answer(no(502, 'Bad Gateway', { status: 200 }))],
      inputs: once,
      end: { outcome: 'server-error', attempts: 1, status: 200, lost: true },
    },
    {
      name: 'the server restarts',
      script: [answer(no(500, 'Internal Server Error: restart')), answer(yes)],
      end: { outcome: 'closed', attempts: 2, status: 200 },
    },
    {
      name: 'a lost answer, then another fault, then already closed',
      script: [answer(page(504)), answer(page(503)), answer(alreadyClosed)],
      end: { outcome: 'closed', attempts: 3, status: 400 },
    },
    {
      name: 'a lost answer, and then a refusal for good',
      script: [answer(page(504)), answer(no(400, 'Bad Request'))],
      end: { outcome: 'rejected', attempts: 2, status: 400, lost: true },
    },
  ])
})

describe('the webhook', () => {
  const deleting = { 'delete-webhook': 'true' }
  const methods = (scene: { requests: readonly { line: string }[] }): string[] =>
    scene.requests.map(({ line }) => /\/(\w+) HTTP/.exec(line)?.[1] ?? '')

  test.concurrent.each<[string, Row['script'], End, string[], Record<string, string>?]>([
    [
      'is deleted first',
      [answer(yes), answer(yes)],
      { outcome: 'closed', attempts: 1, status: 200 },
      ['deleteWebhook', 'close'],
    ],
    [
      'is not asked about unless told to',
      [answer(yes)],
      { outcome: 'closed', attempts: 1, status: 200 },
      ['close'],
      { 'delete-webhook': 'false' },
    ],
    [
      'has attempts of its own',
      [answer(page(503)), answer(yes), answer(page(503)), answer(yes)],
      { outcome: 'closed', attempts: 2, status: 200 },
      ['deleteWebhook', 'deleteWebhook', 'close', 'close'],
      twice,
    ],
    [
      'may have been deleted by a request whose answer was lost: it is deleted again',
      [reset(), answer(yes), answer(yes)],
      { outcome: 'closed', attempts: 1, status: 200 },
      ['deleteWebhook', 'deleteWebhook', 'close'],
    ],
    [
      'cannot be deleted: close is not sent',
      [answer(no(400, 'Bad Request: no'))],
      { outcome: 'rejected', attempts: 0, status: 400, shows: [/deleteWebhook/, /close was not sent/] },
      ['deleteWebhook'],
    ],
    [
      'cannot be deleted in the end: close is not sent, and so no answer of it was lost',
      [answer(page(502))],
      { outcome: 'server-error', attempts: 0, status: 502, shows: [/deleteWebhook/] },
      ['deleteWebhook', 'deleteWebhook'],
      twice,
    ],
    [
      'is deleted with no answer that a close could get',
      [answer(alreadyClosed)],
      { outcome: 'rejected', attempts: 0, status: 400 },
      ['deleteWebhook'],
      { 'allow-already-closed': 'true' },
    ],
    [
      'is deleted by a server that has no such method',
      [answer(no(404, 'Not Found: method not found'))],
      { outcome: 'unsupported', attempts: 0, status: 404, shows: [/deleteWebhook/] },
      ['deleteWebhook'],
    ],
    [
      'was deleted, which may have launched the bot',
      [answer(yes), answer(no(429, 'Too Many Requests: retry after 600'))],
      {
        outcome: 'rate-limited',
        attempts: 1,
        status: 429,
        retryAfterSeconds: 600,
        shows: [/deletion of the webhook may have launched the bot/],
      },
      ['deleteWebhook', 'close'],
    ],
    [
      'was deleted after a lost answer, which says nothing about close',
      [answer(page(502)), answer(yes), answer(alreadyClosed)],
      { outcome: 'already-closed', attempts: 1, status: 400 },
      ['deleteWebhook', 'deleteWebhook', 'close'],
    ],
  ])(
    '%s',
    async (_, script, end, expected, inputs = {}) => {
      const scene = await against(script, { inputs: { ...deleting, ...inputs } })
      expectEnd(scene, end)
      expect(methods(scene)).toEqual(expected)
    },
    testTimeoutMs,
  )
})

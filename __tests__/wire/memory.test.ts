/** Floods: memory stays flat, and the run ends. That it is flat is checked in every run, of the other themes too. */
import { expect, test } from '@jest/globals'
import { gzipSync } from 'node:zlib'
import { answer, flood, head, http, no, yes } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { against, closed, expectEnd, failed, once, playAll } from './play.ts'
import type { End, Row } from './play.ts'
import type { Act } from './server.ts'

const megabyte = 1024 * 1024
const piece = Buffer.alloc(megabyte, 'x')
const chunk = Buffer.concat([
  Buffer.from(`${megabyte.toString(16)}\r\n`),
  piece,
  Buffer.from('\r\n'),
])
const huge = 300 * megabyte
const length = { 'content-length': huge }
const chunked = { 'transfer-encoding': 'chunked' }
const fillers = Buffer.from('X-Filler: x\r\n'.repeat(1000))
const hints = Buffer.from(head('103 Early Hints', { link: '</x>' }).repeat(1000))
const tooLong: End = failed('invalid-response', 200, { lost: true, shows: [/64 KiB/] })
const unreachable: End = { outcome: 'unreachable', lost: true }
const short = { 'attempt-timeout-seconds': '3', ...once }
const authority = newAuthority('Test Authority of Floods')

const byTls = { tls: authority.issue('localhost'), trusted: authority.cert }
const drops = Buffer.from('1\r\nx\r\n'.repeat(10_000))
const redirect = head(302, { ...length, location: '/' })
const thrice = { inputs: { 'max-attempts': '3' } }

const floods: Row[] = [
  ['a body with a length', flood(head(200, length), piece, huge), tooLong],
  ['a body in chunks', flood(head(200, chunked), chunk, huge), tooLong],
  ['a body in chunks of a byte', flood(head(200, chunked), drops, huge), tooLong],
  ['a body up to the end of the connection', flood(head(200), piece, huge), tooLong],
  ['a body by TLS', flood(head(200, length), piece, huge), tooLong, byTls],
  ['a body of a 403', flood(head(403, length), piece, huge), failed('rejected', 403)],
  [
    'a body of a 503, three times',
    flood(head(503, length), piece, huge),
    failed('server-error', 503, { attempts: 3 }),
    thrice,
  ],
  ['a body of a redirect', flood(redirect, piece, huge), failed('invalid-response', 302)],
  [
    'one header',
    flood('HTTP/1.1 200 OK\r\nX-Filler: ', piece, huge),
    unreachable,
    { inputs: short },
  ],
  ['a reason phrase', flood('HTTP/1.1 200 ', piece, huge), unreachable, { inputs: short }],
  ['headers without end', flood('HTTP/1.1 200 OK\r\n', fillers), unreachable, { inputs: short }],
]
playAll(floods.map(([name, ...rest]): Row => [`300 MB: ${name}`, ...rest]))

const bomb = gzipSync(Buffer.alloc(100 * megabyte))
/** How these end is a matter of the parser; that they end, and how large the program gets, is not. */
const odd: Record<string, Act> = {
  'interim answers without end': flood('', hints),
  'upgrades without end': flood(
    head('101 Switching Protocols', { upgrade: 'x', connection: 'upgrade' }),
    piece,
  ),
  'an extension of a chunk': flood(`${head(200, chunked)}19;`, piece, huge),
  'trailers without end': flood(`${head(200, chunked)}0\r\n`, fillers),
  'a compression that nobody asked for': answer(http(200, bomb, { 'content-encoding': 'gzip' })),
  'a compression without end': flood(head(200, { 'content-encoding': 'gzip' }), gzipSync(piece)),
}
test.concurrent.each(Object.entries(odd))('300 MB: %s', async (_, act) => {
  const scene = await against(act, { inputs: short })
  const { outcome = '', 'http-status': status } = scene.outputs
  expect(['unreachable', 'invalid-response', 'timed-out']).toContain(outcome)
  expectEnd(scene, { outcome, lost: true, ...(status && { status: Number(status) }) })
  expect(scene.elapsedMs).toBeLessThan(8000)
})

test.concurrent.each<[string, string]>([
  ['of one word', 'x'.repeat(60_000)],
  ['of words', 'لطفا بعدا تلاش کنید '.repeat(1700)],
])('a hundred attempts with answers of 60 KB, %s', async (_, words) => {
  // It asks for so short a wait that all of them take a few seconds.
  const busy = Array.from({ length: 99 }, (_each, at) =>
    no(500, `${words}${at}`, { retry_after: 0.01 }),
  )
  const scene = await against([...busy, yes], { inputs: { 'max-attempts': '100' } })
  expectEnd(scene, { ...closed, attempts: 100 })
  expect(scene.requests).toHaveLength(100)
})

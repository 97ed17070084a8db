/** Floods: memory stays flat, and the run ends. That it is flat is checked in every run, of the other themes too. */
import { describe, expect, test } from '@jest/globals'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { answer, flood, head, http } from './acts.ts'
import { newAuthority } from './certificates.ts'
import { expectEnd, playAll, run, testTimeoutMs } from './play.ts'
import type { Row } from './play.ts'
import { startServer } from './server.ts'

const megabyte = 1024 * 1024
const piece = Buffer.alloc(megabyte, 'x')
const chunk = Buffer.concat([Buffer.from(`${megabyte.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
const huge = 300 * megabyte
const zeros = Buffer.alloc(100 * megabyte)
const tooLong = { outcome: 'invalid-response', attempts: 1, status: 200, lost: true, shows: [/64 KiB/] } as const
const short = { 'attempt-timeout-seconds': '5', 'max-attempts': '1' }

describe('a body of 300 MB', () => {
  playAll([
    { name: 'with a length', script: [flood(head(200, { 'content-length': huge }), piece, huge)], end: tooLong },
    { name: 'in chunks', script: [flood(head(200, { 'transfer-encoding': 'chunked' }), chunk, huge)], end: tooLong },
    { name: 'up to the end of the connection', script: [flood(head(200), piece, huge)], end: tooLong },
    {
      name: 'in chunks of a byte',
      script: [flood(head(200, { 'transfer-encoding': 'chunked' }), Buffer.from('1\r\nx\r\n'.repeat(10_000)), huge)],
      end: tooLong,
    },
    {
      name: 'of an error, which is judged by its status',
      script: [flood(head(403, { 'content-length': huge }), piece, huge)],
      end: { outcome: 'rejected', attempts: 1, status: 403 },
    },
    {
      name: 'of a 429, which is waited for as its header says',
      script: [flood(head(429, { 'content-length': huge, 'retry-after': 2 }), piece, huge)],
      inputs: { 'max-attempts': '2' },
      end: { outcome: 'rate-limited', attempts: 2, status: 429, retryAfterSeconds: 2 },
      gapsMs: [2000],
    },
    {
      name: 'of a gateway, again and again',
      script: [flood(head(503, { 'content-length': huge }), piece, huge)],
      inputs: { 'max-attempts': '3' },
      end: { outcome: 'server-error', attempts: 3, status: 503 },
    },
    {
      name: 'of a redirect',
      script: [flood(head(302, { 'content-length': huge, location: '/' }), piece, huge)],
      end: { outcome: 'invalid-response', attempts: 1, status: 302 },
    },
    {
      name: 'by TLS',
      script: [flood(head(200, { 'content-length': huge }), piece, huge)],
      ...tlsOf(),
      end: tooLong,
    },
  ])

  function tlsOf(): Pick<Row, 'tls' | 'trusted'> {
    const authority = newAuthority('Test Authority of Floods')
    return { tls: authority.issue('localhost'), trusted: authority.cert }
  }
})

describe('a compression bomb', () => {
  const bombs: Record<string, Buffer> = {
    gzip: gzipSync(zeros),
    deflate: deflateSync(zeros),
    br: brotliCompressSync(zeros, { params: {} }),
  }
  playAll(
    Object.entries(bombs).flatMap(([encoding, bomb]): Row[] => [
      {
        name: `of ${encoding}`,
        script: [answer(http(200, bomb, { 'content-encoding': encoding }))],
        end: tooLong,
      },
      {
        name: `of ${encoding}, as an error`,
        script: [answer(http(401, bomb, { 'content-encoding': encoding }))],
        end: { outcome: 'rejected', attempts: 1, status: 401 },
      },
    ]),
  )
  playAll([
    {
      name: 'of gzip, without end',
      script: [flood(head(200, { 'content-encoding': 'gzip' }), gzipSync(piece))],
      end: tooLong,
    },
  ])
})

describe('a flood that is no body', () => {
  const unreachable = { outcome: 'unreachable', attempts: 1, lost: true } as const
  const timedOut = { outcome: 'timed-out', attempts: 1, lost: true } as const
  playAll([
    {
      name: 'one header of 300 MB',
      script: [flood('HTTP/1.1 200 OK\r\nX-Filler: ', piece, huge)],
      inputs: short,
      end: unreachable,
    },
    {
      name: 'a reason phrase of 300 MB',
      script: [flood('HTTP/1.1 200 ', piece, huge)],
      inputs: short,
      end: unreachable,
    },
    {
      name: 'headers without end',
      script: [flood('HTTP/1.1 200 OK\r\n', Buffer.from('X-Filler: x\r\n'.repeat(1000)))],
      inputs: short,
      end: unreachable,
    },
    {
      name: 'interim answers without end',
      script: [flood('', Buffer.from(head('103 Early Hints', { link: '</x>' }).repeat(1000)))],
      inputs: short,
      end: { ...timedOut, outcome: 'invalid-response' },
    },
    {
      name: 'upgrades without end',
      script: [flood(head('101 Switching Protocols', { upgrade: 'x', connection: 'upgrade' }), piece)],
      inputs: short,
      end: timedOut,
    },
  ])

  const odd: Record<string, Row['script'][number]> = {
    'an extension of a chunk': flood(`${head(200, { 'transfer-encoding': 'chunked' })}19;`, piece, huge),
    trailers: flood(
      `${head(200, { 'transfer-encoding': 'chunked' })}0\r\n`,
      Buffer.from('X-Filler: x\r\n'.repeat(1000)),
    ),
  }
  test.concurrent.each(Object.entries(odd))(
    '%s',
    async (_, act) => {
      await using server = await startServer([act])
      const result = await run(`http://127.0.0.1:${server.port}`, { inputs: short })
      const { outcome = '' } = result.outputs
      expect(['unreachable', 'invalid-response', 'timed-out']).toContain(outcome)
      expectEnd(result, { outcome, attempts: 1, status: 200, lost: true })
      expect(result.elapsedMs).toBeLessThan(10_000)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'a proxy’s answer without end',
    async () => {
      await using proxy = await startServer([flood('HTTP/1.1 200 OK\r\n', Buffer.from('X-Filler: x\r\n'.repeat(1000)))])
      const result = await run('https://bale.test', {
        inputs: { 'attempt-timeout-seconds': '2', 'max-attempts': '1' },
        env: { https_proxy: `http://127.0.0.1:${proxy.port}` },
      })
      expect(result.outputs).toMatchObject({ closed: 'false', attempts: '1', 'http-status': '' })
      expect(result.elapsedMs).toBeLessThan(7000)
    },
    testTimeoutMs,
  )
})

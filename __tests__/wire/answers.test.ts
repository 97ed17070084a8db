/** What the connection makes of an answer. What an answer means is tested in `modules/verdict.test.ts`. */
import { describe, expect, test } from '@jest/globals'
import { alreadyClosed, envoy, head, http, no, page, unknownToken } from './answers.ts'
import { yes, yesText } from './answers.ts'
import { answer, reset, stall } from './replies.ts'
import { closed, expectResult, fails, inferred, runAgainst, testScenarios } from './run.ts'
import type { Expectation, Scenario } from './run.ts'
import type { Reply, ServerScript } from './server.ts'

const chunked = { 'transfer-encoding': 'chunked' }
const length = { 'content-length': 100 }

describe('A yes closes the bot:', () => {
  const oddChunk = `19;name=value\r\n${yesText}\r\n0\r\nX-Trailer: 1\r\n\r\n`
  testScenarios([
    ['with a byte order mark and white space', http(200, `\uFEFF \t${yesText}\r\n`), closed],
    ['in chunks with an extension and a trailer', answer(head(200, chunked), oddChunk), closed],
    ['in HTTP/1.0, without a length', answer('HTTP/1.0 200 OK\r\n\r\n', 50, yesText), closed],
    ['after 100 and 103', answer(head('100 Continue'), head('103 Early Hints'), yes), closed],
    ['on a connection that stays open', stall(yes), closed],
    ['under a path prefix', yes, closed, { url: 'http://127.0.0.1:PORT/relay/v1/' }],
  ])
})

describe('An answer', () => {
  const cuts: Record<string, Reply> = {
    'with a length': answer(head(200, length), yesText),
    'in chunks': answer(head(200, chunked), `19\r\n${yesText}\r\n`),
    'by a reset': reset(head(200, length), yesText),
    'by a reset, without a length': reset(head(200), yesText.slice(0, -1)),
  }
  const doubtful: Record<string, Buffer> = {
    '502 inside HTTP 200': no(502, 'Bad Gateway', { status: 200 }),
    'Envoy’s remote reset': envoy('reset reason: remote reset'),
  }
  const secondAttempt = { ...closed, attempts: 2 }
  const limit = reset(head(429, { ...length, 'retry-after': 2 }))
  testScenarios([
    ...Object.entries(cuts).map(([name, reply]): Scenario => {
      const title = `with 2xx that is cut off ${name} is asked again, and may have worked`
      return [title, [reply, alreadyClosed], inferred]
    }),
    ...Object.entries(doubtful).map(([name, bytes]): Scenario => {
      return [`by a gateway may have worked: ${name}`, [bytes, alreadyClosed], inferred]
    }),
    [
      'by a gateway that passed nothing on cannot have worked',
      [page(521), alreadyClosed],
      fails('already-closed', 400, { attempts: 2 }),
    ],
    ['with 429 that is cut off is waited for', [limit, yes], secondAttempt, { waits: [2] }],
    [
      'with 400 of more than 64 KiB is judged by its status',
      no(400, `Token not found ${'x'.repeat(70_000)}`),
      fails('rejected', 400),
    ],
    [
      'that redirects to this host is not followed',
      http(307, '', { location: 'close' }),
      fails('invalid-response', 307),
    ],
  ])
})

describe('The webhook', () => {
  const undone = fails('rejected', 400, { attempts: 0, says: [/deleteWebhook/] })
  const doubted = fails('server-error', 502, { attempts: 0, webhook: 'may be deleted' })
  const refused = fails('unauthorized', 403, { webhook: 'is deleted' })
  const both = 'deleteWebhook close'
  test.concurrent.each<[string, ServerScript, Expectation, string]>([
    ['is deleted again if the answer was lost', [reset(), yes], closed, `deleteWebhook ${both}`],
    ['cannot be deleted: close is not sent', no(400, 'No'), undone, 'deleteWebhook'],
    ['may be deleted: close is not sent', page(502), doubted, 'deleteWebhook deleteWebhook'],
    ['was deleted, which a failure says', [yes, unknownToken], refused, both],
  ])('%s', async (_, script, expectation, methods) => {
    const inputs = { 'delete-webhook': 'true', 'max-attempts': '2' }
    const result = await runAgainst(script, { inputs })
    expectResult(result, expectation)
    const names = result.requests.map(({ line }) => /\/(\w+) HTTP/.exec(line)?.[1])
    expect(names.join(' ')).toBe(methods)
  })
})

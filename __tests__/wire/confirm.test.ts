/** The second `close` after a while, which tells whether something has opened the bot again. */
import { describe, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { alreadyClosed, answer, http, no, page, reset, stall, unknownToken, yes } from './acts.ts'
import { against, expectEnd, failed, onPosix, playAll, run } from './play.ts'
import type { End, Row } from './play.ts'
import { throwSoon } from './preload.ts'
import { startServer } from './server.ts'
import type { Act } from './server.ts'

const inputs = { 'confirm-after-seconds': '1' }
const confirmed: End = { outcome: 'closed', attempts: 2, status: 200 }
const unconfirmed: End = { ...confirmed, warns: true, shows: [/could not be confirmed/] }
const reopened: End = failed('reopened', 429, { attempts: 2, shows: [/old host.*webhook/] })
const tooMany = (seconds?: number): Buffer => no(429, 'Too Many Requests', { parameters: { retry_after: seconds } })

describe('the confirming close', () => {
  const ends: [string, Act, End][] = [
    ['already closed: nothing has opened it since', answer(alreadyClosed), confirmed],
    ['another yes, which does not tell', answer(yes), confirmed],
    ['refused for the rest of the ten minutes', answer(tooMany(599)), reopened],
    ['refused for the rest, by a header', answer(no(429, 'No', { headers: { 'retry-after': 599 } })), reopened],
    ['refused for no time', answer(tooMany()), reopened],
    ['refused for less, so that it is another limit', answer(tooMany(590)), unconfirmed],
    ['refused by a gateway', answer(http(429, 'local_rate_limited')), unconfirmed],
    ['refused for the token', answer(unknownToken), unconfirmed],
    ['answered by a gateway', answer(page(502)), unconfirmed],
    ['not answered', reset(), unconfirmed],
  ]
  playAll(ends.map(([name, act, end]): Row => [name, [yes, act], end, { inputs, gapsMs: [1000] }]))
  playAll([
    [
      'has the time of one attempt',
      [yes, stall()],
      unconfirmed,
      { inputs: { ...inputs, 'attempt-timeout-seconds': '1' }, gapsMs: [1000] },
    ],
    [
      'is not sent where no time is left for it',
      yes,
      { ...unconfirmed, attempts: 1 },
      { inputs: { 'confirm-after-seconds': '4', 'timeout-seconds': '5' }, withinMs: 3900 },
    ],
    [
      'is not stopped by a defect',
      yes,
      { ...unconfirmed, attempts: 1 },
      { inputs: { 'confirm-after-seconds': '20' }, preloads: [throwSoon('new Error()')] },
    ],
  ])

  test.concurrent('and what a deletion has left behind', async () => {
    const scene = await against([answer(yes), answer(yes), answer(tooMany(600))], {
      inputs: { ...inputs, 'delete-webhook': 'true' },
    })
    expectEnd(scene, { ...reopened, webhook: 'is deleted' })
  })

  onPosix.each<[string, string, number, number]>([
    ['while it waits', '30', 1, 1],
    ['in flight', '1', 2, 2],
  ])('may be cancelled %s, and the bot stays closed', async (_, seconds, requests, attempts) => {
    await using server = await startServer([answer(yes), stall()])
    let cancelledMs = NaN
    const result = await run(`http://127.0.0.1:${server.port}`, {
      inputs: { 'confirm-after-seconds': seconds },
      during: async ({ child }) => {
        while (server.requests.length < requests) await sleep(20)
        await sleep(500)
        cancelledMs = performance.now()
        child.kill('SIGINT')
      },
    })
    expectEnd(result, { ...unconfirmed, attempts })
    expect(performance.now() - cancelledMs).toBeLessThan(3000)
  })
})

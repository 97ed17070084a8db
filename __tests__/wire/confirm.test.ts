/** The second `close` after a while, which tells whether something has opened the bot again. */
import { describe, expect, test } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { alreadyClosed, http, no, page, reset, stall, unknownToken, yes } from './acts.ts'
import { against, closed, expectEnd, failed, onPosix, playAll } from './play.ts'
import type { End, Move, Row } from './play.ts'
import { throwSoon } from './preload.ts'

const inputs = { 'confirm-after-seconds': '1' }
const confirmed: End = { ...closed, attempts: 2 }
const unconfirmed: End = { ...confirmed, warns: true, shows: [/could not be confirmed/] }
const unsent: End = { ...unconfirmed, attempts: 1 }
const reopened: End = failed('reopened', 429, { attempts: 2, shows: [/old host.*webhook/] })
const tooMany = (seconds?: number): Buffer =>
  no(429, 'Too Many Requests', { parameters: { retry_after: seconds } })

describe('the confirming close', () => {
  const ends: [string, Move, End][] = [
    ['already closed: nothing has opened it since', alreadyClosed, confirmed],
    ['another yes, which does not tell', yes, confirmed],
    ['refused for the rest of the ten minutes', tooMany(599), reopened],
    [
      'refused for the rest, by a header',
      no(429, 'No', { headers: { 'retry-after': 599 } }),
      reopened,
    ],
    ['refused for no time', tooMany(), reopened],
    ['refused for less, so that it is another limit', tooMany(590), unconfirmed],
    ['refused by a gateway', http(429, 'local_rate_limited'), unconfirmed],
    ['refused for the token', unknownToken, unconfirmed],
    ['answered by a gateway', page(502), unconfirmed],
    ['not answered', reset(), unconfirmed],
  ]
  const hasty = { ...inputs, 'attempt-timeout-seconds': '1' }
  const tooLate = { 'confirm-after-seconds': '4', 'timeout-seconds': '5' }
  const defect = { inputs: { 'confirm-after-seconds': '20' }, preloads: [throwSoon('new Error()')] }
  playAll([
    ...ends.map(([name, move, end]): Row => [name, [yes, move], end, { inputs, gapsMs: [1000] }]),
    ['has the time of one attempt', [yes, stall()], unconfirmed, { inputs: hasty, gapsMs: [1000] }],
    ['is not sent where no time is left for it', yes, unsent, { inputs: tooLate, withinMs: 3900 }],
    ['is not stopped by a defect', yes, unsent, defect],
  ])

  test.concurrent('and what a deletion has left behind', async () => {
    const scene = await against([yes, yes, tooMany(600)], {
      inputs: { ...inputs, 'delete-webhook': 'true' },
    })
    expectEnd(scene, { ...reopened, webhook: 'is deleted' })
  })

  onPosix.each<[string, string, number]>([
    ['while it waits', '30', 1],
    ['in flight', '1', 2],
  ])('may be cancelled %s, and the bot stays closed', async (_, seconds, attempts) => {
    let cancelledMs = NaN
    const scene = await against([yes, stall()], {
      inputs: { 'confirm-after-seconds': seconds },
      during: async ({ child }, { requests }) => {
        while (requests.length < attempts) await sleep(20)
        await sleep(500)
        cancelledMs = performance.now()
        child.kill('SIGINT')
      },
    })
    expectEnd(scene, { ...unconfirmed, attempts })
    expect(performance.now() - cancelledMs).toBeLessThan(3000)
  })
})

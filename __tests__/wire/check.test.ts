/** The check: a second `close` after a while, which tells whether something has opened the bot again. */
import { describe } from '@jest/globals'
import { setTimeout as sleep } from 'node:timers/promises'
import { alreadyClosed, http, no, page, tooMany, yes } from './answers.ts'
import { reset, stall } from './replies.ts'
import { closed, expectResult, fails, inferred, runAgainst } from './run.ts'
import { testOnPosix, testScenarios } from './run.ts'
import type { Expectation, Scenario } from './run.ts'
import type { Reply } from './server.ts'

const inputs = { 'confirm-after-seconds': '1' }
const unconfirmed: Expectation = { outcome: 'unconfirmed', status: 200, attempts: 2 }
const reopened = fails('reopened', 429, { attempts: 2, says: [/old host/] })

describe('The check after a yes', () => {
  const launched: Record<string, Buffer> = {
    '4 s': tooMany(4),
    '299 s': tooMany(299),
    'an hour': tooMany(3600),
    'no time': tooMany(),
    'no time, in HTTP 200': no(429, 'No', { status: 200 }),
  }
  const tellsNothing: Record<string, Reply | Buffer> = {
    'gets another yes': yes,
    'meets a limit on bots': tooMany(599, 'bot limit exceed'),
    'meets a gateway’s limit': http(429, 'local_rate_limited'),
    'gets no answer': reset(),
    'meets silence': stall(),
  }
  const short = { ...inputs, 'attempt-timeout-seconds': '4' }
  const noTime = { 'confirm-after-seconds': '19', 'timeout-seconds': '20' }
  const deleting = { inputs: { ...inputs, 'delete-webhook': 'true' }, waits: [0, 1] }
  testScenarios([
    ['finds it closed', [yes, alreadyClosed], { ...closed, attempts: 2 }, { inputs, waits: [1] }],
    ...Object.entries(launched).map(([name, bytes]): Scenario => {
      const status = name.includes('200') ? 200 : 429
      const title = `finds it launched: refused for ${name}`
      return [title, [yes, bytes], { ...reopened, status }, { inputs, waits: [1] }]
    }),
    ...Object.entries(tellsNothing).map(([name, reply]): Scenario => {
      return [`tells nothing: ${name}`, [yes, reply], unconfirmed, { inputs: short, waits: [1] }]
    }),
    ['has no time', yes, { ...unconfirmed, attempts: 1 }, { inputs: noTime, withinSeconds: 2 }],
    ['after a deletion', [yes, yes, tooMany(60)], { ...reopened, webhook: 'is deleted' }, deleting],
  ])
})

describe('The check after “already closed”', () => {
  const thrice = { attempts: 3 }
  const allowed: Expectation = { ...fails('already-closed', 400), closed: true, attempts: 2 }
  const untold: Expectation = { ...unconfirmed, status: 400 }
  const reclosed: Expectation = { ...reopened, status: 200 }
  const refused = fails('already-closed', 400)
  const inferring = { inputs, waits: [0.5, 1] }
  const allowing = { inputs: { ...inputs, 'allow-already-closed': 'true' }, waits: [1] }
  const lost = [page(502), alreadyClosed]
  testScenarios([
    ['inferred: finds it closed', [...lost, alreadyClosed], { ...inferred, ...thrice }, inferring],
    ['inferred: finds it launched', [...lost, tooMany(60)], { ...reopened, ...thrice }, inferring],
    ['inferred: a yes, so it was open', [...lost, yes], { ...reclosed, ...thrice }, inferring],
    ['inferred: tells nothing', [...lost, page(502)], { ...untold, ...thrice }, inferring],
    ['allowed: finds it closed', [alreadyClosed, alreadyClosed], allowed, allowing],
    ['allowed: finds it launched', [alreadyClosed, tooMany(5)], reopened, allowing],
    ['allowed: a yes, so it was open', [alreadyClosed, yes], reclosed, allowing],
    [
      'allowed: tells nothing',
      [alreadyClosed, page(502)],
      { ...untold, isAllowed: true },
      allowing,
    ],
    ['is not sent if that is not allowed', alreadyClosed, refused, { inputs }],
  ])
})

testOnPosix.each<[string, string, number]>([
  ['while it waits', '50', 1],
  ['in flight', '1', 2],
])(
  'A check that is cancelled %s leaves the bot closed, and says so',
  async (_, seconds, attempts) => {
    const result = await runAgainst([yes, stall()], {
      inputs: { 'confirm-after-seconds': seconds, 'timeout-seconds': '600' },
      during: async ({ child }, { requests }) => {
        while (requests.length < attempts) await sleep(20)
        await sleep(500)
        child.kill('SIGINT')
      },
    })
    expectResult(result, { ...unconfirmed, attempts, says: [/cancelled/] })
  },
)

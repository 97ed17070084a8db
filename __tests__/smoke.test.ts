/** The committed bundle, once for each outcome. */
import { describe } from '@jest/globals'
import { alreadyClosed, http, no, page, tooMany, unknownToken, yes } from './wire/answers.ts'
import { newAuthority } from './wire/certificates.ts'
import { reset, stall } from './wire/replies.ts'
import { closed, expectResult, fails, inferred, once, printed } from './wire/run.ts'
import { runAgainst, testOnPosix, testScenarios } from './wire/run.ts'
import type { Expectation, Scenario } from './wire/run.ts'

const authority = newAuthority('Test Authority')
const trusted = authority.cert
const overTls = { tls: authority.issue('localhost'), trusted }
const checking = { inputs: { 'confirm-after-seconds': '1' }, waits: [1] }
const allowing = { inputs: { 'allow-already-closed': 'true' } }
const deleting = { inputs: { 'delete-webhook': 'true' }, waits: [0] }
const hasty = { inputs: { ...once, 'attempt-timeout-seconds': '4' } }
const noDryRun = { inputs: { 'dry-run': 'yes' }, unsentOn: 0 }
const dryRun = { inputs: { 'dry-run': 'true' }, unsentOn: 1 }
const treated: Expectation = { ...fails('already-closed', 400), closed: true }
const againClosed = [page(502), alreadyClosed, alreadyClosed]
const inferredTwice: Expectation = { ...inferred, attempts: 3 }
const checkingLater = { ...checking, waits: [0.5, 1] }
const reopened = fails('reopened', 200, { attempts: 2 })
const checkAllowed = { ...checking, inputs: { ...checking.inputs, ...allowing.inputs } }
const unconfirmed: Expectation = { outcome: 'unconfirmed', status: 200, attempts: 2 }
const doubtful = (outcome: string) => fails(outcome, undefined, { mayBeClosed: true })

const scenarios: Scenario[] = [
  // The slowest first: only a few run side by side.
  ['a silent server', stall(), doubtful('timed-out'), hasty],
  ['a running bot is closed', yes, closed],
  ['a bot is closed over TLS', yes, closed, overTls],
  ['a bot is closed after its webhook is deleted', [yes, yes], closed, deleting],
  ['a bot is closed after a lost answer', [page(502), alreadyClosed], inferred],
  [
    'a bot that was closed by a lost answer stays closed',
    againClosed,
    inferredTwice,
    checkingLater,
  ],
  ['a bot that counted as closed was reopened', [alreadyClosed, yes], reopened, checkAllowed],
  ['a bot stays closed', [yes, alreadyClosed], { ...closed, attempts: 2 }, checking],
  ['a check tells nothing', [yes, yes], unconfirmed, checking],
  ['a bot is reopened', [yes, tooMany(60)], fails('reopened', 429, { attempts: 2 }), checking],
  ['a bot is already closed', alreadyClosed, fails('already-closed', 400)],
  ['a bot that may be closed is', alreadyClosed, treated, allowing],
  ['a wrong token', unknownToken, fails('unauthorized', 403)],
  ['a server without close', no(404, 'method not found'), fails('unsupported', 404)],
  ['a wait that is too long', tooMany(600), fails('rate-limited', 429)],
  ['a server in trouble', page(500), fails('server-error', 500), { inputs: once }],
  ['a refusal', no(400, 'No'), fails('rejected', 400)],
  ['a redirect', http(302), fails('invalid-response', 302)],
  ['a broken connection', reset(), doubtful('unreachable'), { inputs: once }],
  ['a wrong input', yes, fails('invalid-input'), noDryRun],
  ['a dry run', yes, { outcome: 'dry-run' }, dryRun],
]

describe('Smoke:', () => {
  testScenarios(scenarios)

  testOnPosix('a wait is cancelled', async () => {
    const result = await runAgainst(tooMany(30), {
      during: async (bundleRun) => {
        await printed(bundleRun, /30 s/)
        bundleRun.child.kill('SIGINT')
      },
    })
    expectResult(result, fails('cancelled'))
  })
})

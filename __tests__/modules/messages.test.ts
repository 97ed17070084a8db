/** All messages, in a snapshot, which is to be read whenever it changes. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { adviceFor, type RunContext } from '../../src/advice.ts'
import type { Failed, Wait } from '../../src/closing.ts'
import * as messages from '../../src/message.ts'
import { createQuote } from '../../src/text.ts'
import { FAILURE_KINDS, judge } from '../../src/verdict.ts'
import { ALLOW, CHECK, DELETE, ONCE, parse, type Texts, validInputs } from './parse.ts'
import * as samples from './samples.ts'
import { answer, CLOSED, CONNECTED, failed, NO_CONNECTION, refusal, REFUSED } from './samples.ts'
import { RESET, SECRET, SILENCE, STOPPED, TOKEN, tooMany, UNKNOWN_TOKEN, YES } from './samples.ts'
import { cancelled, CANCELLED_IN_WAIT, type Options, type Planned, run } from './virtual-run.ts'
import { slow } from './virtual-run.ts'

/** What the API answers, the inputs, and what else makes a case. */
type Case = [Planned[], Texts?, { env?: NodeJS.ProcessEnv; context?: Context; options?: Options }?]
type Context = Partial<RunContext>

const CONTEXT: RunContext = { startedBy: 'other', isRerun: false }
const DRY: Texts = { 'dry-run': 'true' }
const RERUN = { context: { isRerun: true } }
const PROXY = { env: { https_proxy: 'http://user:hunter22@proxy.example:3128' } }
const IN_WAIT = { options: CANCELLED_IN_WAIT }
const seconds = (timeout: string): Texts => ({ 'timeout-seconds': timeout })
const NO_CLOSE = refusal(404, 'Not Found: method not found')

const CASES: Record<string, Case> = {
  closed: [[YES]],
  'closed, after a limiter': [[samples.BOT_LIMIT, answer(503, '', 31), YES]],
  'closed, after a launch': [[tooMany(9), refusal(429, 'Too Many Requests'), YES]],
  'closed, checked': [[YES, CLOSED], { 'confirm-after-seconds': '60' }],
  'already closed, allowed and checked': [[CLOSED, CLOSED], { ...ALLOW, ...CHECK }],
  'already closed, allowed in a re-run': [[CLOSED], ALLOW, RERUN],
  'unconfirmed: a yes again': [[YES, YES, YES], { ...DELETE, ...CHECK }],
  'unconfirmed: an error': [[CLOSED, samples.TOO_LONG], { ...ALLOW, ...CHECK }],
  'unconfirmed: cancelled': [[YES], CHECK, IN_WAIT],
  'unconfirmed: no time': [[YES], { ...CHECK, ...seconds('34') }],
  reopened: [[YES, YES, tooMany(599)], { ...DELETE, ...CHECK }],
  'dry run': [[CONNECTED], DRY, PROXY],
  'dry run, no connection': [[NO_CONNECTION], { ...DRY, ...ONCE }],
  'dry run, cancelled': [[cancelled(samples.STOPPED_BEFORE)], DRY],
  'already closed': [[CLOSED]],
  'already closed, in a re-run': [[YES, CLOSED], DELETE, RERUN],
  'wrong token': [[UNKNOWN_TOKEN]],
  'close not offered': [[NO_CLOSE]],
  'close not offered by a gateway': [[answer(405, '')]],
  'deletion not offered': [[NO_CLOSE], DELETE],
  redirect: [[answer(302, '')]],
  'relay on Cloudflare': [[answer(530, 'error code: 1016')], ONCE],
  'launch, no time': [[tooMany(590)], seconds('60')],
  '502 twice': [[answer(502, '<html>'), answer(502, '<html>')], { 'max-attempts': '2' }],
  rejected: [[refusal(400, 'Bad Request: ::error:: “no”')], {}, PROXY],
  'active webhook, although deleted': [[YES, refusal(409, 'webhook')], DELETE],
  'active webhook': [[refusal(409, 'Conflict: webhook is active')]],
  'connection refused, to the deletion': [[REFUSED], { ...ONCE, ...DELETE }],
  'proxy wants credentials': [[failed('PROXY_407')], {}, PROXY],
  'close lost, the webhook deleted': [[YES, RESET], { ...DELETE, ...ONCE }],
  'close lost, although a closed bot is allowed': [[RESET], { ...ALLOW, ...ONCE }],
  'close lost, then cancelled': [[RESET, cancelled(STOPPED)]],
  'deletion lost, then cancelled': [[RESET], DELETE, IN_WAIT],
  'no connection in time': [[NO_CONNECTION], seconds('2.5')],
  'all that can be said at once': [
    [YES, RESET, slow(899, refusal(429, 'retry after 100000'))],
    DELETE,
    PROXY,
  ],
  'all that can be said of a proxy': [[YES, RESET, failed('PROXY_407')], DELETE, PROXY],
  'all that can be said of a certificate': [
    [RESET, failed('UNABLE_TO_GET_ISSUER_CERT_LOCALLY')],
    DELETE,
    PROXY,
  ],
  'silence, then closed': [[SILENCE, CLOSED]],
  'no time for close': [[slow(900, YES)], DELETE],
  'invalid inputs': [[], { 'dry-run': '', 'max-attempts': '0' }, { env: { INPUT_DRYRUN: 'true' } }],
  'token missing': [[], { 'bale-token': '' }],
}

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  jest.restoreAllMocks()
})

async function tell([planned, texts = {}, { env, context, options } = {}]: Case) {
  const inputs = parse(texts, env)
  const runContext = { ...CONTEXT, ...context }
  if (!inputs.isValid) {
    const message = messages.invalidInputMessage(inputs, runContext)
    return { message, waits: [], result: undefined }
  }
  const { result, world } = await run(planned, inputs, options)
  const waits = world.waits.map(({ wait, leftSeconds, atSeconds }) => {
    jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 0, 1, 12) + atSeconds * 1000)
    return messages.describeWait(wait, leftSeconds, inputs)
  })
  return { message: messages.createMessage(result, inputs, runContext), waits, result }
}

const PAGE = 'https://github.com/OWNER/close-bale-bot/blob/v1/docs/troubleshooting.md'
const STAYS_STOPPED = 'If the bot was stopped, it stays stopped unless a later step starts it.'
const BOT = '(Bale bot 1234567890|The Bale bot)'
const STATE = '(was not closed( by this run)?|did not stay closed|is not known to be closed)'
const TITLES = {
  error: `^(Dry run for ${BOT} failed|${BOT} ${STATE}): [a-z -]+$`,
  warning: `^${BOT} is (treated as )?closed(, but the check was inconclusive)?$`,
  notice: `^Dry run for ${BOT} passed$`,
  info: `^${BOT} is closed$`,
}

/** What must be so in each message and each line of the log. */
function check({ level, title, text: all }: messages.Message, lines: string[], outcome: string) {
  const [text = '', link = ''] = all.split(' Details: ')
  for (const line of [text, ...lines]) {
    expect(line).toMatch(/^[A-Z][^\r\n]*[^.]\.$/)
    expect(line).not.toMatch(/ {2}|undefined|null|NaN|Infinity|\[object| [.,]|[.,]\.|::|hunter22/)
    expect(line).not.toContain(SECRET.slice(0, 12))
  }
  expect(text.startsWith(`${title}. `) || text === `${title}.`).toBe(true)
  expect(title).toMatch(new RegExp(TITLES[level]))
  expect(text.includes(STAYS_STOPPED)).toBe(level === 'error')
  const section = title.includes('is not known') ? 'not-known-to-be-closed' : outcome
  expect(link).toBe(level === 'error' ? `${PAGE}#${section}` : '')
  if (outcome === 'invalid-input') return
  const words = text.replace(/“[^”]*”/g, '')
  expect(words).toMatch(/^.{0,400}$/)
  const asksTwice = /run again.*start a new run|start a new run.*run again/i.test(words)
  if (asksTwice) expect(words).toMatch(/allow-already-closed: true.*re-runs/)
}

test.each(Object.entries(CASES))('%s', async (_, each) => {
  const { message, waits, result } = await tell(each)
  check(message, waits, result?.outcome ?? 'invalid-input')
  const isUnknown = result?.kind === 'failed' && result.mayBeClosed
  expect(message.title.includes('is not known to be closed')).toBe(isUnknown)
  expect(message.level === 'error').toBe(!result || result.kind === 'failed')
  // The sentence that most of them share is left out, and the link.
  const text = message.text.replace(STAYS_STOPPED, '…').replace(/ Details: .*/, '')
  expect([...waits, `${message.level}: ${text}`].join('\n')).toMatchSnapshot()
})

test.each([...FAILURE_KINDS, 'reopened'])('the advice on %s', async (outcome) => {
  const inputs = validInputs(ONCE)
  const { result } = await run([REFUSED], inputs)
  const failure = { ...result, outcome } as Failed
  expect(adviceFor(failure, inputs, CONTEXT)).toMatchSnapshot()
  check(messages.createMessage(failure, inputs, CONTEXT), [], outcome)
})

test.each([
  ['TypeError at index.js:3120:17', new TypeError(TOKEN), `${TOKEN}\n at x (/index.js:3120:17)`],
  ['RangeError at an unknown position', new RangeError(TOKEN), `${TOKEN}\n at x (/main.js:1:2)`],
  [
    'ABError at an unknown position',
    Object.assign(new Error(TOKEN), { name: 'A\nB::Error' }),
    undefined,
  ],
])('a defect shows %s and nothing else', (trace, error, stack) => {
  const { title, text } = messages.defectMessage(Object.assign(error, { stack }))
  expect(title).toBe('The Bale bot is not known to be closed: defect of the action')
  expect(text).toContain(`${title}. Run again, and report this: ${trace}. If the bot was stopped,`)
  expect(text).not.toContain(SECRET)
  expect(text).toMatch(/ Details: https:\/\/github\.com\/OWNER\/close-bale-bot\/issues$/)
  expect(messages.defectMessage(TOKEN).text).toMatch(/report this: Error at .*\. If/)
})

test('what a type allows, but no run has, gets words, too', async () => {
  const inputs = validInputs(ONCE)
  for (const exchange of [STOPPED, CONNECTED]) {
    const verdict = judge('close', exchange, createQuote([]))
    const wait: Wait = { seconds: 1, attempt: { verdict, count: 1 } }
    expect(messages.describeWait(wait, 1, inputs)).toContain('close. Next try')
  }
  const { result } = await run([REFUSED], inputs)
  const message = messages.createMessage({ ...result, verdict: undefined }, inputs, CONTEXT)
  expect(message.title).toBe('Bale bot 1234567890 was not closed: unreachable')
})

test('outputs that cannot be written have an error of their own', () => {
  expect(messages.unwrittenOutputsMessage()).toMatchSnapshot()
})

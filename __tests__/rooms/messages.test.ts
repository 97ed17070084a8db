/**
 * All messages, in `messages.txt`, to be read aloud. After a change on purpose, write the file anew with
 * `UPDATE_MESSAGES=1 npm test -- messages`, and read what changed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals'
import type { RunContext } from '../../src/context.ts'
import { createMessage, describeWait, traceOf } from '../../src/message.ts'
import * as samples from './samples.ts'
import {
  CONFIRMING,
  DELETING,
  DRY,
  ONCE,
  type Options,
  parse,
  play,
  refusal,
  type Scripted,
} from './samples.ts'
import { cancelled, cancelledInWait, late, TOKEN, tooMany, type Values } from './samples.ts'

const { ALREADY_CLOSED, BAD_GATEWAY, CONNECTED, REFUSED, RESET, SILENCE, STOPPED, STOPPED_UNSENT } =
  samples
const { TOKEN_NOT_FOUND, UNAVAILABLE, YES } = samples

interface Case {
  script?: Scripted[]
  values?: Values
  env?: NodeJS.ProcessEnv
  nodeVersion?: string
  context?: Partial<RunContext>
  areWritten?: boolean
  options?: Options
}

const PAGES = 'https://github.com/owner/action/blob/v1/'
const IN_WORKFLOW = {
  isInWorkflow: true,
  isFromFork: false,
  isByDependabot: false,
  isEventReadable: true,
}
const CONTEXT: RunContext = { ...IN_WORKFLOW, isRerun: false, pagesUrl: PAGES }
const BY_HAND = { isInWorkflow: false, pagesUrl: '' }
const CONFIRMING_LATE = { 'confirm-after-seconds': '90' }
const PROXY = { https_proxy: 'http://user:hunter22@proxy.example:3128' }
const NO_TOKEN = { 'bale-token': '' }
const DEFECT = Object.assign(new TypeError(TOKEN), {
  stack: `TypeError: ${TOKEN}\n at x (/dist/index.js:3120:17)`,
})

const failed = (code: string) => samples.failed(code, false)
const page = (status: number, headers = {}) => samples.answer(status, '<html>', headers)
const CASES: Record<string, Case> = {
  closed: { script: [YES] },
  'closed, after three attempts': { script: [UNAVAILABLE, tooMany(45), YES] },
  'closed, after a limit without a time': { script: [refusal(429, 'bot limit exceed'), YES] },
  'closed, with the webhook deleted': { script: [YES, YES], values: DELETING },
  'closed, as one may infer': { script: [RESET, ALREADY_CLOSED] },
  'closed, confirmed': { script: [YES, ALREADY_CLOSED], values: CONFIRMING },
  'closed, and the server does not tell': {
    script: [YES, YES, YES],
    values: { ...CONFIRMING, ...DELETING },
  },
  'closed, not confirmed': { script: [YES, RESET], values: CONFIRMING },
  'closed, confirmed after more than a minute': {
    script: [YES, ALREADY_CLOSED],
    values: CONFIRMING_LATE,
  },
  'already closed, which is allowed': {
    script: [ALREADY_CLOSED],
    values: { 'allow-already-closed': 'true' },
  },
  'dry run': { script: [CONNECTED], values: DRY },
  'dry run, through a proxy': { script: [CONNECTED], values: DRY, env: PROXY },
  'dry run, no connection': { script: [REFUSED], values: { ...DRY, ...ONCE } },
  'already closed': { script: [ALREADY_CLOSED] },
  'already closed, in a re-run': { script: [ALREADY_CLOSED], context: { isRerun: true } },
  unauthorized: { script: [TOKEN_NOT_FOUND] },
  'unauthorized, at the webhook': { script: [TOKEN_NOT_FOUND], values: DELETING },
  'unsupported by the API': { script: [refusal(501, 'Not Implemented')] },
  'unsupported by another server': { script: [page(405)] },
  'rate limited after a launch, no time': {
    script: [tooMany(590)],
    values: { 'timeout-seconds': '300' },
  },
  'rate limited after a launch, no time for any wait': { script: [tooMany(10 ** 6)] },
  'rate limited after a launch, without a time': {
    script: [refusal(429, 'No')],
    values: { 'timeout-seconds': '30' },
  },
  'rate limited, and launched again': { script: [tooMany(400), tooMany(590)] },
  'rate limited by a gateway': {
    script: [samples.answer(429, 'local_rate_limited')],
    values: ONCE,
  },
  'server error': {
    script: [UNAVAILABLE, page(500, { retryAfter: '2' }), page(500)],
    values: { 'max-attempts': '3' },
  },
  'server error, not known to be closed': { script: [BAD_GATEWAY], values: ONCE },
  'server error that asks for a wait': { script: [page(503, { retryAfter: '40' }), tooMany(1000)] },
  'rejected: logged out': { script: [refusal(400, 'Logged out')] },
  'rejected: not found': { script: [refusal(404, 'Not Found')] },
  'rejected by the API': { script: [refusal(400, 'Bad Request: ::error:: “no”')] },
  'rejected by a firewall': { script: [page(403)], env: PROXY },
  'invalid response: a redirect': { script: [page(302)] },
  'invalid response: a page': { script: [page(200)], values: ONCE },
  'invalid response: neither yes nor no': { script: [samples.answer(200, { ok: true })] },
  'invalid response: too long': { script: [samples.TOO_LONG] },
  'unreachable: refused': { script: [REFUSED, REFUSED], values: { 'max-attempts': '2' } },
  'unreachable: refused, no time left': { script: [REFUSED], values: { 'timeout-seconds': '5.1' } },
  'unreachable: a certificate': { script: [failed('CERT_HAS_EXPIRED')] },
  'unreachable: a proxy': { script: [failed('PROXY_AUTH')], env: PROXY },
  'unreachable: reset, not known to be closed': { script: [RESET], values: ONCE },
  'unreachable: reset after the deletion': {
    script: [YES, RESET],
    values: { ...ONCE, ...DELETING },
  },
  'unreachable: reset in the deletion': { script: [RESET], values: { ...ONCE, ...DELETING } },
  'timed out: silence': { script: [SILENCE], values: ONCE },
  'timed out: no connection': {
    script: [samples.NO_CONNECTION],
    values: { 'timeout-seconds': '2.5' },
  },
  'timed out before the first attempt': { script: [], options: { startSeconds: 900 } },
  'timed out after the deletion': { script: [late(900, YES)], values: DELETING },
  'cancelled before the first attempt': { script: [cancelled(STOPPED_UNSENT)] },
  'cancelled in a request': { script: [cancelled(STOPPED)] },
  'cancelled in a wait': { script: [UNAVAILABLE], options: cancelledInWait },
  'cancelled in a wait, not known to be closed': { script: [RESET], options: cancelledInWait },
  'cancelled in the deletion': { script: [cancelled(STOPPED)], values: DELETING },
  'cancelled after the deletion': { script: [cancelled(YES)], values: DELETING },
  reopened: { script: [YES, tooMany(599)], values: CONFIRMING },
  'reopened, with the webhook deleted': {
    script: [YES, YES, tooMany(599)],
    values: { ...CONFIRMING, ...DELETING },
  },
  'invalid input': { values: { 'dry-run': 'yes', 'max-attempts': '0' } },
  'invalid input: a short token': { values: { 'bale-token': '123:abc' } },
  'invalid input: a proxy': { env: { https_proxy: 'socks5://user:hunter22@proxy' } },
  'invalid input: an old Node': { nodeVersion: '16.20.2' },
  'invalid input: no token': { values: NO_TOKEN },
  'invalid input: no token, by hand': { values: NO_TOKEN, context: BY_HAND },
  'invalid input: no token, from a fork': { values: NO_TOKEN, context: { isFromFork: true } },
  'invalid input: no token, by Dependabot': {
    values: NO_TOKEN,
    context: { isByDependabot: true, isFromFork: true },
  },
  'internal error in a request': { script: [DEFECT] },
  'internal error in the deletion': { script: [DEFECT], values: DELETING },
  'outputs not written: closed': { script: [YES], areWritten: false },
  'outputs not written: unauthorized': {
    script: [TOKEN_NOT_FOUND],
    areWritten: false,
    context: BY_HAND,
  },
}

afterEach(() => {
  jest.restoreAllMocks()
})

const NOON_MS = Date.parse('2026-01-01T12:00:00Z')

async function tell(
  name: string,
  { script = [], values, env, nodeVersion, context, areWritten = true, options }: Case,
) {
  jest.spyOn(Math, 'random').mockReturnValue(0.5)
  const inputs = parse(values, env, nodeVersion)
  const waits: string[] = []
  const { result, world, left } = await play(script, inputs, options)
  expect({ name, left }).toEqual({ name, left: 0 })
  for (const { wait, leftSeconds, atSeconds } of world.waits) {
    jest.spyOn(Date, 'now').mockReturnValue(NOON_MS + atSeconds * 1000)
    waits.push(describeWait(wait, leftSeconds, samples.validInputs(values, env)))
  }
  const message = createMessage(result, inputs, { ...CONTEXT, ...context }, areWritten)
  return { name, outcome: result.outcome, closed: result.closed, waits, message }
}

const inWriting = ({
  name,
  waits,
  message: { level, title, text, page },
}: Awaited<ReturnType<typeof tell>>) =>
  [`== ${name}`, ...waits, `[${level}] ${title}`, text, page && `Details: ${page}`]
    .filter(Boolean)
    .join('\n')

const FILE = new URL('messages.txt', import.meta.url)

beforeAll(async () => {
  if (!process.env['UPDATE_MESSAGES']) return
  const all = await Promise.all(Object.entries(CASES).map(([name, each]) => tell(name, each)))
  writeFileSync(FILE, `${all.map(inWriting).join('\n\n')}\n`)
})

test('messages.txt has these messages, and one of every outcome', async () => {
  const names = readFileSync(FILE, 'utf8').match(/(?<=^== ).*/gm)
  expect(names).toEqual(Object.keys(CASES))
  const all = await Promise.all(Object.entries(CASES).map(([name, each]) => tell(name, each)))
  const action = readFileSync(new URL('../../action.yml', import.meta.url), 'utf8').replace(
    /\s+/g,
    ' ',
  )
  const described = /in one word: ([^.]*)\./.exec(action)?.[1]
  expect(new Set(all.map(({ outcome }) => outcome))).toEqual(new Set(described?.split(/, | or /)))
})

const BOT = '(Bale bot 1234567890|The Bale bot)'
const FAILURE =
  'was not closed|was not closed by this run|did not stay closed|is not known to be closed'
const TITLE = new RegExp(
  `^(Dry run for ${BOT} passed|${BOT} is (treated as )?closed|${BOT} (${FAILURE}): [a-z ]+)` +
    '(, but the outputs could not be written)?$',
)

test.each(Object.entries(CASES))(
  '%s: a plain line with the verdict, as in messages.txt',
  async (name, each) => {
    const told = await tell(name, each)
    const { outcome, closed, waits, message } = told
    const paragraphs = readFileSync(FILE, 'utf8').split(/\n\n|\n$/)
    expect(inWriting(told)).toBe(paragraphs.find((text) => text.startsWith(`== ${name}\n`)))
    for (const text of [message.text, ...waits]) {
      expect(text).toMatch(/^[^\r\n]*[^.]\.$/)
      expect(text).not.toMatch(/ {2}|undefined|null|NaN|Infinity|\[object| \.|,\.|\.\.|::|hunter22/)
      expect(text).not.toContain(samples.SECRET)
    }
    expect(message.text.length).toBeLessThanOrEqual(1000)
    expect(message.text).toContain(
      message.title.replace(', but the outputs could not be written', ''),
    )
    expect(message.title).toMatch(TITLE)
    const isError =
      !(outcome === 'dry-run' || closed === 'yes') || name.startsWith('outputs not written')
    expect(message.level === 'error').toBe(isError)
    expect(message.page).toMatch(isError ? /docs\/troubleshooting\.md#[a-z-]+$/ : /^$/)
    const isUnknown = closed === 'unknown'
    expect(message.title.includes('is not known to be closed')).toBe(isUnknown)
    expect(
      / In the new run, set allow-already-closed: true.* a re-run would/.test(message.text),
    ).toBe(isUnknown)
    const isDeleted = isUnknown && message.text.includes('webhook is deleted')
    expect(message.text.includes('and delete-webhook: false')).toBe(isDeleted)
  },
)

test('the trace of an error has its name and its position in the bundle, and nothing else', () => {
  const elsewhere = Object.assign(new RangeError(TOKEN), {
    stack: `RangeError: ${TOKEN}\n at /src/x.js:1:2`,
  })
  const strange = Object.assign(new Error(TOKEN), { name: `x ${TOKEN}`, stack: undefined })
  const traces = ['TypeError at index.js:3120:17', 'RangeError', 'Error', 'unknown error']
  expect([DEFECT, elsewhere, strange, TOKEN].map(traceOf)).toEqual(traces)
})

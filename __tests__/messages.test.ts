/** All messages side by side: one voice, and what happened, what it means, what to do. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import type { Conclusion, Subject } from '../src/advice.ts'
import { conclude, describeRest, describeWait } from '../src/advice.ts'
import type { Outcome, Result } from '../src/handover.ts'
import { handOver, nothingSent } from '../src/handover.ts'
import { parseInputs } from '../src/inputs.ts'
import type { Exchange } from '../src/judge.ts'
import type { RunContext } from '../src/context.ts'
import {
  ALREADY_CLOSED,
  answered,
  BAD_GATEWAY,
  NOT_FOUND,
  tooMany,
  UNAVAILABLE,
  virtualWorld,
  YES,
} from './rooms/world.ts'

interface Case {
  outcome: Outcome
  answers?: Exchange[]
  inputs?: Record<string, string>
  context?: Partial<RunContext>
  proxyHost?: string
  /** Ends the run at its first request, or while it waits for its second. */
  stop?: { reason: 'cancelled' | 'internal-error'; during: 'request' | 'wait' }
  areOutputsWritten?: boolean
}

const once = { 'max-attempts': '1' }
const refused = (status: number, description: string): Exchange =>
  answered(status, { ok: false, error_code: status, description })
const page = (status: number): Exchange => answered(status, '<html>')

const cases: Record<string, Case> = {
  closed: { outcome: 'closed', answers: [YES] },
  'closed at last': { outcome: 'closed', answers: [UNAVAILABLE, YES] },
  'closed, webhook deleted': { outcome: 'closed', answers: [YES, YES], inputs: { 'delete-webhook': 'true' } },
  'closed after a lost answer': { outcome: 'closed', answers: [BAD_GATEWAY, ALREADY_CLOSED] },
  'closed, outputs lost': { outcome: 'closed', answers: [YES], areOutputsWritten: false },
  'already closed, allowed': {
    outcome: 'already-closed',
    answers: [ALREADY_CLOSED],
    inputs: { 'allow-already-closed': 'true' },
  },
  'already closed': { outcome: 'already-closed', answers: [ALREADY_CLOSED] },
  'already closed, re-run': { outcome: 'already-closed', answers: [ALREADY_CLOSED], context: { runAttempt: 2 } },
  'dry run': { outcome: 'dry-run' },
  'dry run, proxy': { outcome: 'dry-run', proxyHost: 'proxy.example:3128' },
  'dry run, outputs lost': { outcome: 'dry-run', areOutputsWritten: false },
  'bad inputs': { outcome: 'invalid-input', inputs: { 'bale-token': '12345', 'dry-run': 'yes' } },
  'no token': { outcome: 'invalid-input', inputs: { 'bale-token': '' } },
  'no token, fork': { outcome: 'invalid-input', inputs: { 'bale-token': '' }, context: { isFromFork: true } },
  'no token, Dependabot': { outcome: 'invalid-input', inputs: { 'bale-token': '' }, context: { isByDependabot: true } },
  'wrong token': { outcome: 'unauthorized', answers: [NOT_FOUND] },
  'wrong token, outputs lost': { outcome: 'unauthorized', answers: [NOT_FOUND], areOutputsWritten: false },
  'no close': { outcome: 'unsupported', answers: [refused(404, 'Not Found: method not found')] },
  'no deleteWebhook': { outcome: 'unsupported', answers: [refused(501, 'No')], inputs: { 'delete-webhook': 'true' } },
  'young bot': { outcome: 'rate-limited', answers: [tooMany(534)], inputs: { 'timeout-seconds': '300' } },
  'too many requests': { outcome: 'rate-limited', answers: [refused(400, 'bot limit exceed')], inputs: once },
  'young again': {
    outcome: 'rate-limited',
    answers: [YES, tooMany(600)],
    inputs: { 'delete-webhook': 'true', 'timeout-seconds': '300' },
  },
  outage: { outcome: 'server-error', answers: [UNAVAILABLE], inputs: once },
  'outage, no time': { outcome: 'server-error', answers: [UNAVAILABLE], inputs: { 'timeout-seconds': '5' } },
  'lost in a gateway': { outcome: 'server-error', answers: [BAD_GATEWAY], inputs: once },
  refused: { outcome: 'rejected', answers: [refused(400, 'Bad Request')] },
  'wrong address': { outcome: 'rejected', answers: [refused(404, 'Not Found')] },
  'logged out': { outcome: 'rejected', answers: [refused(400, 'Logged out')] },
  firewall: { outcome: 'rejected', answers: [page(403)] },
  redirect: { outcome: 'invalid-response', answers: [page(302)] },
  'not yes': { outcome: 'invalid-response', answers: [answered(200, { ok: true, result: 1 })] },
  'redirect of deleteWebhook': {
    outcome: 'invalid-response',
    answers: [answered(200, { ok: true, result: {} })],
    inputs: { 'delete-webhook': 'true' },
  },
  'no such host': { outcome: 'unreachable', answers: [{ fault: 'ENOTFOUND', isUndelivered: true }], inputs: once },
  'no connection': { outcome: 'unreachable', answers: [{ fault: 'ECONNREFUSED', isUndelivered: true }], inputs: once },
  'no trust': { outcome: 'unreachable', answers: [{ fault: 'SELF_SIGNED_CERT_IN_CHAIN', isUndelivered: true }] },
  'proxy credentials': {
    outcome: 'unreachable',
    answers: [{ fault: 'PROXY_AUTHENTICATION', isUndelivered: true }],
    proxyHost: 'proxy.example:3128',
  },
  reset: { outcome: 'unreachable', answers: [{ fault: 'ECONNRESET' }], inputs: once },
  silence: { outcome: 'timed-out', answers: [{ fault: 'TIMEOUT' }], inputs: once },
  'silence after the head': {
    outcome: 'timed-out',
    answers: [{ ...page(200), fault: 'TIMEOUT' }],
    inputs: once,
  },
  'deleteWebhook in silence': {
    outcome: 'timed-out',
    answers: [{ fault: 'TIMEOUT' }],
    inputs: { ...once, 'delete-webhook': 'true' },
  },
  'no time for close': { outcome: 'timed-out', inputs: { 'timeout-seconds': '0.01' } },
  'cancelled in a wait': {
    outcome: 'cancelled',
    answers: [tooMany(60)],
    stop: { reason: 'cancelled', during: 'wait' },
  },
  'cancelled in deleteWebhook': {
    outcome: 'cancelled',
    answers: [{ fault: 'STOPPED' }],
    inputs: { 'delete-webhook': 'true' },
    stop: { reason: 'cancelled', during: 'request' },
  },
  'cancelled in close': {
    outcome: 'cancelled',
    answers: [{ fault: 'STOPPED' }],
    stop: { reason: 'cancelled', during: 'request' },
  },
  defect: { outcome: 'internal-error', stop: { reason: 'internal-error', during: 'wait' }, answers: [UNAVAILABLE] },
  'defect in a request': { outcome: 'internal-error' },
}

const pagesUrl = 'https://github.com/OWNER/close-bale-bot/blob/v1/'
const context = { isFromFork: false, isByDependabot: false, runAttempt: 1, isEventReadable: true, pagesUrl }
const quote = (text: string): string => text

/** Plays a case, and gives the lines that are printed meanwhile, too. */
async function play(spec: Case): Promise<{ result: Result; conclusion: Conclusion; waits: string[] }> {
  const given: Record<string, string> = { 'bale-token': `1234567890:${'a'.repeat(35)}`, ...spec.inputs }
  const { inputs, complaints, isTokenEmpty } = parseInputs((name) => given[name] ?? '')
  const proxy = spec.proxyHost === undefined ? {} : { proxyHost: spec.proxyHost }
  const subject: Subject = {
    inputs,
    complaints,
    isTokenEmpty,
    quote,
    context: { ...context, ...spec.context },
    ...proxy,
  }

  const answers = [...(spec.answers ?? [])]
  const world = virtualWorld(() => {
    if (spec.stop?.during === 'request') world.cancel(spec.stop.reason)
    const answer = answers.shift()
    if (!answer) throw new Error('a defect')
    return answer
  })
  const waits: string[] = []
  const isSent = spec.outcome !== 'invalid-input' && spec.outcome !== 'dry-run'
  const result = isSent
    ? await handOver(inputs, world, {
        onWait: (progress, waitMs, untilWallMs) => {
          waits.push(describeWait(progress, waitMs, untilWallMs, subject))
          if (spec.stop?.during === 'wait') world.cancel(spec.stop.reason)
        },
        onMinute: () => undefined,
      })
    : { outcome: spec.outcome, closed: false, progress: nothingSent() }
  return { result, waits, conclusion: conclude(result, subject, spec.areOutputsWritten ?? true) }
}

const played = await Promise.all(
  Object.entries(cases).map(async ([name, spec]) => ({ name, spec, ...(await play(spec)) })),
)
const passed = played.filter(({ conclusion }) => conclusion.passed)
const failed = played.filter(({ conclusion }) => !conclusion.passed)
const unsuccessful = failed.filter(({ spec }) => spec.areOutputsWritten !== false)
const refusedInputs = unsuccessful.filter(({ spec }) => spec.outcome === 'invalid-input')
const failures = unsuccessful.filter(({ spec }) => spec.outcome !== 'invalid-input')

test('the messages, side by side', () => {
  const width = Math.max(...played.map(({ name }) => name.length))
  const rows = played.flatMap(({ name, waits, conclusion }) =>
    [...waits, conclusion.title, ...conclusion.lines.filter((line) => !line.startsWith('More: '))].map(
      (line, at) => `${(at ? '' : name).padEnd(width)} | ${line}`,
    ),
  )
  process.stdout.write(`${rows.join('\n')}\n`)
  expect(played.map(({ name, result }) => [name, result.outcome])).toEqual(
    played.map(({ name, spec }) => [name, spec.outcome]),
  )
})

test('every outcome has a message', () => {
  const described = /in one word: ([^.]*)\./.exec(readFileSync('action.yml', 'utf8').replace(/\s+/g, ' '))?.[1]
  expect(new Set(played.map(({ spec }) => spec.outcome))).toEqual(new Set(described?.split(/, | or /)))
})

describe('a pass', () => {
  test.each(passed)('$name: is a plain line of at most two sentences', ({ conclusion: { title, lines } }) => {
    expect(title).toMatch(
      /^(Bale bot 1234567890 is (taken as )?closed|Dry run: nothing was sent and nothing was closed)/,
    )
    expect(lines.length).toBeLessThanOrEqual(1)
    for (const line of lines) expect(line).toMatch(SENTENCE)
  })
})

/** One sentence in the house's voice: plain, not to "you", without excuses and alarm. */
const SENTENCE = /^(?!.*(\b(we|us|our|sorry|please|oops)\b|n't|!|\. ))\S.*\.$/i
const REMEDY = /^(Check|If you know|Look for|Once it is back|Put|Report|Stop|To close|Wait)\b/

describe('a failure', () => {
  test.each(failures)('$name: says what happened, what it means, what to do, and where there is more', (failure) => {
    const { title, lines } = failure.conclusion
    const [happened, meaning, remedy, more, ...rest] = lines
    expect(title).toMatch(/^Bale bot 1234567890 (was not closed|is not known to be closed): [a-z -]+$/)
    expect(title.endsWith(failure.spec.outcome.replace('-', ' '))).toBe(true)
    expect(happened).toMatch(SENTENCE)
    expect(meaning).toMatch(SENTENCE)
    expect(remedy).toMatch(SENTENCE)
    expect(remedy).toMatch(REMEDY)
    expect(remedy).toContain('run again')
    expect(more).toBe(`More: ${pagesUrl}docs/troubleshooting.md#${failure.spec.outcome}`)
    expect(rest).toEqual([])
    expect(lines.join(' ').length).toBeLessThanOrEqual(600)
  })

  test.each(refusedInputs)('$name: has a sentence for each bad input', ({ conclusion: { title, lines } }) => {
    expect(title).toMatch(/^(Bale bot 1234567890|The Bale bot) was not closed: invalid input$/)
    for (const line of lines.slice(0, -1)) expect(line).toMatch(SENTENCE)
    expect(lines.at(-1)).toBe(`More: ${pagesUrl}docs/troubleshooting.md#invalid-input`)
  })

  test('says that the outputs are not written, too', () => {
    const unwritten = failed.filter(({ spec }) => spec.areOutputsWritten === false)
    expect(unwritten.map(({ conclusion }) => [conclusion.title, conclusion.lines.at(-1)?.split('#')[1]])).toEqual([
      ['Bale bot 1234567890 is closed, but the outputs are not written', 'outputs'],
      ['Bale bot 1234567890 was not closed, but the outputs are not written', 'outputs'],
      ['Bale bot 1234567890 was not closed: unauthorized, and the outputs are not written', 'unauthorized'],
    ])
  })

  test('that may have closed the bot says so, and what to do', () => {
    const uncertain = failures.filter(({ conclusion }) => conclusion.title.includes('is not known to be closed'))
    expect(uncertain.map(({ name }) => name)).toEqual([
      'lost in a gateway',
      'not yes',
      'reset',
      'silence',
      'silence after the head',
      'cancelled in close',
      'defect in a request',
    ])
    for (const { conclusion } of uncertain) {
      expect(conclusion.lines[1]).toBe('The bot may be closed all the same, since the answer to a close was lost.')
      expect(conclusion.lines[2]).toContain('run again with allow-already-closed: true')
    }
  })

  test('leads to a section that has its words', () => {
    const sections = readFileSync('docs/troubleshooting.md', 'utf8').split(/^## /m)
    const meanings = failures.map(({ spec, conclusion }) => ({
      anchor: spec.outcome,
      words: conclusion.lines[1] ?? '',
    }))
    for (const { anchor, words } of meanings) {
      const section = sections.find((text) => text.startsWith(`\`${anchor}\`\n`)) ?? ''
      const found = section.includes(words) || words.startsWith('The bot may be closed all the same')
      expect({ anchor, words, found }).toEqual({ anchor, words, found: true })
    }
  })
})

describe('a wait', () => {
  test('says what happened, how long it is, and who asked for it', () => {
    const waits = played.find(({ name }) => name === 'cancelled in a wait')?.waits
    expect(waits).toEqual([
      'tapi.bale.ai answered close with HTTP 429, saying “Too Many Requests: retry after 60” (attempt 1 of 10). Next try in 1 min, at 00:01:00 UTC, as the server asks.',
    ])
  })

  test('of a backoff names no one', () => {
    const waits = played.find(({ name }) => name === 'closed at last')?.waits
    expect(waits).toEqual(['tapi.bale.ai answered close with HTTP 503 (attempt 1 of 10). Next try in 0.8 s.'])
  })

  test('tells what is left', () => {
    expect(describeRest(61_000, Date.parse('2026-01-01T00:01:00Z'))).toBe(
      'Still waiting: next try in 1 min 1 s, at 00:01:00 UTC.',
    )
  })
})

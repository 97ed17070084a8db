/** The inputs as a workflow gives them, and the dry run, which checks them and the network alone. */
import { describe, expect, test } from '@jest/globals'
import { page, yes } from './answers.ts'
import { newAuthority } from './certificates.ts'
import { findLeak } from './leaks.ts'
import { pretendVersion } from './preload.ts'
import { answer, endAtOnce, silent, stall, tunnelTo } from './replies.ts'
import { closed, expectResult, fails, once, run, runAgainst, secret, token } from './run.ts'
import type { Expectation, RunOptions, ServedRunOptions } from './run.ts'
import { withServer } from './server.ts'
import type { Reply } from './server.ts'

const marks = '\u200E\u202A\uFEFF\u00A0\u200B \t\r\n'

describe('Accepted:', () => {
  test.concurrent.each<[string, Record<string, string>, Record<string, string>?]>([
    ['a token between direction marks', { 'bale-token': `${marks}${token}${marks}` }],
    ['empty inputs, which take their defaults', { 'max-attempts': '', 'timeout-seconds': '  ' }],
    ['variables of others', {}, { INPUT_DRY_RUNNER: 'true', INPUT_: 'x' }],
  ])('%s', async (_, inputs, env = {}) => {
    expectResult(await runAgainst(yes, { inputs, env }), closed)
  })

  test.concurrent('a name in other letter case, for a dry run, too', async () => {
    const result = await runAgainst(yes, { env: { 'Input_Dry-run': 'TRUE' } })
    expectResult(result, { outcome: 'dry-run' })
    expect(result.bytes).toBe(0)
  })
})

describe('Refused, and nothing is sent:', () => {
  test.concurrent.each<[string, string, RegExp]>([
    ['that is an expression', `\${{ secrets.${secret} }}`, /bale-token.*colon/],
    ['in two lines', `${token}\n${token}`, /U\+000A.*position 52\b/],
  ])('a token %s, which is masked all the same', async (_, value, says) => {
    const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': value } })
    const outputs = { closed: 'false', outcome: 'invalid-input', attempts: '0', 'http-status': '' }
    expect([result.exitCode, result.outputs]).toEqual([1, outputs])
    expect(result.annotations[0]?.title).toBe('The Bale bot was not closed: invalid input')
    expect(result.logAsShown).toMatch(says)
    const lines = value.split('\n')
    const halves = lines.map((line) => line.slice(line.indexOf(':') + 1))
    expect(result.masks).toEqual(expect.arrayContaining([...lines, ...halves]))
    for (const half of halves) expect(findLeak(result.written, half)).toBeUndefined()
  })

  test.concurrent.each<[string, Record<string, string>, RegExp]>([
    ['INPUT_DRY_RUN', { INPUT_DRY_RUN: 'true' }, /INPUT_DRY_RUN\b.*dry-run/],
    ['INPUT_DRYRUN without a value', { INPUT_DRYRUN: '' }, /INPUT_DRYRUN\b.*dry-run/],
    ['a dry-run that is set and empty', { 'INPUT_DRY-RUN': '' }, /dry-run.*empty/],
    ['an address without TLS', { 'INPUT_API-URL': 'http://127.1.test' }, /api-url.*https/],
  ])('%s', async (_, env, says) => {
    const result = await runAgainst(yes, { env })
    expectResult(result, fails('invalid-input', undefined, { says: [says] }))
    expect(result.connections).toBe(0)
  })

  test.concurrent('all that is wrong, in one run', async () => {
    const inputs = {
      'bale-token': 'x',
      'delete-webhook': '2',
      'allow-already-closed': 'maybe',
      'max-attempts': '0',
      'attempt-timeout-seconds': 'soon',
      'timeout-seconds': 'late',
      'confirm-after-seconds': 'never',
      'dry-run': 'si',
    }
    const env = {
      https_proxy: 'socks5://x',
      INPUT_APIURL: 'x',
      'INPUT_API-URL': 'https://x.test/?',
    }
    const result = await runAgainst(silent, { inputs, env, preloads: [pretendVersion('20.2.0')] })
    const names = [...Object.keys(inputs), 'api-url', 'INPUT_APIURL', 'https_proxy', '20.3']
    for (const name of names) expect(result.annotations[0]?.text).toContain(name)
    expect(result.outputs['outcome']).toBe('invalid-input')
    expect(result.connections).toBe(0)
  })

  // Of another bot, so that it is not known as a secret of this run.
  const other = 'OTHER_bot-secret_9876543210zyxwvutsrqponm'
  const joined = Array.from(other).join('\u200B')
  test.concurrent.each<[string, Record<string, string>]>([
    ['as another input', { 'max-attempts': token, 'timeout-seconds': other }],
    ['with invisible characters in it', { 'dry-run': joined, 'delete-webhook': `1:${joined}` }],
    ['as credentials of the address', { 'api-url': `https://${token}@tapi.bale.ai` }],
    ['in the query of the address', { 'api-url': `https://x.test/${other}?token=${other}` }],
  ])('a secret %s is not shown', async (_, inputs) => {
    const result = await run('http://127.0.0.1:1', { inputs, secrets: [other] })
    expect(result.outputs).toMatchObject({ outcome: 'invalid-input', attempts: '0' })
  })
})

describe('An empty token: the likely cause is named,', () => {
  const repoOf = (name: string) => ({ repo: { full_name: name } })
  const fork = { pull_request: { head: repoOf('octocat/fork'), base: repoOf('octo-org/repo') } }
  const usual = /secret's name.*environment/i
  test.concurrent.each<[string, Record<string, string>, RunOptions['event'] & object, RegExp]>([
    ['somewhere', {}, {}, usual],
    ['by Dependabot', { GITHUB_ACTOR: 'dependabot[bot]' }, {}, /Dependabot/],
    ['for a pull request from a fork', { GITHUB_EVENT_NAME: 'pull_request' }, fork, /fork/],
  ])('%s', async (_, env, event, says) => {
    const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': '' }, env, event })
    expect(result.logAsShown).toMatch(says)
    if (says !== usual) expect(result.logAsShown).not.toMatch(usual)
  })
})

describe('A dry run', () => {
  const authority = newAuthority('Test Authority of Dry Runs')
  const trusted = authority.cert
  const localhost = { tls: authority.issue('localhost'), trusted }
  const stranger = newAuthority('Unknown Authority of Dry Runs').issue('localhost')
  const inputs = { 'dry-run': 'true', 'delete-webhook': 'true', 'confirm-after-seconds': '1' }
  const passes: Expectation = { outcome: 'dry-run', says: [/nothing was closed/i, /token/] }
  const failsBy = (outcome: string, ...says: RegExp[]) =>
    fails(outcome, undefined, { isDryRun: true, says })
  const untrusted = failsBy('unreachable', /localhost.*not trusted/)

  test.concurrent.each<[string, Reply, ServedRunOptions, Expectation]>([
    ['over TLS', answer(yes), localhost, passes],
    ['without waiting for what the server does then', endAtOnce, {}, passes],
    ['and fails for an unknown certificate', answer(yes), { tls: stranger, trusted }, untrusted],
  ])('connects and sends nothing, %s', async (_, reply, options, expectation) => {
    const result = await runAgainst(reply, { ...options, inputs })
    expectResult(result, expectation)
    expect([result.connections, result.bytes]).toEqual([1, 0])
  })

  test.concurrent('fails for a host that does not exist, after all attempts', async () => {
    const more = { ...inputs, 'max-attempts': '2' }
    const result = await run('https://no-such-host.invalid', { inputs: more })
    expectResult(result, failsBy('unreachable', /Attempt 1 of 2/i, /ENOTFOUND/))
  })

  const atProxy = /proxy \W?127\.0\.0\.1:\d+/
  test.concurrent.each<[string, (port: number) => Reply, Expectation]>([
    ['passes through a proxy', tunnelTo, passes],
    ['fails for a proxy that refuses', () => answer(page(403)), failsBy('unreachable', atProxy)],
    ['fails for a silent proxy', () => stall(), failsBy('timed-out', atProxy)],
  ])('%s', (_, reply, expectation) =>
    withServer([answer(yes)], { tls: authority.issue('bale.test') }, (api) =>
      withServer([reply(api.port)], {}, async (proxy) => {
        const result = await run('https://bale.test', {
          inputs: { ...inputs, ...once, 'attempt-timeout-seconds': '4' },
          env: { https_proxy: `http://127.0.0.1:${proxy.port}` },
          trusted,
        })
        expectResult(result, expectation)
        expect([proxy.requests.length, api.byteCount()]).toEqual([1, 0])
      }),
    ),
  )
})

/** The inputs as a workflow gives them, and the dry run, which checks them and the network alone. */
import { describe, expect, test } from '@jest/globals'
import { yes } from './answers.ts'
import { newAuthority } from './certificates.ts'
import { pretendVersion } from './preload.ts'
import { expectResult, fails, run, runAgainst, secret, token } from './run.ts'
import type { Expectation, ServedRunOptions } from './run.ts'

test.concurrent(
  'A token between direction marks and a name in other case are accepted',
  async () => {
    const marks = '\u200E\u202A\uFEFF\u00A0\u200B \t\r\n'
    const inputs = { 'bale-token': `${marks}${token}${marks}`, 'timeout-seconds': ' ' }
    const result = await runAgainst(yes, { inputs, env: { 'Input_Dry-run': 'TRUE' } })
    expectResult(result, { outcome: 'dry-run' })
  },
)

const expression = `\${{ secrets.${secret} }}`
test.concurrent.each<[string, string, RegExp, string[]]>([
  ['that is an expression', expression, /bale-token.*colon/, [expression]],
  ['in two lines', `${token}\n${token}`, /U\+000A.*position 52\b/, [token, secret]],
])('A token %s is refused, and masked all the same', async (_, value, says, masks) => {
  const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': value } })
  const outputs = { closed: 'false', outcome: 'invalid-input', attempts: '0', 'http-status': '' }
  expect([result.exitCode, result.outputs, result.masks]).toEqual([1, outputs, masks])
  expect(result.annotations[0]?.title).toBe('The Bale bot was not closed: invalid input')
  expect(result.logAsShown).toMatch(says)
})

test.concurrent(
  'All that is wrong is told in one run, without secrets, and nothing is sent',
  async () => {
    // Of another bot, so that it is not known as a secret of this run.
    const other = 'OTHER_bot-secret_9876543210zyxwvutsrqponm'
    const inputs = {
      'bale-token': 'x',
      'api-url': `https://1:${other}@tapi.bale.ai`,
      'delete-webhook': `1:${other}`,
      'max-attempts': other,
      'timeout-seconds': 'pa/th',
      'dry-run': '',
    }
    const env = { https_proxy: `socks5://${other}`, INPUT_DRY_RUN: 'true' }
    const preloads = [pretendVersion('20.2.0')]
    const result = await runAgainst(yes, { inputs, env, preloads, secrets: [other, 'pa/th'] })
    for (const name of [...Object.keys(inputs), 'INPUT_DRY_RUN', '20.3'])
      expect(result.annotations[0]?.text).toContain(name)
    expect(result.outputs['outcome']).toBe('invalid-input')
    expect(result.connections).toBe(0)
  },
)

describe('An empty token: the likely cause is named,', () => {
  const repoOf = (name: string) => ({ repo: { full_name: name } })
  const fork = { pull_request: { head: repoOf('octocat/fork'), base: repoOf('octo-org/repo') } }
  const usual = /secret's name.*environment/i
  test.concurrent.each<[string, Record<string, string>, object, RegExp]>([
    ['by Dependabot', { GITHUB_ACTOR: 'dependabot[bot]' }, {}, /by Dependabot/],
    ['for a pull request from a fork', { GITHUB_EVENT_NAME: 'pull_request' }, fork, /from a fork/],
    ['for one that gets secrets', { GITHUB_EVENT_NAME: 'pull_request_target' }, fork, usual],
  ])('%s', async (_, env, event, says) => {
    const files = { GITHUB_EVENT_PATH: JSON.stringify(event) }
    const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': '' }, env, files })
    expect(result.logAsShown).toMatch(says)
  })
})

describe('A dry run', () => {
  const authority = newAuthority('Test Authority of Dry Runs')
  const trusted = authority.cert
  const byTls = { tls: authority.issue('localhost'), trusted }
  const inputs = { 'dry-run': 'true', 'delete-webhook': 'true', 'confirm-after-seconds': '1' }
  const passes: Expectation = { outcome: 'dry-run', says: [/nothing was closed/i, /token/] }
  const untrusted = fails('unreachable', undefined, { isDryRun: true, says: [/not trusted/] })

  test.concurrent.each<[string, ServedRunOptions, Expectation]>([
    ['passes over TLS', byTls, passes],
    ['fails for an unknown certificate', { tls: byTls.tls }, untrusted],
  ])('%s, and sends nothing', async (_, options, expectation) => {
    const result = await runAgainst(yes, { ...options, inputs })
    expectResult(result, expectation)
    expect([result.connections, result.bytes]).toEqual([1, 0])
  })
})

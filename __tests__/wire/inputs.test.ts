/** The inputs, as the workflow gives them: what is taken, what is refused, and that nothing is sent before all are right. */
import { describe, expect, test } from '@jest/globals'
import { stall, yes } from './acts.ts'
import { against, closed, expectEnd, expectRequests, run, secret, token } from './play.ts'
import type { RunOptions } from './play.ts'
import { pretendVersion } from './preload.ts'
import { findLeak } from './secrets.ts'

const marks = '\u200E\u200F\u202A\u2066\uFEFF\u00A0\u200B \t\r\n'

describe('what is taken', () => {
  test.concurrent.each<[string, Record<string, string>, RunOptions['env']?]>([
    ['a token between marks of direction', { 'bale-token': `${marks}${token}${marks}` }],
    ['nothing, which is the default', { 'max-attempts': '', 'delete-webhook': '', summary: '  ' }],
    [
      'a copy of an input under another name',
      { 'max-attempts': '3' },
      { INPUT_MAX_ATTEMPTS: ' 3 ' },
    ],
    [
      'a copy of a default',
      {},
      { INPUT_DRY_RUN: 'false', INPUT_DELETEWEBHOOK: '', INPUT_API_URL_OF_ANOTHER: 'x' },
    ],
    [
      'other inputs, which are others’',
      {},
      { INPUT_DRY_RUNNER: 'true', INPUT_RUN: 'true', INPUT_: 'x' },
    ],
  ])('%s', async (_, inputs, env = {}) => {
    const scene = await against(yes, { inputs, env })
    expectEnd(scene, closed)
    expectRequests(scene, [])
  })

  test.concurrent('the case of a variable makes no difference, for a dry run neither', async () => {
    const scene = await against(yes, { env: { 'Input_Dry-run': 'true' } })
    expectEnd(scene, { outcome: 'dry-run', attempts: 0 })
    expect(scene.bytes).toBe(0)
  })
})

describe('what is refused', () => {
  test.concurrent.each<[string, string, RegExp]>([
    ['without a colon', secret, /bale-token/],
    ['with quotes around it', `"${token}"`, /store it without the quotes/],
    ['with Persian digits', `۱۲۳${token}`, /U\+06F1.*position 1\b/],
    ['in two lines', `${token}\n${token}`, /U\+000A.*position 52\b/],
  ])('a token %s is masked all the same, in any of its lines', async (_, value, shows) => {
    const result = await run('https://tapi.bale.ai', { inputs: { 'bale-token': value } })
    expect(result.exitCode).toBe(1)
    expect(result.outputs).toMatchObject({
      outcome: 'invalid-input',
      closed: 'false',
      'bot-id': '',
      attempts: '0',
    })
    expect(result.logAsShown).toMatch(shows)
    for (const line of value.split('\n')) expect(result.masks).toContain(line)
    const half = value.slice(value.lastIndexOf(':') + 1)
    expect(findLeak(result.written, half)).toBeUndefined()
  })

  test.concurrent.each<[string, Record<string, string>, RegExp]>([
    ['a misspelt name', { INPUT_DRY_RUN: 'true' }, /INPUT_DRY_RUN\b.*dry-run/],
    ['a misspelt name without a value', { INPUT_DRY_RUN: '' }, /INPUT_DRY_RUN\b.*dry-run/],
    [
      'a dry run that is set but empty',
      { 'INPUT_DRY-RUN': '' },
      /dry-run.*\$\{\{ inputs\.dry-run \|\| false \}\}/,
    ],
  ])('%s, since a missed dry run is a real close', async (_, env, shows) => {
    const scene = await against(yes, { env })
    expectEnd(scene, { outcome: 'invalid-input', attempts: 0, shows: [shows] })
    expect(scene.connections).toBe(0)
  })

  const [fork, base] = ['octocat/fork', 'octo-org/octo-repo'].map((name) => ({
    repo: { full_name: name },
  }))
  const forkEvent = { pull_request: { head: fork, base } }
  const allCauses = /misspelt.*environment.*secrets.*fork.*Dependabot/is
  test.concurrent.each<[string, RunOptions['env'], object, RegExp]>([
    ['somewhere', {}, {}, allCauses],
    ['by Dependabot', { GITHUB_ACTOR: 'dependabot[bot]' }, {}, /Dependabot/],
    ['in a pull request from a fork', { GITHUB_EVENT_NAME: 'pull_request' }, forkEvent, /fork/],
    [
      'in one that gets secrets all the same',
      { GITHUB_EVENT_NAME: 'pull_request_target' },
      forkEvent,
      allCauses,
    ],
    ['by hand', { GITHUB_ACTIONS: undefined }, {}, /INPUT_BALE-TOKEN/],
  ])('an empty token, %s: the likely cause is named', async (_, env, event, shows) => {
    const result = await run('https://tapi.bale.ai', {
      inputs: { 'bale-token': '' },
      env: { ...env },
      event,
    })
    expect(result.outputs).toMatchObject({ outcome: 'invalid-input', 'bot-id': '' })
    expect(result.logAsShown).toMatch(shows)
    if (shows !== allCauses) expect(result.logAsShown).not.toMatch(/misspelt/)
  })
})

test.concurrent('all complaints come in one run', async () => {
  const wrong = {
    'bale-token': 'x',
    'delete-webhook': '2',
    'allow-already-closed': 'maybe',
    'max-attempts': '0',
    'attempt-timeout-seconds': 'soon',
    'timeout-seconds': 'late',
    'confirm-after-seconds': 'never',
    'dry-run': 'si',
    summary: 'oui',
  }
  const variables = { INPUT_API_URL: 'https://example.org', 'INPUT_API-URL': 'https://a.test/?' }
  const env = { https_proxy: 'socks5://127.0.0.1:1', ...variables }
  const scene = await against(stall(), { inputs: wrong, env, preloads: [pretendVersion('20.2.0')] })
  const names = [...Object.keys(wrong), 'api-url', 'INPUT_API_URL', 'https_proxy', '20.3']
  for (const name of names) expect(scene.annotations[0]?.text).toContain(name)
  expect(scene.outputs).toMatchObject({ outcome: 'invalid-input', attempts: '0' })
  expect(scene.connections).toBe(0)
})

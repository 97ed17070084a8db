/** Hostile texts, and secrets in whatever disguise a server sends them back. */
import { describe, expect, test } from '@jest/globals'
import { answer, head, http, no, reset, yes } from './acts.ts'
import { against, expectEnd, expectRequests, playAll, run, secret, testTimeoutMs, token } from './play.ts'
import type { End } from './play.ts'
import { findLeak } from './secrets.ts'
import type { Act } from './server.ts'

const rejected: End = { outcome: 'rejected', attempts: 1, status: 400 }
const percent = (text: string): string =>
  Array.from(text, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`).join('')
const each = (text: string, between: string): string => Array.from(text).join(between)

describe('the token never shows, whatever the server makes of it', () => {
  const embeddings: Record<string, string> = {
    'the token': token,
    'the token in a URL': `https://tapi.bale.ai/bot${token}/close?x=1`,
    'the secret half': secret,
    'the secret half, without its ends': `x${secret.slice(3, -3)}x`,
    'twelve characters from the start': secret.slice(0, 12),
    'twelve characters from the middle': `...${secret.slice(14, 26)}...`,
    'twelve characters from the end': secret.slice(-12),
    'in capitals': token.toUpperCase(),
    'many times': `${token} `.repeat(20),
    'overlapping itself': `${secret.slice(0, 20)}${secret}`,
    'percent-encoded': percent(token),
    'percent-encoded in lower case': percent(token).toLowerCase(),
    'percent-encoded in part': secret.slice(0, 6) + percent(secret.slice(6, 18)) + secret.slice(18),
    'percent-encoded where it need not be': encodeURIComponent(token).replaceAll('_', '%5F').replaceAll('-', '%2d'),
    'percent-encoded twice, wholly': percent(percent(secret.slice(0, 30))),
    'percent-encoded twice, as usual': percent(token).replaceAll('%', '%25'),
    'percent-encoded three times, as usual': percent(secret).replaceAll('%', '%2525'),
    'percent-encoded in the digits of the code': percent(secret).replaceAll('4', '%34').replaceAll('7', '%37'),
    'encoded as a query': encodeURIComponent(encodeURIComponent(token)),
    'split by zero-width spaces': each(token, '\u200B'),
    'split by joiners and direction marks': each(secret, '\u2060\u200F\u202E\u2066'),
    'split by soft hyphens and variation selectors': each(secret, '\u00AD\uFE0F'),
    'split by tag characters': each(secret, '\u{E0041}'),
    'split by fillers': each(secret, '\u3164\u115F'),
    'split by control characters': each(secret, '\u0000\u0007\u0008\u007F\u0085'),
    'split by spaces': each(secret, ' '),
    'split by no-break and ideographic spaces': each(secret, '\u00A0\u3000'),
    'split by lines': each(token, '\r\n'),
    'split by line separators': each(secret, '\u2028\u2029\u000B\f'),
    'split by ANSI colours': each(secret, '\u001b[31m'),
    'split by ANSI in one byte': each(secret, '\u009B1;31m'),
    'split by a link of a terminal': each(secret, '\u001b]8;;\u0007'),
    'split by accents': each(secret, '\u0301'),
    'split by lone surrogates': each(secret, '\ud800'),
    'split by white space, then percent-encoded': percent(each(secret, ' ')),
    'percent-encoded, then split': each(percent(secret), '\u200B'),
    'after three hundred characters': 'x'.repeat(299) + token,
    ...Object.fromEntries(
      [250, 270, 285, 288, 289, 298].map((at) => [`across the cut, from ${at}`, 'x'.repeat(at) + token]),
    ),
    'across the cut, behind signs of two units': '\u{1F600}'.repeat(280) + token,
    'across the cut, behind what is taken away': `${'\u200B'.repeat(200)}${'x'.repeat(280)}${token}`,
    'across the cut, percent-encoded': 'x'.repeat(270) + percent(token),
  }
  const carriers: Record<string, (text: string) => Act> = {
    'a description': (text) => answer(no(400, text)),
    'a plain text': (text) => answer(http(400, text)),
  }
  playAll(
    Object.entries(embeddings).flatMap(([name, text]) =>
      Object.entries(carriers).map(([carrier, act]) => ({
        name: `${name}, in ${carrier}`,
        script: [act(text)],
        end: rejected,
      })),
    ),
  )

  const places: Record<string, Act> = {
    'the reason phrase': answer(http(`400 ${token}`, '')),
    'the headers': answer(
      http(400, '', { 'x-token': token, server: percent(token), 'retry-after': token, date: token }),
    ),
    'a header that is none': answer(`HTTP/1.1 400 No\r\n${token}\r\n\r\n`),
    'a status line that is none': answer(`HTTP/1.1 ${token}\r\n\r\n`),
    'the place of the redirect': answer(http(302, '', { location: `http://127.0.0.1:1/bot${token}/close` })),
    'the encoding': answer(http(400, '', { 'content-encoding': token })),
    'a result': answer(http(200, JSON.stringify({ ok: true, result: token }))),
    'the code': answer(http(400, JSON.stringify({ ok: false, error_code: token, description: { token } }))),
    'the name of a field': answer(http(400, JSON.stringify({ ok: false, [token]: token }))),
    'the parameters': answer(http(429, JSON.stringify({ ok: false, parameters: { retry_after: token } }))),
    'broken JSON': answer(http(200, `{"ok":true,"result":${token}`)),
    'the wait': answer(no(429, `retry after 1${token}`)),
    'an answer that is cut off': reset(head(200, { 'content-length': 999 }), token),
    'no HTTP at all': answer(`${token}\r\n`),
  }
  test.concurrent.each(Object.entries(places))(
    'not from %s',
    async (_, act) => {
      const scene = await against([act], { inputs: { 'max-attempts': '2', 'delete-webhook': 'false' } })
      expect(scene.outputs['closed']).toBe('false')
    },
    testTimeoutMs,
  )

  test.concurrent(
    'nor does its beginning, where the cut goes through it',
    async () => {
      const scene = await against([answer(no(400, 'x'.repeat(290) + secret))])
      expectEnd(scene, { ...rejected, shows: [/x\*\*\*/] })
      expect(scene.written).not.toContain(secret.slice(0, 5))
    },
    testTimeoutMs,
  )

  test.concurrent(
    'not in a debug log',
    async () => {
      const scene = await against([answer(no(500, token)), answer(no(400, percent(token)))], {
        env: { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true', ACTIONS_RUNNER_DEBUG: 'true' },
      })
      expectEnd(scene, { outcome: 'rejected', attempts: 2, status: 400 })
    },
    testTimeoutMs,
  )

  test.concurrent(
    'nor by hand, where nothing is masked',
    async () => {
      const scene = await against([answer(no(400, token))], {
        env: { GITHUB_ACTIONS: undefined, GITHUB_OUTPUT: undefined, GITHUB_STEP_SUMMARY: undefined },
      })
      expect(scene.exitCode).toBe(1)
      expect(scene.masks).toEqual([])
    },
    testTimeoutMs,
  )

  test.concurrent(
    'and is masked first, the bot id never',
    async () => {
      const scene = await against([answer(yes)])
      expect(new Set(scene.masks)).toEqual(new Set([token, secret]))
    },
    testTimeoutMs,
  )

  test.each([
    [secret],
    [`a ${secret.slice(5, 17)} b`],
    [percent(secret)],
    [percent(percent(secret))],
    [each(secret, '\u200B')],
    [each(secret, ' ')],
    [each(secret, '\u001b[0m')],
    [Array.from(secret, (char) => `&#${char.charCodeAt(0)};`).join('')],
    [secret.toUpperCase()],
  ])('and this test would see it: %j', (text) => {
    expect(findLeak(text, secret)).toBeDefined()
    expect(findLeak(secret.slice(0, 11), secret)).toBeUndefined()
  })
})

describe('the inputs are not quoted where a token may be in them', () => {
  const inputs: Record<string, Record<string, string>> = {
    'a malformed token': { 'bale-token': `${token}!` },
    'a token with a character in it that nobody sees': {
      'bale-token': `${token.slice(0, 20)}\u200E${token.slice(20)}`,
    },
    'a token without its number': { 'bale-token': secret },
    'two tokens in two lines': { 'bale-token': `${token}\n${token}` },
    'the token as another input': { 'max-attempts': token, 'timeout-seconds': secret, 'delete-webhook': `"${token}"` },
    'the token, split, as another input': { 'dry-run': each(token, '\u200B'), summary: each(token, ' ') },
    'the token, percent-encoded, as another input': {
      'attempt-timeout-seconds': percent(token),
      'max-attempts': encodeURIComponent(token),
    },
    'the token in the address': { 'api-url': `https://tapi.bale.ai/bot${token}/close` },
    'the token as credentials of the address': { 'api-url': `https://${token}@tapi.bale.ai` },
    'the token in the query of the address': { 'api-url': `https://tapi.bale.ai/?token=${token}#${token}` },
    'the token as the protocol of the address': { 'api-url': `${token}://tapi.bale.ai` },
  }
  test.concurrent.each(Object.entries(inputs))(
    '%s',
    async (name, wrong) => {
      const result = await run('http://127.0.0.1:1', { inputs: { ...wrong, 'dry-run': wrong['dry-run'] ?? 'true' } })
      // An address that holds the token as a path is one that can be used.
      expect(result.outputs).toMatchObject({ closed: 'false', attempts: '0' })
      if (name !== 'the token in the address') expect(result.outputs['outcome']).toBe('invalid-input')
    },
    testTimeoutMs,
  )

  test.concurrent(
    'credentials of the address neither',
    async () => {
      const password = 'FAKE-password-of-an-address'
      const result = await run(`https://user:${password}@tapi.bale.ai/`, { secrets: [password] })
      expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/api-url/] })
    },
    testTimeoutMs,
  )
})

describe('a text from outside is one short line that does nothing', () => {
  const hostile: Record<string, string> = {
    'commands of the runner': '::set-output name=closed::true\n::add-mask::1234567890\n  ::error::owned',
    'commands behind other line ends': 'x\r::error::a\u2028::error::b\u0085::error::c\u000b::error::d',
    'commands that are put together': ':\u200B:error:\u200B:owned',
    'commands with many colons': ':::::error:::::owned',
    'commands of old': '##[error]owned ##[add-mask]1 #\u200B#[command]x ###[group]y',
    'commands that stop commands': '::stop-commands::token\n::save-state name=a::b',
    'encoded line ends': '%0A::error::owned%0D%0A::warning::owned',
    'escapes of a terminal': '\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J \u001b[1A\u001b[2K',
    'texts from right to left': '\u202Edesolc si tob ehT\u202C \u2066\u2067\u200F ربات بسته شد',
    'nothing visible': '\u200B\u200E\u2060\uFEFF\u00AD\u3164',
    controls: Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('x'),
    'lone surrogates': '\ud800\udfff\udc00x',
    Markdown:
      '# Title\n**bold** `code` [link](https://evil.example) ![i](https://evil.example/i.png) | a | b |\n---\n> q',
    HTML: '<b>x</b><img src=x onerror=alert(1)></code></td></table><script>alert(1)</script><!-- &lt;b&gt;',
    'mentions and references':
      '@octocat @octo-org/team #1 octo-org/octo-repo#2 GH-3 https://github.com/x/y/pull/4 a5b0c1d2e3f4a5b6c7d8',
    'code that ends': '``` ` `` </code> ~~~',
    'outputs of the runner': 'closed=true\noutcome<<EOF\nclosed\nEOF\n',
    'a wordy one': 'ب'.repeat(5000),
  }
  test.concurrent.each(Object.entries(hostile))(
    '%s',
    async (_, text) => {
      const scene = await against([answer(no(503, text)), answer(no(400, text))], {
        env: { GITHUB_RUN_ATTEMPT: '2' },
      })
      expectEnd(scene, { outcome: 'rejected', attempts: 2, status: 400 })
      expectRequests(scene, [500])
      // One line for the wait, one for the annotation.
      expect(scene.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('::add-mask'))).toHaveLength(2)
      for (const [said = ''] of scene.logAsShown.matchAll(/“.*?”/gs)) {
        expect(Array.from(said).length).toBeLessThanOrEqual(302)
        expect(said).not.toMatch(/::|##\[|\n|[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u)
      }
      expectInert(scene.summary)
    },
    testTimeoutMs,
  )

  playAll([
    {
      name: 'half a megabyte of description, which is not read',
      script: [answer(no(400, 'x'.repeat(500_000)))],
      end: rejected,
    },
    {
      name: 'half a megabyte of tokens in a 2xx, which is no answer of the API',
      script: [answer(no(400, `${token} `.repeat(10_000), { status: 200 }))],
      end: { outcome: 'invalid-response', attempts: 1, status: 200, lost: true, shows: [/64 KiB/] },
    },
    {
      name: 'as much description as is read, full of tokens',
      script: [answer(no(400, `${token} `.repeat(1200)))],
      end: { ...rejected, shows: [/“.{0,300}”/] },
    },
    {
      name: 'as much as is read, full of almost-tokens',
      script: [answer(no(400, `${secret.slice(0, 11)}${percent(secret.slice(0, 11))}`.repeat(1400)))],
      end: rejected,
    },
  ])
})

/** In the summary, hostile texts stand in code that they cannot leave, and nothing of them is anywhere else. */
function expectInert(summary: string): void {
  const code = /<code>(.*?)<\/code>|`([^`\n]*)`/g
  for (const [, element] of summary.matchAll(code)) {
    expect(element?.replace(/&#\d+;/g, '') ?? '').not.toMatch(/[<>@#[\]*_`|\\~!$&]|:\/\/|www\./)
  }
  expect(summary.replace(code, '')).not.toMatch(/[`<>@]|\w#\d|evil|script|octo|bold/)
}

/** Secrets that a server sends back, and texts that try to be more than a text. */
import { describe, expect, test } from '@jest/globals'
import { marked } from 'marked'
import { head, http, no, yes } from './answers.ts'
import { findLeak } from './leaks.ts'
import { answer, reset } from './replies.ts'
import { botId, closed, expectResult, fails, linesOf, runAgainst, secret, token } from './run.ts'
import type { ServerScript } from './run.ts'

const percent = (text: string): string =>
  Array.from(text, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')
const separated = (text: string, by: string): string => Array.from(text).join(by)
/** A word that shows whether a text was hidden as a whole. */
const word = 'Marker'
/** A refusal after which the next attempt follows at once. */
const saying = (text: string): Buffer => no(500, text, { retry_after: 0.01 })

describe('A text with twelve characters in a row of the secret is hidden whole', () => {
  const texts: Record<string, string> = {
    'the token in a URL': `https://tapi.bale.ai/bot${token}/close`,
    'its start': secret.slice(0, 12),
    'its end': secret.slice(-12),
    'in capitals': token.toUpperCase(),
    'percent-encoded': percent(token),
    'percent-encoded in capitals, in part': secret.slice(0, 6) + percent(secret).toUpperCase(),
    'with zero-width spaces in it': separated(secret, '\u200B'),
    'with control characters in it': separated(secret, '\u0007\u0085'),
    'with colours in it': separated(secret, '\u001b[31m'),
    'with direction marks between percent-encoded characters': separated(percent(secret), '\u200F'),
    'across the cut': `${'x'.repeat(290)}${token}`,
  }

  test.concurrent('in a retry, whatever the disguise', async () => {
    const all = Object.entries(texts)
    const script = [...all.map(([, text]) => saying(`${word} ${text}`)), yes]
    const result = await runAgainst(script, { inputs: { 'max-attempts': '100' } })
    expectResult(result, { ...closed, attempts: script.length })
    const lines = result.stdout.split('\n').filter((line) => /^attempt \d/i.test(line))
    expect(lines).toHaveLength(all.length)
    expect(all.filter((_, at) => lines[at]?.includes(word)).map(([name]) => name)).toEqual([])
  })

  test.concurrent('and other texts are not', async () => {
    const texts = [secret.slice(5, 16), botId, 'Internal Server Error: restart']
    const script = [...texts.map((text) => saying(`${word} ${text}`)), yes]
    const { stdout } = await runAgainst(script)
    for (const text of texts) expect(stdout).toContain(`“${word} ${text}”`)
  })

  test.concurrent('in the job summary and in a debug log, too', async () => {
    const env = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' }
    const result = await runAgainst(no(400, `${word} ${percent(token)}`), { env })
    expectResult(result, fails('rejected', 400))
    expect(result.written).not.toContain(word)
  })

  const envelope = { ok: false, error_code: token, [token]: token, description: { token } }
  const places: Record<string, ServerScript> = {
    headers: http(`429 ${token}`, '', { server: token, 'retry-after': token }),
    'a redirect': http(302, '', { location: `http://127.0.0.1:1/bot${token}/close` }),
    'the envelope': http(200, JSON.stringify(envelope)),
    'a header without a colon': answer(`HTTP/1.1 400 No\r\n${token}\r\n\r\n`),
    'an answer that is cut off': reset(head(200, { 'content-length': 999 }), token),
    'no HTTP at all': answer(`${token}\r\n`),
  }
  // That no part of the token shows is checked in every run.
  test.concurrent.each(Object.entries(places))('in %s', async (_, script) => {
    const result = await runAgainst(script, { inputs: { 'max-attempts': '2' } })
    expect(result.outputs['closed']).toBe('false')
  })

  test('and these tests would see it', () => {
    const references = Array.from(secret, (char) => `&#${char.charCodeAt(0)};`).join('')
    const shown = [`a ${secret.slice(5, 17)} b`, percent(secret), separated(secret, '\u200B')]
    for (const text of [...shown, references]) expect(findLeak(text, secret)).toBeDefined()
    expect(findLeak(secret.slice(5, 16), secret)).toBeUndefined()
  })
})

describe('A text from outside is one short line that does nothing:', () => {
  const hostile: Record<string, string> = {
    commands: '::set-output name=closed::true\n  ::error::owned\r::add-mask::1\u2028::error::b',
    'commands that are put together': ':\u200B:error:\u200B:owned #\u200B#[command]x',
    'escapes of a terminal': '\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J',
    Markdown:
      '# T\n**b** `c` [l](https://evil.example) ![i](https://evil.example/i) | a |\n---\n> q',
    HTML: '<b>x</b><img src=x onerror=alert(1)></code></td><script>alert(1)</script><!-- &lt;b&gt;',
    'mentions and references':
      '@octocat #1 octo-org/octo-repo#2 GH-3 https://github.com/x/y/pull/4',
    'five thousand letters': 'ب'.repeat(5000),
  }
  test.concurrent.each(Object.entries(hostile))('%s', async (_, text) => {
    const result = await runAgainst([no(503, text), no(400, text)])
    expectResult(result, fails('rejected', 400, { attempts: 2 }))
    // One line for the wait, one for the annotation.
    expect(linesOf(result)).toHaveLength(2)
    for (const [quoted] of result.logAsShown.matchAll(/“.*?”/gs)) {
      expect(Array.from(quoted).length).toBeLessThanOrEqual(302)
      expect(quoted).not.toMatch(/::|##\[|\n|[\p{C}\p{Default_Ignorable_Code_Point}]/u)
    }
    expectInert(result.summary)
  })
})

/** What the server said is text in the summary: no element, no link but ours, and nothing that GitHub would link. */
function expectInert(summary: string): void {
  const html = marked.parse(summary, { async: false })
  const elements = Array.from(html.matchAll(/<(\w+)/g), ([, name = '']) => name)
  expect(elements.filter((name) => !['h3', 'p', 'a', 'code'].includes(name))).toEqual([])
  for (const [, target = ''] of html.matchAll(/href="(.*?)"/g))
    expect(target).toContain('docs/troubleshooting.md#')
  const text = html.replace(/<code>.*?<\/code>|<.*?>/gs, '').replace(/&#\d+;/g, '')
  expect(text).not.toMatch(/@\w|#\w|\bGH-\d/i)
}

/** Secrets that a server sends back, and texts that try to be more than a text. */
import { describe, expect, test } from '@jest/globals'
import { marked } from 'marked'
import { head, http, no } from './answers.ts'
import { findLeak } from './leaks.ts'
import { answer, reset } from './replies.ts'
import { expectResult, fails, linesOf, runAgainst, secret, token } from './run.ts'
import type { ServerScript } from './server.ts'

const percent = (text: string): string =>
  Array.from(text, (char) => `%${char.charCodeAt(0).toString(16)}`).join('')
/** A word that shows whether a text was hidden as a whole. */
const word = 'Marker'

describe('A text with twelve characters in a row of the secret is hidden whole', () => {
  test.concurrent(
    'in a retry, an error, the summary and a debug log, as it is or disguised',
    async () => {
      const separated = Array.from(percent(secret)).join('\u200F\u001b[31m')
      const texts = [`/bot${token}/close`, secret.slice(-12), percent(token), separated]
      for (const text of texts) expect(findLeak(text, secret)).toBeDefined()
      const retries = texts.map((text) => no(500, `${word} ${text}`, { retry_after: 0.01 }))
      const env = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' }
      const result = await runAgainst([...retries, no(400, `${word} ${percent(token)}`)], { env })
      expectResult(result, fails('rejected', 400, { attempts: texts.length + 1 }))
      expect(result.stdout.match(/^attempt \d/gim)).toHaveLength(texts.length)
      expect(result.written).not.toContain(word)
    },
  )

  const envelope = { ok: false, error_code: token, [token]: token, description: { token } }
  const places: Record<string, ServerScript> = {
    headers: http(`429 ${token}`, '', { server: token, 'retry-after': token }),
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
})

describe('A text from outside is one short line that does nothing:', () => {
  const hostile: Record<string, string> = {
    commands: '::set-output name=closed::true\n ::error::x\r\u2028::error::b :\u200B:c #\u200B#[d]',
    'escapes of a terminal': '\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J',
    Markdown: '# T\n**b** `c` [l](https://evil.example) ![i](https://evil.example/i) | a |\n---',
    HTML: '<img src=x onerror=alert(1)></code></td><script>alert(1)</script><!-- &lt;b&gt;',
    references: '@octocat #1 octo-org/octo-repo#2 GH-3 https://github.com/x/y/pull/4',
    'five thousand letters': 'ب'.repeat(5000),
  }
  test.concurrent.each(Object.entries(hostile))('%s', async (_, text) => {
    const result = await runAgainst(no(400, text))
    expectResult(result, fails('rejected', 400))
    expect(linesOf(result)).toHaveLength(1)
    for (const [quoted] of result.logAsShown.matchAll(/“.*?”/gs)) {
      expect(Array.from(quoted).length).toBeLessThanOrEqual(302)
      expect(quoted).not.toMatch(/::|##\[|\n|[\p{C}\p{Default_Ignorable_Code_Point}]/u)
    }
    expectInert(result.summary)
  })
})

/** What the server said is code in the summary. Nothing else is an element, but our link, or would be linked. */
function expectInert(summary: string): void {
  const html = marked.parse(summary, { async: false })
  const ours = /<code>[^<]*<\/code>|<\/?(h3|p)>|<a href="[^"]*\/troubleshooting.md#\w+">[^<]*<\/a>/g
  expect(html.replace(ours, '')).not.toMatch(/<|@\w|[^&]#\w|\bGH-\d/i)
}

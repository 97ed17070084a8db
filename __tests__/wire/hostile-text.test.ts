/** Hostile texts, and secrets in whatever disguise a server sends them back. */
import { describe, expect, test } from '@jest/globals'
import { marked } from 'marked'
import { answer, head, http, no, reset, yes } from './acts.ts'
import {
  against,
  botId,
  closed,
  expectEnd,
  expectRequests,
  failed,
  linesOf,
  playAll,
  run,
  secret,
  token,
} from './play.ts'
import type { End, Row } from './play.ts'
import { findLeak } from './secrets.ts'
import type { Act } from './server.ts'

const rejected: End = failed('rejected', 400)
const percent = (text: string): string =>
  Array.from(
    text,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  ).join('')
const each = (text: string, between: string): string => Array.from(text).join(between)
/** A word that shows whether a text was hidden as a whole. */
const word = 'Marker'
/** A digit makes a segment of a path a secret. */
const pathSecret = 'relay-p4ssword-of-a-path'

describe('a text with twelve letters or digits of a secret is hidden whole', () => {
  const embeddings: Record<string, string> = {
    'the token': token,
    'the token in a URL': `https://tapi.bale.ai/bot${token}/close?x=1`,
    'the secret half': secret,
    'the secret half, without its ends': `x${secret.slice(3, -3)}x`,
    'twelve letters and digits from the start': secret.slice(0, 14),
    'twelve letters and digits from the middle': `...${secret.slice(15, 28)}...`,
    'twelve letters and digits from the end': secret.slice(-13),
    'twelve in a row': '123456789ABC',
    'twelve letters and digits, otherwise separated': 'FAKE wire.test',
    'in capitals': token.toUpperCase(),
    'many times': `${token} `.repeat(20),
    'overlapping itself': `${secret.slice(0, 20)}${secret}`,
    'percent-encoded': percent(token),
    'percent-encoded in lower case': percent(token).toLowerCase(),
    'percent-encoded in part': secret.slice(0, 6) + percent(secret.slice(6, 18)) + secret.slice(18),
    'percent-encoded where it need not be': encodeURIComponent(token)
      .replaceAll('_', '%5F')
      .replaceAll('-', '%2d'),
    'percent-encoded twice, wholly': percent(percent(secret.slice(0, 30))),
    'percent-encoded twice, as usual': percent(token).replaceAll('%', '%25'),
    'split by a musical sign without a shape': each(secret, '\u{1D159}'),
    'split every eleven characters, by signs': secret.replace(/.{11}/g, '$& - '),
    'split every eleven characters, by quotes and dots': secret.replace(/.{11}/g, '$&“…”'),
    'split by Braille blanks': each(secret, '\u2800'),
    'percent-encoded three times, as usual': percent(secret).replaceAll('%', '%2525'),
    'percent-encoded in the digits of the code': percent(secret)
      .replaceAll('4', '%34')
      .replaceAll('7', '%37'),
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
      [250, 270, 285, 288, 289, 298].map((at) => [
        `across the cut, from ${at}`,
        'x'.repeat(at) + token,
      ]),
    ),
    'across the cut, behind signs of two units': '\u{1F600}'.repeat(280) + token,
    'across the cut, behind what is taken away': `${'\u200B'.repeat(200)}${'x'.repeat(280)}${token}`,
    'across the cut, percent-encoded': 'x'.repeat(270) + percent(token),
    'of the path of the address': `https://relay.example/${pathSecret}/bot`,
    'of the path of the address, in part': pathSecret.slice(0, 14),
    'of the path of the address, percent-encoded': percent(pathSecret),
  }

  // One run with an answer for each, which asks for the next attempt at once.
  test.concurrent('whatever the disguise', async () => {
    const texts = Object.values(embeddings)
    const script = texts.map((text) => no(500, `${word} ${text}`, { retry_after: 0.01 }))
    const scene = await against([...script, yes], {
      inputs: { 'max-attempts': '100' },
      url: `http://127.0.0.1:PORT/plain-path/${pathSecret}`,
      secrets: [pathSecret],
    })
    expectEnd(scene, { ...closed, attempts: texts.length + 1 })
    const lines = scene.stdout.split('\n').filter((line) => /^attempt \d/i.test(line))
    expect(lines).toHaveLength(texts.length)
    const shown = Object.keys(embeddings).filter((_, at) => lines[at]?.includes(word))
    expect(shown).toEqual([])
    // The note is fixed, so the lines differ in the number of the attempt alone.
    expect(new Set(lines.map((line) => line.replace(/\d+/, ''))).size).toBe(1)
  })

  /** A few letters of the secret, the bot id, a segment of the path without a digit, nothing secret. */
  const harmless = [
    secret.slice(5, 14),
    botId,
    'plain-path-without-digits',
    'Internal Server Error: restart',
  ]
  test.concurrent('and nothing else is', async () => {
    const script = harmless.map((text) => no(500, `${word} ${text}`, { retry_after: 0.01 }))
    const scene = await against([...script, yes], {
      url: 'http://127.0.0.1:PORT/plain-path-without-digits',
    })
    for (const text of harmless) expect(scene.stdout).toContain(`“${word} ${text}”`)
  })

  const whole: Record<string, Buffer> = {
    'a plain text': http(400, token),
    'a plain text, percent-encoded': http(400, percent(token)),
    'the reason phrase': http(`400 ${token}`, ''),
    'the headers': http(400, '', {
      'x-token': token,
      server: percent(token),
      'retry-after': token,
      date: token,
    }),
    'the place of the redirect': http(302, '', {
      location: `http://127.0.0.1:1/bot${token}/close`,
    }),
    'the encoding': http(400, '', { 'content-encoding': token }),
    'a result': http(200, JSON.stringify({ ok: true, result: token })),
    'the code': http(400, JSON.stringify({ ok: false, error_code: token, description: { token } })),
    'the name of a field': http(400, JSON.stringify({ ok: false, [token]: token })),
    'the parameters': http(429, JSON.stringify({ ok: false, parameters: { retry_after: token } })),
    'broken JSON': http(200, `{"ok":true,"result":${token}`),
    'the wait': no(429, `retry after 1${token}`),
  }
  const broken: Record<string, Act> = {
    'a header that is none': answer(`HTTP/1.1 400 No\r\n${token}\r\n\r\n`),
    'a status line that is none': answer(`HTTP/1.1 ${token}\r\n\r\n`),
    'an answer that is cut off': reset(head(200, { 'content-length': 999 }), token),
    'no HTTP at all': answer(`${token}\r\n`),
  }
  test.concurrent.each(Object.entries({ ...whole, ...broken }))('also from %s', async (_, move) => {
    const scene = await against(move, { inputs: { 'max-attempts': '2' } })
    expect(scene.outputs['closed']).toBe('false')
  })

  test.concurrent('in the job summary and in a debug log, too', async () => {
    const env = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true', ACTIONS_RUNNER_DEBUG: 'true' }
    const scene = await against(no(400, `${word} ${percent(token)}`), { env })
    expectEnd(scene, rejected)
    expect(scene.summary).not.toContain(word)
  })

  test('and these tests would see it', () => {
    const references = Array.from(secret, (char) => `&#${char.charCodeAt(0)};`).join('')
    const texts = [
      `a ${secret.slice(5, 19)} b`,
      percent(percent(secret)),
      each(secret, '\u001b[0m'),
      references,
    ]
    expect(texts.filter((text) => findLeak(text, secret) === undefined)).toEqual([])
    expect(findLeak(secret.slice(5, 18), secret)).toBeUndefined()
  })
})

describe('the inputs are not quoted where a token may be in them', () => {
  const inside = `${token.slice(0, 20)}\u200E${token.slice(20)}`
  const asOthers = {
    'max-attempts': token,
    'timeout-seconds': secret,
    'delete-webhook': `"${token}"`,
  }
  const encoded = {
    'attempt-timeout-seconds': percent(token),
    'max-attempts': encodeURIComponent(token),
  }
  test.concurrent.each<[string, Record<string, string>]>([
    ['a malformed token', { 'bale-token': `${token}!` }],
    ['a token with a character in it that nobody sees', { 'bale-token': inside }],
    ['the token as another input', asOthers],
    [
      'the token, split, as another input',
      { 'dry-run': each(token, '\u200B'), summary: each(token, ' ') },
    ],
    ['the token, percent-encoded, as another input', encoded],
    ['the token in the address', { 'api-url': `https://tapi.bale.ai/bot${token}/close` }],
    ['the token as credentials of the address', { 'api-url': `https://${token}@tapi.bale.ai` }],
    [
      'the token in the query of the address',
      { 'api-url': `https://tapi.bale.ai/?token=${token}#${token}` },
    ],
    ['the token as the protocol of the address', { 'api-url': `${token}://tapi.bale.ai` }],
  ])('%s', async (name, wrong) => {
    const result = await run('http://127.0.0.1:1', {
      inputs: { 'dry-run': 'true', 'max-attempts': '1', ...wrong },
    })
    // An address that holds the token as a path is one that can be used; here no name of a host is known.
    expect(result.outputs).toMatchObject({ closed: 'false', attempts: '0' })
    if (name !== 'the token in the address') expect(result.outputs['outcome']).toBe('invalid-input')
  })

  test.concurrent('credentials of the address neither', async () => {
    const password = 'FAKE-password-of-an-address'
    const result = await run(`https://user:${password}@tapi.bale.ai/`, { secrets: [password] })
    expectEnd(result, { outcome: 'invalid-input', attempts: 0, shows: [/api-url/] })
  })
})

describe('a text from outside is one short line that does nothing', () => {
  const hostile: Record<string, string> = {
    'commands of the runner':
      '::set-output name=closed::true\n::add-mask::1234567890\n  ::error::owned',
    'commands behind other line ends':
      'x\r::error::a\u2028::error::b\u0085::error::c\u000b::error::d',
    'commands that are put together': ':\u200B:error:\u200B:owned',
    'commands with many colons': ':::::error:::::owned',
    'commands of old': '##[error]owned ##[add-mask]1 #\u200B#[command]x ###[group]y',
    'commands that stop commands': '::stop-commands::token\n::save-state name=a::b',
    'encoded line ends': '%0A::error::owned%0D%0A::warning::owned',
    'escapes of a terminal':
      '\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u009b2J \u001b[1A\u001b[2K',
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
  test.concurrent.each(Object.entries(hostile))('%s', async (_, text) => {
    const scene = await against([no(503, text), no(400, text)], {
      env: { GITHUB_RUN_ATTEMPT: '2' },
    })
    expectEnd(scene, failed('rejected', 400, { attempts: 2 }))
    expectRequests(scene, [500])
    // One line for the wait, one for the annotation.
    expect(linesOf(scene)).toHaveLength(2)
    for (const [said = ''] of scene.logAsShown.matchAll(/“.*?”/gs)) {
      expect(Array.from(said).length).toBeLessThanOrEqual(302)
      expect(said).not.toMatch(/::|##\[|\n|[\p{C}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u)
    }
    await expectInert(scene.summary)
  })

  const tooLong: End = failed('invalid-response', 200, { lost: true, shows: [/64 KiB/] })
  const almost = `${secret.slice(0, 11)}${percent(secret.slice(0, 11))}`
  playAll([
    [
      'half a megabyte of tokens, which no answer has',
      no(400, `${token} `.repeat(10_000), { status: 200 }),
      tooLong,
    ],
    ['as much description as is read, full of tokens', no(400, `${token} `.repeat(1200)), rejected],
    [
      'as much description as is read, full of almost-tokens',
      no(400, almost.repeat(1400)),
      rejected,
    ],
    // Texts whose cleaning takes a time that grows with the square of their length, unless they are cut before.
    ...['\u009b]8;', '\u009b[31', '%25', ' \u200B', '##[', '::'].map((piece): Row => {
      const busy = no(500, piece.repeat(60_000 / Buffer.byteLength(piece)), { retry_after: 0.01 })
      const name = `a dozen times sixty thousand bytes of ${JSON.stringify(piece)}`
      const inputs = { 'max-attempts': '12', 'timeout-seconds': '9' }
      const end = failed('server-error', 500, { attempts: 12, retryAfterSeconds: 1 })
      return [name, busy, end, { inputs, gapsMs: Array<number>(11).fill(0), withinMs: 6000 }]
    }),
  ])
})

/** What the server said is text in the summary: no element, no link but ours, and nothing that GitHub would link. */
async function expectInert(summary: string): Promise<void> {
  const html = await marked(summary)
  const elements = new Set(Array.from(html.matchAll(/<(\w+)/g), ([, name = '']) => name))
  for (const own of 'h3 p a code table thead tbody tr th td'.split(' ')) elements.delete(own)
  expect(Array.from(elements)).toEqual([])
  for (const [, target = ''] of html.matchAll(/href="(.*?)"/g))
    expect(target).toContain('docs/troubleshooting.md#')
  const text = html
    .replace(/<code>.*?<\/code>|<.*?>/gs, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
  expect(text).not.toMatch(/@\w|#\w/)
  expect(summary).not.toMatch(/\bGH-\d/i)
}

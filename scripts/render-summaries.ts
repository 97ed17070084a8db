/**
 * Renders the job summary of every outcome as GitHub shows it, light and dark, to be looked at:
 * `node scripts/render-summaries.ts [FOLDER]`. The bundle runs for real, against the emulator. The pictures need
 * Chromium and, for GitHub's look, the fonts Noto Sans and Noto Color Emoji.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { marked } from 'marked'
import { runBundle } from '../emulator/runner.ts'
import { startEmulator } from '../emulator/server.ts'
import type { BotSetup } from '../emulator/server.ts'

interface Sample {
  bot?: Partial<BotSetup>
  inputs?: Record<string, string>
  env?: Record<string, string>
  /** Cancels the run as it waits. */
  cancelled?: boolean
  /** Answers every request in place of the emulator. */
  page?: { status: number; body: string }
}

const themes = ['light', 'dark'] as const
const widthPx = 860

const token = '1234567890:FAKE_secret_of_the_samples_0123456789-ab'
const oneAttempt = { 'max-attempts': '1' }
const hostileText =
  '</code>`*bold*` <img src=x> @octocat #1 octo-org/octo-repo#2 https://example.com | \u001b[31mred'

const samples: Record<string, Sample> = {
  closed: {},
  'closed-and-confirmed': { inputs: { 'confirm-after-seconds': '1' } },
  'closed-after-a-lost-answer': { bot: { faults: ['lost'] } },
  'already-closed': { bot: { closed: true } },
  'already-closed-allowed': { bot: { closed: true }, inputs: { 'allow-already-closed': 'true' } },
  reopened: { bot: { pollerSeconds: 1 }, inputs: { 'confirm-after-seconds': '3' } },
  'dry-run': { inputs: { 'dry-run': 'true' } },
  'invalid-input': {
    inputs: { 'bale-token': '', 'dry-run': 'yes', 'timeout-seconds': '`15m` @octocat' },
  },
  unauthorized: { inputs: { 'bale-token': `${token}c` } },
  unsupported: { bot: { noClose: true } },
  'rate-limited': { bot: { youngSeconds: 534 }, inputs: { 'timeout-seconds': '300' } },
  'server-error': { bot: { faults: ['503'] }, inputs: oneAttempt },
  rejected: { page: { status: 403, body: '<h1>Forbidden</h1>' } },
  'rejected-with-hostile-text': {
    page: { status: 400, body: JSON.stringify({ ok: false, description: hostileText }) },
  },
  'invalid-response': { bot: { faults: ['redirect'] } },
  unreachable: { inputs: { ...oneAttempt, 'api-url': 'http://127.0.0.1:9' } },
  'timed-out': {
    bot: { faults: ['silence'] },
    inputs: { ...oneAttempt, 'attempt-timeout-seconds': '1' },
  },
  cancelled: { bot: { youngSeconds: 60 }, cancelled: true },
  'internal-error': {
    bot: { faults: ['500'] },
    env: { NODE_OPTIONS: '--import=data:text/javascript,Math.random=()=>{throw(new(Error))}' },
  },
}

async function summaryOf({ bot = {}, inputs, env, cancelled, page }: Sample): Promise<string> {
  const emulator = await startEmulator({ bots: [{ token, ...bot }] })
  const server = createServer((_, response) =>
    response.writeHead(page?.status ?? 500).end(page?.body),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pageUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const apiUrl = page === undefined ? emulator.url : pageUrl
  const repository = { GITHUB_ACTION_REPOSITORY: 'OWNER/close-bale-bot', GITHUB_ACTION_REF: 'v1' }
  try {
    const { child, done, cancel } = runBundle({
      inputs: { 'bale-token': token, 'api-url': apiUrl, ...inputs },
      env: { GITHUB_SERVER_URL: 'https://github.com', ...repository, ...env },
    })
    child.stdout.on('data', (text: string) => {
      if (cancelled && text.includes('Next try')) cancel()
    })
    return (await done).summary
  } finally {
    server.close()
    await emulator.stop()
  }
}

function pageOf(markdown: string, theme: string): string {
  const css = readFileSync(
    fileURLToPath(import.meta.resolve(`github-markdown-css/github-markdown-${theme}.css`)),
    'utf8',
  )
  return `<!doctype html>
<meta charset="utf-8">
<style>${css} body { margin: 0 } article { padding: 24px }</style>
<article class="markdown-body">${marked.parse(markdown, { async: false })}</article>
<script>document.title = document.documentElement.offsetHeight</script>`
}

function chromium(...flags: string[]): string {
  const command = process.env['CHROMIUM'] ?? 'chromium'
  const common = ['--headless', '--hide-scrollbars', '--force-device-scale-factor=2']
  // Chromium refuses to run its sandbox as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const { error, status, stdout } = spawnSync(command, [...common, ...sandbox, ...flags], {
    encoding: 'utf8',
  })
  if (error)
    throw new Error(`${command} cannot be started; name your Chromium in the variable CHROMIUM`)
  if (status !== 0) throw new Error(`${command} ended with exit code ${status}`)
  return stdout
}

function heightOf(pagePath: string): string {
  const dom = chromium('--dump-dom', `--window-size=${widthPx},100`, pathToFileURL(pagePath).href)
  return /<title>(\d+)/.exec(dom)?.[1] ?? '800'
}

const folder = resolve(process.argv[2] ?? 'reports/summaries')
mkdirSync(folder, { recursive: true })
for (const [name, sample] of Object.entries(samples)) {
  const path = join(folder, name)
  const markdown = await summaryOf(sample)
  writeFileSync(`${path}.md`, markdown)
  for (const theme of themes) writeFileSync(`${path}-${theme}.html`, pageOf(markdown, theme))
  const heightPx = heightOf(`${path}-light.html`)
  for (const theme of themes) {
    const url = pathToFileURL(`${path}-${theme}.html`).href
    chromium(`--screenshot=${path}-${theme}.png`, `--window-size=${widthPx},${heightPx}`, url)
  }
  console.log(path)
}

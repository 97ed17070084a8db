/** The action, and what people close bots with instead: each a process that passes or fails by its exit code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Run } from './meter.ts'
import type { Target } from './server.ts'

export interface Tool {
  readonly name: string
  readonly run: (target: Target) => Run
}

/** Of the bench alone, so that no setting of the machine changes a result. */
const env = { PATH: process.env['PATH'] ?? '' }
const node = process.execPath
const scratch = mkdtempSync(join(tmpdir(), 'close-bale-bot-bench-'))
process.once('exit', () => {
  rmSync(scratch, { recursive: true })
})

export const bundlePath = fileURLToPath(new URL('../dist/index.js', import.meta.url))

/** The bundle as a runner starts it: masks, outputs and summary included. */
export function closeBaleBot({ apiUrl, token }: Target, inputs: Readonly<Record<string, string>> = {}): Run {
  const files = {
    GITHUB_OUTPUT: join(scratch, 'output'),
    GITHUB_STEP_SUMMARY: join(scratch, 'summary'),
  }
  for (const file of Object.values(files)) writeFileSync(file, '')
  const variables = Object.entries({ 'bale-token': token, 'api-url': apiUrl, ...inputs }).map(
    ([name, value]): [string, string] => [`INPUT_${name.toUpperCase()}`, value],
  )
  return {
    argv: [node, bundlePath],
    env: { ...env, ...files, GITHUB_ACTIONS: 'true', ...Object.fromEntries(variables) },
  }
}

export const action: Tool = { name: '**close-bale-bot**', run: (target) => closeBaleBot(target) }

function script(name: string, code: string): Tool {
  return { name, run: ({ url }) => ({ argv: [node, '-e', code, url], env }) }
}

function peer(name: string, file: string, args: (target: Target) => readonly string[]): Tool {
  const path = fileURLToPath(new URL(`peers/${file}`, import.meta.url))
  return { name, run: (target) => ({ argv: [node, path, ...args(target)], env }) }
}

/** All but the request. */
export const dryRun: Tool = {
  name: 'close-bale-bot, dry run',
  run: (target) => closeBaleBot(target, { 'dry-run': 'true' }),
}

export const emptyNode: Tool = {
  name: 'Node, empty program',
  run: () => ({ argv: [node, '-e', '0'], env }),
}

const httpRequest = `require('node:http').request(process.argv[1], { method: 'POST' }, (response) => {
  response.resume().on('end', () => process.exit(response.statusCode === 200 ? 0 : 1))
}).end()`
export const nodeHttp = script('`node:http`, one line', httpRequest)

/** What node-fetch loads as it is imported: no program with it can start sooner. */
export const nodeHttpFloor = script(
  '`node:http`, with `https` and `zlib` loaded',
  `require('node:https'); require('node:zlib'); ${httpRequest}`,
)

export const builtInFetch = script(
  'built-in `fetch`, one line',
  `fetch(process.argv[1], { method: 'POST' })
  .then((response) => response.json())
  .then(({ ok }) => process.exit(ok ? 0 : 1))`,
)

export const nodeFetch = peer('node-fetch, as installed', 'node-fetch.mjs', ({ url }) => [url])

export const curl: Tool = {
  name: '`curl -f --retry 5`',
  run: ({ url }) => ({
    argv: ['curl', '-fsS', '--retry', '5', '-X', 'POST', '-o', '/dev/null', url],
    env,
  }),
}

/** As careful as a shell script gets: all errors retried, a time-out, and a look at the envelope. */
export const carefulCurl: Tool = {
  name: '`curl`, careful',
  run: ({ url }) => ({
    argv: [
      'bash',
      '-c',
      'curl -fsS --retry 9 --retry-all-errors --max-time 20 -X POST "$0" | grep -q \'"ok":true\'',
      url,
    ],
    env,
  }),
}

const library = ({ apiUrl, token }: Target): readonly string[] => [apiUrl, token]
export const grammy = peer('grammY, auto-retry', 'grammy.mjs', library)
export const nodeTelegramBotApi = peer('node-telegram-bot-api', 'node-telegram-bot-api.mjs', library)

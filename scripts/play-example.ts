/** Plays a workflow from `examples` under act, against the emulator and stand-ins for the commands in it. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startEmulator } from '../emulator/server.ts'
import type { BotSetup } from '../emulator/server.ts'

export type State = Omit<BotSetup, 'token'>

export interface Scene {
  example: string
  name: string
  /** By the names of their secrets; otherwise one bot that runs. The API does not know the token of an `unknown` bot. */
  bots?: Readonly<Record<string, State | 'unknown'>>
  /** Changes the copy that is played. */
  edit?: (workflow: string) => string
  /** `github.run_attempt`; otherwise 1. */
  runAttempt?: number
  /** Arguments for act. */
  flags?: readonly string[]
  /** The command that fails. */
  failing?: string
  passes: boolean
  /** Every command and every request in order, without the polls of a bot that is open anyway. */
  events: readonly string[]
  /** A text that the log must hold. */
  log?: string
}

export interface Played {
  events: readonly string[]
  log: string
  /** What is not as the scene has it. */
  differences: readonly string[]
}

const root = fileURLToPath(new URL('..', import.meta.url))
const secret = 'NoRealSecret-35-characters-or-more_0'

/** What a command makes a bot request when it starts it on a host, or in the cluster. */
const requestsOfCommands: readonly [RegExp, string][] = [
  [/^ssh .*\/set-webhook$/, 'setWebhook'],
  [/^ssh .* enable --now /, 'getUpdates'],
  [/^kubectl (?:apply|scale .*--replicas=1)/, 'getUpdates'],
]

/** A folder with the action and an empty repository, for all scenes. */
export function makeStage(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'examples-'))
  mkdirSync(join(folder, 'action'))
  for (const part of ['action.yml', 'dist'])
    cpSync(join(root, part), join(folder, 'action', part), { recursive: true })
  const git = (...args: string[]) => execFileSync('git', ['-C', join(folder, 'workspace'), ...args])
  mkdirSync(join(folder, 'workspace'))
  git('init', '--quiet')
  git(
    '-c',
    'user.name=-',
    '-c',
    'user.email=-',
    'commit',
    '--quiet',
    '--allow-empty',
    '--message',
    '-',
  )
  return {
    folder,
    remove: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

export async function play(scene: Scene, stage: string): Promise<Played> {
  const example = readFileSync(join(root, 'examples', scene.example), 'utf8')
  const workflow = scene.edit?.(example) ?? example
  const bots = Object.entries(scene.bots ?? { BALE_TOKEN: {} }).map(([name, state], index) => ({
    name,
    state,
    token: `${1_000_000_001 + index}:${secret}`,
  }))
  const events: string[] = []
  const emulator = await startEmulator({
    bots: bots.flatMap(({ token, state }) => (state === 'unknown' ? [] : [{ token, ...state }])),
    onRequest: ({ method, answer }) => {
      const event = `${method} ${answer.slice(0, 3)}${answer.endsWith('launched') ? ', opened' : ''}`
      if (event !== 'getUpdates 200') events.push(event)
    },
  })
  const commands = await startCommands(async (command) => {
    const fails = command === scene.failing
    // The text of an issue and its repository depend on the run.
    events.push(command.replaceAll(/ --repo \S+| --body .*/g, '') + (fails ? ' (fails)' : ''))
    if (fails) throw new Error('A command that fails')
    const method = requestsOfCommands.find(([pattern]) => pattern.test(command))?.[1]
    if (method !== undefined && (method === 'setWebhook') === (scene.example === 'webhook.yml')) {
      for (const { token } of bots) await fetch(`${emulator.url}/bot${token}/${method}`)
    }
    return command.includes('.spec.strategy.type') ? 'Recreate' : ''
  })

  const folder = mkdtempSync(join(stage, 'scene-'))
  for (const name of ['ssh', 'kubectl', 'gh']) {
    const script = `#!/bin/sh\nexec curl --silent --fail --data-raw "${name} $*" ${commands.url}\n`
    writeFileSync(join(folder, name), script, { mode: 0o755 })
  }
  writeFileSync(join(folder, 'workflow.yml'), atEmulator(workflow, emulator.url))
  const { passed, log } = await act(stage, folder, [
    ...['--workflows', join(folder, 'workflow.yml')],
    ...['--env', `GITHUB_RUN_ATTEMPT=${scene.runAttempt ?? 1}`],
    ...bots.flatMap(({ name, token }) => ['--secret', `${name}=${token}`]),
    ...(scene.flags ?? []),
  ])
  commands.stop()
  await emulator.stop()

  const differences: string[] = []
  if (passed !== scene.passes) differences.push(passed ? 'the run passed' : 'the run failed')
  if (scene.log !== undefined && !log.includes(scene.log))
    differences.push(`the log does not say "${scene.log}"`)
  if (log.includes(secret)) differences.push('the log holds a secret')
  if (events.join('\n') !== scene.events.join('\n')) {
    differences.push(
      `expected events:\n  ${scene.events.join('\n  ')}\nevents:\n  ${events.join('\n  ')}`,
    )
  }
  return { events, log, differences }
}

/** Receives the commands of the examples. One fails if carrying it out does. */
async function startCommands(carryOut: (command: string) => Promise<string>) {
  const server = createServer((request, response) => {
    text(request)
      .then(carryOut)
      .then((output) => response.end(output))
      .catch(() => response.writeHead(500).end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, stop: () => server.close() }
}

async function act(
  stage: string,
  commandsFolder: string,
  flags: string[],
): Promise<{ passed: boolean; log: string }> {
  const fixed = [
    ...['--local-repository', `OWNER/close-bale-bot@v1=${stage}/action`],
    // Without one, act would ask for it by `gh auth token`.
    ...['--secret', 'GITHUB_TOKEN=NoGitHubToken'],
  ]
  const child = spawn(
    'bash',
    [join(root, 'scripts/act.sh'), 'workflow_dispatch', ...fixed, ...flags],
    {
      cwd: join(stage, 'workspace'),
      env: { ...process.env, PATH: [commandsFolder, process.env['PATH']].join(delimiter) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const exited = once(child, 'exit')
  const log = (await Promise.all([text(child.stdout), text(child.stderr)])).join('')
  const [status] = (await exited) as [number | null]
  return { passed: status === 0, log }
}

/** The workflow as it is, but for the address of the API. */
function atEmulator(workflow: string, url: string): string {
  if (workflow.includes('https://relay.example'))
    return workflow.replace('https://relay.example', url)
  return workflow.replaceAll(
    /(uses: OWNER\/close-bale-bot@v1.*\n +with:\n)( +)/g,
    `$1$2api-url: ${url}\n$2`,
  )
}

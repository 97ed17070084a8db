/**
 * Runs the bundle through one scene after the other, to show that it works on this machine with a given Node:
 *
 *     node platforms/scenes.ts [path of a Node binary] [path of the bundle]
 *
 * The suite itself needs Node 24. A Node that the action does not support must refuse with a clear message.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { BundleRun } from '../emulator/runner.ts'
import {
  alreadyClosed,
  answer,
  http,
  no,
  page,
  resetAtOnce,
  stall,
  tunnelTo,
  unknownToken,
  yes,
} from '../__tests__/wire/acts.ts'
import { newAuthority } from '../__tests__/wire/certificates.ts'
import { preload, resolveNothing } from '../__tests__/wire/preload.ts'
import { startServer } from '../__tests__/wire/server.ts'
import type { Act } from '../__tests__/wire/server.ts'
import {
  assertEnd,
  botId,
  cancel,
  copyBundle,
  firstLine,
  play,
  read,
  run,
  token,
  withFolder,
  write,
} from './play.ts'
import type { End, Program } from './play.ts'

export interface SmokeResult {
  /** Of the Node that ran the bundle, such as `24.21.0`. */
  version: string
  isSupported: boolean
  passed: number
  failures: { scene: string; error: unknown }[]
  seconds: number
}

interface Scene {
  name: string
  play: (program: Program) => Promise<void>
}

/** Runs side by side: most of a scene is waiting. */
const scenesAtATime = 4

/** Runs all scenes that fit the Node. */
export async function smoke(program: Program): Promise<SmokeResult> {
  const startedMs = performance.now()
  const version = execFileSync(program.nodePath, ['--version'], { encoding: 'utf8' })
    .trim()
    .slice(1)
  const isSupported = isAtLeast(version, 20, 3)
  const scenes = isSupported ? [...rows.map(rowScene), ...otherScenes] : [refusal(version)]
  if (isAtLeast(version, 20, 6)) scenes.push(inputsFromFile)

  const failures: SmokeResult['failures'] = []
  const waiting = scenes.values()
  const playNext = async (): Promise<void> => {
    for (const { name, play } of waiting) {
      await play(program).catch((error: unknown) => failures.push({ scene: name, error }))
    }
  }
  await Promise.all(Array.from({ length: scenesAtATime }, playNext))
  const passed = scenes.length - failures.length
  return { version, isSupported, passed, failures, seconds: (performance.now() - startedMs) / 1000 }
}

/** One line, and the failures under it. */
export function describe({ version, isSupported, passed, failures, seconds }: SmokeResult): string {
  const total = passed + failures.length
  const what = isSupported
    ? `${passed} of ${total} scenes passed`
    : passed === 1
      ? 'refuses clearly'
      : 'does not refuse'
  const line = `Node ${version} on ${process.platform} ${process.arch}: ${what} (${seconds.toFixed(1)} s)`
  const details = failures.map(
    ({ scene, error }) => `- ${scene}: ${error instanceof Error ? error.message : 'failed'}`,
  )
  return [line, ...details].join('\n')
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [actualMajor = 0, actualMinor = 0] = version.split('.').map(Number)
  return actualMajor > major || (actualMajor === major && actualMinor >= minor)
}

/** A scene that needs no more than a script, inputs and an end. */
interface Row {
  name: string
  script: readonly Act[]
  inputs?: Readonly<Record<string, string>>
  end: End
  /** The methods that the server must have been asked for, in order; by default as many `close` as attempts. */
  asks?: readonly string[]
}

const once = { 'max-attempts': '1' }
const retryAfter = (seconds: number) =>
  answer(
    no(429, `Too Many Requests: retry after ${seconds}`, { parameters: { retry_after: seconds } }),
  )

const rows: readonly Row[] = [
  {
    name: 'close',
    script: [answer(yes)],
    end: { outcome: 'closed', attempts: 1, status: 200 },
  },
  {
    name: 'delete the webhook, then close',
    script: [answer(yes)],
    inputs: { 'delete-webhook': 'true' },
    end: { outcome: 'closed', attempts: 1, status: 200 },
    asks: ['deleteWebhook', 'close'],
  },
  {
    name: 'retry after an error of a gateway',
    script: [answer(page(502)), answer(yes)],
    end: { outcome: 'closed', attempts: 2, status: 200 },
  },
  {
    name: 'confirm, still closed',
    script: [answer(yes), answer(alreadyClosed)],
    inputs: { 'confirm-after-seconds': '1' },
    end: { outcome: 'closed', attempts: 2, status: 200 },
  },
  {
    name: 'confirm, opened again',
    script: [answer(yes), retryAfter(600)],
    inputs: { 'confirm-after-seconds': '1' },
    end: { outcome: 'reopened', attempts: 2, status: 429, shows: /did not stay closed/ },
  },
  {
    name: 'dry run',
    script: [answer(yes)],
    inputs: { 'dry-run': 'true' },
    end: { outcome: 'dry-run', passes: true, attempts: 0 },
  },
  {
    name: 'already closed',
    script: [answer(alreadyClosed)],
    end: { outcome: 'already-closed', attempts: 1, status: 400 },
  },
  {
    name: 'already closed, which is allowed',
    script: [answer(alreadyClosed)],
    inputs: { 'allow-already-closed': 'true' },
    end: { outcome: 'already-closed', closed: true, attempts: 1, status: 400 },
  },
  {
    name: 'invalid input',
    script: [answer(yes)],
    inputs: { 'max-attempts': 'five' },
    end: { outcome: 'invalid-input', attempts: 0, shows: /max-attempts.*five/ },
  },
  {
    name: 'unauthorized',
    script: [answer(unknownToken)],
    end: { outcome: 'unauthorized', attempts: 1, status: 403 },
  },
  {
    name: 'unsupported',
    script: [answer(no(501, 'Not Implemented'))],
    end: { outcome: 'unsupported', attempts: 1, status: 501 },
  },
  {
    name: 'rate limited',
    script: [retryAfter(300)],
    inputs: once,
    end: { outcome: 'rate-limited', attempts: 1, status: 429, retryAfterSeconds: 300 },
  },
  {
    name: 'server error',
    script: [answer(page(500))],
    inputs: once,
    end: { outcome: 'server-error', attempts: 1, status: 500 },
  },
  {
    name: 'rejected',
    script: [answer(no(404, 'Not Found'))],
    end: { outcome: 'rejected', attempts: 1, status: 404 },
  },
  {
    name: 'redirect',
    script: [answer(http(302, '', { location: '/elsewhere' }))],
    end: { outcome: 'invalid-response', attempts: 1, status: 302 },
  },
  {
    name: 'unreachable',
    script: [resetAtOnce],
    inputs: once,
    end: { outcome: 'unreachable', attempts: 1 },
    asks: [],
  },
  {
    name: 'timed out',
    script: [stall()],
    inputs: { ...once, 'attempt-timeout-seconds': '1' },
    end: { outcome: 'timed-out', attempts: 1, shows: /is not known to be closed/ },
  },
]

function rowScene({ name, script, inputs = {}, end, asks }: Row): Scene {
  return {
    name,
    play: async (program) => {
      const result = await play(program, script, { inputs })
      assertEnd(result, end)
      const methods = asks ?? Array.from({ length: end.attempts }, () => 'close')
      assert.deepEqual(
        result.requests.map(({ line }) => line),
        methods.map((method) => `POST /bot${token}/${method} HTTP/1.1`),
      )
    },
  }
}

const closed: End = { outcome: 'closed', attempts: 1, status: 200 }
const authority = newAuthority('Smoke Test Authority')

const otherScenes: readonly Scene[] = [
  {
    name: 'wait as long as the server asks',
    play: async (program) => {
      const busy = answer(no(429, 'Too Many Requests', { parameters: { retry_after: 2 } }))
      const result = await play(program, [busy, answer(yes)])
      assertEnd(result, { ...closed, attempts: 2 })
      const [first, second] = result.requests.map(({ atMs }) => atMs)
      assert.ok(Number(second) - Number(first) >= 1990, 'It waited two seconds')
    },
  },
  {
    name: 'TLS, with an authority from NODE_EXTRA_CA_CERTS',
    play: (program) =>
      withFolder(async (folder) => {
        const NODE_EXTRA_CA_CERTS = write(folder, 'authority.pem', authority.cert)
        const tls = authority.issue('localhost')
        assertEnd(await play(program, [answer(yes)], { tls, env: { NODE_EXTRA_CA_CERTS } }), closed)
      }),
  },
  {
    name: 'TLS, with an authority that nobody trusts',
    play: async (program) => {
      const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
      const result = await play(program, [answer(yes)], { tls: authority.issue('localhost'), env })
      assertEnd(result, { outcome: 'unreachable', attempts: 1 })
      assert.equal(result.requests.length, 0)
    },
  },
  {
    name: 'through a proxy',
    play: (program) =>
      withFolder(async (folder) => {
        await using api = await startServer([answer(yes)], { tls: authority.issue('bale.test') })
        await using proxy = await startServer([tunnelTo(api.port)])
        const result = await run(program, 'https://bale.test', {
          env: {
            https_proxy: `http://user:password@127.0.0.1:${proxy.port}`,
            NODE_EXTRA_CA_CERTS: write(folder, 'authority.pem', authority.cert),
          },
          // A run that forgets the proxy must not ask a real name server.
          nodeArguments: preload([resolveNothing]),
        })
        assertEnd(result, closed)
        assert.equal(proxy.requests[0]?.line, 'CONNECT bale.test:443 HTTP/1.1')
        assert.equal(api.requests.length, 1)
      }),
  },
  {
    name: 'cancelled while waiting',
    play: async (program) => {
      const during = async (bundleRun: BundleRun): Promise<void> => {
        await firstLine(bundleRun)
        await cancel(bundleRun, 'SIGINT')
      }
      const result = await play(program, [retryAfter(20)], { during })
      assertEnd(result, { outcome: 'cancelled', attempts: 1 })
    },
  },
  {
    name: 'cancelled while the request is under way',
    play: async (program) => {
      let onRequest = (): void => undefined
      const isRequested = new Promise<void>((resolve) => {
        onRequest = resolve
      })
      const silence: Act = async (peer) => {
        await peer.request()
        onRequest()
      }
      const during = async (bundleRun: BundleRun): Promise<void> => {
        await Promise.race([isRequested, bundleRun.done])
        await cancel(bundleRun, 'SIGTERM')
      }
      const inputs = { 'attempt-timeout-seconds': '25' }
      const result = await play(program, [silence], { inputs, during })
      assertEnd(result, { outcome: 'cancelled', attempts: 1, shows: /is not known to be closed/ })
    },
  },
  {
    name: 'outputs that cannot be written',
    play: (program) =>
      withFolder(async (folder) => {
        const result = await play(program, [answer(yes)], { env: { GITHUB_OUTPUT: folder } })
        assert.equal(result.exitCode, 1)
        assert.match(read(result), new RegExp(`${botId} is closed`))
        assert.equal(result.requests.length, 1)
      }),
  },
  {
    name: 'by hand',
    play: async (program) => {
      const result = await play(program, [answer(yes)], { env: byHand })
      assert.equal(result.exitCode, 0)
      assert.doesNotMatch(result.stdout, /::/)
      assert.match(result.stdout, /^closed=true\r?$/m)
    },
  },
  {
    name: 'paths with spaces and letters beyond ASCII',
    play: (program) =>
      withFolder(async (folder) => {
        const files = {
          GITHUB_OUTPUT: write(folder, 'the output', ''),
          GITHUB_STEP_SUMMARY: write(folder, 'the summary.md', ''),
          GITHUB_EVENT_PATH: write(folder, 'the event.json', '{}'),
        }
        const bundle = copyBundle(program.bundle, folder)
        const result = await play({ ...program, bundle }, [answer(yes)], { env: files })
        assert.equal(result.exitCode, 0, result.stdout)
        assert.match(readFileSync(files.GITHUB_OUTPUT, 'utf8'), /^outcome<<.*\r?\nclosed\r?$/m)
        assert.match(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8'), new RegExp(botId))
      }),
  },
  {
    name: 'files with CRLF line ends',
    play: (program) =>
      withFolder(async (folder) => {
        const bundle = copyBundle(program.bundle, folder)
        writeFileSync(bundle, readFileSync(bundle, 'utf8').replaceAll(/\r?\n/g, '\r\n'))
        const result = await play({ ...program, bundle }, [answer(yes)], {
          // A secret that was read from a file on Windows ends like this.
          inputs: { 'bale-token': `${token}\r\n` },
          env: {
            GITHUB_EVENT_PATH: write(folder, 'event.json', '{\r\n  "action": "opened"\r\n}\r\n'),
          },
        })
        assertEnd(result, closed)
      }),
  },
]

const byHand = {
  CI: undefined,
  GITHUB_ACTIONS: undefined,
  GITHUB_OUTPUT: undefined,
  GITHUB_STEP_SUMMARY: undefined,
}

/** Needs Node 20.6, the first with `--env-file`. */
const inputsFromFile: Scene = {
  name: 'by hand, with the inputs in a file with CRLF line ends',
  play: (program) =>
    withFolder(async (folder) => {
      await using server = await startServer([answer(yes)])
      const lines = [
        `INPUT_BALE-TOKEN=${token}`,
        `INPUT_API-URL=http://127.0.0.1:${server.port}`,
        '',
      ]
      const inputFile = write(folder, 'bot.env', lines.join('\r\n'))
      // What the file says is used, since these two are not in the environment.
      const env = { ...byHand, 'INPUT_BALE-TOKEN': undefined, 'INPUT_API-URL': undefined }
      const result = await run(program, '', { env, nodeArguments: [`--env-file=${inputFile}`] })
      assert.equal(result.exitCode, 0, result.stdout)
      assert.match(result.stdout, /^outcome=closed\r?$/m)
    }),
}

/** The one scene of a Node that the action does not support. */
function refusal(version: string): Scene {
  return {
    name: 'the refusal',
    play: async (program) => {
      const result = await play(program, [answer(yes)])
      assertEnd(result, { outcome: 'invalid-input', attempts: 0, shows: /Node(?:\.js)? .*20\.3/ })
      assert.ok(result.logAsShown.includes(version), 'It names the version that it found')
      assert.equal(result.requests.length, 0)
    },
  }
}

if (import.meta.main) {
  const [nodePath = process.execPath, bundle = join(import.meta.dirname, '../dist/index.js')] =
    process.argv.slice(2)
  const result = await smoke({ nodePath: resolve(nodePath), bundle: resolve(bundle) })
  console.log(describe(result))
  process.exitCode = result.failures.length > 0 ? 1 : 0
}

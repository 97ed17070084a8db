/** The runner's files and the log: missing, broken, unwritable, not there at all. */
import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once as event } from 'node:events'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answer, page, unknownToken, yes } from './acts.ts'
import {
  against,
  closed,
  expectEnd,
  expectRequests,
  failed,
  linesOf,
  once,
  secret,
  token,
} from './play.ts'
import type { Scene, Script } from './play.ts'
import { outputsFirst } from './preload.ts'
import { startServer } from './server.ts'

const onLinux = process.platform === 'linux' ? test.concurrent : test.concurrent.skip

type PathIn = (folder: string) => string

/** Plays a run in which a variable has a path in a new folder. */
async function withPath(
  variable: string,
  path: PathIn,
  script: Script = yes,
  inputs = {},
): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'wire-files-'))
  try {
    return await against(script, { env: { [variable]: path(folder) }, inputs })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function file(folder: string, content: string): string {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return path
}

/** Paths where nothing can be written. */
const unwritable: [name: string, path: PathIn][] = [
  ['missing', (folder) => join(folder, 'missing')],
  ['a folder', (folder) => folder],
  ['in a missing folder', (folder) => join(folder, 'not-there', 'file')],
]
if (process.platform === 'linux') unwritable.push(['on a full disk', () => '/dev/full'])

describe('a closed bot stays a passed step', () => {
  test.concurrent.each<[string, boolean, PathIn]>([
    ['missing', false, (folder) => join(folder, 'missing.json')],
    ['a folder', false, (folder) => folder],
    ['empty', false, (folder) => file(folder, '')],
    ['broken, with the secret in it', false, (folder) => file(folder, `{"token": ${secret}}`)],
    ['cut off', false, (folder) => file(folder, `{"pull_request": {"title": "${secret}`)],
    ['of a name that is no text', false, (folder) => join(folder, 'a\tb\u202Ec')],
    ['null', true, (folder) => file(folder, 'null')],
    ['an array', true, (folder) => file(folder, '[{"pull_request": 1}]')],
    ['a text', true, (folder) => file(folder, JSON.stringify(secret))],
    [
      'of other shapes',
      true,
      (folder) => file(folder, '{"pull_request": {"head": null, "base": {"repo": 7}}}'),
    ],
  ])(
    'and a failed one keeps its annotation; the event file is %s, and can be read: %s',
    async (_, isReadable, path) => {
      const ends = [
        [yes, closed],
        [unknownToken, failed('unauthorized', 403)],
      ] as const
      for (const [bytes, end] of ends) {
        const scene = await withPath('GITHUB_EVENT_PATH', path, bytes)
        expectEnd(scene, end)
        expect(linesOf(scene).filter((line) => line.includes('event file'))).toHaveLength(
          isReadable ? 0 : 1,
        )
      }
    },
  )

  test.concurrent.each(unwritable)(
    'when the summary is %s, and one plain line says so',
    async (_, path) => {
      const scene = await withPath('GITHUB_STEP_SUMMARY', path)
      expectEnd(scene, closed)
      expect(linesOf(scene)).toEqual([
        expect.stringMatching(/^Bale bot/),
        expect.stringMatching(/^[^:]*summary/),
      ])
    },
  )

  const unset = [
    'ACTOR',
    'EVENT_NAME',
    'EVENT_PATH',
    'REPOSITORY',
    'RUN_ATTEMPT',
    'RUN_ID',
    'WORKSPACE',
  ]
  test.concurrent.each<[string, Record<string, string | undefined>]>([
    ['the summary is unset', { GITHUB_STEP_SUMMARY: undefined }],
    ['the summary is empty', { GITHUB_STEP_SUMMARY: '' }],
    [
      'the runner sets next to nothing',
      Object.fromEntries(unset.map((name) => [`GITHUB_${name}`, undefined])),
    ],
  ])('when %s', async (_, env) => {
    expectEnd(await against(yes, { env }), closed)
  })

  test.concurrent.each([
    ['true', /1234567890.*closed/],
    ['false', /^$/],
  ])(
    'and has a job summary that says what happened if that is wanted: %s',
    async (summary, says) => {
      const scene = await against(yes, { inputs: { summary } })
      expectEnd(scene, closed)
      expect(scene.summary).toMatch(says)
    },
  )

  test.concurrent('when nobody reads the log', async () => {
    expectEnd(await against(yes, { during: ({ child }) => child.stdout.destroy() }), closed)
  })
})

describe('the outputs come first', () => {
  test.concurrent('before the event file is read', async () => {
    const scene = await against(yes, { preloads: [outputsFirst] })
    expect(scene.outputs).toMatchObject({ closed: 'true', outcome: 'closed', attempts: '1' })
  })

  // The runner's stdout is a pipe; a file behind it may be on a full disk.
  onLinux.each([
    ['closed', 0, yes],
    ['unauthorized', 1, unknownToken],
  ])(
    'and with a full disk behind the log, %s ends with exit code %d',
    async (outcome, exitCode, bytes) => {
      await using server = await startServer([answer(bytes)])
      const folder = mkdtempSync(join(tmpdir(), 'wire-full-'))
      const full = openSync('/dev/full', 'w')
      try {
        const output = file(folder, '')
        const child = spawn(
          process.execPath,
          [fileURLToPath(new URL('../../dist/index.js', import.meta.url))],
          {
            env: {
              'INPUT_BALE-TOKEN': token,
              'INPUT_API-URL': `http://127.0.0.1:${server.port}`,
              GITHUB_ACTIONS: 'true',
              GITHUB_OUTPUT: output,
            },
            stdio: ['ignore', full, full],
          },
        )
        expect(await event(child, 'exit')).toEqual([exitCode, null])
        expect(readFileSync(output, 'utf8')).toMatch(new RegExp(`^${outcome}$`, 'm'))
        expect(server.requests).toHaveLength(1)
      } finally {
        closeSync(full)
        rmSync(folder, { recursive: true, force: true })
      }
    },
  )
})

describe('outputs that cannot be written fail the step, and the one annotation says whether the bot is closed', () => {
  const states: [Buffer, RegExp][] = [
    [yes, /Bale bot 1234567890 is closed/],
    [unknownToken, /Bale bot 1234567890 was not closed: unauthorized/],
    [page(502), /Bale bot 1234567890 is not known to be closed: server error/],
  ]
  const rows = states.flatMap(([bytes, says]) =>
    unwritable.map(([name, path]) => ({ bytes, says, name, path })),
  )
  test.concurrent.each(rows)('$name: $says', async ({ bytes, says, path }) => {
    const scene = await withPath('GITHUB_OUTPUT', path, bytes, once)
    expect(scene.exitCode).toBe(1)
    const { level, text } = scene.annotations[0] ?? {}
    expect(level).toBe('error')
    expect(text).toMatch(says)
    expect(text).toMatch(/outputs.* not .*written/)
    expectRequests(scene, [])
  })

  test.concurrent('a dry run, too', async () => {
    const scene = await withPath('GITHUB_OUTPUT', (folder) => folder, yes, { 'dry-run': 'true' })
    expect(scene.exitCode).toBe(1)
    expect(scene.annotations[0]?.text).toMatch(/nothing was closed.*outputs.* not .*written/)
    expect(scene.bytes).toBe(0)
  })
})

describe('outside a workflow, all is plain lines, and nothing is masked aloud', () => {
  const env = {
    GITHUB_ACTIONS: undefined,
    GITHUB_OUTPUT: undefined,
    GITHUB_STEP_SUMMARY: undefined,
    CI: undefined,
  }
  const dryLines = ['closed=false', 'outcome=dry-run', 'http-status=', 'attempts=0']
  const notClosed = /Bale bot 1234567890 was not closed: unauthorized/
  const absent = { 'timeout-seconds': '', summary: '' }
  test.concurrent.each<[string, Buffer, Record<string, string>, number, string[], RegExp]>([
    [
      'a yes',
      yes,
      {},
      0,
      ['closed=true', 'outcome=closed', 'http-status=200'],
      /^Bale bot 1234567890 is closed/m,
    ],
    [
      'a failure',
      unknownToken,
      {},
      1,
      ['closed=false', 'outcome=unauthorized', 'http-status=403'],
      notClosed,
    ],
    ['a dry run', yes, { 'dry-run': 'true' }, 0, dryLines, /nothing was closed/],
    ['inputs that are not there', yes, absent, 0, ['closed=true'], /is closed/],
  ])('%s', async (_, bytes, inputs, exitCode, lines, says) => {
    const scene = await against(bytes, { env, inputs })
    expect(scene.exitCode).toBe(exitCode)
    expect(scene.masks).toEqual([])
    expect(scene.stdout).not.toContain('::')
    expect(scene.stdout).not.toMatch(/summary/)
    expect(scene.stdout).toMatch(says)
    expect(linesOf(scene)).toEqual(
      expect.arrayContaining([...lines, 'bot-id=1234567890', 'retry-after-seconds=']),
    )
  })
})

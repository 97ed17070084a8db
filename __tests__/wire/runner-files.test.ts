/** The runner's files and the log: missing, broken, unwritable, not there at all. */
import { describe, expect, test } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once as event } from 'node:events'
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { answer, page, unknownToken, yes } from './acts.ts'
import { against, expectEnd, failed, expectRequests, once, secret, token } from './play.ts'
import type { End, Scene } from './play.ts'
import { throwInContext } from './preload.ts'
import { startServer } from './server.ts'

const onLinux = process.platform === 'linux' ? test.concurrent : test.concurrent.skip
const closed: End = { outcome: 'closed', attempts: 1, status: 200 }

/** Plays a yes with a folder in which the test can put files. */
async function withFolder(
  prepare: (folder: string) => Record<string, string | undefined>,
  script = [answer(yes)],
  inputs: Record<string, string> = {},
): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'wire-files-'))
  try {
    return await against(script, { env: prepare(folder), inputs })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function file(folder: string, content: string): string {
  const path = join(folder, 'file')
  writeFileSync(path, content)
  return path
}

/** The lines of a run but its masks. */
const linesOf = ({ stdout }: Scene): string[] => stdout.split('\n').filter((line) => !/^(::add-mask::.*)?$/.test(line))

describe('a closed bot stays a passed step', () => {
  const events: [string, boolean, (folder: string) => string][] = [
    ['missing', false, (folder) => join(folder, 'missing.json')],
    ['a folder', false, (folder) => folder],
    ['empty', false, (folder) => file(folder, '')],
    ['broken, with the secret in it', false, (folder) => file(folder, `{"token": ${secret}}`)],
    ['cut off', false, (folder) => file(folder, `{"pull_request": {"title": "${secret}`)],
    ['of a name that is no text', false, (folder) => join(folder, 'a\tb\u202Ec')],
    ['null', true, (folder) => file(folder, 'null')],
    ['an array', true, (folder) => file(folder, '[{"pull_request": 1}]')],
    ['a text', true, (folder) => file(folder, JSON.stringify(secret))],
    ['of other shapes', true, (folder) => file(folder, '{"pull_request": {"head": null, "base": {"repo": 7}}}')],
  ]
  test.concurrent.each(events)(
    'and a failed one keeps its annotation; the event file is %s, and can be read: %s',
    async (_, isReadable, path) => {
      const ends = [
        [yes, closed],
        [unknownToken, failed('unauthorized', 403)],
      ] as const
      for (const [bytes, end] of ends) {
        const scene = await withFolder((folder) => ({ GITHUB_EVENT_PATH: path(folder) }), [answer(bytes)])
        expectEnd(scene, end)
        expect(linesOf(scene).filter((line) => line.includes('event file'))).toHaveLength(isReadable ? 0 : 1)
      }
    },
  )

  const summaries: [string, (folder: string) => string][] = [
    ['missing', (folder) => join(folder, 'missing.md')],
    ['a folder', (folder) => folder],
    ['on a full disk', () => '/dev/full'],
  ]
  test.concurrent.each(summaries.slice(0, process.platform === 'linux' ? 3 : 2))(
    'when the summary is %s, and one plain line says so',
    async (_, path) => {
      const scene = await withFolder((folder) => ({ GITHUB_STEP_SUMMARY: path(folder) }))
      expectEnd(scene, closed)
      expect(linesOf(scene)).toEqual([expect.stringMatching(/^Bale bot/), expect.stringMatching(/^[^:]*summary/)])
    },
  )

  test.concurrent.each<[string, Record<string, string | undefined>]>([
    ['the summary is unset', { GITHUB_STEP_SUMMARY: undefined }],
    ['the summary is empty', { GITHUB_STEP_SUMMARY: '' }],
    [
      'the runner sets next to nothing',
      Object.fromEntries(
        ['ACTOR', 'EVENT_NAME', 'EVENT_PATH', 'REPOSITORY', 'RUN_ATTEMPT', 'RUN_ID', 'WORKSPACE'].map((name) => [
          `GITHUB_${name}`,
          undefined,
        ]),
      ),
    ],
  ])('when %s', async (_, env) => {
    expectEnd(await withFolder(() => env), closed)
  })

  test.concurrent.each(['true', 'false'])(
    'and has a job summary that says what happened if that is wanted: %s',
    async (summary) => {
      const scene = await against([answer(yes)], { inputs: { summary } })
      expectEnd(scene, closed)
      if (summary === 'true') expect(scene.summary).toMatch(/1234567890.*closed/)
      else expect(scene.summary).toBe('')
    },
  )

  test.concurrent('when nobody reads the log', async () => {
    const scene = await against([answer(yes)], { during: ({ child }) => child.stdout.destroy() })
    expectEnd(scene, closed)
  })
})

describe('the outputs come first', () => {
  test.concurrent('before the event file is read', async () => {
    const scene = await against([answer(yes)], { preloads: [throwInContext] })
    expect(scene.outputs).toMatchObject({ closed: 'true', outcome: 'closed', attempts: '1' })
  })

  // The runner's stdout is a pipe; a file behind it may be on a full disk.
  onLinux.each([
    ['closed', 0, yes],
    ['unauthorized', 1, unknownToken],
  ])('and with a full disk behind the log, %s ends with exit code %d', async (outcome, exitCode, bytes) => {
    await using server = await startServer([answer(bytes)])
    const folder = mkdtempSync(join(tmpdir(), 'wire-full-'))
    const full = openSync('/dev/full', 'w')
    try {
      const output = file(folder, '')
      const child = spawn(process.execPath, [fileURLToPath(new URL('../../dist/index.js', import.meta.url))], {
        env: {
          'INPUT_BALE-TOKEN': token,
          'INPUT_API-URL': `http://127.0.0.1:${server.port}`,
          GITHUB_ACTIONS: 'true',
          GITHUB_OUTPUT: output,
        },
        stdio: ['ignore', full, full],
      })
      expect(await event(child, 'exit')).toEqual([exitCode, null])
      expect(readFileSync(output, 'utf8')).toMatch(new RegExp(`^${outcome}$`, 'm'))
      expect(server.requests).toHaveLength(1)
    } finally {
      closeSync(full)
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('outputs that cannot be written fail the step, and the one annotation says whether the bot is closed', () => {
  const paths: [string, (folder: string) => string][] = [
    ['missing', (folder) => join(folder, 'missing')],
    ['a folder', (folder) => folder],
    ['in a missing folder', (folder) => join(folder, 'not-there', 'output')],
    ['on a full disk', () => '/dev/full'],
  ]
  const ends: [string, ReturnType<typeof answer>, RegExp][] = [
    ['closed', answer(yes), /Bale bot 1234567890 is closed/],
    ['not closed', answer(unknownToken), /Bale bot 1234567890 was not closed: unauthorized/],
    ['not known', answer(page(502)), /Bale bot 1234567890 is not known to be closed: server error/],
  ]
  const rows = ends.flatMap(([state, act, says]) =>
    paths.slice(0, process.platform === 'linux' ? 4 : 3).map(([name, path]) => ({ state, act, says, name, path })),
  )
  test.concurrent.each(rows)('$state: $name', async ({ act, says, path }) => {
    const scene = await withFolder((folder) => ({ GITHUB_OUTPUT: path(folder) }), [act], once)
    expect(scene.exitCode).toBe(1)
    const { level, text } = scene.annotations[0] ?? {}
    expect(level).toBe('error')
    expect(text).toMatch(says)
    expect(text).toMatch(/outputs.* not .*written/)
    expectRequests(scene, [])
  })

  test.concurrent('a dry run, too', async () => {
    const scene = await withFolder((folder) => ({ GITHUB_OUTPUT: folder }), [answer(yes)], { 'dry-run': 'true' })
    expect(scene.exitCode).toBe(1)
    expect(scene.annotations[0]?.text).toMatch(/nothing was closed.*outputs.* not .*written/)
    expect(scene.bytes).toBe(0)
  })
})

describe('outside a workflow, all is plain lines, and nothing is masked aloud', () => {
  const env = { GITHUB_ACTIONS: undefined, GITHUB_OUTPUT: undefined, GITHUB_STEP_SUMMARY: undefined, CI: undefined }
  const ends: [string, ReturnType<typeof answer>, Record<string, string>, string[], RegExp][] = [
    ['a yes', answer(yes), {}, ['closed=true', 'outcome=closed', 'http-status=200'], /^Bale bot 1234567890 is closed/m],
    [
      'a failure',
      answer(unknownToken),
      {},
      ['closed=false', 'outcome=unauthorized', 'http-status=403'],
      /Bale bot 1234567890 was not closed: unauthorized/,
    ],
    [
      'a dry run',
      answer(yes),
      { 'dry-run': 'true' },
      ['closed=false', 'outcome=dry-run', 'http-status=', 'attempts=0'],
      /nothing was closed/,
    ],
    ['inputs that are not there', answer(yes), { 'timeout-seconds': '', summary: '' }, ['closed=true'], /is closed/],
  ]
  test.concurrent.each(ends)('%s', async (_, act, inputs, lines, says) => {
    const scene = await against([act], { env, inputs })
    expect(scene.exitCode).toBe(lines.includes('outcome=unauthorized') ? 1 : 0)
    expect(scene.masks).toEqual([])
    expect(scene.stdout).not.toContain('::')
    expect(scene.stdout).not.toMatch(/summary/)
    expect(scene.stdout).toMatch(says)
    expect(scene.stdout.split('\n')).toEqual(
      expect.arrayContaining([...lines, 'bot-id=1234567890', 'retry-after-seconds=']),
    )
  })
})

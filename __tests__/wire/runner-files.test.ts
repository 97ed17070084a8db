/** The runner's files: missing, broken, unwritable. */
import { describe, expect, test } from '@jest/globals'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answer, unknownToken, yes } from './acts.ts'
import { against, expectEnd, expectRequests, secret, testTimeoutMs } from './play.ts'
import type { End, Scene } from './play.ts'

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

describe('a closed bot stays a passed step', () => {
  const events: Record<string, (folder: string) => string> = {
    missing: (folder) => join(folder, 'missing.json'),
    'a folder': (folder) => folder,
    empty: (folder) => file(folder, ''),
    'broken, with the secret in it': (folder) => file(folder, `{"token": ${secret}}`),
    'cut off': (folder) => file(folder, `{"pull_request": {"title": "${secret}`),
    null: (folder) => file(folder, 'null'),
    'an array': (folder) => file(folder, '[{"pull_request": 1}]'),
    'a text': (folder) => file(folder, JSON.stringify(secret)),
    'of other shapes': (folder) => file(folder, '{"pull_request": {"head": null, "base": {"repo": 7}}, "sender": []}'),
    'no text': (folder) => join(folder, 'a\tb\u202Ec'),
  }
  test.concurrent.each(Object.entries(events))(
    'when the event file is %s',
    async (_, event) => {
      const scene = await withFolder((folder) => ({ GITHUB_EVENT_PATH: event(folder) }))
      expectEnd(scene, closed)
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )

  test.concurrent.each(Object.entries(events))(
    'and a failed one keeps its one annotation when the event file is %s',
    async (_, event) => {
      const scene = await withFolder((folder) => ({ GITHUB_EVENT_PATH: event(folder) }), [answer(unknownToken)])
      expectEnd(scene, { outcome: 'unauthorized', attempts: 1, status: 403 })
    },
    testTimeoutMs,
  )

  test.concurrent.each<[string, (folder: string) => string]>([
    ['missing', (folder) => join(folder, 'missing.md')],
    ['a folder', (folder) => folder],
  ])(
    'when the summary is %s, and one plain line says so',
    async (_, summary) => {
      const scene = await withFolder((folder) => ({ GITHUB_STEP_SUMMARY: summary(folder) }))
      expectEnd(scene, { ...closed, shows: [/^.*summary.*$/m] })
      expect(scene.logAsShown.match(/summary/g)).toHaveLength(1)
    },
    testTimeoutMs,
  )

  onLinux(
    'when the disk of the summary is full, and one plain line says so',
    async () => {
      const scene = await withFolder(() => ({ GITHUB_STEP_SUMMARY: '/dev/full' }))
      expectEnd(scene, { ...closed, shows: [/^.*summary.*$/m] })
    },
    testTimeoutMs,
  )

  test.concurrent.each([
    ['unset', undefined],
    ['empty', ''],
  ])(
    'when the summary is %s',
    async (_, path) => {
      const scene = await withFolder(() => ({ GITHUB_STEP_SUMMARY: path }))
      expectEnd(scene, closed)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'when no summary is wanted, and none is written',
    async () => {
      const scene = await against([answer(yes)], { inputs: { summary: 'false' } })
      expectEnd(scene, closed)
      expect(scene.summary).toBe('')
    },
    testTimeoutMs,
  )

  test.concurrent(
    'and the summary says what happened',
    async () => {
      const scene = await against([answer(yes)])
      expectEnd(scene, closed)
      expect(scene.summary).toMatch(/1234567890.*closed/)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'when nobody reads the log',
    async () => {
      const scene = await against([answer(yes)], { during: ({ child }) => child.stdout.destroy() })
      expectEnd(scene, closed)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'when the runner sets next to nothing',
    async () => {
      const names = ['ACTOR', 'EVENT_NAME', 'EVENT_PATH', 'REPOSITORY', 'RUN_ATTEMPT', 'RUN_ID', 'WORKSPACE']
      const scene = await against([answer(yes)], {
        env: Object.fromEntries(names.map((name) => [`GITHUB_${name}`, undefined])),
      })
      expectEnd(scene, closed)
    },
    testTimeoutMs,
  )
})

describe('outputs that cannot be written fail the step, and the message says whether the bot is closed', () => {
  const paths: [string, (folder: string) => string][] = [
    ['missing', (folder) => join(folder, 'missing')],
    ['a folder', (folder) => folder],
    [
      'in a missing folder',
      (folder) => {
        mkdirSync(join(folder, 'there'))
        return join(folder, 'not-there', 'output')
      },
    ],
  ]
  test.concurrent.each(paths)(
    'closed: %s',
    async (_, path) => {
      const scene = await withFolder((folder) => ({ GITHUB_OUTPUT: path(folder) }))
      expectUnwritten(scene, /Bale bot 1234567890 is closed/)
    },
    testTimeoutMs,
  )

  test.concurrent.each(paths)(
    'not closed: %s',
    async (_, path) => {
      const scene = await withFolder((folder) => ({ GITHUB_OUTPUT: path(folder) }), [answer(unknownToken)])
      expectUnwritten(scene, /Bale bot 1234567890 was not closed: unauthorized/)
    },
    testTimeoutMs,
  )

  onLinux(
    'closed: a full disk',
    async () => {
      expectUnwritten(await withFolder(() => ({ GITHUB_OUTPUT: '/dev/full' })), /Bale bot 1234567890 is closed/)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'a dry run',
    async () => {
      const scene = await withFolder((folder) => ({ GITHUB_OUTPUT: folder }), [answer(yes)], { 'dry-run': 'true' })
      expect(scene.exitCode).toBe(1)
      expect(scene.logAsShown).toMatch(/was not closed/)
      expect(scene.logAsShown).toMatch(/outputs.* not .*written/)
      expect(scene.requests).toHaveLength(0)
    },
    testTimeoutMs,
  )

  function expectUnwritten(scene: Scene, says: RegExp): void {
    expect(scene.exitCode).toBe(1)
    expect(scene.logAsShown).toMatch(says)
    expect(scene.logAsShown).toMatch(/outputs.* not .*written/)
    expectRequests(scene, [])
  }
})

describe('outside a workflow', () => {
  const byHand = { GITHUB_ACTIONS: undefined, GITHUB_OUTPUT: undefined, GITHUB_STEP_SUMMARY: undefined, CI: undefined }

  test.concurrent(
    'the outputs are plain lines, no command is printed, and nothing is masked aloud',
    async () => {
      const scene = await against([answer(yes)], { env: byHand })
      expect(scene.exitCode).toBe(0)
      expect(scene.masks).toEqual([])
      expect(scene.stdout).not.toContain('::')
      const lines = [
        'closed=true',
        'outcome=closed',
        'bot-id=1234567890',
        'attempts=1',
        'http-status=200',
        'retry-after-seconds=',
      ]
      expect(scene.stdout.split('\n')).toEqual(expect.arrayContaining(lines))
    },
    testTimeoutMs,
  )

  test.concurrent(
    'a failure is told in plain lines, too',
    async () => {
      const scene = await against([answer(unknownToken)], { env: byHand })
      expect(scene.exitCode).toBe(1)
      expect(scene.stdout).not.toContain('::')
      expect(scene.stdout).toMatch(/^outcome=unauthorized$/m)
      expect(scene.stdout).toContain('Bale bot 1234567890 was not closed: unauthorized')
    },
    testTimeoutMs,
  )

  test.concurrent(
    'inputs that are not there have their defaults',
    async () => {
      const scene = await against([answer(yes)], { env: byHand, inputs: { 'timeout-seconds': '', summary: ' ' } })
      expect(scene.exitCode).toBe(0)
      expectRequests(scene, [])
    },
    testTimeoutMs,
  )
})

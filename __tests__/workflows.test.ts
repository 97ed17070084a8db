/** The manifests and the workflows, examples included, against GitHub's own schema; the release notes. */
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { validate } from '@actions/languageservice'
import type { ActionsMetadataProvider } from '@actions/languageservice'
import { describe, expect, test } from '@jest/globals'
import { TextDocument } from 'vscode-languageserver-textdocument'
import { parse } from 'yaml'

const read = (path: string): string => readFileSync(path, 'utf8')

/** Paths with slashes on Windows too. */
const glob = (pattern: string): string[] =>
  globSync(pattern).map((path) => path.replaceAll('\\', '/'))

const actions = ['action.yml', ...glob('.github/actions/*/action.yml')]
const workflows = [...glob('.github/workflows/*.yml'), ...glob('examples/*.yml')]

type Metadata = Awaited<ReturnType<ActionsMetadataProvider['fetchActionMetadata']>>

/** Ours is checked for its inputs; of other actions no more is known than that they exist. */
const actionsMetadataProvider: ActionsMetadataProvider = {
  fetchActionMetadata: ({ name }) =>
    Promise.resolve(
      name === 'close-bale-bot'
        ? (parse(read('action.yml')) as Metadata)
        : { name, description: 'Not ours' },
    ),
}

async function complaints(path: string, content = read(path)) {
  const document = TextDocument.create(`file:///${path}`, 'yaml', 0, content)
  const found = await validate(document, { actionsMetadataProvider })
  return found.map(({ message, range }) => ({ line: range.start.line + 1, message }))
}

describe("GitHub's schema", () => {
  test.each([...actions, ...workflows])('%s keeps to it', async (path) => {
    expect(await complaints(path)).toEqual([])
  })

  test.each([
    ['action.yml', 'using: node24', 'using: node25'],
    ['action.yml', 'runs:', 'run:'],
    ['.github/workflows/e2e.yml', 'runs-on:', 'run-on:'],
    ['.github/workflows/e2e.yml', 'needs.close.outputs', 'need.close.outputs'],
    ['examples/fleet.yml', 'bale-token:', 'token:'],
  ])('%s would not with "%s" as "%s"', async (path, right, wrong) => {
    const content = read(path)
    expect(content).toContain(right)
    expect(await complaints(`broken/${path}`, content.replace(right, wrong))).not.toEqual([])
  })
})

test.each([...actions, ...workflows])('%s pins what is not ours to a commit', (path) => {
  const used = Array.from(read(path).matchAll(/\buses: +(.*)/g), ([, use = '']) => use)
  const foreign = used.filter((use) => !/^(?:\.\/|OWNER\/close-bale-bot@v1\b)/.test(use))
  for (const use of foreign) expect(use).toMatch(/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
})

describe('the release notes', () => {
  const changelog =
    '# Changelog\n\n## [1.10.0] - 2026-02-03\n\n- Second\n\n## [1.1.0] - 2026-01-02\n\n- First\n'
  const notes = (version: string) =>
    spawnSync(process.execPath, ['scripts/release-notes.mjs', version], {
      input: changelog,
      encoding: 'utf8',
    })

  test.each([
    ['1.10.0', '- Second\n'],
    ['1.1.0', '- First\n'],
  ])('of %s are its section', (version, text) => {
    expect(notes(version)).toMatchObject({ status: 0, stdout: text })
  })

  test('are not made up', () => {
    expect(notes('1.1').status).toBe(1)
  })
})

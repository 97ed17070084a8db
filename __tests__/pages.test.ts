/** The pages that users read hold what they promise: links, tables, code and sections. Nothing is fetched. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { marked, type Token, type Tokens } from 'marked'
import { parse } from 'yaml'
import { OUTCOMES } from '../src/verdict.ts'

const read = (path: string): string => readFileSync(path, 'utf8')
const pages = ['', 'docs/', 'emulator/', '__tests__/', '.github/'].flatMap((folder) =>
  readdirSync(folder || '.')
    .filter((name) => name.endsWith('.md'))
    .map((name) => folder + name),
)

function tokensOf(path: string): Token[] {
  const tokens: Token[] = []
  void marked.walkTokens(marked.lexer(read(path)), (token) => {
    tokens.push(token)
  })
  return tokens
}

/** Of links, and of what is written in HTML. */
const attributesOf = (path: string, name: string): string[] =>
  tokensOf(path)
    .filter(({ type }) => type === 'html')
    .flatMap(({ raw }) =>
      Array.from(raw.matchAll(RegExp(`\\b${name}="([^"]*)"`, 'g')), (found) => found[1] ?? ''),
    )

const linksOf = (path: string): string[] => [
  ...attributesOf(path, 'href'),
  ...attributesOf(path, 'src'),
  ...tokensOf(path).flatMap((token) =>
    token.type === 'link' || token.type === 'image' ? [(token as Tokens.Link).href] : [],
  ),
]

/** As GitHub makes them from headings, repeated ones apart, and those that a page names itself. */
const anchorsOf = (path: string): string[] => [
  ...attributesOf(path, 'id'),
  ...tokensOf(path).flatMap((token) =>
    token.type === 'heading'
      ? [
          (token as Tokens.Heading).text
            .toLowerCase()
            .replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, '')
            .replace(/\s/g, '-'),
        ]
      : [],
  ),
]

const codeOf = (path: string, language?: string): string[] =>
  tokensOf(path)
    .filter((token): token is Tokens.Code => token.type === 'code')
    .filter(({ lang }) => language === undefined || lang === language)
    .map(({ text }) => text)

test.each(pages)('%s links only to what exists', (path) => {
  const broken = linksOf(path).filter((link) => {
    if (link.startsWith('https://')) return false
    const [file = '', anchor] = decodeURIComponent(link).split('#')
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
  })
  expect(broken).toEqual([])
})

test.each(pages)('%s names only commands that exist', (path) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = Array.from(read(path).matchAll(/\bnpm run ([\w:-]+)/g), ([, name]) => name)
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named))
})

test.each(['docs/troubleshooting.md', 'docs/troubleshooting.fa.md'])(
  '%s has a section for each outcome',
  (path) => {
    expect(anchorsOf(path)).toEqual(expect.arrayContaining([...OUTCOMES]))
  },
)

describe.each(['README.md', 'README.fa.md'])('%s', (path) => {
  const manifest = parse(read('action.yml')) as Record<
    'inputs' | 'outputs',
    Record<string, { description: string; default?: string }>
  >
  const codeIn = (cell = '') => /^`(.*)`$/.exec(cell)?.[1]
  const tables = tokensOf(path)
    .filter((token): token is Tokens.Table => token.type === 'table')
    .map(({ rows }) => rows.map((cells) => cells.map(({ text }) => text)))
  const tableOf = (names: string[]) =>
    tables.find(([row = []]) => codeIn(row[0]) === names[0]) ?? []

  // `npm run readme` writes them.
  test.each(['inputs', 'outputs'] as const)('has the %s of action.yml', (kind) => {
    const rows = tableOf(Object.keys(manifest[kind])).map((cells) => ({
      name: codeIn(cells[0]),
      default: kind === 'inputs' ? codeIn(cells[1]) : undefined,
      ...(path === 'README.md' && { description: cells.at(-1) }),
    }))
    const expected = Object.entries(manifest[kind]).map(([name, parameter]) => ({
      name,
      default: parameter.default,
      ...(path === 'README.md' && { description: parameter.description }),
    }))
    expect(rows).toEqual(expected)
  })

  test('shows examples/close.yml, and steps of examples/move.yml as they are', () => {
    const withoutIndentation = (text: string) => text.trim().replace(/^ +/gm, '')
    const [close, move] = ['close', 'move'].map((name) =>
      withoutIndentation(read(`examples/${name}.yml`)),
    )
    const [first, ...others] = codeOf(path, 'yaml').map(withoutIndentation)
    expect(first).toBe(close)
    expect(others).not.toEqual([])
    for (const steps of others) expect(move).toContain(steps)
  })
})

test('README.fa.md has the workflows of README.md', () => {
  expect(codeOf('README.fa.md', 'yaml')).toEqual(codeOf('README.md', 'yaml'))
})

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
  ...tokensOf(path)
    .filter((token): token is Tokens.Link => token.type === 'link' || token.type === 'image')
    .map(({ href }) => href),
]

/** As GitHub makes them from headings, repeated ones apart, and those that a page names itself. */
const anchorsOf = (path: string): string[] => [
  ...attributesOf(path, 'id'),
  ...tokensOf(path)
    .filter((token): token is Tokens.Heading => token.type === 'heading')
    .map(({ text }) => text.toLowerCase().replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, ''))
    .map((text) => text.replace(/\s/g, '-')),
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

test('docs/troubleshooting.md has a section for each outcome', () => {
  const anchors = anchorsOf('docs/troubleshooting.md')
  expect(OUTCOMES.filter((outcome) => !anchors.includes(outcome))).toEqual([])
})

const manifest = parse(read('action.yml')) as Record<
  'inputs' | 'outputs',
  Record<string, { description: string; default?: string }>
>

test('action.yml lists the outcomes, by npm run readme', () => {
  expect(manifest.outputs['outcome']?.description).toContain(`: ${OUTCOMES.join(', ')}.`)
})

describe.each(['README.md', 'README.fa.md'])('%s', (path) => {
  const tables = tokensOf(path)
    .filter((token): token is Tokens.Table => token.type === 'table')
    .map(({ rows }) => rows.map((cells) => cells.map(({ text }) => text)))

  test.each(['inputs', 'outputs'] as const)(
    'has the %s of action.yml, by npm run readme',
    (kind) => {
      const rows = Object.entries(manifest[kind]).map(([name, { description, default: usual }]) => [
        `\`${name}\``,
        ...(usual ? [`\`${usual}\``] : []),
        ...(path === 'README.md' ? [description] : []),
      ])
      const table = tables.find(([row = []]) => row[0] === rows[0]?.[0])
      expect(table).toEqual(rows.map((cells): unknown => expect.arrayContaining(cells)))
    },
  )

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

/** The pages that users read: links, tables, examples and commands hold what they promise. Nothing is fetched. */
import { execFile, spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, posix, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { marked, type Token, type Tokens } from 'marked'
import { parse } from 'yaml'
import { startEmulator } from '../emulator/server.ts'

interface Manifest {
  inputs: Record<string, { default?: string }>
  outputs: Record<string, { description: string }>
}

const read = (path: string): string => readFileSync(path, 'utf8')
const glob = (pattern: string): string[] =>
  globSync(pattern).map((path) => path.replaceAll('\\', '/'))
const isEnglish = (path: string): boolean => !path.endsWith('.fa.md')
const namesIn = (text: string): string[] =>
  Array.from(text.matchAll(/`([\w-]+)`/g), ([, name = '']) => name)

const manifest = parse(read('action.yml')) as Manifest
const outcomes =
  /in one word: ([^.]*)\./
    .exec(manifest.outputs['outcome']?.description ?? '')?.[1]
    ?.split(/, | or /) ?? []
const pages = ['*.md', 'docs/*.md', 'emulator/*.md', '.github/*.md'].flatMap(glob)
const examples = glob('examples/*.yml')
const token = '1234567890:FAKE_token_of_the_pages_0123456789-abcde'

function tokensIn(text: string): Token[] {
  const tokens: Token[] = []
  void marked.walkTokens(marked.lexer(text), (found) => {
    tokens.push(found)
  })
  return tokens
}

const tokensOf = (path: string): Token[] => tokensIn(read(path))
const codeOf = (path: string): Tokens.Code[] =>
  tokensOf(path).filter((found): found is Tokens.Code => found.type === 'code')
const quotesIn = (text: string): string[] =>
  tokensIn(text)
    .filter((found): found is Tokens.Blockquote => found.type === 'blockquote')
    .map(({ text }) => text.replace(/\s+/g, ' ').trim())

/** The table whose first column names these, as rows of names in code. */
function tableOf(path: string, names: readonly string[] = []): string[][] | undefined {
  const tables = tokensOf(path)
    .filter((found): found is Tokens.Table => found.type === 'table')
    .map(({ rows }) => rows.map((cells) => cells.map(({ text }) => text)))
  return tables.find(
    (rows) => rows.map(([first = '']) => namesIn(first)[0]).join() === names.join(),
  )
}

function linksOf(path: string): string[] {
  const inHtml = (html: string): string[] =>
    Array.from(html.matchAll(/(?:href|src|srcset)="([^"]*)"/g), ([, url = '']) => url)
  return tokensOf(path).flatMap((found) => {
    if (found.type === 'link' || found.type === 'image') return [(found as Tokens.Link).href]
    return found.type === 'html' ? inHtml(found.raw) : []
  })
}

/** As GitHub makes them, repeated headings apart, and those that a page names itself. */
function anchorsOf(path: string): string[] {
  const slugOf = (text: string) => text.replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
  return tokensOf(path).flatMap((found) => {
    if (found.type === 'heading') return [slugOf((found as Tokens.Heading).text.toLowerCase())]
    return found.type === 'html'
      ? Array.from(found.raw.matchAll(/ id="([^"]*)"/g), ([, id = '']) => id)
      : []
  })
}

describe('links', () => {
  test.each(pages)('%s links only to what exists', (path) => {
    const broken = linksOf(path).filter((link) => {
      if (link.startsWith('https://')) return false
      const [file = '', anchor] = decodeURIComponent(link).split('#')
      const target = file === '' ? path : posix.join(posix.dirname(path), file)
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    })
    expect(broken).toEqual([])
  })

  test('a broken one would be found', () => {
    expect(linksOf('README.md')).toContain('docs/troubleshooting.md#rate-limited')
    expect(linksOf('README.md')).toContain('docs/images/rate-limited-dark.png')
    expect(anchorsOf('docs/troubleshooting.md')).toContain('bale-token-is-empty')
  })

  test('README.md links to every page and example, and to the section of each outcome', () => {
    const links = linksOf('README.md')
    const englishPages = ['docs', 'emulator']
      .flatMap((folder) => glob(`${folder}/*.md`))
      .filter(isEnglish)
    const sections = outcomes.map((outcome) => `docs/troubleshooting.md#${outcome}`)
    expect(links).toEqual(expect.arrayContaining([...englishPages, ...sections]))
    expect(shown('README.md').concat(links)).toEqual(expect.arrayContaining(examples))
  })
})

/** The examples that a page shows in full. */
function shown(path: string): string[] {
  const named = (text: string) => examples.find((example) => read(example).trim() === text.trim())
  const workflows = codeOf(path).filter(({ lang }) => lang === 'yaml')
  return workflows.map(({ text }) => named(text) ?? `none of the examples: ${text}`)
}

describe('README.md', () => {
  test('has the tables of action.yml', () => {
    const command = ['scripts/readme-tables.ts', '--check']
    expect(spawnSync(process.execPath, command, { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
  })

  test.each([
    // With room for the rows of a few new inputs.
    ['README.md', 1400, 265],
    ['docs/troubleshooting.md', 1500, 260],
  ])('%s has at most %d words beside code, and %d lines', (path, words, lines) => {
    const prose = read(path).replace(/^```.*?^```$/gms, '')
    expect(
      prose.split(/[\s|]+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length,
    ).toBeLessThanOrEqual(words)
    expect(read(path).split('\n').length).toBeLessThanOrEqual(lines)
  })
})

describe('docs/troubleshooting.md', () => {
  const page = 'docs/troubleshooting.md'
  /** All messages of the action, as a test of theirs writes them. */
  const messages = read('__tests__/rooms/messages.txt').split(/^== /m).slice(1)
  /** Whether a message has this text; `…` stands for anything. */
  const has = (message: string, quote: string) => {
    const parts = quote.split('…').map((part) => part.trim())
    return parts.every((part) => message.includes(part))
  }

  test('quotes only what the action says', () => {
    const invented = quotesIn(read(page)).filter(
      (quote) => !messages.some((message) => has(message, quote)),
    )
    expect(invented).toEqual([])
  })

  test.each(
    messages.flatMap((message) => {
      const [, anchor] = /^Details: .*#(.*)$/m.exec(message) ?? []
      return anchor === undefined ? [] : [{ title: message.split('\n', 1)[0], anchor, message }]
    }),
  )('quotes "$title" in the section $anchor', ({ anchor, message }) => {
    const section = read(page)
      .split(/^## /m)
      .find((text) => text.startsWith(`\`${anchor}\`\n`))
    expect(quotesIn(section ?? '').filter((quote) => has(message, quote))).not.toEqual([])
  })
})

describe('the Persian pages', () => {
  test('README.fa.md has the code, the tables and the links of README.md', () => {
    const code = (path: string) => codeOf(path).map(({ lang, text }) => `${lang}\n${text}`)
    const inPersian = (link: string) =>
      link.replace('docs/troubleshooting.md', 'docs/troubleshooting.fa.md')
    const defaultsIn = (path: string) =>
      tableOf(path, Object.keys(manifest.inputs))?.map((cells) => cells[1])
    const english = code('README.md')
    expect(code('README.fa.md').filter((text) => english.includes(text))).toEqual(english)
    const links = linksOf('README.md').filter(isEnglish).map(inPersian)
    expect(linksOf('README.fa.md')).toEqual(expect.arrayContaining(links))
    expect(defaultsIn('README.fa.md')?.slice(1)).toEqual(defaultsIn('README.md')?.slice(1))
    expect(tableOf('README.fa.md', Object.keys(manifest.outputs))).toBeDefined()
  })

  test('docs/troubleshooting.fa.md has the sections and the quotes of docs/troubleshooting.md', () => {
    const [, ...anchors] = anchorsOf('docs/troubleshooting.md')
    expect(anchorsOf('docs/troubleshooting.fa.md')).toEqual(expect.arrayContaining(anchors))
    expect(quotesIn(read('docs/troubleshooting.fa.md'))).toEqual(
      quotesIn(read('docs/troubleshooting.md')),
    )
  })
})

describe('commands', () => {
  test.each(pages)('%s names only scripts that exist', (path) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    for (const [, name = ''] of read(path).matchAll(/\bnpm run ([\w:-]+)/g))
      expect(Object.keys(scripts)).toContain(name)
  })

  const onPosix = process.platform === 'win32' ? test.skip : test
  onPosix('a bot is closed by hand as docs/by-hand.md says', async () => {
    const blocks = codeOf('docs/by-hand.md').filter(
      ({ lang, text }) => lang === 'sh' && text.includes('bot.env'),
    )
    const [write = '', run = '', clear = ''] = blocks.map(({ text }) => text)
    const folder = mkdtempSync(join(tmpdir(), 'by-hand-'))
    const emulator = await startEmulator({ bots: [{ token }] })
    const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)
    const shell = (command: string, input = '') => {
      const run = promisify(execFile)('sh', ['-c', command], { cwd: folder, env: { PATH } })
      // A command that reads nothing may have ended already.
      run.child.stdin?.on('error', () => undefined).end(input)
      return run
    }
    try {
      symlinkSync(resolve('dist'), join(folder, 'dist'))
      await shell(write, `INPUT_BALE-TOKEN=${token}\nINPUT_API-URL=${emulator.url}\n`)
      expect(statSync(join(folder, 'bot.env')).mode & 0o777).toBe(0o600)
      const { stdout } = await shell(`exec 2>&1; ${run}`)
      expect(stdout).toMatch(/^closed=true$/m)
      expect(stdout).not.toMatch(/::|FAKE/)
      await shell(clear)
      expect(existsSync(join(folder, 'bot.env'))).toBe(false)
    } finally {
      await emulator.stop()
      rmSync(folder, { recursive: true })
    }
  })
})

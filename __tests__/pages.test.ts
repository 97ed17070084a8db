/** The pages that users read: links, tables, examples and commands hold what they promise. Nothing is fetched. */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, posix, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { marked, type Token, type Tokens } from 'marked'
import { parse } from 'yaml'
import { runBundle } from '../emulator/runner.ts'
import { startEmulator } from '../emulator/server.ts'

interface Step {
  id?: string
  uses?: string
  with?: Record<string, unknown>
  env?: Record<string, string>
}
interface Workflow {
  jobs: Record<string, { steps: Step[] }>
}
interface Manifest {
  inputs: Record<string, { default?: string }>
  outputs: Record<string, { description: string }>
}

const read = (path: string): string => readFileSync(path, 'utf8')
const glob = (pattern: string): string[] => globSync(pattern).map((path) => path.replaceAll('\\', '/'))
const namesIn = (text: string): string[] => Array.from(text.matchAll(/`([\w-]+)`/g), ([, name = '']) => name)

const manifest = parse(read('action.yml')) as Manifest
const outcomes = /in one word: ([^.]*)\./.exec(manifest.outputs['outcome']?.description ?? '')?.[1]?.split(/, | or /)
const pages = ['*.md', 'docs/*.md', 'emulator/*.md', '.github/*.md'].flatMap(glob)
const examples = glob('examples/*.yml')
const token = '1234567890:FAKE_token_of_the_pages_0123456789-abcde'

function tokensOf(path: string): Token[] {
  const tokens: Token[] = []
  void marked.walkTokens(marked.lexer(read(path)), (found) => {
    tokens.push(found)
  })
  return tokens
}

const tablesOf = (path: string): Tokens.Table[] =>
  tokensOf(path).filter((found): found is Tokens.Table => found.type === 'table')
const codeOf = (path: string): Tokens.Code[] =>
  tokensOf(path).filter((found): found is Tokens.Code => found.type === 'code')

/** The table whose first column names these, as rows of names in code. */
function tableOf(path: string, names: readonly string[] = []): string[][] | undefined {
  const tables = tablesOf(path).map(({ rows }) => rows.map((cells) => cells.map(({ text }) => text)))
  return tables.find((rows) => rows.map(([first = '']) => namesIn(first)[0]).join() === names.join())
}

function linksOf(path: string): string[] {
  const inHtml = (html: string): string[] =>
    Array.from(html.matchAll(/(?:href|src|srcset)="([^"]*)"/g), ([, url = '']) => url)
  return tokensOf(path).flatMap((found) => {
    if (found.type === 'link' || found.type === 'image') return [(found as Tokens.Link).href]
    return found.type === 'html' ? inHtml(found.raw) : []
  })
}

/** As GitHub makes them, repeated headings apart. */
const anchorsOf = (path: string): string[] =>
  tokensOf(path)
    .filter(({ type }) => type === 'heading')
    .map((found) => (found as Tokens.Heading).text.toLowerCase())
    .map((text) => text.replace(/[^\p{L}\p{M}\p{N}\s_-]/gu, '').replace(/\s/g, '-'))

describe('links', () => {
  test.each(pages)('%s leads only to what exists', (path) => {
    const lost = linksOf(path).filter((link) => {
      if (link.startsWith('https://')) return false
      const [file = '', anchor] = decodeURIComponent(link).split('#')
      const target = file === '' ? path : posix.join(posix.dirname(path), file)
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    })
    expect(lost).toEqual([])
  })

  test('a lost one would be found', () => {
    expect(linksOf('README.md')).toContain('docs/troubleshooting.md#rate-limited')
    expect(linksOf('README.md')).toContain('docs/images/rate-limited-dark.png')
    expect(anchorsOf('README.fa.md')).toContain('امنیت')
  })

  test.each(['README.md', 'README.fa.md'])('%s leads to every example and page', (path) => {
    expect(linksOf(path)).toEqual(expect.arrayContaining(examples.filter((example) => !shown(path).includes(example))))
    expect(linksOf(path)).toEqual(
      expect.arrayContaining(['docs', 'emulator'].flatMap((folder) => glob(`${folder}/*.md`))),
    )
  })
})

/** The examples that a page shows in full. */
function shown(path: string): string[] {
  return codeOf(path)
    .filter(({ lang }) => lang === 'yaml')
    .map(
      ({ text }) => examples.find((example) => read(example).trim() === text.trim()) ?? `none of the examples: ${text}`,
    )
}

describe('tables', () => {
  test("README.md's are those of action.yml", () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/readme-tables.ts', '--check'], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test.each(['README.md', 'README.fa.md'])('%s names all inputs with their defaults, outputs and outcomes', (path) => {
    const defaults = tableOf(path, Object.keys(manifest.inputs))?.map(([, value = '']) => /^`(.*)`$/.exec(value)?.[1])
    expect(defaults).toEqual(Object.values(manifest.inputs).map((input) => input.default))
    expect(tableOf(path, Object.keys(manifest.outputs))).toBeDefined()
    expect(tableOf(path, outcomes)).toBeDefined()
  })
})

test('README.fa.md shows and links what README.md does', () => {
  const code = (path: string) => codeOf(path).map(({ lang, text }) => [lang, lang === 'mermaid' ? '' : text])
  const links = (path: string) => linksOf(path).filter((link) => !/^#|^README/.test(link))
  expect(code('README.fa.md')).toEqual(code('README.md'))
  expect(links('README.fa.md')).toEqual(links('README.md'))
  expect(tablesOf('README.fa.md').map(({ rows }) => rows.length)).toEqual(
    tablesOf('README.md').map(({ rows }) => rows.length),
  )
})

describe('workflows', () => {
  test('in the README are examples', () => {
    expect(shown('README.md')).toEqual(['examples/minimal.yml', 'examples/deploy.yml'])
  })

  test.each(examples)('%s uses outputs that exist', (path) => {
    const steps = Object.values((parse(read(path)) as Workflow).jobs).flatMap(({ steps }) => steps)
    const ours = steps.filter(({ uses }) => uses === 'OWNER/close-bale-bot@v1')
    expect(ours).toHaveLength(1)
    for (const [, id, output = ''] of read(path).matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      expect(ours.map((step) => step.id)).toContain(id)
      expect(Object.keys(manifest.outputs)).toContain(output)
    }
  })

  test.each(examples)("%s closes a bot, with the step's own inputs", async (path) => {
    const steps = Object.values((parse(read(path)) as Workflow).jobs).flatMap(({ steps }) => steps)
    const step = steps.find(({ uses }) => uses?.startsWith('OWNER/'))
    const emulator = await startEmulator({ bots: [{ token, webhook: true }] })
    const { 'api-url': apiUrl, ...inputs } = Object.fromEntries(
      Object.entries(step?.with ?? {}).map(([name, value]) => [
        name,
        String(value)
          .replace(/\$\{\{ secrets\S* \}\}/, token)
          .replace('${{ github.run_attempt > 1 }}', 'false'),
      ]),
    )
    const prefix = apiUrl === undefined ? '' : new URL(apiUrl).pathname
    const env = step?.env && { https_proxy: 'http://user:password@proxy.example:3128' }
    try {
      const run = runBundle({ inputs: { ...inputs, 'api-url': `${emulator.url}${prefix}` }, env: env ?? {} })
      expect((await run.done).outputs).toMatchObject({ closed: 'true', outcome: 'closed' })
      expect(emulator.requests.map(({ method }) => method)).toEqual(
        inputs['delete-webhook'] === 'true' ? ['deleteWebhook', 'close'] : ['close'],
      )
    } finally {
      await emulator.stop()
    }
  })
})

describe('commands', () => {
  test.each(pages)('%s names only scripts that exist', (path) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    for (const [, name = ''] of read(path).matchAll(/\bnpm run ([\w:-]+)/g))
      expect(Object.keys(scripts)).toContain(name)
  })

  const onPosix = process.platform === 'win32' ? test.skip : test
  onPosix('a bot is closed by hand as the README says', async () => {
    const blocks = codeOf('README.md')
      .filter(({ lang }) => lang === 'sh')
      .map(({ text }) => text)
    const [write = '', run = '', clear = ''] = blocks.filter((text) => text.includes('bot.env'))
    const folder = mkdtempSync(join(tmpdir(), 'by-hand-'))
    const emulator = await startEmulator({ bots: [{ token }] })
    const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)
    const shell = (command: string, input = '') => {
      const run = promisify(execFile)('sh', ['-c', command], { cwd: folder, env: { PATH } })
      run.child.stdin?.end(input)
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

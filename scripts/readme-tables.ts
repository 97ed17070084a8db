/**
 * Writes the tables of inputs and outputs in both READMEs from action.yml. The Persian page keeps its own descriptions;
 * a row that has none yet gets the English one, marked. With `--check`, only fails if a table is not up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { parse } from 'yaml'

interface Page {
  file: string
  required: string
  /** The description for the table, from the one in action.yml and the one in the table now. */
  describe: (english: string, current: string | undefined) => string
}

type Manifest = Record<
  'inputs' | 'outputs',
  Record<string, { description: string; default?: string }>
>

const notTranslated = '(هنوز ترجمه نشده)'

const pages: readonly Page[] = [
  { file: 'README.md', required: 'required', describe: (english) => english },
  {
    file: 'README.fa.md',
    required: 'الزامی',
    describe: (english, current = notTranslated) =>
      current.startsWith(notTranslated) ? `${notTranslated} ${english}` : current,
  },
]

const root = join(import.meta.dirname, '..')
const manifest = parse(readFileSync(join(root, 'action.yml'), 'utf8')) as Manifest

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}

/** Rewrites the table that names the most of these inputs or outputs in its first column; its head stays. */
function rewrite(text: string, kind: keyof Manifest, { file, required, describe }: Page): string {
  const names = Object.keys(manifest[kind])
  const rowsOf = (table: string) =>
    new Map(table.split('\n').map((line) => [cellsOf(line)[0], cellsOf(line)]))
  const countOf = (table: string) => names.filter((name) => rowsOf(table).has(`\`${name}\``)).length
  const tables = text.match(/^\|.*\|(?:\n\|.*\|)+$/gm) ?? []
  const [table = ''] = tables.toSorted((a, b) => countOf(b) - countOf(a))
  if (countOf(table) === 0) throw new Error(`${file} has no table of ${kind}`)
  const currentRows = rowsOf(table)
  const rows = Object.entries(manifest[kind]).map(([name, { description, default: value }]) => {
    const code = `\`${name}\``
    const defaults = kind === 'inputs' ? [value === undefined ? required : `\`${value}\``] : []
    const meaning = describe(description.replaceAll('|', '\\|'), currentRows.get(code)?.at(-1))
    return `| ${[code, ...defaults, meaning].join(' | ')} |`
  })
  return text.replace(table, () => [...table.split('\n').slice(0, 2), ...rows].join('\n'))
}

for (const page of pages) {
  const path = join(root, page.file)
  const before = readFileSync(path, 'utf8')
  const rewritten = rewrite(rewrite(before, 'inputs', page), 'outputs', page)
  const after = await format(rewritten, { ...(await resolveConfig(path)), filepath: path })
  if (!process.argv.includes('--check')) writeFileSync(path, after)
  else if (after !== before) {
    console.error(`${page.file} is not up to date with action.yml. Run: npm run readme`)
    process.exitCode = 1
  }
}

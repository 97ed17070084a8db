/**
 * Writes the list of outcomes in action.yml from the source, and the tables of inputs and outputs in both
 * READMEs from action.yml. The Persian page keeps its descriptions; a row that has none yet gets the English
 * one, marked.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'yaml'
import { OUTCOMES } from '../src/verdict.ts'

type Manifest = Record<
  'inputs' | 'outputs',
  Record<string, { description: string; default?: string }>
>

const words = OUTCOMES.join(', ').replace(/(.{80}\S*) /g, '$1\n      ')
const manifest = readFileSync('action.yml', 'utf8').replace(
  /(What happened, in one word:)[^.]*/,
  `$1\n      ${words}`,
)
writeFileSync('action.yml', manifest)
const { inputs, outputs } = parse(manifest) as Manifest
const notTranslated = '(هنوز ترجمه نشده)'

rewrite('README.md', 'required', (english) => english)
rewrite('README.fa.md', 'الزامی', (english, now = notTranslated) =>
  now.startsWith(notTranslated) ? `${notTranslated} ${english}` : now,
)

function rewrite(
  path: string,
  required: string,
  describe: (english: string, now?: string) => string,
): void {
  let page = readFileSync(path, 'utf8')
  for (const parameters of [inputs, outputs]) {
    // The table whose rows begin with the first of these names; its head stays.
    const first = Object.keys(parameters)[0] ?? ''
    const [table, head = ''] =
      RegExp(`^(\\|.*\\n\\| ?-.*\\n)\\| \`${first}\`(?:.*\\n\\|)*.*`, 'm').exec(page) ?? []
    if (table === undefined) throw new Error(`${path} has no table that begins with ${first}`)
    const now = new Map(
      table
        .split('\n')
        .map((row) => cellsOf(row))
        .map((cells) => [cells[0], cells.at(-1)]),
    )
    const rows = Object.entries(parameters).map(([name, { description, default: value }]) => {
      const code = `\`${name}\``
      const defaults =
        parameters === inputs ? [value === undefined ? required : value && `\`${value}\``] : []
      const meaning = describe(description.replaceAll('|', '\\|'), now.get(code))
      return `| ${[code, ...defaults, meaning].join(' | ')} |`
    })
    page = page.replace(table, () => head + rows.join('\n'))
  }
  writeFileSync(path, page)
}

function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}

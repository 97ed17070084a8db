/** Writes README.md's tables of inputs and outputs from action.yml. With `--check`, fails if they are stale. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

interface Manifest {
  inputs: Record<string, { description: string; default?: string }>
  outputs: Record<string, { description: string }>
}

/** A table as Prettier aligns it, between two comments that mark its place. */
function table(name: string, rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | '))
  const rule = widths.map((width) => '-'.repeat(width)).join(' | ')
  const [head = '', ...body] = lines.map((line) => `| ${line} |`)
  return [`<!-- ${name} from action.yml -->`, '', head, `| ${rule} |`, ...body, '', `<!-- end of ${name} -->`].join(
    '\n',
  )
}

const root = join(import.meta.dirname, '..')
const { inputs, outputs } = parse(readFileSync(join(root, 'action.yml'), 'utf8')) as Manifest
const tables = {
  inputs: Object.entries(inputs).map(([name, { description, default: value }]) => [
    `\`${name}\``,
    value === undefined ? 'required' : `\`${value}\``,
    description,
  ]),
  outputs: Object.entries(outputs).map(([name, { description }]) => [`\`${name}\``, description]),
}
const heads = { inputs: ['input', 'default', 'meaning'], outputs: ['output', 'meaning'] }

const path = join(root, 'README.md')
const before = readFileSync(path, 'utf8')
let after = before
for (const name of ['inputs', 'outputs'] as const) {
  const place = new RegExp(`<!-- ${name} from action\\.yml -->[^]*<!-- end of ${name} -->`)
  if (!place.test(after)) throw new Error(`README.md has no place for the table of ${name}`)
  after = after.replace(place, () => table(name, [heads[name], ...tables[name]]))
}
if (!process.argv.includes('--check')) writeFileSync(path, after)
else if (after !== before) {
  console.error('The tables in README.md are not those of action.yml. Run: npm run readme')
  process.exitCode = 1
}

/** Runs the scenes on each locked version of Node, and writes the table in docs/runners.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { describe, smoke } from './scenes.ts'
import type { SmokeResult } from './scenes.ts'

const bundle = join(import.meta.dirname, '../dist/index.js')
const pagePath = join(import.meta.dirname, '../docs/runners.md')
const manifest = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}

const results: SmokeResult[] = []
for (const name of Object.keys(manifest.dependencies)) {
  // By path: all of these packages link the same `.bin/node`.
  const result = await smoke({
    nodePath: join(import.meta.dirname, 'node_modules', name, 'bin/node'),
    bundle,
  })
  console.log(describe(result))
  results.push(result)
}

if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1
else
  writeFileSync(
    pagePath,
    await format(withTable(readFileSync(pagePath, 'utf8')), await formatOptions()),
  )

function withTable(page: string): string {
  const rows = results.map(({ version, isSupported, passed }) =>
    isSupported
      ? `| ${version} | ${passed} scenes passed |`
      : `| ${version} | refused with a message |`,
  )
  const table = ['| Node | result |', '| --- | --- |', ...rows].join('\n')
  const place = /(<!-- platforms -->)[^]*(<!-- end -->)/
  if (!place.test(page)) throw new Error('docs/runners.md has no place for the table')
  return page.replace(place, `$1\n\n${table}\n\n$2`)
}

async function formatOptions() {
  return { ...(await resolveConfig(pagePath)), filepath: pagePath }
}

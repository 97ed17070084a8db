/** Measures the committed bundle beside what people use instead, and writes the tables of docs/performance.md. */
import { execSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform, release } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import * as prettier from 'prettier'
import { measureFleet, measureGrowth } from './scale.ts'
import { measureStart } from './start.ts'
import { measureVerdicts } from './verdicts.ts'

const root = resolve(import.meta.dirname, '..')
const page = `${root}/docs/performance.md`

function describeMachine(): string {
  const { dependencies } = JSON.parse(readFileSync(`${root}/bench/package.json`, 'utf8')) as {
    dependencies: object
  }
  const tools = execSync('curl --version | head -n 1 | cut -d " " -f 1-2; jq --version', {
    encoding: 'utf8',
  })
  return `Measured on ${new Date().toISOString().slice(0, 10)} on ${cpus().length} × ${cpus()[0]?.model},
${platform()} ${arch()} ${release()}, load average ${loadavg()[0]?.toFixed(1)} before the run. Node ${process.version},
${[...tools.trim().split('\n'), ...Object.entries(dependencies).map((peer) => peer.join(' '))].join(', ')}.`
}

/** The parts to measure, all if none is named; with another bundle, nothing is written. */
const { values, positionals } = parseArgs({
  options: { against: { type: 'string' } },
  allowPositionals: true,
})
const parts = {
  machine: describeMachine,
  start: () => measureStart(values.against),
  verdicts: measureVerdicts,
  growth: measureGrowth,
  fleet: measureFleet,
}
for (const [part, measure] of Object.entries(parts)) {
  if (positionals.length > 0 && !positionals.includes(part)) continue
  const text = await measure()
  console.log(`\n${text}`)
  if (values.against !== undefined) continue
  const section = new RegExp(`(?<=<!-- bench ${part} -->).*?(?=<!-- end -->)`, 's')
  const source = readFileSync(page, 'utf8').replace(section, () => `\n\n${text}\n\n`)
  writeFileSync(
    page,
    await prettier.format(source, { ...(await prettier.resolveConfig(page)), filepath: page }),
  )
}

/**
 * Measures the committed bundle beside its peers, prints the tables, and writes them into docs/performance.md.
 * It takes Linux or macOS with Python 3, bash and curl. Arguments name the sections to measure; without any, all are.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import * as prettier from 'prettier'
import { measureAttempts, measureFleet, measureSizes } from './growth.ts'
import { startMeter } from './meter.ts'
import { startServer } from './server.ts'
import { measureStart } from './start.ts'
import { replaceSection } from './tables.ts'
import { bundlePath } from './tools.ts'
import { measureVerdicts } from './verdicts.ts'

const bench = fileURLToPath(new URL('.', import.meta.url))
const pagePath = fileURLToPath(new URL('../docs/performance.md', import.meta.url))

function describeMachine(): string {
  const peers = ['grammy', '@grammyjs/auto-retry', 'node-telegram-bot-api'].map((name) => {
    const manifest = readFileSync(`${bench}node_modules/${name}/package.json`, 'utf8')
    return `${name} ${(JSON.parse(manifest) as { version: string }).version}`
  })
  const [curl = ''] = execFileSync('curl', ['--version'], { encoding: 'utf8' }).split(' (')
  const model = cpus()[0]?.model.trim() ?? 'unknown processors'
  const memory = `${Math.round(totalmem() / 1e9)} GB`
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}.`,
    `Machine: ${cpus().length} × ${model}, ${memory}, ${platform()} ${arch()} ${release()},`,
    `load average ${loadavg()[0]?.toFixed(1) ?? 'unknown'} before the run.`,
    `Programs: Node ${process.version}, ${[curl, ...peers].join(', ')}.`,
    `The bundle has ${statSync(bundlePath).size.toLocaleString('en')} bytes.`,
  ].join(' ')
}

process.once('SIGINT', () => {
  process.exit(130)
})
execFileSync('npm', ['ci', '--prefix', bench], { stdio: ['ignore', 'ignore', 'inherit'] })
const meter = startMeter()
const server = await startServer()
const sections = {
  machine: describeMachine,
  start: () => measureStart(meter, server),
  sizes: () => measureSizes(meter, server),
  attempts: () => measureAttempts(meter, server),
  fleet: () => measureFleet(meter, server),
  verdicts: () => measureVerdicts(server),
}
const style = await prettier.resolveConfig(pagePath)
const chosen = process.argv.slice(2)
for (const [name, measure] of Object.entries(sections)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  const text = await measure()
  console.log(`\n${name}\n\n${text}`)
  const page = replaceSection(readFileSync(pagePath, 'utf8'), name, text)
  writeFileSync(pagePath, await prettier.format(page, { ...style, filepath: pagePath }))
}
server.stop()
await meter.stop()

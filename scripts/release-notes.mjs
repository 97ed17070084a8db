// Prints one version's section of a changelog: node scripts/release-notes.mjs 1.2.3 < CHANGELOG.md
import { readFileSync } from 'node:fs'

const version = process.argv[2]
const sections = readFileSync(process.stdin.fd, 'utf8').split(/^## /m)
const section = sections.find((text) => text.startsWith(`[${version}] - `))

if (section === undefined) {
  console.error(`The changelog has no section "## [${version}] - <date>".`)
  process.exitCode = 1
} else {
  console.log(section.slice(section.indexOf('\n')).trim())
}

// Builds dist beside itself and moves each changed file into place at once: whoever runs dist in the meantime, a test
// or another build, never meets half a file, and a failed build changes nothing.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import './require-node.mjs'

const entry = 'bundle/index.ts'

process.chdir(`${import.meta.dirname}/..`)
mkdirSync('.cache', { recursive: true })
mkdirSync('dist', { recursive: true })
const built = mkdtempSync('.cache/build-')
try {
  const ncc = 'node_modules/@vercel/ncc/dist/ncc/cli.js'
  const options = ['--out', built, '--license', 'licenses.txt', '--no-cache', '--quiet']
  const { status } = spawnSync(process.execPath, [ncc, 'build', entry, ...options], {
    stdio: 'inherit',
  })
  if (status === 0) moveInto('dist')
  else process.exitCode = 1
} finally {
  rmSync(built, { recursive: true })
}

function moveInto(folder) {
  const isCurrent = (name) =>
    readFileSync(`${folder}/${name}`).equals(readFileSync(`${built}/${name}`))
  const before = readdirSync(folder)
  const after = readdirSync(built)
  for (const name of after) {
    if (!before.includes(name) || !isCurrent(name))
      renameSync(`${built}/${name}`, `${folder}/${name}`)
  }
  for (const name of before)
    if (!after.includes(name)) rmSync(`${folder}/${name}`, { recursive: true })
}

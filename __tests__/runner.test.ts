/** The stand-in for GitHub's runner cancels a step as the real one does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { runBundle } from '../emulator/runner.ts'

const onPosix = process.platform === 'win32' ? test.concurrent.skip : test.concurrent

onPosix.each([
  { ignored: [], endedBy: 'SIGINT', afterMs: 0 },
  { ignored: ['SIGINT'], endedBy: 'SIGTERM', afterMs: 7500 },
  { ignored: ['SIGINT', 'SIGTERM'], endedBy: 'SIGKILL', afterMs: 10_000 },
])('a step that ignores $ignored ends by $endedBy', async ({ ignored, endedBy, afterMs }) => {
  const folder = mkdtempSync(join(tmpdir(), 'step-'))
  try {
    const bundle = join(folder, 'step.mjs')
    const handlers = ignored.map((signal) => `process.on('${signal}', () => {})\n`)
    writeFileSync(bundle, `${handlers.join('')}setTimeout(() => {}, 60_000)\nconsole.log('ready')`)
    const { child, done, cancel } = runBundle({ inputs: {}, bundle })
    let cancelledAtMs = NaN
    child.stdout.once('data', () => {
      cancelledAtMs = performance.now()
      cancel()
    })
    expect((await done).signal).toBe(endedBy)
    const elapsedMs = performance.now() - cancelledAtMs
    expect(elapsedMs).toBeGreaterThan(afterMs - 5)
    expect(elapsedMs).toBeLessThan(afterMs + 5000)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** `npm test` must test the source as it stands, never an older bundle. Shown on a copy of the project. */
import { exec } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from '@jest/globals'

/** Runs the smoke test of a project by the command that contributors use. */
function smoke(folder: string): Promise<{ failed: boolean; shown: string }> {
  return new Promise((done) => {
    exec(
      'npm test -- smoke',
      { cwd: folder, env: { ...process.env, FORCE_COLOR: '0' } },
      (error, stdout, stderr) => {
        done({ failed: error !== null, shown: stdout + stderr })
      },
    )
  })
}

test('a change of the source alone reaches the tests', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'copy-'))
  try {
    const ignored = /^(?:\.git|\.cache|\.stryker-tmp|node_modules|coverage|reports)$/
    cpSync('.', copy, { recursive: true, filter: (path) => !ignored.test(path) })
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'), 'junction')
    for (const file of globSync(join(copy, 'src/*.ts'))) {
      const source = readFileSync(file, 'utf8')
      writeFileSync(file, source.replaceAll('deleteWebhook', 'forgetWebhook'))
    }
    const { failed, shown } = await smoke(copy)
    expect({ failed, tests: shown.match(/(?<=● ).*/g) }).toEqual({
      failed: true,
      tests: ['with its webhook'],
    })
    expect(readFileSync(join(copy, 'dist/index.js'), 'utf8')).toContain('forgetWebhook')
  } finally {
    rmSync(copy, { recursive: true, force: true, maxRetries: 3 })
  }
}, 150_000)

/**
 * `npm run e2e:can-fail`: breaks a copy of the bundle, one promise at a time, and requires that the step of the
 * end-to-end workflow which holds this promise notices.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** Runs as the bundle exits. It finds the outputs one to a line. */
const tools = `
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
const { 'INPUT_API-URL': api, 'INPUT_BALE-TOKEN': token, GITHUB_OUTPUT: file } = process.env
const edit = (change) => writeFileSync(file, change(readFileSync(file, 'utf8')))
const request = (method) => {
  const script = 'fetch(process.argv[1], { signal: AbortSignal.timeout(2000) })'
  spawnSync(process.execPath, ['--eval', script, api + '/bot' + token + '/' + method])
}`

interface Sabotage {
  wrong: string
  job: 'close' | 'refuse'
  code: string
  /** The step that must notice; none if nothing is wrong. */
  notices?: string
}

const failed = 'It failed, the job goes on, the outputs are there'
const sabotages: Sabotage[] = [
  { wrong: 'nothing is wrong', job: 'close', code: '' },
  { wrong: 'nothing is wrong', job: 'refuse', code: '' },
  {
    wrong: 'closed is always true',
    job: 'refuse',
    code: "edit((outputs) => outputs.replaceAll(/^false$/gm, 'true'))",
    notices: 'It failed before any request',
  },
  { wrong: 'a failure passes', job: 'refuse', code: 'process.exitCode = 0', notices: failed },
  {
    wrong: 'a failure has no outputs',
    job: 'refuse',
    code: "if (code !== 0) edit(() => '')",
    notices: failed,
  },
  {
    wrong: 'an output holds the secret',
    job: 'refuse',
    code: "edit((outputs) => outputs + 'secret=' + token.split(':')[1] + '\\n')",
    notices: 'No output holds a part of a secret',
  },
  {
    wrong: 'a closed bot is asked again',
    job: 'close',
    code: "request('getMe')",
    notices: 'It is closed, by one request',
  },
  {
    wrong: 'a dry run sends a request',
    job: 'refuse',
    code: "if (process.env['INPUT_DRY-RUN'] === 'true') request('close')",
    notices: 'It passed without a request',
  },
]

const copy = mkdtempSync(join(tmpdir(), 'can-fail-'))
for (const part of ['.github', 'action.yml', 'dist', 'emulator', 'package.json']) {
  cpSync(part, join(copy, part), { recursive: true })
}
const git = (...args: string[]) => execFileSync('git', ['-C', copy, ...args])
git('init', '--quiet')
git(
  '-c',
  'user.name=-',
  '-c',
  'user.email=-',
  'commit',
  '--quiet',
  '--allow-empty',
  '--message',
  '-',
)
const bundle = join(copy, 'dist/index.js')
writeFileSync(bundle, `import './sabotage.js'\n${readFileSync(bundle, 'utf8')}`)

for (const { wrong, job, code, notices } of sabotages) {
  writeFileSync(
    join(copy, 'dist/sabotage.js'),
    `${tools}\nprocess.on('exit', (code) => { ${code} })\n`,
  )
  const workflow = ['--workflows', '.github/workflows/e2e.yml', '--job', job]
  const { status, stdout } = spawnSync('bash', [resolve('scripts/act.sh'), 'push', ...workflow], {
    cwd: copy,
    encoding: 'utf8',
  })
  const isRight =
    notices === undefined
      ? status === 0
      : status !== 0 && stdout.includes(`Failure - Main ${notices} [`)
  console.log(`${isRight ? 'ok' : 'NOT OK'}  ${wrong}: ${notices ?? `the job ${job} passes`}`)
  if (isRight) continue
  console.error(stdout)
  process.exitCode = 1
}
rmSync(copy, { recursive: true })

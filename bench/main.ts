/**
 * Measures the committed bundle beside what people use instead, against servers on this machine, and
 * writes the tables of docs/performance.md. It needs bash, curl, jq and openssl.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { format } from 'prettier'
import { faults, startServer, type Bot } from './server.ts'

const ROUNDS = 50

const node = process.execPath
const ours = '**close-bale-bot**'
const curl = '`curl` with `jq`'
const fetchOnce = `fetch(process.argv[1], { method: 'POST' })
  .then((response) => response.json()).then(({ ok }) => process.exit(ok ? 0 : 1))`
const carefulCurl = `set -o pipefail
  curl -fsS --retry 5 --retry-all-errors --max-time 20 -X POST "$0" | jq -e .ok`
/** Commands that get the URL of the method as their last argument. */
const programs: Record<string, string[]> = {
  [ours]: [node, 'dist/index.js'],
  'built-in `fetch`, one line': [node, '-e', fetchOnce],
  [curl]: ['bash', '-c', carefulCurl],
  'Node, empty program': [node, '-e', '0'],
}

const folder = mkdtempSync(`${tmpdir()}/bench-`)
const [key, cert] = [`${folder}/key.pem`, `${folder}/cert.pem`]
const newCertificate = `req -x509 -newkey rsa:2048 -nodes -keyout ${key} -out ${cert} -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost`
for (const name of ['output', 'summary']) writeFileSync(`${folder}/${name}`, '')
execFileSync('openssl', newCertificate.split(' '), { stdio: 'ignore' })

async function run(
  program: string,
  { url, token }: Bot,
): Promise<[code: number | null, ms: number]> {
  const [file = '', ...args] = programs[program] ?? []
  const startMs = performance.now()
  const child = spawn(file, [...args, `${url}/bot${token}/close`], {
    // Nothing else, so that no setting of the machine changes a result.
    env: {
      PATH: process.env['PATH'],
      ...(url.startsWith('https:') && { NODE_EXTRA_CA_CERTS: cert, CURL_CA_BUNDLE: cert }),
      'INPUT_BALE-TOKEN': token,
      'INPUT_API-URL': url,
      GITHUB_ACTIONS: 'true',
      GITHUB_OUTPUT: `${folder}/output`,
      GITHUB_STEP_SUMMARY: `${folder}/summary`,
    },
    stdio: 'ignore',
    timeout: 60_000, // It hangs.
    killSignal: 'SIGKILL',
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  return [code, performance.now() - startMs]
}

/** Start to exit for one request that succeeds. */
async function measureStart(): Promise<string> {
  const identity = { key: readFileSync(key), cert: readFileSync(cert) }
  const servers = [await startServer(), await startServer(identity)]
  const cases = Object.keys(programs).map((name) => ({
    name,
    times: servers.map(() => [] as number[]),
  }))
  const queue = cases.flatMap(({ name, times }) =>
    servers.map((newBot, at) => ({ name, newBot, times: times[at] ?? [] })),
  )
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, newBot, times } of queue) {
      const [code, ms] = await run(name, newBot('no fault'))
      if (code !== 0) throw new Error(`${name} failed`)
      times.push(ms)
    }
    // The next round begins with another one, so that none always follows the same one.
    queue.push(...queue.splice(0, 1))
  }
  const median = (times: number[]) => times.sort((a, b) => a - b)[ROUNDS / 2]?.toFixed(0) ?? ''
  return table(
    ['program', 'HTTP, ms', 'TLS, ms'],
    cases.map(({ name, times }) => [name, ...times.map(median)]),
  )
}

/** How long a program takes to tell whether the bot is closed, and whether that is right. */
async function measureVerdicts(): Promise<string> {
  const newBot = await startServer()
  let starts = 0
  async function judge(program: string, fault: string): Promise<string> {
    // Most of the time is waiting, so they all run together, started one after the other.
    await sleep(250 * starts++)
    const bot = newBot(fault)
    const [code, ms] = await run(program, bot)
    if (code === null) return '_hangs_'
    if (code === 0 && !bot.isClosed) return '**wrong**'
    return code !== 0 && bot.canBeClosed ? '_fails_' : (ms / 1000).toFixed(1)
  }
  const rows = Object.keys(faults).map(async (fault) => [
    fault,
    ...(await Promise.all([judge(ours, fault), judge(curl, fault)])),
  ])
  return table(['the server', ours, curl], await Promise.all(rows))
}

function table(heads: string[], rows: string[][]): string {
  const rule = heads.map((_, column) => (column === 0 ? '---' : '---:'))
  return [heads, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

const sections = {
  machine: `Measured on ${new Date().toISOString().slice(0, 10)} on ${cpus().length} × ${cpus()[0]?.model}, Node ${process.version}.`,
  start: await measureStart(),
  verdicts: await measureVerdicts(),
}
let text = readFileSync('docs/performance.md', 'utf8')
for (const [name, section] of Object.entries(sections)) {
  const place = RegExp(`(?<=<!-- bench ${name} -->).*?(?=<!-- end -->)`, 's')
  text = text.replace(place, () => `\n\n${section}\n\n`)
  console.log(`${section}\n`)
}
writeFileSync('docs/performance.md', await format(text, { parser: 'markdown' }))
rmSync(folder, { recursive: true })
process.exit() // It ends the servers, too.

/** How the cost of the action grows: with the size of an answer, with attempts, with the number of bots. */
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { cpuMs, isPassed, peakBytes, wallMs } from './meter.ts'
import type { Measurement, Meter } from './meter.ts'
import type { Answer, Server } from './server.ts'
import { json, yes } from './server.ts'
import { median } from './statistics.ts'
import { megabytes, table } from './tables.ts'
import { closeBaleBot } from './tools.ts'

const ROUNDS = 10
const KB = 1000
const MB = 1000 * KB

const answers: readonly { readonly name: string; readonly answer: () => Answer }[] = [
  { name: '1 KB', answer: () => hostile(KB) },
  { name: '60 KB', answer: () => hostile(60 * KB) },
  { name: '1 MB', answer: () => hostile(MB) },
  { name: '30 MB', answer: () => hostile(30 * MB) },
  { name: '300 MB', answer: () => hostile(300 * MB) },
  {
    name: '300 MB, compressed',
    answer: () => ({
      status: 200,
      headers: { 'content-encoding': 'gzip' },
      body: chunks(300 * MB).pipe(createGzip()),
    }),
  },
]

function hostile(bytes: number): Answer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: chunks(bytes) }
}

function chunks(bytes: number): Readable {
  const chunk = Buffer.alloc(Math.min(bytes, 64 * KB), ' ')
  return Readable.from(
    (function* () {
      for (let sent = 0; sent < bytes; sent += chunk.length) yield chunk
    })(),
  )
}

export async function measureSizes(meter: Meter, server: Server): Promise<string> {
  const results = await interleave(answers, ({ answer }) =>
    meter.measure([closeBaleBot(server.newBot(answer), { 'max-attempts': '1' })]),
  )
  return costs(
    'answer',
    results.map(([{ name }, runs]) => [name, runs]),
  )
}

/** So short a wait that nothing is measured but the attempts. */
const askAgain = json(429, { ok: false, error_code: 429, parameters: { retry_after: 0.001 } })

export async function measureAttempts(meter: Meter, server: Server): Promise<string> {
  const results = await interleave([1, 2, 5, 10, 30, 100], (attempts) => {
    const target = server.newBot(() => askAgain)
    return meter.measure([closeBaleBot(target, { 'max-attempts': String(attempts) })])
  })
  return costs(
    'attempts',
    results.map(([attempts, runs]) => [String(attempts), runs]),
  )
}

export async function measureFleet(meter: Meter, server: Server): Promise<string> {
  const results = await interleave([1, 2, 4, 8, 16, 32], (bots) =>
    meter.measure(Array.from({ length: bots }, () => closeBaleBot(server.newBot(() => yes)))),
  )
  if (!results.every(([, runs]) => runs.every(isPassed))) throw new Error('A bot was not closed')
  const rows = results.map(([bots, runs]) => [
    String(bots),
    median(runs.map(wallMs)).toFixed(0),
    (median(runs.map(wallMs)) / bots).toFixed(0),
    (median(runs.map(cpuMs)) / bots).toFixed(0),
    megabytes(Math.max(...runs.map(peakBytes))),
  ])
  return table(['bots at once', 'wall ms', 'a bot', 'CPU ms a bot', 'sum of peaks, MB'], rows)
}

/** Measures each case once a round. */
async function interleave<Case>(
  cases: readonly Case[],
  measure: (one: Case) => Promise<Measurement>,
): Promise<[Case, Measurement[]][]> {
  const results = cases.map((one): [Case, Measurement[]] => [one, []])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [one, runs] of results) runs.push(await measure(one))
  }
  return results
}

function costs(head: string, results: readonly (readonly [string, readonly Measurement[]])[]): string {
  const rows = results.map(([name, runs]) => [
    name,
    median(runs.map(wallMs)).toFixed(0),
    median(runs.map(cpuMs)).toFixed(0),
    megabytes(Math.max(...runs.map(peakBytes))),
  ])
  return table([head, 'wall ms', 'CPU ms', 'peak MB'], rows)
}

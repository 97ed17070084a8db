/** What attempts, long answers and many bots cost. */
import { startEmulator } from '../emulator/server.ts'
import { medians, run, runInRounds, table, type Run } from './measure.ts'
import { action } from './programs.ts'
import { startServer, type Reply } from './server.ts'

/** Attempts, and thousands of bytes in each answer. */
const growth = [
  [1, 1],
  [1, 30_000],
  [1, 60],
  [100, 60],
] as const

export async function measureGrowth(): Promise<string> {
  const newBot = await startServer()
  const starts = growth.map(([attempts, kilobytes]) => {
    // So short a wait that nothing is measured but the attempts.
    const head = '{"ok":false,"error_code":429,"parameters":{"retry_after":0.001},"description":"'
    const body = [
      head,
      ...Array<string>(kilobytes).fill('Too many requests... '.repeat(50).slice(0, 1000)),
      '"}',
    ]
    return () =>
      action({ 'max-attempts': String(attempts) })(newBot({ status: 429, body }, Infinity))
  })
  const results = await runInRounds(5, starts)
  const rows = results.map((runs, at) => [...(growth[at] ?? []), ...medians(runs).map(Math.round)])
  return table(['attempts', 'answer KB', 'wall ms', 'CPU ms', 'peak MB'], rows)
}

const BOTS = 256
/** Requests in each second, for all bots together. */
const LIMIT = 10

/** Bots of the emulator behind a gateway with a rate limit, each closed by a process of its own. */
async function closeFleet(parallel: number) {
  const newBot = await startServer()
  let asked = 0
  let askedInSecond = 0
  const nextSecond = setInterval(() => (askedInSecond = 0), 1000)
  const gateway = async (token: string): Promise<Reply> => {
    asked++
    if (askedInSecond++ >= LIMIT) return { status: 429, body: ['local_rate_limited'] }
    const answer = await fetch(`${emulator.url}/bot${token}/close`, { method: 'POST' })
    return { status: answer.status, body: [await answer.text()] }
  }
  const bots = Array.from({ length: BOTS }, () => newBot(gateway))
  const emulator = await startEmulator({ bots })
  const startMs = performance.now()
  const queue = bots.map(action())
  const runs: Run[] = []
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) runs.push(await run(next))
  }
  await Promise.all(Array.from({ length: parallel }, work))
  const seconds = (performance.now() - startMs) / 1000
  clearInterval(nextSecond)
  await emulator.stop()
  const closed = emulator.requests.filter(({ answer }) => answer === '200 closed').length
  if (closed < BOTS || runs.some(({ exitCode }) => exitCode !== 0))
    throw new Error(`Only ${closed} bots were closed`)
  const longestSeconds = Math.max(...runs.map(({ wallMs }) => wallMs)) / 1000
  return [
    parallel,
    closed,
    asked - emulator.requests.length,
    seconds.toFixed(0),
    longestSeconds.toFixed(1),
  ]
}

export async function measureFleet(): Promise<string> {
  const rows = [await closeFleet(1), await closeFleet(5), await closeFleet(20)]
  return table(['parallel', 'closed', 'refused', 'total s', 'longest s'], rows)
}

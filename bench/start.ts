/** Start to exit with one request that succeeds, over plain HTTP and over TLS. */
import { resolve } from 'node:path'
import { medians, runInRounds, table } from './measure.ts'
import { action, compared, floor, identity } from './programs.ts'
import { startServer, yes } from './server.ts'

const ROUNDS = 70

export async function measureStart(otherBundle?: string): Promise<string> {
  const programs = {
    ...compared,
    'close-bale-bot, `summary: false`': action({ summary: 'false' }),
    ...(otherBundle !== undefined && { 'the other bundle': action({}, resolve(otherBundle)) }),
    ...floor,
  }
  const starts = [await startServer(), await startServer(identity)].flatMap((newBot) =>
    Object.values(programs).map((start) => () => start(newBot(yes))),
  )
  const runs = await runInRounds(ROUNDS, starts)
  if (runs.flat().some(({ exitCode }) => exitCode !== 0)) throw new Error('A program failed')
  const tables = ['plain HTTP', 'TLS'].map((transport) => {
    const own = Object.keys(programs).map(() => medians(runs.shift() ?? []))
    const [fetchWallMs = NaN, fetchCpuMs = NaN] = own[0] ?? []
    const rows = Object.keys(programs).map((name, at) => {
      const [wallMs = NaN, cpuMs = NaN, peakMb = NaN] = own[at] ?? []
      const ratios = [wallMs / fetchWallMs, cpuMs / fetchCpuMs].map((ratio) => ratio.toFixed(2))
      return [name, ...[wallMs, cpuMs, peakMb].map((figure) => figure.toFixed(1)), ...ratios]
    })
    return `Over ${transport}:\n\n${table(['program', 'wall ms', 'CPU ms', 'peak MB', 'wall × fetch', 'CPU × fetch'], rows)}`
  })
  return [`Medians of ${ROUNDS} rounds.`, ...tables].join('\n\n')
}

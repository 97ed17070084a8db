/** Start to exit with one request that succeeds, over plain HTTP and over TLS. */
import { resolve } from 'node:path'
import { medians, runInRounds, table } from './measure.ts'
import { action, compared, floor, identity } from './programs.ts'
import { startServer, yes } from './server.ts'

const ROUNDS = 70

export async function measureStart(otherBundle?: string): Promise<string> {
  const programs = {
    ...compared,
    ...(otherBundle !== undefined && { 'the other bundle': action({}, resolve(otherBundle)) }),
    ...floor,
  }
  const starts = [await startServer(), await startServer(identity)].flatMap((newBot) =>
    Object.values(programs).map((start) => () => start(newBot(yes))),
  )
  const runs = await runInRounds(ROUNDS, starts)
  if (runs.flat().some(({ exitCode }) => exitCode !== 0)) throw new Error('A program failed')
  const [plain = [], tls = []] = ['plain', 'TLS'].map(() => {
    const own = Object.keys(programs).map(() => medians(runs.shift() ?? []))
    const fetchWallMs = own[0]?.[0] ?? NaN
    return own.map(([wallMs = NaN, cpuMs = NaN, peakMb = NaN]) => {
      return [wallMs.toFixed(1), (wallMs / fetchWallMs).toFixed(2), cpuMs.toFixed(1), peakMb.toFixed(1)]
    })
  })
  const columns = ['wall ms', '× fetch', 'CPU ms', 'peak MB'].flatMap((column) => [column, `${column}, TLS`])
  const rows = Object.keys(programs).map((name, at) => {
    return [name, ...(plain[at] ?? []).flatMap((figure, column) => [figure, tls[at]?.[column] ?? ''])]
  })
  return `Medians of ${ROUNDS} rounds, over plain HTTP and over TLS.\n\n${table(['program', ...columns], rows)}`
}

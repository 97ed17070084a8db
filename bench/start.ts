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
  const rows = Object.keys(programs).map((name, at) => {
    const plain = medians(runs[at] ?? [])
    const tls = medians(runs[at + Object.keys(programs).length] ?? [])
    return [
      name,
      ...plain.flatMap((figure, column) => [figure.toFixed(1), tls[column]?.toFixed(1) ?? '']),
    ]
  })
  const columns = ['wall ms', 'CPU ms', 'peak MB'].flatMap((column) => [column, 'TLS'])
  const title = `Medians of ${ROUNDS} rounds over plain HTTP, each beside that over TLS.`
  return `${title}\n\n${table(['program', ...columns], rows)}`
}

/** Start to exit with one request that succeeds, in interleaved runs. */
import { cpuMs, isPassed, peakBytes, wallMs } from './meter.ts'
import type { Measurement, Meter } from './meter.ts'
import type { Server } from './server.ts'
import { yes } from './server.ts'
import { median, quantile } from './statistics.ts'
import { megabytes, table } from './tables.ts'
import * as tools from './tools.ts'
import type { Tool } from './tools.ts'

const ROUNDS = 200
const WARM_UP_ROUNDS = 5

const measured = [
  tools.emptyNode,
  tools.nodeHttp,
  tools.nodeHttpFloor,
  tools.dryRun,
  tools.action,
  tools.builtInFetch,
  tools.nodeFetch,
  tools.grammy,
  tools.nodeTelegramBotApi,
  tools.curl,
]

export async function measureStart(meter: Meter, server: Server): Promise<string> {
  const results = new Map(measured.map((tool) => [tool, [] as Measurement[]]))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    // Each round begins with another tool, so that none is always measured after the same one.
    const first = (round + WARM_UP_ROUNDS) % measured.length
    for (const tool of [...measured.slice(first), ...measured.slice(0, first)]) {
      const result = await meter.measure([tool.run(server.newBot(() => yes))])
      if (!isPassed(result)) throw new Error(`${tool.name} failed`)
      if (round >= 0) results.get(tool)?.push(result)
    }
  }
  const of = (tool: Tool, pick: (run: Measurement) => number): number[] => (results.get(tool) ?? []).map(pick)
  const ratio = (tool: Tool, pick: (run: Measurement) => number): string =>
    (median(of(tool, pick)) / median(of(tools.builtInFetch, pick))).toFixed(2)
  const rows = measured.map((tool) => [
    tool.name,
    median(of(tool, wallMs)).toFixed(1),
    [0.25, 0.75].map((at) => quantile(of(tool, wallMs), at).toFixed(1)).join(' to '),
    ratio(tool, wallMs),
    median(of(tool, cpuMs)).toFixed(1),
    ratio(tool, cpuMs),
    megabytes(Math.max(...of(tool, peakBytes))),
  ])
  const heads = ['program', 'wall ms', 'quartiles', '× fetch', 'CPU ms', '× fetch', 'peak MB']
  return `Medians of ${ROUNDS} rounds.\n\n${table(heads, rows)}`
}

/** Runs programs as processes of their own, and writes what they took as a table. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

export type Program = readonly [argv: readonly string[], env: NodeJS.ProcessEnv]

const figures = ['wallMs', 'cpuMs', 'peakMb'] as const
/** Times and the peak of the resident memory; what a program does not tell is NaN. */
export type Run = Record<(typeof figures)[number], number> & { exitCode: number | null }

export async function run(
  [[command = '', ...args], env]: Program,
  killAfterMs = 120_000,
): Promise<Run> {
  const startMs = performance.now()
  let wallMs = NaN
  const end = { timeout: killAfterMs, killSignal: 'SIGKILL' } as const
  const child = spawn(command, args, {
    cwd: import.meta.dirname,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    ...end,
  })
  child.once('exit', () => (wallMs = performance.now() - startMs))
  const [log] = await Promise.all([text(child.stderr), once(child, 'close')])
  const [cpuMs = NaN, peakKib = NaN] = (log.split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number.parseFloat)
  return { wallMs, cpuMs, peakMb: (peakKib * 1024) / 1e6, exitCode: child.exitCode }
}

/** Runs each program once a round; each round begins with another one, so that none always follows the same one. */
export async function runInRounds(
  rounds: number,
  starts: readonly (() => Program)[],
): Promise<Run[][]> {
  const cases = starts.map((start) => ({ start, runs: [] as Run[] }))
  const queue = [...cases]
  for (let round = 0; round < rounds; round++) {
    for (const { start, runs } of queue) runs.push(await run(start()))
    queue.push(...queue.splice(0, 1))
  }
  return cases.map(({ runs }) => runs)
}

/** In the order of `figures`. */
export function medians(runs: readonly Run[]): number[] {
  const middle = Math.floor(runs.length / 2)
  return figures.map(
    (figure) => runs.map((one) => one[figure]).sort((a, b) => a - b)[middle] ?? NaN,
  )
}

/** A table whose first column is text and whose others are numbers. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const rule = heads.map((_, at) => (at === 0 ? '---' : '---:'))
  return [heads, rule, ...rows]
    .map((cells) => `| ${cells.join(' | ').replaceAll('NaN', '–')} |\n`)
    .join('')
}

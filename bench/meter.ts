/** Wall time, CPU time and peak memory of processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Run {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Measurement {
  /** Until the last of the processes ended. */
  readonly wallMs: number
  readonly processes: readonly {
    readonly exitCode: number
    readonly cpuMs: number
    readonly peakBytes: number
  }[]
}

export const wallMs = (measurement: Measurement): number => measurement.wallMs
/** Of all its processes together. */
export const cpuMs = ({ processes }: Measurement): number => processes.reduce((sum, process) => sum + process.cpuMs, 0)
/** Of all its processes together. */
export const peakBytes = ({ processes }: Measurement): number =>
  processes.reduce((sum, process) => sum + process.peakBytes, 0)
export const isPassed = ({ processes }: Measurement): boolean => processes.every(({ exitCode }) => exitCode === 0)

export interface Meter {
  /** Measures processes that start together; one measurement at a time. */
  measure(runs: readonly Run[]): Promise<Measurement>
  stop(): Promise<void>
}

export function startMeter(): Meter {
  const script = fileURLToPath(new URL('meter.py', import.meta.url))
  const child = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async measure(runs) {
      child.stdin.write(`${JSON.stringify(runs)}\n`)
      const line = await lines.next()
      if (line.done) throw new Error('The meter ended')
      return JSON.parse(line.value) as Measurement
    },
    async stop() {
      child.stdin.end()
      await exit
    },
  }
}

/**
 * What ends a run early: a signal of the runner or of a person, or a defect. Imported before all else, so that a signal
 * which comes while the libraries load is heard, too.
 */
const stopping = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    stopping.abort('cancelled')
  })
}
process.on('uncaughtException', () => {
  stopping.abort('internal-error')
})

/** Aborted when the run must end: `reason` is the outcome. */
export const stop: AbortSignal = stopping.signal

/** The action: read the inputs, close the bot, report, exit. */
import { setTimeout as sleep } from 'node:timers/promises'
import { exchange } from './bale.ts'
import { closeBot, type World } from './closing.ts'
import { isInWorkflow, readContext } from './context.ts'
import { parseInputs } from './inputs.ts'
import { createMessage, describeWait, traceOf } from './message.ts'
import { log, maskSecrets, outputsOf, printMessage, writeOutputs, writeSummary } from './report.ts'

// Until the step has passed, the process fails, however it ends.
process.exitCode = 1

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK']) {
  process.on(signal, () => stop.abort('cancelled'))
}
process.on('uncaughtException', (error: unknown) => stop.abort(error))
// Node's own warnings are noise beside the one annotation.
process.removeAllListeners('warning')
// A reader of the log that went away changes nothing.
process.stdout.on('error', () => undefined)

const world: World = {
  exchange: (inputs, step, timeoutSeconds) => exchange(inputs, step, timeoutSeconds, stop.signal),
  elapsedSeconds: () => process.uptime(),
  sleep: (seconds) =>
    sleep(seconds * 1000, undefined, { signal: stop.signal }).catch(() => undefined),
  stop: stop.signal,
  onWait: (wait, leftSeconds, inputs) => log(describeWait(wait, leftSeconds, inputs)),
}

/** @returns whether the step passes */
async function main(): Promise<boolean> {
  const inputs = parseInputs(process.env, process.versions.node)
  maskSecrets(inputs.secrets)
  const result = await closeBot(inputs, world)
  const outputs = outputsOf(result, inputs.botId)
  const areWritten = writeOutputs(outputs)
  const context = readContext()
  const message = createMessage(result, inputs, context, areWritten)
  printMessage(message)
  if (!context.isEventReadable)
    log('The event file of this run cannot be read; hints that need it are left out.')
  if (inputs.summary && isInWorkflow) await writeSummary(message, outputs)
  return message.level !== 'error'
}

void main()
  .catch((error: unknown) => {
    const title = 'The action stopped because of an error of its own'
    printMessage({
      level: 'error',
      title,
      text: `${title} (${traceOf(error)}). Please report it.`,
      page: '',
    })
    return false
  })
  .then((isPassed) => {
    // Ends at once, whatever is still open, but not before all is printed.
    process.stdout.write('', () => process.exit(isPassed ? 0 : 1))
  })

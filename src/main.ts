/** The action: read the inputs, close the bot, report, exit. */
import { setTimeout as sleep } from 'node:timers/promises'
import { exchange } from './bale.ts'
import { closeBot } from './closing.ts'
import { parseInputs } from './inputs.ts'
import { createMessage, defectMessage, describeWait, invalidInputMessage } from './message.ts'
import * as runner from './runner.ts'
import { judge } from './verdict.ts'
// Without this export, ncc would write a second file for what node-fetch imports on demand.
// @ts-expect-error It has no types.
export { toFormData } from 'node-fetch/src/utils/multipart-parser.js'

// Until the step has passed, the process fails.
process.exitCode = 1
// If the reader of the log goes away, the run goes on.
process.stdout.on('error', () => undefined)

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK']) {
  process.on(signal, () => stop.abort())
}
process.on('uncaughtException', exitWithDefect)
main().then(exit, exitWithDefect)

/** @returns whether the step passes */
async function main(): Promise<boolean> {
  const inputs = parseInputs(process.env, runner.complaintAboutNode())
  runner.maskSecrets(inputs.secrets)
  const context = runner.readContext()
  if (!inputs.isValid) {
    await runner.report(invalidInputMessage(inputs, context))
    return false
  }
  const result = await closeBot(inputs, {
    ask: async (step, timeoutSeconds) =>
      judge(step, await exchange(inputs, step, timeoutSeconds, stop.signal), inputs.quote),
    elapsedSeconds: () => process.uptime(),
    sleep: (seconds) =>
      sleep(seconds * 1000, undefined, { signal: stop.signal }).catch(() => undefined),
    stop: stop.signal,
    onWait: (wait, leftSeconds) => runner.log(describeWait(wait, leftSeconds, inputs)),
  })
  const areWritten = await runner.report(createMessage(result, inputs, context), result)
  return result.kind !== 'failed' && areWritten
}

function exitWithDefect(error: unknown): void {
  runner.printMessage(defectMessage(error))
  exit(false)
}

/** Ends at once, whatever is still open, but not before all is printed. */
function exit(isPassed: boolean): void {
  process.stdout.write('', () => process.exit(isPassed ? 0 : 1))
}

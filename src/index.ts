/** The entry: builds the world, runs, and ends the process. */
import { setTimeout as sleep } from 'node:timers/promises'
import * as core from '@actions/core'
import { describeRest, describeWait } from './advice.ts'
import { baleClient } from './bale.ts'
import { readContext } from './context.ts'
import { handOver, nothingSent, type Result } from './handover.ts'
import { parseInputs, type InputName } from './inputs.ts'
import { chooseProxy } from './proxy.ts'
import { report } from './report.ts'
import type { Listener, World } from './retry.ts'
import { redactor, secretsOf, shownWith } from './safety.ts'

// node-fetch loads its parser of forms on demand, from a second script. Exported, it is part of this one.
// @ts-expect-error It has no types, and nobody calls it.
export { toFormData } from 'node-fetch/src/utils/multipart-parser.js'

/** Runs the action. @returns whether the step passes */
async function run(stop: AbortSignal): Promise<boolean> {
  const read = (name: InputName): string => core.getInput(name, { trimWhitespace: false })
  const tokenSecrets = secretsOf(read('bale-token'))
  const isInWorkflow = process.env['GITHUB_ACTIONS'] === 'true'
  // By hand, nobody would read the mask but the people it is to be hidden from.
  if (isInWorkflow) tokenSecrets.forEach(core.setSecret)

  const { inputs, isTokenEmpty, ...parsed } = parseInputs(read)
  const { proxy, ...chosen } = chooseProxy(inputs.apiUrl, process.env, process.version)
  const complaints = [...parsed.complaints, ...chosen.complaints]
  const redact = redactor([...tokenSecrets, ...(proxy?.secrets ?? [])])
  const subject = {
    inputs,
    complaints,
    isTokenEmpty,
    ...(proxy && { proxyHost: proxy.host }),
  }

  const world: World = {
    call: baleClient(inputs.apiUrl.href.replace(/\/+$/, ''), inputs.token, proxy?.url),
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    random: () => Math.random(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    stop,
  }
  const say = (line: string): void => {
    core.info(redact(line))
  }
  const quote = shownWith(redact)
  const listener: Listener = {
    onWait: (progress, waitMs, untilWallMs) => {
      say(describeWait(progress, waitMs, untilWallMs, { ...subject, quote }))
    },
    onMinute: (leftMs, untilWallMs) => {
      say(describeRest(leftMs, untilWallMs))
    },
  }

  const unsent = (outcome: 'invalid-input' | 'dry-run'): Result => ({
    outcome,
    closed: false,
    progress: nothingSent(),
  })
  let result: Result
  if (complaints.length > 0) result = unsent('invalid-input')
  else if (inputs.dryRun) result = unsent('dry-run')
  else result = await handOver(inputs, world, listener)

  // The context is read last: a broken event file must not stand between the bot and its closing.
  const context = readContext()
  return report({
    result,
    subject: { ...subject, context },
    redact,
    summary: inputs.summary,
    isInWorkflow,
  })
}

// TLS checks must not depend on the environment, neither to the API nor to a proxy.
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    stop.abort('cancelled')
  })
}
process.on('uncaughtException', () => {
  stop.abort('internal-error')
})
// Node's warnings are noise beside the one annotation.
process.removeAllListeners('warning')
// A reader that went away must not make a failure of a closed bot.
process.stdout.on('error', () => undefined)

const passed = await run(stop.signal).catch(() => {
  core.error('The action stopped by a defect of its own. Please report it.')
  return false
})
// Ends at once, whatever socket or look-up is still pending, but not before all is written.
process.stdout.write('', () => {
  process.exit(passed ? 0 : 1)
})

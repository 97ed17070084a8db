/** The entry: builds the world, runs, and ends the process. */
import { stop } from './stop.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import * as core from '@actions/core'
import { describeRest, describeWait } from './advice.ts'
import { baleClient } from './bale.ts'
import { readContext } from './context.ts'
import { handOver, nothingSent, type Result } from './handover.ts'
import { parseInputs, type InputName } from './inputs.ts'
import { chooseProxy, proxySecrets } from './proxy.ts'
import { report } from './report.ts'
import type { Listener, World } from './retry.ts'
import { redactor, secretsOf, shownWith } from './safety.ts'

// node-fetch loads its parser of forms on demand, from a second script. Exported, it is part of this one.
// @ts-expect-error It has no types, and nobody calls it.
export { toFormData } from 'node-fetch/src/utils/multipart-parser.js'

/** Runs the action. @returns whether the step passes */
async function run(): Promise<boolean> {
  const read = (name: InputName): string => core.getInput(name, { trimWhitespace: false })
  const tokenSecrets = secretsOf(read('bale-token'))
  const isInWorkflow = process.env['GITHUB_ACTIONS'] === 'true'
  // By hand, nobody would read the mask but the people it is to be hidden from.
  if (isInWorkflow) tokenSecrets.forEach(core.setSecret)

  const { inputs, isTokenEmpty, ...parsed } = parseInputs(read)
  const { proxy, ...chosen } = chooseProxy(inputs.apiUrl, process.env, process.version)
  const complaints = [...parsed.complaints, ...chosen.complaints]
  const redact = redactor(tokenSecrets)
  const shown = shownWith(redactor([...tokenSecrets, ...proxySecrets(process.env)]))
  const subject = {
    inputs,
    complaints,
    isTokenEmpty,
    ...(proxy && { proxyHost: proxy.host }),
  }

  const world: World = {
    call: baleClient(inputs.apiUrl.href.replace(/\/+$/, ''), inputs.token, proxy?.url),
    nowMs: () => process.uptime() * 1000,
    wallMs: () => Date.now(),
    random: () => Math.random(),
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    stop,
  }
  const say = (line: string): void => {
    core.info(redact(line))
  }
  const listener: Listener = {
    onWait: (progress, waitMs, untilWallMs) => {
      say(describeWait(progress, waitMs, untilWallMs, { ...subject, quote: shown }))
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
    shown,
    summary: inputs.summary,
    isInWorkflow,
  })
}

// TLS checks must not depend on the environment, neither to the API nor to a proxy.
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
// Node's warnings are noise beside the one annotation.
process.removeAllListeners('warning')
// A reader that went away must not make a failure of a closed bot.
process.stdout.on('error', () => undefined)

// No top-level await: for it the bundler would wrap each module in an asynchronous function.
void run()
  .catch(() => {
    core.error('The action stopped by a defect of its own. Please report it.')
    return false
  })
  .then((passed) => {
    // Ends at once, whatever socket or look-up is still pending, but not before all is written.
    process.stdout.write('', () => {
      process.exit(passed ? 0 : 1)
    })
  })

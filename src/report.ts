/** What the runner and people get: masks, log lines, outputs, the annotation and the job summary. */
import * as core from '@actions/core'
import type { Result } from './closing.ts'
import { isInWorkflow } from './context.ts'
import type { Message } from './message.ts'
import { escapeForSummary } from './text.ts'

/** Asks the runner to hide these texts. By hand that request itself would show them. */
export function maskSecrets(secrets: string[]): void {
  if (isInWorkflow) secrets.forEach(core.setSecret)
}

export const log = core.info

type Outputs = ReturnType<typeof outputsOf>

/** The outputs by their names. People paste outputs into scripts, so they hold no text of the server. */
export function outputsOf({ outcome, closed, decisive, attempts }: Result, botId: string) {
  const mayAskToWait = outcome === 'rate-limited' || outcome === 'server-error'
  const askedSeconds = mayAskToWait && decisive ? decisive.waitSeconds : 0
  return {
    closed: closed === 'yes',
    outcome,
    'bot-id': botId,
    attempts: attempts.filter(({ step }) => step === 'close').length,
    'http-status': decisive?.exchange.status ?? '',
    'retry-after-seconds': askedSeconds > 0 ? Math.ceil(askedSeconds) : '',
  }
}

/** Writes the outputs, by hand as plain lines, and tells whether they are written. */
export function writeOutputs(outputs: Outputs): boolean {
  try {
    for (const [name, value] of Object.entries(outputs)) {
      if (process.env['GITHUB_OUTPUT']) core.setOutput(name, value)
      else log(`${name}=${value}`)
    }
    return true
  } catch {
    return false
  }
}

/** Prints the message; in a workflow it is an annotation if it is more than information. */
export function printMessage({ level, title, text, page }: Message): void {
  const line = page ? `${text} Details: ${page}` : text
  if (level === 'info') log(line)
  else if (isInWorkflow) core[level](line, { title })
  else log(`${level.toUpperCase()}: ${line}`)
}

/** Writes the job summary. If that fails, one plain line says so. */
export async function writeSummary(
  { level, title, text, page }: Message,
  outputs: Outputs,
): Promise<void> {
  const sign = { info: '✅', notice: 'ℹ️', warning: '⚠️', error: '❌' }[level]
  const facts = [`\`${outputs.outcome}\``, outputs.attempts, outputs['http-status']]
  const markdown = [
    `### ${sign} ${title}`,
    escapeForSummary(text),
    page.startsWith('http') ? `[Details](${page})` : '',
    `| Outcome | Close requests | HTTP status |\n| --- | --- | --- |\n| ${facts.join(' | ')} |`,
  ]
  try {
    await core.summary.addRaw(markdown.filter(Boolean).join('\n\n'), true).write()
  } catch {
    log('The job summary could not be written; the result is the same without it.')
  }
}

/** A result to the runner: the outputs, a job summary, and one line or one annotation. */
import * as core from '@actions/core'
import { conclude, type Conclusion, duration, type Subject } from './advice.ts'
import type { Result } from './handover.ts'
import { inert, type Quote, type Redact } from './safety.ts'

export interface Report {
  readonly result: Result
  readonly subject: Omit<Subject, 'quote'>
  /** The last hand over every line. */
  readonly redact: Redact
  /** Makes text from outside fit to be shown. */
  readonly shown: Quote
  /** Whether to write a job summary. */
  readonly summary: boolean
  /** Whether a runner reads what is printed. By hand, a workflow command would only be noise. */
  readonly isInWorkflow: boolean
}

/** Reports a result. @returns whether the step passes */
export async function report(report: Report): Promise<boolean> {
  const { result, subject, redact, shown, isInWorkflow } = report
  const print = (line: string): void => {
    core.info(redact(line))
  }
  const areOutputsWritten = writeOutputs(outputsOf(result, subject.inputs.botId), print)
  const conclusion = conclude(result, { ...subject, quote: shown }, areOutputsWritten)

  if (!subject.context.isEventReadable) {
    print('The event file of this run cannot be read; hints that need it are left out.')
  }
  if (report.summary && (isInWorkflow || process.env['GITHUB_STEP_SUMMARY'])) {
    const quote: Quote = (text) => inert(shown(text))
    const inSummary = conclude(result, { ...subject, quote }, areOutputsWritten)
    if (!(await writeSummary(redact(summaryOf(inSummary, result))))) {
      print('The job summary cannot be written; the result is the same without it.')
    }
  }
  const title = redact(conclusion.title)
  const message = redact(conclusion.lines.join('\n'))
  if (conclusion.passed) print([`${title}.`, ...conclusion.lines].join(' '))
  else if (isInWorkflow) core.error(message, { title })
  else core.info(`Error: ${title}\n${message}`)
  return conclusion.passed
}

/** The outputs: known words and digits, never a text of the server, since people paste outputs into scripts. */
function outputsOf({ outcome, closed, progress }: Result, botId: string): Record<string, string> {
  const { attempts, last } = progress
  const asks = outcome === 'rate-limited' || outcome === 'server-error'
  const seconds = asks && last?.retryAfterSeconds
  return {
    closed: String(closed),
    outcome,
    'bot-id': botId,
    attempts: String(attempts.close),
    'http-status': String(last?.status ?? ''),
    'retry-after-seconds': seconds ? String(Math.ceil(Math.min(seconds, Number.MAX_SAFE_INTEGER))) : '',
  }
}

/** Writes the outputs, by hand as plain lines. @returns whether they are written */
function writeOutputs(outputs: Record<string, string>, print: (line: string) => void): boolean {
  try {
    for (const [name, value] of Object.entries(outputs)) {
      if (process.env['GITHUB_OUTPUT']) core.setOutput(name, value)
      else print(`${name}=${value}`)
    }
    return true
  } catch {
    return false
  }
}

function summaryOf({ passed, title, lines }: Conclusion, { outcome, closed, progress }: Result): string {
  const { attempts, last } = progress
  const columns = [
    ['Outcome', `\`${outcome}\``],
    ['Close requests', attempts.close],
    ...(last?.status === undefined ? [] : [['HTTP status', last.status]]),
    ...(last?.retryAfterSeconds === undefined ? [] : [['Wait asked for', duration(last.retryAfterSeconds)]]),
  ]
  const row = (cells: readonly unknown[]): string => `| ${cells.join(' | ')} |`
  const table = [columns.map(([name]) => name), columns.map(() => '---'), columns.map(([, value]) => value)]
  const sign = !passed ? '❌' : closed ? '✅' : 'ℹ️'
  return [`### ${sign} ${title}`, ...lines, table.map(row).join('\n')].join('\n\n')
}

async function writeSummary(markdown: string): Promise<boolean> {
  try {
    await core.summary.addRaw(markdown, true).write()
    return true
  } catch {
    return false
  }
}

/** The result in words: what happened, what it means, what to do. A pure function. */
import { adviceFor } from './advice.ts'
import type { Attempt, Result, Wait } from './closing.ts'
import type { RunContext } from './context.ts'
import { type Inputs, MAX_TIMEOUT_SECONDS, type ValidInputs } from './inputs.ts'
import { type AnswerVerdict, answerOf, type Decision, type FailedOutcome } from './verdict.ts'

export interface Message {
  level: 'info' | 'notice' | 'warning' | 'error'
  /** Fixed words and the bot id, since a runner does not mask titles. */
  title: string
  /** One line that says the verdict, too, since a runner's log does not show titles. */
  text: string
  /** Where to read more, if there is more. */
  page: string
}

const LONG_WAIT_MS = 30_000

/**
 * What a run ended as.
 * @param areWritten whether the outputs are written; if not, the message is an error that says so, too
 */
export function createMessage(result: Result, inputs: Inputs, context: RunContext, areWritten: boolean): Message {
  const message = messageFor(result, inputs, context)
  const pages = `${context.pagesUrl}docs/troubleshooting.md`
  const page = message.page && `${pages}#${message.page}`
  if (areWritten) return { ...message, page }
  const why = 'But the outputs could not be written to the file in GITHUB_OUTPUT, so later jobs do not see them.'
  return {
    level: 'error',
    title: `${message.title}, but the outputs could not be written`,
    text: `${message.text} ${why} Check the disk space and the rights on the runner.`,
    page: page || `${pages}#outputs`,
  }
}

function messageFor(result: Result, inputs: Inputs, context: RunContext): Message {
  const { outcome } = result
  const bot = inputs.botId ? `Bale bot ${inputs.botId}` : 'The Bale bot'
  const fail = (failed: FailedOutcome, happened: string): Message => {
    const title = `${bot} ${stateAfter(result)}: ${failed.replace('-', ' ')}`
    const advice = adviceFor(failed, result, inputs, context)
    return { level: 'error', title, text: `${happened} ${title}. ${advice}${webhookNote(result)}`, page: failed }
  }
  if (!inputs.isValid) return fail('invalid-input', inputs.complaints.join(' '))
  if (outcome === 'dry-run') return dryRunMessage(bot, inputs)
  if (outcome === 'closed' || result.closed === 'yes') return closedMessage(bot, result, inputs)
  return fail(outcome, whatHappened(result, inputs))
}

function dryRunMessage(bot: string, inputs: ValidInputs): Message {
  const title = `Dry run for ${bot} passed`
  const text =
    `${title}: nothing was sent and nothing was closed. The inputs are right, and ${routeOf(inputs)} can be reached. ` +
    'The token is well formed but was not tested.'
  return { level: 'notice', title, text, page: '' }
}

function closedMessage(bot: string, result: Result, inputs: ValidInputs): Message {
  const title = `${bot} is ${result.outcome === 'closed' ? 'closed' : 'treated as closed'}`
  const webhook = result.webhook === 'untouched' ? '' : ' Its webhook is deleted.'
  const say = (level: Message['level'], rest: string) => ({ level, title, text: `${title}${rest}${webhook}`, page: '' })
  if (result.outcome !== 'closed') {
    const why = 'the API says that it has already been closed, and allow-already-closed is true'
    return say('warning', `: ${why}. This answer does not prove that the token is right.`)
  }
  if (result.proof === 'inferred') {
    const why = 'an earlier attempt of this run may have worked, and now the API says that it has already been closed'
    return say('warning', `: ${why}. On some servers a wrong token looks the same.`)
  }
  switch (result.confirmation) {
    case 'still closed':
      return say('info', `. Nothing opened it again within ${duration(inputs.confirmAfterMs / 1000)}.`)
    case 'not told':
      return say('info', '. The answer of this server does not show whether something opened it again.')
    case 'failed':
      return say('warning', ', but whether something opened it again could not be confirmed.')
    default:
      return say('info', result.attempts.length > 1 ? ` after ${result.attempts.length} attempts.` : '.')
  }
}

function stateAfter({ outcome, closed }: Result): string {
  if (closed === 'unknown') return 'is not known to be closed'
  if (outcome === 'already-closed') return 'was not closed by this run'
  return outcome === 'reopened' ? 'did not stay closed' : 'was not closed'
}

/** What a deletion has left behind. */
function webhookNote({ webhook }: Result): string {
  if (webhook === 'untouched') return ''
  const state = webhook === 'deleted' ? 'is deleted' : 'may be deleted'
  const advice = 'if the bot is to stay on its present host, set its webhook again'
  return ` The webhook ${state}, and the deletion may have launched the bot: ${advice}.`
}

function whatHappened(result: Result, inputs: ValidInputs): string {
  const { outcome, attempts, decisive, defect, failedMethod } = result
  const unsent = failedMethod === 'deleteWebhook' ? ' So deleteWebhook failed, and close was not sent.' : ''
  if (outcome === 'internal-error')
    return `The action stopped because of an error of its own (${traceOf(defect)}).${unsent}`
  if (outcome === 'cancelled') return `The run was cancelled. ${requestInFlight(attempts)}`
  if (!decisive)
    return `timeout-seconds (${inputs.timeoutMs / 1000}) ended before ${failedMethod} could be sent.${unsent}`
  const count = attempts.filter(({ step }) => step === decisive.step).length
  const tries = outcome === 'reopened' ? '' : ` (after ${count} ${count === 1 ? 'attempt' : 'attempts'})`
  return `${describe(decisive, inputs)}${tries}.${shortageOfTime(result, inputs)}${unsent}`
}

function requestInFlight(attempts: readonly Attempt[]): string {
  const last = attempts.at(-1)
  if (last?.verdict?.kind === 'stopped' && last.verdict.wasSent) return `A ${last.step} request was in flight.`
  const wasCloseSent = attempts.some(
    ({ step, verdict }) => step === 'close' && (verdict?.status ?? verdict?.mayHaveWorked),
  )
  return wasCloseSent ? 'No request was in flight.' : 'No close request had been sent.'
}

function shortageOfTime({ neededSeconds, wasLaunchedAgain, decisive }: Result, inputs: ValidInputs): string {
  if (neededSeconds === undefined) return ''
  const askedSeconds = answerOf(decisive)?.waitSeconds ?? 0
  const asked = askedSeconds > 0 ? `The server asks to wait ${duration(askedSeconds)}, so there` : 'There'
  const shortage = `${asked} is no time left for another attempt within timeout-seconds (${inputs.timeoutMs / 1000})`
  if (wasLaunchedAgain) return ` ${shortage}.`
  const isPossible = neededSeconds <= MAX_TIMEOUT_SECONDS
  const needed = isPossible ? `timeout-seconds: ${neededSeconds} would have been enough` : 'no value is large enough'
  return ` ${shortage}; ${needed}.`
}

/** Announces a wait or, after each minute, tells what is left of it. */
export function describeWait(wait: Wait, inputs: ValidInputs): string {
  const { totalMs, leftMs } = wait
  const isLong = totalMs > LONG_WAIT_MS
  const until = isLong ? `, at ${new Date(Date.now() + leftMs).toISOString().slice(11, 19)} UTC` : ''
  const time = `in ${duration(leftMs / 1000)}${until}`
  if (wait.purpose === 'confirm') return `The bot is closed. Next: check whether something opens it again, ${time}.`
  if (leftMs < totalMs) return `Still waiting: next try ${time}.`
  const why = isLong ? reasonToWait(answerOf(wait.verdict)) : ''
  return `Attempt ${wait.count} of ${inputs.maxAttempts}: ${describe(wait.verdict, inputs)}. Next try ${time}${why}.`
}

function reasonToWait(answer: AnswerVerdict | undefined): string {
  if (answer?.reason === 'launch') return ': a bot cannot be closed in the first ten minutes after its launch'
  return answer?.waitSeconds ? ', as the server asks' : ': the API limits how often it may be asked'
}

/** What came of an attempt, without a full stop. */
function describe(verdict: Decision, inputs: ValidInputs): string {
  const { step } = verdict
  const route = routeOf(inputs)
  if (verdict.kind === 'answer') {
    const said = verdict.description ? ` and said ${verdict.description}` : ''
    return `${route} answered ${step} with HTTP ${verdict.status}${said}`
  }
  if (verdict.kind === 'too-long') return `${route} answered ${step} with more than 64 KiB`
  const silence = verdict.wasSent
    ? `${route} gave no complete answer to ${step}`
    : `There was no connection to ${route}`
  return verdict.kind === 'failed'
    ? `${silence}: ${verdict.failure.cause}`
    : `${silence} within ${duration(verdict.timeoutMs / 1000)}`
}

const routeOf = ({ apiHost, proxyHost }: ValidInputs) =>
  proxyHost ? `${apiHost} (through the proxy ${proxyHost})` : apiHost

/** The name and position of an error, never its message, which may hold a secret. */
export function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const name = /^\w+$/.test(error.name) ? error.name : 'Error'
  const position = /index\.js:\d+:\d+/.exec(error.stack ?? '')?.[0]
  return position ? `${name} at ${position}` : name
}

/** Seconds in words, rounded up. */
export function duration(seconds: number): string {
  if (seconds > 48 * 3600) return 'more than two days'
  if (seconds < 10) return `${Math.ceil(seconds * 10) / 10} s`
  const whole = Math.ceil(seconds)
  const parts = { h: Math.floor(whole / 3600), min: Math.floor((whole % 3600) / 60), s: whole % 60 }
  const words = Object.entries(parts).flatMap(([unit, count]) => (count > 0 ? [`${count} ${unit}`] : []))
  return words.join(' ')
}

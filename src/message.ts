/** The result in words: what happened, what it means, what to do. */
import { adviceFor, reasonToWait } from './advice.ts'
import type { Result, Wait } from './closing.ts'
import type { RunContext } from './context.ts'
import { type Inputs, MAX_TIMEOUT_SECONDS, type ValidInputs } from './inputs.ts'
import type { FailedOutcome, Verdict } from './verdict.ts'

export interface Message {
  level: 'info' | 'notice' | 'warning' | 'error'
  /** Fixed words and the bot id, since a runner does not mask titles. */
  title: string
  /** One line that says the verdict, too, since a runner's log does not show titles. */
  text: string
  /** Where to read more, if there is more. */
  page: string
}

const LONG_WAIT_SECONDS = 30

/** What a run ended as. If its outputs are not written, the message is an error that says so, too. */
export function createMessage(
  result: Result,
  inputs: Inputs,
  context: RunContext,
  areWritten: boolean,
): Message {
  const message = messageFor(result, inputs, context)
  if (areWritten) return message
  const why =
    'But the outputs could not be written to the file in GITHUB_OUTPUT, so later jobs do not see them.'
  return {
    level: 'error',
    title: `${message.title}, but the outputs could not be written`,
    text: `${message.text} ${why} Check the disk space and the rights on the runner.`,
    page: message.page || pageOf('outputs', context),
  }
}

function messageFor(result: Result, inputs: Inputs, context: RunContext): Message {
  const { outcome } = result
  const bot = inputs.botId ? `Bale bot ${inputs.botId}` : 'The Bale bot'
  const failureMessage = (failed: FailedOutcome, happened: string): Message => {
    const title = `${bot} ${stateAfter(result)}: ${failed.replace('-', ' ')}`
    const text = `${happened} ${title}. ${adviceFor(failed, result, inputs, context)}${webhookNote(result)}`
    return { level: 'error', title, text, page: pageOf(failed, context) }
  }
  if (!inputs.isValid) return failureMessage('invalid-input', inputs.complaints.join(' '))
  if (outcome === 'dry-run') return dryRunMessage(bot, inputs)
  if (outcome === 'closed' || result.closed === 'yes') return closedMessage(bot, result, inputs)
  return failureMessage(outcome, whatHappened(result, inputs))
}

function dryRunMessage(bot: string, inputs: ValidInputs): Message {
  const title = `Dry run for ${bot} passed`
  const text =
    `${title}: nothing was sent and nothing was closed. The inputs are right, and ${routeOf(inputs)} can be reached. ` +
    'The token is well formed but was not tested.'
  return { level: 'notice', title, text, page: '' }
}

/** What shows that the bot is closed, and how surely. */
function closedMessage(bot: string, result: Result, inputs: ValidInputs): Message {
  const { outcome, isInferred, confirmation, webhook, count } = result
  const title = `${bot} is ${outcome === 'closed' ? 'closed' : 'treated as closed'}`
  const withWebhook = (level: Message['level'], text: string): Message => {
    return {
      level,
      title,
      text: webhook === 'untouched' ? text : `${text} Its webhook is deleted.`,
      page: '',
    }
  }
  if (outcome !== 'closed' || isInferred) {
    const why = isInferred
      ? 'an earlier attempt of this run may have worked'
      : 'allow-already-closed is true'
    const doubt = 'On some servers a wrong token gets this answer, too.'
    return withWebhook(
      'warning',
      `${title}: ${why}, and the API says that it has already been closed. ${doubt}`,
    )
  }
  if (!confirmation)
    return withWebhook('info', count > 1 ? `${title} after ${count} attempts.` : `${title}.`)
  const finding = {
    'still closed': `Nothing opened it again within ${inSeconds(inputs['confirm-after-seconds'])}.`,
    'not told': 'The answer of this server does not show whether something opened it again.',
    failed:
      'But whether something opened it again could not be confirmed: check that nothing else uses the token.',
  }[confirmation]
  return withWebhook(confirmation === 'failed' ? 'warning' : 'info', `${title}. ${finding}`)
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
  const { outcome, count, decisive, defect, wasCloseSent } = result
  if (outcome === 'internal-error')
    return `The action stopped because of an error of its own (${traceOf(defect)}).`
  if (outcome === 'cancelled') {
    if (decisive?.exchange.wasSent)
      return `The run was cancelled. A ${decisive.step} request was in flight.`
    return `The run was cancelled. ${wasCloseSent ? 'No request was in flight.' : 'No close request had been sent.'}`
  }
  if (!decisive)
    return `timeout-seconds (${inputs['timeout-seconds']}) ended before the next request.`
  const tries = `after ${count} ${count === 1 ? 'attempt' : 'attempts'}`
  const consequence = {
    connect: ' So the dry run failed.',
    deleteWebhook: ' So deleteWebhook failed, and close was not sent.',
    close: '',
  }[decisive.step]
  return `${describe(decisive, inputs)} (${tries}).${shortageOfTime(result, decisive, inputs)}${consequence}`
}

function shortageOfTime(result: Result, { waitSeconds }: Verdict, inputs: ValidInputs): string {
  const { neededSeconds, reason } = result
  if (neededSeconds === undefined) return ''
  const asked =
    waitSeconds > 0 ? `The server asks to wait ${inSeconds(waitSeconds)}, so there` : 'There'
  const shortage = `${asked} is no time left for another attempt within timeout-seconds (${inputs['timeout-seconds']})`
  if (reason === 'launched again') return ` ${shortage}.`
  const isPossible = neededSeconds <= MAX_TIMEOUT_SECONDS
  const enough = isPossible
    ? `timeout-seconds: ${neededSeconds} would have been enough`
    : 'no value is large enough'
  return ` ${shortage}; ${enough}.`
}

/** Announces a wait or, after each minute, tells what is left of it. */
export function describeWait(wait: Wait, leftSeconds: number, inputs: ValidInputs): string {
  const isLong = wait.seconds > LONG_WAIT_SECONDS
  const until = new Date(Date.now() + leftSeconds * 1000).toISOString().slice(11, 19)
  const time = `in ${inSeconds(leftSeconds)}${isLong ? `, at ${until} UTC` : ''}`
  if (leftSeconds < wait.seconds) return `Still waiting: next request ${time}.`
  if (wait.purpose === 'confirm')
    return `The bot is closed. Next: check whether something opens it again, ${time}.`
  const why = isLong ? ` ${reasonToWait(wait.verdict.reason)}` : ''
  return `Attempt ${wait.count} of ${inputs['max-attempts']}: ${describe(wait.verdict, inputs)}. Next try ${time}.${why}`
}

/** What came of an attempt, without a full stop. */
function describe({ step, exchange, description }: Verdict, inputs: ValidInputs): string {
  const route = routeOf(inputs)
  const words = description && ` and said ${description}`
  const silence = exchange.wasSent
    ? `${route} gave no complete answer to ${step}`
    : `There was no connection to ${route}`
  if (exchange.kind === 'failed') return `${silence}: ${exchange.failure.cause}`
  if (exchange.kind === 'timed-out')
    return `${silence} within ${inSeconds(exchange.timeoutSeconds)}`
  const answer =
    exchange.kind === 'too-long' ? 'more than 64 KiB' : `HTTP ${exchange.status}${words}`
  return `${route} answered ${step} with ${answer}`
}

const routeOf = ({ apiHost, proxyHost }: ValidInputs) =>
  proxyHost ? `${apiHost} (through the proxy ${proxyHost})` : apiHost

const pageOf = (section: string, { pagesUrl }: RunContext) =>
  `${pagesUrl}docs/troubleshooting.md#${section}`

/** The name and position of an error, never its message, which may hold a secret. */
export function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const name = /^\w+$/.test(error.name) ? error.name : 'Error'
  const position = /index\.js:\d+:\d+/.exec(error.stack ?? '')?.[0]
  return position ? `${name} at ${position}` : name
}

/** Rounded up to a tenth. */
const inSeconds = (seconds: number) => `${Math.ceil(seconds * 10) / 10} s`

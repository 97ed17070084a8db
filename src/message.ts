/** The result in words; the sentence that is needed most comes first. */
import { adviceFor, adviceForInputs, LAUNCH_CAUSE, type RunContext } from './advice.ts'
import type { Basis, Closed, Failed, Result, StepEnd, Wait } from './closing.ts'
import type { InvalidInputs, ValidInputs } from './inputs.ts'
import type { Verdict } from './verdict.ts'

export interface Message {
  level: 'info' | 'notice' | 'warning' | 'error'
  /** Fixed words and the bot id, since a runner does not mask titles. */
  title: string
  /** One line that says the title, too, since a runner's log does not show titles. */
  text: string
}

/** Left out if it is empty or `false`. */
type Sentence = string | false

const REPOSITORY = 'https://github.com/OWNER/close-bale-bot'
const PAGE = `${REPOSITORY}/blob/v1/docs/troubleshooting.md`
const STAYS_STOPPED = 'If the bot was stopped, it stays stopped unless a later step starts it.'
const ALREADY_CLOSED =
  'the API says that the bot has already been closed. Some servers say the same of a wrong token.'
const LONG_WAIT_SECONDS = 30
const WHY_CLOSED: Record<Basis, string> = {
  confirmed: '',
  inferred: `An earlier attempt may have worked, and ${ALREADY_CLOSED}`,
  allowed: `allow-already-closed is true, and ${ALREADY_CLOSED}`,
}

export function createMessage(result: Result, inputs: ValidInputs, context: RunContext): Message {
  if (result.kind === 'closed') return closedMessage(result, inputs, context)
  if (result.kind === 'failed') return failureMessage(result, inputs, context)
  return dryRunMessage(inputs)
}

export function invalidInputMessage(inputs: InvalidInputs, context: RunContext): Message {
  const title = `${botName(inputs)} was not closed: invalid input`
  const advice = adviceForInputs(inputs, context)
  const sentences = [...inputs.complaints, advice, 'Nothing was sent.', STAYS_STOPPED]
  return compose('error', title, sentences, `${PAGE}#invalid-input`)
}

export function unwrittenOutputsMessage(): Message {
  const advice = "Check the runner's disk; the message above still holds."
  return compose('error', 'The outputs could not be written', [advice], `${PAGE}#outputs`)
}

/** The message of an error may hold a secret, so only its name and position show. */
export function defectMessage(error: unknown): Message {
  const { name, stack = '' } = error instanceof Error ? error : { name: 'Error' }
  const position = /index\.js:\d+:\d+/.exec(stack)?.[0] ?? 'an unknown position'
  const advice = `Run again, and report this: ${name.replace(/\W/g, '')} at ${position}.`
  const title = 'The Bale bot is not known to be closed: defect of the action'
  return compose('error', title, [advice, STAYS_STOPPED], `${REPOSITORY}/issues`)
}

export function describeWait(wait: Wait, leftSeconds: number, inputs: ValidInputs): string {
  const until = new Date(Date.now() + leftSeconds * 1000).toISOString().slice(11, 19)
  const clock = wait.seconds > LONG_WAIT_SECONDS ? `, at ${until} UTC` : ''
  const time = `in ${formatSeconds(leftSeconds)}${clock}`
  if (leftSeconds < wait.seconds) return `Still waiting: next request ${time}.`
  if (!wait.attempt) return `Next: check whether something opens the bot again, ${time}.`
  const { verdict, count } = wait.attempt
  const asked = verdict.waitSeconds > 0 && 'The server asks for this pause.'
  return join([
    `Attempt ${count} of ${inputs['max-attempts']}: ${describe(verdict, inputs)}`,
    verdict.reason === 'launch' ? `${LAUNCH_CAUSE}.` : asked,
    `Next try ${time}.`,
  ])
}

function dryRunMessage(inputs: ValidInputs): Message {
  return compose('notice', `Dry run for ${botName(inputs)} passed`, [
    'Nothing was sent and nothing was closed.',
    `The inputs are right, and ${apiName(inputs)} can be reached. The token was not tested.`,
  ])
}

function closedMessage(result: Closed, inputs: ValidInputs, { isRerun }: RunContext): Message {
  const { outcome, basis, check } = result
  const state = basis === 'allowed' ? 'is treated as closed' : 'is closed'
  const isUnconfirmed = outcome === 'unconfirmed'
  const addition = isUnconfirmed ? ', but the check was inconclusive' : ''
  const level = basis === 'confirmed' && !isUnconfirmed ? 'info' : 'warning'
  return compose(level, `${botName(inputs)} ${state}${addition}`, [
    WHY_CLOSED[basis],
    basis === 'allowed' && isRerun && 'An earlier attempt may have closed it.',
    check ? describeCheck(check, inputs) : '',
    isUnconfirmed && 'Make sure that nothing else uses the token.',
  ])
}

function describeCheck({ kind, verdict }: StepEnd, inputs: ValidInputs): string {
  if (kind === 'already-closed') return 'Nothing has opened it since.'
  if (kind === 'cancelled') return 'The run was cancelled.'
  if (kind === 'done') return 'The API said yes again.'
  return verdict ? describe(verdict, inputs) : 'timeout-seconds left no time for it.'
}

function failureMessage(failure: Failed, inputs: ValidInputs, context: RunContext): Message {
  const { outcome, webhookDeletion } = failure
  const certainty = webhookDeletion === 'confirmed' ? 'is' : 'may be'
  const sentences = [
    adviceFor(failure, inputs, context),
    STAYS_STOPPED,
    webhookDeletion !== 'none' &&
      `The webhook ${certainty} deleted; that may have launched the bot.`,
    ...whatHappened(failure, inputs),
  ]
  const bot = botName(inputs)
  const heading = inputs['dry-run'] ? `Dry run for ${bot} failed` : `${bot} ${stateAfter(failure)}`
  const title = `${heading}: ${outcome.replaceAll('-', ' ')}`
  const section = failure.mayBeClosed ? 'not-known-to-be-closed' : outcome
  return compose('error', title, sentences, `${PAGE}#${section}`)
}

function stateAfter({ outcome, mayBeClosed }: Failed): string {
  if (mayBeClosed) return 'is not known to be closed'
  if (outcome === 'already-closed') return 'was not closed by this run'
  return outcome === 'reopened' ? 'did not stay closed' : 'was not closed'
}

function whatHappened(failure: Failed, inputs: ValidInputs): Sentence[] {
  const { outcome, verdict, unusedSeconds } = failure
  if (outcome === 'cancelled') {
    const request = verdict?.exchange.mayHaveArrived ? `A ${verdict.step} request` : 'No request'
    return [`${request} was in flight.`]
  }
  if (!verdict) return ['timeout-seconds ended before the next request.']
  const { waitSeconds } = verdict
  return [
    describe(verdict, inputs),
    waitSeconds > 0 && `It asks to wait ${formatSeconds(waitSeconds)}.`,
    unusedSeconds !== undefined && `timeout-seconds leaves ${formatSeconds(unusedSeconds)}.`,
  ]
}

function describe({ step, exchange, description }: Verdict, inputs: ValidInputs): string {
  const api = apiName(inputs)
  if (exchange.kind === 'answer') {
    const words = description && `: ${description}`
    return `${api} answered ${step} with HTTP ${exchange.status}${words}.`
  }
  const purpose = step === 'connect' ? '' : ` for ${step}`
  const problem = exchange.mayHaveArrived
    ? `${api} gave no complete answer to ${step}`
    : `No connection to ${api}${purpose}`
  if (exchange.kind === 'error') return `${problem} (${exchange.code}).`
  if (exchange.kind !== 'timed-out') return `${problem}.`
  return `${problem} within ${formatSeconds(exchange.timeoutSeconds)}.`
}

/** The API by its host, and the proxy on the way. The rest of a URL may hold a secret. */
function apiName({ 'api-url': url, proxy, quote }: ValidInputs): string {
  return quote(url.host) + (proxy ? ` (proxy ${quote(proxy.url.host)})` : '')
}

const botName = ({ botId }: { botId: string }) => (botId ? `Bale bot ${botId}` : 'The Bale bot')

const formatSeconds = (seconds: number) => `${Math.ceil(Math.max(seconds, 0) * 10) / 10} s`

function compose(
  level: Message['level'],
  title: string,
  sentences: Sentence[],
  link = '',
): Message {
  return { level, title, text: join([`${title}.`, ...sentences, link && `Details: ${link}`]) }
}

const join = (sentences: Sentence[]) => sentences.filter(Boolean).join(' ')

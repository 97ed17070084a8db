/** The result in words; the sentence that is needed most comes first. */
import { adviceFor, adviceForInputs, LAUNCH_CAUSE } from './advice.ts'
import type { Check, Closed, Failed, Result, Wait } from './closing.ts'
import type { InvalidInputs, ValidInputs } from './inputs.ts'
import type { RunContext } from './runner.ts'
import type { Verdict } from './verdict.ts'

export interface Message {
  level: 'info' | 'notice' | 'warning' | 'error'
  /** Fixed words and the bot id, since a runner does not mask titles. */
  title: string
  /** One line that says the title, too, since a runner's log does not show titles. */
  text: string
  /** Where to read more; empty if there is no more. */
  link: string
}

const REPOSITORY = 'https://github.com/OWNER/close-bale-bot'
const PAGE = `${REPOSITORY}/blob/v1/docs/troubleshooting.md`
const STAYS_STOPPED = 'If the bot was stopped, it stays stopped unless a later step starts it.'
const ALREADY_CLOSED =
  'the API says that the bot has already been closed. Some servers say the same of a wrong token.'
const LONG_WAIT_SECONDS = 30

export function createMessage(result: Result, inputs: ValidInputs, context: RunContext): Message {
  switch (result.kind) {
    case 'closed':
      return closedMessage(result, inputs, context)
    case 'failed':
      return failureMessage(result, inputs, context)
    case 'dry-run':
      return message('notice', `Dry run for ${botName(inputs)} passed`, [
        'Nothing was sent and nothing was closed.',
        `The inputs are right, and ${apiName(inputs)} can be reached.`,
        'The token is well formed but was not tested.',
      ])
  }
}

export function invalidInputMessage(inputs: InvalidInputs, context: RunContext): Message {
  const advice = adviceForInputs(inputs, context)
  const sentences = [...inputs.complaints, advice, 'Nothing was sent.', STAYS_STOPPED]
  const title = `${botName(inputs)} was not closed: invalid input`
  return message('error', title, sentences, `${PAGE}#invalid-input`)
}

export function unwrittenOutputsMessage(): Message {
  const advice =
    "Later steps and jobs do not see them. Check the runner's disk; the message above still holds."
  return message('error', 'The outputs could not be written', [advice], `${PAGE}#outputs`)
}

/** The message of an error may hold a secret, so only its name and position show. */
export function defectMessage(error: unknown): Message {
  const { name, stack = '' } = error instanceof Error ? error : { name: 'Error' }
  const position = /index\.js:\d+:\d+/.exec(stack)?.[0] ?? 'an unknown position'
  const advice = `Run again, and report this: ${name.replace(/\W/g, '')} at ${position}.`
  const title = 'The Bale bot is not known to be closed: defect of the action'
  return message('error', title, [advice, STAYS_STOPPED], `${REPOSITORY}/issues`)
}

/** Announces a wait or, after each minute, tells what is left of it. */
export function describeWait(wait: Wait, leftSeconds: number, inputs: ValidInputs): string {
  const isLong = wait.seconds > LONG_WAIT_SECONDS
  const until = new Date(Date.now() + leftSeconds * 1000).toISOString().slice(11, 19)
  const time = `in ${formatSeconds(leftSeconds)}${isLong ? `, at ${until} UTC` : ''}`
  if (leftSeconds < wait.seconds) return `Still waiting: next request ${time}.`
  if (!wait.failed) return `Next: check whether something opens the bot again, ${time}.`
  const { verdict, count } = wait.failed
  const attempt = `Attempt ${count} of ${inputs['max-attempts']}: ${describe(verdict, inputs)}.`
  const isLaunch = verdict.reason === 'launch'
  const cause = isLaunch ? `${LAUNCH_CAUSE}.` : 'The server asks for this pause.'
  return `${attempt} Next try ${time}.${isLong ? ` ${cause}` : ''}`
}

function closedMessage(result: Closed, inputs: ValidInputs, { isRerun }: RunContext): Message {
  const { outcome, evidence, check } = result
  const state = evidence === 'allowed' ? 'is treated as closed' : 'is closed'
  const isUnconfirmed = outcome === 'unconfirmed'
  const addition = isUnconfirmed ? ', but the check was inconclusive' : ''
  const level = evidence === 'confirmed' && !isUnconfirmed ? 'info' : 'warning'
  return message(level, `${botName(inputs)} ${state}${addition}`, [
    evidence === 'inferred' ? `An earlier attempt may have worked, and ${ALREADY_CLOSED}` : '',
    evidence === 'allowed' ? `allow-already-closed is true, and ${ALREADY_CLOSED}` : '',
    evidence === 'allowed' && isRerun ? 'An earlier attempt may have closed it.' : '',
    check ? finding(check, inputs) : '',
    isUnconfirmed ? 'Make sure that nothing else uses the token.' : '',
  ])
}

function finding(check: Check, inputs: ValidInputs): string {
  switch (check) {
    case 'still closed':
      return `Nothing opened it again within ${formatSeconds(inputs['confirm-after-seconds'])}.`
    case 'no time':
      return 'timeout-seconds left no time for it.'
    case 'cancelled':
      return 'The run was cancelled.'
  }
  return check.answer === 'done' ? 'The API said yes again.' : `${describe(check, inputs)}.`
}

function failureMessage(failure: Failed, inputs: ValidInputs, context: RunContext): Message {
  const { outcome, webhook } = failure
  const isDryRun = inputs['dry-run']
  const bot = botName(inputs)
  const heading = isDryRun ? `Dry run for ${bot} failed` : `${bot} ${stateAfter(failure)}`
  const reassurance = isDryRun ? 'Nothing was sent and nothing was closed.' : STAYS_STOPPED
  const certainty = webhook === 'deleted' ? 'is' : 'may be'
  const deletion = `The webhook ${certainty} deleted; that may have launched the bot.`
  const sentences = [
    adviceFor(failure, inputs, context),
    reassurance,
    webhook === 'untouched' ? '' : deletion,
    ...whatHappened(failure, inputs),
  ]
  const title = `${heading}: ${outcome.replaceAll('-', ' ')}`
  const section = failure.mayBeClosed ? 'not-known-to-be-closed' : outcome
  return message('error', title, sentences, `${PAGE}#${section}`)
}

function stateAfter({ outcome, mayBeClosed }: Failed): string {
  if (mayBeClosed) return 'is not known to be closed'
  if (outcome === 'already-closed') return 'was not closed by this run'
  return outcome === 'reopened' ? 'did not stay closed' : 'was not closed'
}

function whatHappened(failure: Failed, inputs: ValidInputs): string[] {
  const { outcome, decisive, leftSeconds } = failure
  if (outcome === 'cancelled') {
    const request = decisive?.exchange.mayHaveArrived ? `A ${decisive.step} request` : 'No request'
    return [`The run was cancelled. ${request} was in flight.`]
  }
  if (!decisive) return ['timeout-seconds ended before the next request.']
  const attempt = `${describe(decisive, inputs)}.`
  if (leftSeconds === undefined) return [attempt]
  const { waitSeconds } = decisive
  const asked = waitSeconds > 0 ? `It asks to wait ${formatSeconds(waitSeconds)}.` : ''
  return [attempt, asked, `timeout-seconds leaves only ${formatSeconds(leftSeconds)}.`]
}

/** What came of an attempt, without a full stop. */
function describe({ step, exchange, description }: Verdict, inputs: ValidInputs): string {
  const api = apiName(inputs)
  const silence = exchange.mayHaveArrived
    ? `${api} gave no complete answer to ${step}`
    : `No connection to ${api}${step === 'connect' ? '' : ` for ${step}`}`
  switch (exchange.kind) {
    case 'answer': {
      const words = description && `: ${description}`
      return `${api} answered ${step} with HTTP ${exchange.status}${words}`
    }
    case 'too-long':
      return `${api} answered ${step} with more than 64 KiB`
    case 'failed':
      return `${silence} (${exchange.code})`
    case 'timed-out':
      return `${silence} within ${formatSeconds(exchange.timeoutSeconds)}`
    case 'connected':
    case 'stopped':
      return silence
  }
}

/** The API by its host, and the proxy on the way. The rest of a URL may hold a secret. */
function apiName({ 'api-url': url, proxy, quote }: ValidInputs): string {
  return quote(url.host) + (proxy ? ` (proxy ${quote(proxy.url.host)})` : '')
}

const botName = ({ botId }: { botId: string }) => (botId ? `Bale bot ${botId}` : 'The Bale bot')

const formatSeconds = (seconds: number) => `${Math.ceil(Math.max(seconds, 0) * 10) / 10} s`

/** Empty sentences are left out. */
function message(level: Message['level'], title: string, sentences: string[], link = ''): Message {
  return { level, title, text: [`${title}.`, ...sentences].filter(Boolean).join(' '), link }
}

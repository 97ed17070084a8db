/** The words: what happened, what it means, what to do. Text from outside comes in through `quote` alone. */
import type { RunContext } from './context.ts'
import { meaningOf } from './faults.ts'
import type { Result } from './handover.ts'
import type { Inputs } from './inputs.ts'
import type { Progress } from './retry.ts'
import type { Complaint, Quote } from './safety.ts'

/** What the words are about while the run goes on. */
export interface Scene {
  readonly inputs: Pick<Inputs, 'botId' | 'apiUrl' | 'maxAttempts'>
  readonly proxyHost?: string
  readonly quote: Quote
}

/** What they are about at its end. */
export interface Subject extends Scene {
  readonly complaints: readonly Complaint[]
  readonly isTokenEmpty: boolean
  readonly context: RunContext
}

export interface Conclusion {
  /** Whether the step passes. */
  readonly passed: boolean
  readonly title: string
  /** What happened, what it means, what to do: a sentence each. With bad inputs, a line for each of them. */
  readonly lines: readonly string[]
}

const LONG_WAIT_MS = 30_000

/** Seconds in words, never less than they are. */
export function duration(seconds: number): string {
  if (seconds > 48 * 3600) return 'more than two days'
  if (seconds < 10 && !Number.isInteger(seconds)) return `${(Math.ceil(seconds * 10) / 10).toFixed(1)} s`
  const whole = Math.ceil(seconds)
  const parts: [number, string][] = [
    [Math.floor(whole / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'min'],
    [whole % 60, 's'],
  ]
  const words = parts.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : []))
  return words.join(' ') || '0 s'
}

const clockTime = (wallMs: number): string => `${new Date(wallMs).toISOString().slice(11, 19)} UTC`

/** The line that announces a wait. */
export function describeWait(progress: Progress, waitMs: number, untilWallMs: number, scene: Scene): string {
  const asked = progress.last?.retryAfterSeconds ? ', as the server asks' : ''
  const until = waitMs > LONG_WAIT_MS ? `, at ${clockTime(untilWallMs)}` : ''
  return `${describeAttempt(progress, scene)}. Next try in ${duration(waitMs / 1000)}${until}${asked}.`
}

/** The line that reports what is left of a wait. */
export function describeRest(leftMs: number, untilWallMs: number): string {
  return `Still waiting: next try in ${duration(leftMs / 1000)}, at ${clockTime(untilWallMs)}.`
}

/** The API's host, and the proxy on the way to it. */
function describeRoute({ inputs, proxyHost, quote }: Scene): string {
  return `${quote(inputs.apiUrl.host)}${proxyHost ? ` through the proxy ${quote(proxyHost)}` : ''}`
}

/** What came of the last attempt, without a full stop. */
function describeAttempt(progress: Progress, scene: Scene): string {
  const { method, last, timeoutMs } = progress
  const { inputs, quote } = scene
  const host = describeRoute(scene)
  if (!last) return `The time was up before ${method} could be sent to ${host}`
  const count = `(attempt ${progress.attempts[method]} of ${inputs.maxAttempts})`
  const { status, said, fault } = last
  if (!fault) {
    return `${host} answered ${method} with HTTP ${status}${said ? `, saying “${quote(said)}”` : ''} ${count}`
  }
  const answer = status === undefined ? 'no answer' : 'no whole answer'
  const why =
    fault === 'TIMEOUT' ? `within ${duration(timeoutMs / 1000)}` : `since ${meaningOf(fault).words} [${quote(fault)}]`
  return `${method} got ${answer} from ${host} ${why} ${count}`
}

/** What a run comes to, in words. Outputs that could not be written fail the step of a closed bot, too. */
export function conclude(result: Result, subject: Subject, areOutputsWritten: boolean): Conclusion {
  const { outcome, closed } = result
  const { complaints, context, inputs, quote } = subject
  const bot = inputs.botId ? `Bale bot ${inputs.botId}` : 'The Bale bot'
  const isGood = closed || outcome === 'dry-run'
  if (isGood && areOutputsWritten) return { passed: true, ...describePass(bot, result, subject) }

  const page = `More: ${context.pagesUrl}docs/troubleshooting.md#${isGood ? 'outputs' : outcome}`
  if (isGood) {
    const state = closed ? 'is closed' : 'was not closed'
    const outputs = 'The outputs could not be written to the file in GITHUB_OUTPUT; later jobs see none of them.'
    const advice = 'Look for a full disk or missing rights on the runner before you run again.'
    return {
      passed: false,
      title: `${bot} ${state}, but the outputs are not written`,
      lines: [outputs, advice, page],
    }
  }
  const state = isUncertain(result) ? 'is not known to be closed' : 'was not closed'
  const lines =
    outcome === 'invalid-input'
      ? [...complaints.map((complain) => complain(quote)), ...adviceForInputs(subject)]
      : [describeFailure(result, subject), ...adviceFor(result, subject)]
  return {
    passed: false,
    title: `${bot} ${state}: ${outcome.replace('-', ' ')}${areOutputsWritten ? '' : ', and the outputs are not written'}`,
    lines: [...lines, page],
  }
}

function describePass(bot: string, { outcome, progress }: Result, subject: Subject): Omit<Conclusion, 'passed'> {
  const { attempts, last } = progress
  if (outcome === 'dry-run') {
    return {
      title: 'Dry run: nothing was sent and nothing was closed',
      lines: [`${bot} is as it was; the inputs are right, and requests would go to ${describeRoute(subject)}.`],
    }
  }
  if (outcome === 'already-closed') {
    return {
      title: `${bot} is taken as closed`,
      lines: ['The API says that it has already been closed, and allow-already-closed is true.'],
    }
  }
  if (last?.outcome === 'already-closed') {
    return {
      title: `${bot} is closed (attempt ${attempts.close})`,
      lines: [
        'The API says that it has already been closed: by an earlier attempt of this run, whose answer was lost.',
      ],
    }
  }
  const deleted = attempts.deleteWebhook > 0 ? ', and its webhook is deleted' : ''
  const attempt = attempts.close > 1 ? ` (attempt ${attempts.close})` : ''
  return { title: `${bot} is closed${deleted}${attempt}`, lines: [] }
}

function isUncertain({ outcome, progress }: Result): boolean {
  return progress.lost || (outcome === 'internal-error' && progress.inFlight && progress.method === 'close')
}

function describeFailure(result: Result, subject: Subject): string {
  const { outcome, progress } = result
  const unsent = progress.method === 'deleteWebhook' ? ', so close was not sent' : ''
  if (outcome === 'internal-error') return `The action stopped by a defect of its own${unsent}.`
  if (outcome === 'cancelled') {
    const when = progress.inFlight
      ? `while a ${progress.method} request was under way`
      : 'while no request was under way'
    return `The run was cancelled ${when}.`
  }
  const asked = progress.last?.retryAfterSeconds
  const wait = asked ? `the wait of ${duration(asked)} that the server asks for` : 'another attempt'
  const late = progress.giveUp === 'time' && progress.last ? `; timeout-seconds has no room left for ${wait}` : ''
  const isLaunched = outcome === 'rate-limited' && progress.method === 'close' && progress.attempts.deleteWebhook > 0
  const launched = isLaunched ? '; the deletion of the webhook may have launched the bot' : ''
  return `${describeAttempt(progress, subject)}${late}${launched}${unsent}.`
}

/** What a failure means, and what to do about it. */
function adviceFor(result: Result, subject: Subject): [meaning: string, remedy: string] {
  const isOpen = isUncertain(result)
  const again = isOpen ? 'run again with allow-already-closed: true' : 'run again'
  const [meaning, remedy] = adviceForOutcome(result, subject, again)
  return [isOpen ? 'The bot may be closed all the same, since the answer to a close was lost.' : meaning, remedy]
}

function adviceForOutcome({ outcome, progress }: Result, subject: Subject, again: string): [string, string] {
  const { context, inputs, quote } = subject
  const { method, attempts, last } = progress
  const { status = 0, said = '', fault = '' } = last ?? {}
  const host = quote(inputs.apiUrl.host)
  switch (outcome) {
    case 'already-closed':
      return [
        context.runAttempt > 1
          ? `This is attempt ${context.runAttempt} of the workflow run, so an earlier one may have closed the bot.`
          : 'Something closed the bot before this run, or the token is wrong: some servers say the same to any token.',
        'If you know that the bot was closed, run again with allow-already-closed: true; if not, check the token.',
      ]
    case 'unauthorized':
      return [
        'The API does not know the token: it is mistyped, revoked, or of another API.',
        `Put the current token of the bot into the secret that bale-token reads, and ${again}.`,
      ]
    case 'unsupported':
      return [
        `This API does not offer ${method}, so the bot cannot be closed this way.`,
        `Check api-url and ${again}, or stop the bot on its old host without this step.`,
      ]
    case 'rate-limited':
      return [
        'A bot is not closed in the first ten minutes after its launch, and Bale limits how often it is asked.',
        `Stop whatever still uses the bot, since its requests launch it again, and ${again} later or with a larger timeout-seconds.`,
      ]
    case 'server-error':
      return [
        'The API or a gateway before it is out of order; the inputs are not at fault.',
        `Once it is back, ${again}; larger max-attempts and timeout-seconds outlast longer outages.`,
      ]
    case 'rejected':
      if (/logged out/i.test(said)) {
        return [
          'The bot was logged out with logOut, which is not close and locks it out for minutes to hours.',
          `Wait until the bot can log in again, and ${again}.`,
        ]
      }
      if (status === 404) {
        return [
          'There is no such API, or no such bot, at this address.',
          `Check api-url first, then the token, and ${again}.`,
        ]
      }
      return [
        said
          ? 'The request was refused, and asking again would change nothing.'
          : 'Most likely a firewall or gateway before the API refused the request, since the API gives its reasons.',
        `Check api-url, the token and whether this runner may reach ${host}, and ${again}.`,
      ]
    case 'invalid-response':
      return [
        status >= 300 && status < 400
          ? 'A redirect is never followed, since the address holds the token.'
          : 'That is not the yes of the API, so the bot is not taken as closed.',
        `Check that api-url is the address of a Bale Bot API itself, and ${again}.`,
      ]
    case 'unreachable': {
      const nearer = `Check that this runner can reach ${host}, which may take a self-hosted runner or a proxy`
      return ['This runner could not reach the API.', `${meaningOf(fault).remedy ?? nearer}, and ${again}.`]
    }
    case 'cancelled':
      return [attempts.close > 0 ? 'No close had succeeded.' : 'No close was sent.', `To close the bot, ${again}.`]
    case 'internal-error':
      return ['Your workflow is not at fault.', `Report it with the version of the action, and ${again}.`]
    default:
      return [
        'The API did not answer in time.',
        `Check the network between this runner and ${host}, or raise attempt-timeout-seconds and timeout-seconds, and ${again}.`,
      ]
  }
}

/** Why a token is empty, as far as the run shows it. */
function adviceForInputs({ isTokenEmpty, context }: Subject): string[] {
  if (!isTokenEmpty) return []
  if (context.isByDependabot) {
    return ['Dependabot started this run, and it is given only the secrets stored for Dependabot.']
  }
  if (context.isFromFork) return ['A pull request from a fork started this run, and it is given no secrets.']
  return [
    'Most often the name of the secret is misspelt, the job lacks the `environment:` that holds it, or a reusable workflow was called without `secrets`; runs from a fork or by Dependabot are given no secrets.',
  ]
}

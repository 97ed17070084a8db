/** The words: what happened, what it means, what to do. Text from outside comes in through `quote` alone. */
import type { RunContext } from './context.ts'
import type { Result } from './handover.ts'
import type { Inputs } from './inputs.ts'
import type { Progress } from './retry.ts'

/** What the words are about while the run goes on. */
export interface Scene {
  readonly inputs: Pick<
    Inputs,
    'botId' | 'apiUrl' | 'maxAttempts' | 'attemptTimeoutMs' | 'timeoutMs'
  >
  readonly proxyHost?: string
  /** Makes text from outside harmless where it will stand. */
  readonly quote: (text: string) => string
}

/** What they are about at its end. */
export interface Subject extends Scene {
  readonly complaints: readonly string[]
  readonly isTokenEmpty: boolean
  readonly context: RunContext
}

export interface Conclusion {
  /** Whether the step passes. */
  readonly passed: boolean
  /** All there is to say where the step passes. */
  readonly title: string
  /** What happened, what it means, what to do: a sentence each. With bad inputs, a line for each of them. */
  readonly lines: readonly string[]
}

const LONG_WAIT_MS = 30_000

const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/^ENOTFOUND$/, 'no such host name is known'],
  [/^EAI_/, 'the host name could not be looked up'],
  [/^ECONNREFUSED$/, 'the connection was refused'],
  [/^(ECONNRESET|EPIPE)$/, 'the connection was reset'],
  [/^ETIMEDOUT$|TIMEOUT/, 'the connection timed out'],
  [/^E(HOST|NET)/, 'there is no route to the host'],
  [/PREMATURE_CLOSE/, 'the answer was cut off'],
  [/^CERT_HAS_EXPIRED$/, 'the certificate has expired'],
  [/ALTNAME|HOSTNAME_MISMATCH/, 'the certificate is for another host'],
  [/CERT|UNABLE_TO|SELF_SIGNED|^INVALID_|PATH_LENGTH|CRL/, 'the certificate is not trusted'],
  [/^EPROTO$|^ERR_(SSL|TLS)/, 'the TLS handshake failed'],
  [/^HPE_/, 'the answer is not HTTP'],
  [/^PROXY_AUTHENTICATION$/, 'the proxy wants other credentials, 407'],
  [/^ERR_PROXY/, 'the proxy refused to connect'],
  [/^(Z_|ERR_BROTLI|ERR__ERROR)/, 'its compression cannot be read'],
  [/^TOO_LONG$/, 'it is longer than 64 KiB'],
]

/** Seconds in words, never less than they are. */
export function duration(seconds: number): string {
  if (seconds > 48 * 3600) return 'more than two days'
  if (seconds < 10 && !Number.isInteger(seconds))
    return `${(Math.ceil(seconds * 10) / 10).toFixed(1)} s`
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
export function describeWait(
  progress: Progress,
  waitMs: number,
  untilWallMs: number,
  scene: Scene,
): string {
  const asked = progress.last?.retryAfterSeconds ? ', as the server asks' : ''
  const until = waitMs > LONG_WAIT_MS ? `, at ${clockTime(untilWallMs)}` : ''
  return `${describeAttempt(progress, scene)}. Next try in ${duration(waitMs / 1000)}${until}${asked}.`
}

/** The line that reports what is left of a wait. */
export function describeRest(leftMs: number, untilWallMs: number): string {
  return `Still waiting: next try in ${duration(leftMs / 1000)}, at ${clockTime(untilWallMs)}.`
}

/** What came of the last attempt, without a full stop. */
function describeAttempt(progress: Progress, scene: Scene): string {
  const { method, last } = progress
  const { inputs, proxyHost, quote } = scene
  const host = `${quote(inputs.apiUrl.host)}${proxyHost ? ` through the proxy ${quote(proxyHost)}` : ''}`
  if (!last) return `The time was up before ${method} could be sent to ${host}`
  const count = `(attempt ${progress.attempts[method]} of ${inputs.maxAttempts})`
  const { status, said, fault } = last
  if (!fault) {
    return `${host} answered ${method} with HTTP ${status}${said ? `, saying “${quote(said)}”` : ''} ${count}`
  }
  const answer = status === undefined ? 'no answer' : 'no whole answer'
  const why =
    fault === 'TIMEOUT'
      ? `within ${duration(Math.min(inputs.attemptTimeoutMs, inputs.timeoutMs) / 1000)}`
      : `for ${FAULTS.find(([pattern]) => pattern.test(fault))?.[1] ?? 'the connection failed'}: ${quote(fault)}`
  return `${method} got ${answer} from ${host}, ${why} ${count}`
}

/** What a run comes to, in words. Outputs that could not be written fail the step of a closed bot, too. */
export function conclude(result: Result, subject: Subject, areOutputsWritten: boolean): Conclusion {
  const { outcome, closed } = result
  const { complaints, quote, context, inputs } = subject
  const bot = inputs.botId ? `Bale bot ${inputs.botId}` : 'The Bale bot'
  const isGood = closed || outcome === 'dry-run'
  const good = describePass(bot, result, subject)
  if (isGood && areOutputsWritten) return { passed: true, title: good, lines: [] }

  const outputs =
    'The outputs could not be written to the file in GITHUB_OUTPUT; later jobs see none of them.'
  const page = `More: ${context.pagesUrl}docs/troubleshooting.md#${isGood ? 'outputs' : outcome}`
  if (isGood) {
    const state = closed ? 'is closed' : 'was not closed'
    const advice = 'Look for a full disk or missing rights on the runner before you run again.'
    return {
      passed: false,
      title: `${bot} ${state}, but the outputs are not written`,
      lines: [good, outputs, advice, page],
    }
  }
  const state = isUncertain(result) ? 'is not known to be closed' : 'was not closed'
  const lines =
    outcome === 'invalid-input'
      ? [...complaints.map(quote), ...adviceForInputs(subject)]
      : [
          describeFailure(result, subject),
          describeMeaning(result, subject),
          adviceFor(result, subject),
        ]
  return {
    passed: false,
    title: `${bot} ${state}: ${outcome.replace('-', ' ')}`,
    lines: [...lines, ...(areOutputsWritten ? [] : [outputs]), page],
  }
}

function describePass(bot: string, { outcome, progress }: Result, subject: Subject): string {
  const { inputs, proxyHost, quote } = subject
  const { attempts, last } = progress
  if (outcome === 'dry-run') {
    const through = proxyHost ? ` through the proxy ${quote(proxyHost)}` : ''
    return `Dry run: nothing was sent and nothing was closed. ${bot} is as it was; the inputs are right, and requests would go to ${quote(inputs.apiUrl.host)}${through}.`
  }
  if (outcome === 'already-closed') {
    return `${bot} is taken as closed: the API says that it has already been closed, and allow-already-closed is true.`
  }
  if (last?.outcome === 'already-closed') {
    return `${bot} is closed: the API says so, after a close of this run whose answer was lost (attempt ${attempts.close}).`
  }
  const deleted = attempts.deleteWebhook > 0 ? ', and its webhook is deleted' : ''
  return `${bot} is closed${deleted}${attempts.close > 1 ? ` (attempt ${attempts.close})` : ''}.`
}

function isUncertain({ outcome, progress }: Result): boolean {
  return (
    progress.lost ||
    (outcome === 'internal-error' && progress.inFlight && progress.method === 'close')
  )
}

function describeFailure(result: Result, subject: Subject): string {
  const { outcome, progress } = result
  const unsent = progress.method === 'deleteWebhook' ? ', so close was not sent' : ''
  if (outcome === 'internal-error') return `The action stopped by a defect of its own${unsent}.`
  if (outcome === 'cancelled') {
    const when = progress.inFlight
      ? `while a ${progress.method} request was under way`
      : 'while no request was under way'
    return `The run was cancelled ${when}${unsent}.`
  }
  const asked = progress.last?.retryAfterSeconds
  const wait = asked ? `the wait of ${duration(asked)} that the server asks for` : 'another attempt'
  const late =
    progress.giveUp === 'time' && progress.last
      ? `; timeout-seconds has no room left for ${wait}`
      : ''
  return `${describeAttempt(progress, subject)}${late}${unsent}.`
}

function describeMeaning(result: Result, { context }: Subject): string {
  const { outcome, progress } = result
  const { status, said, fault } = progress.last ?? {}
  if (isUncertain(result))
    return 'The bot may be closed all the same, since the answer to a close was lost.'
  switch (outcome) {
    case 'already-closed':
      return context.runAttempt > 1
        ? `This is attempt ${context.runAttempt} of the workflow run, so an earlier one may have closed the bot.`
        : 'Something closed the bot before this run, or the token is wrong: some servers say the same to any token.'
    case 'unauthorized':
      return 'The API does not know the token: it is mistyped, revoked, or of another API.'
    case 'unsupported':
      return `This API does not offer ${progress.method}, so the bot cannot be closed this way.`
    case 'rate-limited':
      return progress.attempts.close > 0 && progress.attempts.deleteWebhook > 0
        ? 'The deletion of the webhook may have launched the bot, and a bot is not closed in its first ten minutes.'
        : 'A bot is not closed in the first ten minutes after its launch, and Bale limits how often it is asked.'
    case 'server-error':
      return 'The API or a gateway before it is out of order; the inputs are not at fault.'
    case 'rejected':
      if (said && /logged out/i.test(said)) {
        return 'The bot was logged out with logOut, which is not close and locks it out for minutes to hours.'
      }
      if (status === 404) return 'There is no such API, or no such bot, at this address.'
      return said
        ? 'The request was refused, and asking again would change nothing.'
        : 'Most likely a firewall or gateway before the API refused the request, since the API gives its reasons.'
    case 'invalid-response':
      return status !== undefined && status >= 300 && status < 400
        ? 'A redirect is never followed, since the address holds the token.'
        : 'That is not the yes of the API, so the bot is not taken as closed.'
    case 'unreachable':
      return fault === 'PROXY_AUTHENTICATION'
        ? 'The proxy did not let the request through.'
        : 'The request did not reach the API.'
    case 'cancelled':
      return progress.attempts.close > 0 ? 'No close has succeeded so far.' : 'No close was sent.'
    case 'internal-error':
      return 'Your workflow is not at fault.'
    default:
      return 'The API did not answer in time.'
  }
}

function adviceFor(result: Result, subject: Subject): string {
  const { outcome, progress } = result
  const host = subject.quote(subject.inputs.apiUrl.host)
  const { status, said, fault } = progress.last ?? {}
  const again = isUncertain(result) ? 'run again with allow-already-closed: true' : 'run again'
  switch (outcome) {
    case 'already-closed':
      return 'If you know that the bot was closed, run again with allow-already-closed: true; if not, check the token.'
    case 'unauthorized':
      return `Put the current token of the bot into the secret that bale-token reads, and ${again}.`
    case 'unsupported':
      return `Check api-url and ${again}, or stop the bot on its old host without this step.`
    case 'rate-limited':
      return `Stop whatever still uses the bot, since its requests launch it again, and ${again} later or with a larger timeout-seconds.`
    case 'server-error':
      return `Once it is back, ${again}; larger max-attempts and timeout-seconds outlast longer outages.`
    case 'rejected':
      if (said && /logged out/i.test(said))
        return `Wait until the bot can log in again, and ${again}.`
      return status === 404
        ? `Check api-url first, then the token, and ${again}.`
        : `Check api-url, the token and whether this runner may reach ${host}, and ${again}.`
    case 'invalid-response':
      return `Check that api-url is the address of a Bale Bot API itself, and ${again}.`
    case 'unreachable':
      return `${adviceForFault(fault ?? '', host)}, and ${again}.`
    case 'cancelled':
      return `To close the bot, ${again}.`
    case 'internal-error':
      return `Please report it with the version of the action, and ${again}.`
    default:
      return `Check the network between this runner and ${host}, or raise attempt-timeout-seconds and timeout-seconds, and ${again}.`
  }
}

function adviceForFault(fault: string, host: string): string {
  if (fault === 'PROXY_AUTHENTICATION') return 'Put the right credentials into the proxy variable'
  if (/^ENOTFOUND$/.test(fault))
    return 'Check the host in api-url and the name look-up of this runner'
  if (/^(EPROTO|ERR_SSL)/.test(fault)) return 'Check that the host and port of api-url speak https'
  if (/ALTNAME|HOSTNAME/.test(fault))
    return 'Check the host in api-url against the names in the certificate'
  if (/CERT|UNABLE_TO|SELF_SIGNED/.test(fault)) {
    return 'Check api-url, or name the file of your own CA in NODE_EXTRA_CA_CERTS'
  }
  return `Check that this runner can reach ${host}; a self-hosted runner near it, or a proxy, may help`
}

/** Why a token is empty, as far as the run shows it. */
function adviceForInputs({ isTokenEmpty, context }: Subject): string[] {
  if (!isTokenEmpty) return []
  if (context.isByDependabot) {
    return ['Dependabot started this run, and it is given only the secrets stored for Dependabot.']
  }
  if (context.isFromFork)
    return ['A pull request from a fork started this run, and it is given no secrets.']
  return [
    'Most often the name of the secret is misspelt, the job lacks the `environment:` that holds it, or a reusable workflow was called without `secrets`; runs from a fork or by Dependabot are given no secrets.',
  ]
}

/** The one thing to do after a failure. */
import type { Failed, FailedOutcome } from './closing.ts'
import { adviceOnCode } from './failures.ts'
import type { InvalidInputs, ValidInputs } from './inputs.ts'
import type { RunContext } from './runner.ts'
import type { Reason } from './verdict.ts'

type Advice = string | ((failure: Failed, inputs: ValidInputs, context: RunContext) => string)

/** Why a `launch` refusal has to be waited for. */
export const LAUNCH_CAUSE = 'The server closes no bot in the first minutes after its launch'

/** Without an entry for each outcome and reason, this does not compile. */
const ADVICE: Record<FailedOutcome | Reason, Advice> = {
  'already-closed': (failure, inputs, { isRerun }) =>
    `${isRerun ? 'An earlier attempt may have closed it: then' : 'If it was closed before,'} ` +
    `start a new run with ${inputsForClosedBot(failure, inputs)}. Otherwise check the token.`,
  unauthorized:
    'The API does not know this token. Copy it from Bale into the secret again, and start a new run.',
  unsupported: ({ decisive }) =>
    decisive?.step === 'deleteWebhook'
      ? 'This API does not offer deleteWebhook: set delete-webhook: false, and start a new run.'
      : 'Check api-url first, and start a new run. If it is right, this API does not offer close.',
  'not offered':
    'This API does not offer close, so you do not need this step: when the process on the old host ' +
    'has ended, the bot can start on the new host.',
  'rate-limited': 'The API, or a gateway before it, asks for a pause: run again later.',
  launch: `${LAUNCH_CAUSE}: run again later.`,
  'server-error': 'The API, or a gateway before it, is not working: run again later.',
  relay:
    'The relay in api-url answered: Cloudflare cannot reach Bale. Use a relay elsewhere, and start a ' +
    'new run.',
  rejected:
    'The API, or a firewall or proxy before it, refused the request. Check api-url, then the token, ' +
    'and start a new run.',
  'active webhook': ({ webhook }) =>
    webhook === 'untouched'
      ? 'The bot has an active webhook: set delete-webhook: true, and start a new run.'
      : 'Something has set the webhook again: find and stop it, and run again.',
  'invalid-response':
    'Check that api-url is the Bot API itself, without a login page or redirect before it, and start ' +
    'a new run.',
  unreachable: ({ decisive }) =>
    decisive?.exchange.kind === 'failed' ? adviceOnCode(decisive.exchange.code) : '',
  'timed-out': ({ leftSeconds }) =>
    leftSeconds === undefined
      ? 'Check the network between this runner and the API, and run again.'
      : 'Start a new run with a larger timeout-seconds.',
  cancelled: 'Run again.',
  reopened:
    'Find what else uses the token (the old host, a second copy, a health check, a webhook), stop ' +
    'it, and run again. Do not start the bot on the new host.',
}

const ADVICE_ON_EMPTY_TOKEN: Record<RunContext['startedBy'], string> = {
  hand: 'Set the variable INPUT_BALE-TOKEN to the token.',
  Dependabot: 'Runs by Dependabot get only its own secrets: store it there, and start a new run.',
  fork: 'A pull request from a fork gets no secrets: run this step only for your own branches.',
  workflow:
    "Check the secret's name, the environment of the job, and that a reusable workflow gets its " +
    'secrets (forks and Dependabot get none), and start a new run.',
}

/** The one thing to do. That the bot may be closed comes first: it decides what is safe. */
export function adviceFor(failure: Failed, inputs: ValidInputs, context: RunContext): string {
  const { mayBeClosed, outcome, decisive } = failure
  if (mayBeClosed) {
    const needed = inputsForClosedBot(failure, inputs)
    if (!needed) return 'Run again.'
    return `Start a new run with ${needed}, or run again if re-runs set that.`
  }
  // A `launch` refusal by the check shows a reopened bot: waiting would not help.
  const reason = outcome === 'reopened' ? undefined : decisive?.reason
  const advice = ADVICE[reason ?? outcome]
  return typeof advice === 'string' ? advice : advice(failure, inputs, context)
}

export function adviceForInputs(inputs: InvalidInputs, { startedBy }: RunContext): string {
  return inputs.isTokenEmpty
    ? ADVICE_ON_EMPTY_TOKEN[startedBy]
    : 'Correct this, and start a new run.'
}

/** With these a closed bot counts as closed; a second deletion would launch it. */
function inputsForClosedBot({ webhook }: Failed, inputs: ValidInputs): string {
  const allow = inputs['allow-already-closed'] ? [] : ['allow-already-closed: true']
  return [...allow, ...(webhook === 'deleted' ? ['delete-webhook: false'] : [])].join(' and ')
}

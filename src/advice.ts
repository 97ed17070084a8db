/** The one thing to do after a failure. */
import type { Failed, FailedOutcome } from './closing.ts'
import { adviceOnCode } from './error-codes.ts'
import type { InvalidInputs, ValidInputs } from './inputs.ts'
import type { Reason } from './verdict.ts'

export interface RunContext {
  /** Who started the run, as far as that decides which secrets it gets. */
  startedBy: 'fork' | 'Dependabot' | 'other'
  isRerun: boolean
}

type Advice = string | ((failure: Failed, inputs: ValidInputs, context: RunContext) => string)

/** Why a `launch` refusal has to be waited for. */
export const LAUNCH_CAUSE = 'The server does not close a bot in the first minutes after its launch'

/** Without an entry for each outcome and reason, this does not compile. */
const ADVICE: Record<FailedOutcome | Reason, Advice> = {
  'already-closed': (failure, inputs, { isRerun }) =>
    `${isRerun ? 'An earlier attempt may have closed it; if so,' : 'If it was closed before,'} ` +
    `start a new run with ${inputsForClosedBot(failure, inputs)}. Otherwise check the token.`,
  unauthorized:
    'The API does not know this token. Copy it from Bale into the secret again, and start a new run.',
  unsupported: ({ verdict }) =>
    verdict?.step === 'deleteWebhook'
      ? 'This API does not offer deleteWebhook: set delete-webhook: false, and start a new run.'
      : 'Check api-url first, and start a new run. If it is right, this API does not offer close.',
  'not-offered':
    'This API does not offer close, so you do not need this step: when the process on the old host ' +
    'has ended, the bot can start on the new host.',
  'rate-limited': 'The API, or a gateway before it, asks for a pause: run again later.',
  launch: `${LAUNCH_CAUSE}: run again later.`,
  'server-error': 'The API, or a gateway before it, is not working: run again later.',
  relay:
    'The relay is on Cloudflare, which cannot reach Bale: use a relay elsewhere, and start a new run.',
  rejected:
    'The API, or a firewall before it, refused: check api-url, then the token, and start a new run.',
  'active-webhook': (_, inputs) =>
    inputs['delete-webhook']
      ? 'Something has set the webhook again: stop it, and run again.'
      : 'The bot has an active webhook: set delete-webhook: true, and start a new run.',
  'invalid-response':
    'Check that api-url is the Bot API itself, not a web page or redirect, and start a new run.',
  unreachable: ({ verdict }) =>
    adviceOnCode(verdict?.exchange.kind === 'error' ? verdict.exchange.code : ''),
  'timed-out': ({ unusedSeconds }) =>
    unusedSeconds === undefined
      ? 'Check the network between this runner and the API, and run again.'
      : 'Start a new run with a larger timeout-seconds.',
  cancelled: 'Run again.',
  reopened:
    'Find what else uses the token (the old host, a second copy, a health check, a webhook), stop ' +
    'it, and run again. Do not start the bot on the new host.',
}

const ADVICE_ON_EMPTY_TOKEN: Record<RunContext['startedBy'], string> = {
  Dependabot: 'Runs by Dependabot get only its own secrets: store it there, and start a new run.',
  fork: 'A pull request from a fork gets no secrets: run this step only for your own branches.',
  other:
    "Check the secret's name, the environment of the job, and that a reusable workflow gets its " +
    'secrets, and start a new run.',
}

/** If the bot may be closed, that alone decides what is safe to do. */
export function adviceFor(failure: Failed, inputs: ValidInputs, context: RunContext): string {
  const { mayBeClosed, outcome, verdict } = failure
  if (mayBeClosed) {
    const needed = inputsForClosedBot(failure, inputs)
    if (!needed) return 'Run again.'
    return `Start a new run with ${needed}, or run again if re-runs have this set.`
  }
  // A `launch` refusal by the check shows a reopened bot: waiting would not help.
  const reason = outcome === 'reopened' ? undefined : verdict?.reason
  const advice = ADVICE[reason ?? outcome]
  return typeof advice === 'string' ? advice : advice(failure, inputs, context)
}

export function adviceForInputs(inputs: InvalidInputs, { startedBy }: RunContext): string {
  return inputs.isTokenMissing
    ? ADVICE_ON_EMPTY_TOKEN[startedBy]
    : 'Correct this, and start a new run.'
}

/** The inputs that make "already closed" a success; a second deletion would launch the bot. */
function inputsForClosedBot({ webhookDeletion }: Failed, inputs: ValidInputs): string {
  const needed = [
    !inputs['allow-already-closed'] && 'allow-already-closed: true',
    webhookDeletion === 'confirmed' && 'delete-webhook: false',
  ]
  return needed.filter(Boolean).join(' and ')
}

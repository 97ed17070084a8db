/** What a failure means and what to do about it: one entry for each failed outcome. */
import type { Result } from './closing.ts'
import type { RunContext } from './context.ts'
import type { Inputs } from './inputs.ts'
import type { FailedOutcome, Reason } from './verdict.ts'

type Advice = string | ((result: Result, inputs: Inputs, context: RunContext) => string)

const STOP_OTHERS =
  'Find what still uses the token (the old host, a second copy, a health check, a webhook), stop it, and run again.'
const CHECK_AND_WAIT = 'Make sure that nothing else uses the token, and run again later.'
const PAUSE = 'The API, or a gateway in front of it, asks for a pause.'
const LAUNCH = 'A bot cannot be closed in the first ten minutes after its launch.'

/** A reason comes before its outcome. Without an entry for one of them this does not compile. */
const ADVICE: Record<FailedOutcome | Reason, Advice> = {
  'already-closed': (result, _, { isRerun }) =>
    `${isRerun ? 'An earlier attempt of this workflow run' : 'Something before this run'} may have closed it, or ` +
    'the token is wrong: some servers give this answer to any token. If you know that it was closed, start a new run ' +
    `with ${inputsAllowing(result)} (a re-run keeps its inputs). If not, correct the token and start a new run.`,
  unauthorized:
    'The API does not know this token: it is mistyped, was revoked, or belongs to another API. Correct the secret that ' +
    'bale-token reads and start a new run (a re-run uses the old value).',
  unsupported:
    'Check first that api-url is the address of a Bot API; if it is not, correct it and start a new run. If it is, this ' +
    'API does not offer the method: stop the bot on its old host without this action.',
  'not offered':
    'This API does not offer the method: stop the bot on its old host without this action. If api-url is not the ' +
    'address of a Bot API, correct it and start a new run.',
  'rate-limited': `${PAUSE} ${CHECK_AND_WAIT}`,
  'bot limit': `${PAUSE} ${CHECK_AND_WAIT}`,
  launch: `${LAUNCH} ${CHECK_AND_WAIT}`,
  'launched again': `Something launched the bot again while this run waited. ${STOP_OTHERS}`,
  'server-error':
    'The API or a gateway in front of it is not working; the inputs are not the cause. Run again later. Larger ' +
    'max-attempts and timeout-seconds bridge longer outages.',
  rejected:
    'The API, or a firewall or proxy on the way, refused the request, and asking again would not help. Check whether ' +
    'this runner may reach the API, then api-url and the token, and start a new run.',
  'not found':
    'There is no such address or no such bot. Check api-url first, then the token, and start a new run.',
  'logged out':
    'The bot was logged out with logOut, which locks it out for minutes to hours. Run again when it can log in.',
  'invalid-response':
    'The answer does not confirm the request. Check that api-url is the Bot API itself, without a login page or a ' +
    'redirect in front of it (redirects are not followed: the token is part of the address), and start a new run.',
  // Follows the remedy from `failures.ts`.
  unreachable: 'Then start a new run.',
  'timed-out':
    'Check the network between this runner and the API, or raise attempt-timeout-seconds and timeout-seconds. Then ' +
    'start a new run.',
  cancelled:
    'If the bot was stopped on its old host, it is still stopped: run again to close it, or start it there again.',
  reopened: `The API confirmed the close, but then something launched the bot again. ${STOP_OTHERS}`,
  'invalid-input': (_, inputs, context) =>
    !inputs.isValid && inputs.isTokenMissing
      ? `Nothing was sent. ${reasonForMissingToken(context)}`
      : 'Nothing was sent. Correct this and start a new run: a re-run uses the old values.',
  'internal-error':
    'This is a defect of the action, not of your workflow. Please report it with this message and the version of the ' +
    'action. To close the bot, run again.',
}

/** The advice for a failure. That the bot may be closed comes first. */
export function adviceFor(
  outcome: FailedOutcome,
  result: Result,
  inputs: Inputs,
  context: RunContext,
): string {
  const { closed, decisive, reason } = result
  const entry = ADVICE[reason ?? outcome]
  const remedy = decisive?.exchange.kind === 'failed' ? `${decisive.exchange.failure.remedy} ` : ''
  const advice = `${remedy}${typeof entry === 'string' ? entry : entry(result, inputs, context)}`
  if (closed !== 'unknown') return advice
  return (
    `The bot may be closed: a close request may have worked, but no answer confirmed it. ${advice} ` +
    `In the new run, set ${inputsAllowing(result)}; a re-run would keep the old inputs.`
  )
}

/** Why the next request has to wait. */
export const reasonToWait = (reason: Reason | undefined) => (reason === 'launch' ? LAUNCH : PAUSE)

/** The inputs with which a closed bot counts as closed; a second deletion would launch it. */
const inputsAllowing = ({ webhook }: Result) =>
  `allow-already-closed: true${webhook === 'deleted' ? ' and delete-webhook: false' : ''}`

/** Why a token is missing, as far as the run shows it. */
function reasonForMissingToken({ isInWorkflow, isByDependabot, isFromFork }: RunContext): string {
  if (!isInWorkflow)
    return 'Set the environment variable INPUT_BALE-TOKEN to the token; docs/by-hand.md shows how.'
  if (isByDependabot) {
    return "Dependabot started this run, so it gets only Dependabot's secrets. Store the secret there, and start a new run."
  }
  if (isFromFork) {
    return 'A pull request from a fork started this run, so it gets no secrets. Run this step only for your own branches.'
  }
  return (
    'Most often the name of the secret is misspelt, the job lacks the `environment:` of the secret, or a reusable ' +
    'workflow was called without `secrets`. Runs for a pull request from a fork or by Dependabot get no secrets. ' +
    'Correct what applies, and start a new run.'
  )
}

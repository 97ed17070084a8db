/** What a failure means and what to do about it: one entry for each failed outcome. */
import type { Result } from './closing.ts'
import type { RunContext } from './context.ts'
import type { Inputs } from './inputs.ts'
import { type AnswerVerdict, answerOf, type FailedOutcome } from './verdict.ts'

interface FailedRun {
  result: Result
  inputs: Inputs
  context: RunContext
  /** The answer that decided the outcome, if one did. */
  answer: AnswerVerdict | undefined
  /** What to do about a failed connection. */
  remedy: string
  /** How to run again, and how to do so after a correction, which a re-run would not see. */
  again: string
  newRun: string
  /** The inputs with which a closed bot counts as closed. */
  allowing: string
}

const STOP_OTHERS = 'Find what still uses the token (the old host, a second copy, a health check, a webhook), stop it'

/** Sentences for each failed outcome; without an entry for one of them this does not compile. */
const ADVICE: Record<FailedOutcome, (run: FailedRun) => string> = {
  'already-closed': ({ context, allowing }) => {
    const closer = context.runAttempt > 1 ? 'An earlier attempt of this workflow run' : 'Something before this run'
    return (
      `${closer} may have closed it, or the token is wrong: some servers give this answer to any token. If you know that ` +
      `it was closed, start a new run with ${allowing} (a re-run keeps its inputs). If not, correct the token and start a new run.`
    )
  },
  unauthorized: () =>
    'The API does not know this token: it is mistyped, was revoked, or belongs to another API. ' +
    `Correct the secret that bale-token reads and start a new run (a re-run uses the old value).`,
  unsupported: ({ answer, result, newRun }) =>
    answer?.isRefusal
      ? `This API does not offer ${result.failedMethod}. Check api-url and ${newRun}, or stop the bot on its old host without this action.`
      : 'Most likely api-url is not the address of a Bot API. Check it first; ' +
        `if it is right, this API does not offer ${result.failedMethod}. Then ${newRun}.`,
  'rate-limited': ({ answer, result, again }) => {
    if (result.wasLaunchedAgain) {
      return `Something launched the bot again while this run waited, and still uses it. ${STOP_OTHERS}, and ${again}.`
    }
    const meaning =
      answer?.reason === 'launch'
        ? 'A bot cannot be closed in the first ten minutes after its launch.'
        : 'The API limits how often it may be asked.'
    return `${meaning} Make sure that nothing else uses the token, and ${again} later.`
  },
  'server-error': ({ again }) =>
    'The API or a gateway in front of it is not working; the inputs are not the cause. ' +
    `To close the bot, ${again} later. Larger max-attempts and timeout-seconds bridge longer outages.`,
  rejected: ({ answer, again, newRun }) => {
    if (answer?.reason === 'logged out') {
      return (
        'The bot was logged out with logOut, which is not close and locks the bot out for minutes to hours. ' +
        `Wait until it can log in again, and ${again}.`
      )
    }
    if (answer?.reason === 'not found') {
      return `There is no Bot API, or no such bot, at this address. Check api-url first, then the token, and ${newRun}.`
    }
    return answer?.isRefusal
      ? `The API refused the request, and asking again would not help. Check api-url and the token, and ${newRun}.`
      : 'Most likely a firewall or proxy on the way refused the request, since the API itself gives a reason. ' +
          `Check whether this runner may reach the API, then api-url and the token, and ${newRun}.`
  },
  'invalid-response': ({ answer, newRun }) => {
    const isRedirect = answer && answer.status >= 300 && answer.status < 400
    const meaning = isRedirect
      ? 'A redirect is never followed, since the token is part of the address.'
      : 'The answer does not confirm the request.'
    return `${meaning} Check that api-url is the Bot API itself, without a login page in front of it, and ${newRun}.`
  },
  unreachable: ({ remedy, newRun }) => `${remedy} Then ${newRun}.`,
  'timed-out': ({ newRun }) =>
    'Check the network between this runner and the API, or raise attempt-timeout-seconds and timeout-seconds. ' +
    `Then ${newRun}.`,
  cancelled: ({ again }) =>
    `If the bot was stopped on its old host, it is still stopped: to close it, ${again}, or start it there again.`,
  reopened: ({ again }) =>
    `The API confirmed the close, but then something launched the bot again. ${STOP_OTHERS}, and ${again}.`,
  'invalid-input': ({ inputs, context }) =>
    !inputs.isValid && inputs.isTokenMissing
      ? `Nothing was sent. ${reasonForMissingToken(context)}`
      : 'Nothing was sent. Correct the workflow or the secret, and start a new run: a re-run uses the old values.',
  'internal-error': ({ again }) =>
    'This is a defect of the action, not of your workflow. Please report it with this message and the version of the ' +
    `action. To close the bot, ${again}.`,
}

/** What a failure means and what to do about it. That the bot may be closed comes first. */
export function adviceFor(outcome: FailedOutcome, result: Result, inputs: Inputs, context: RunContext): string {
  const { closed, webhook, decisive } = result
  const remedy = decisive?.kind === 'failed' ? decisive.failure.remedy : ''
  const allowing = `allow-already-closed: true${webhook === 'deleted' ? ' and delete-webhook: false' : ''}`
  const run = { result, inputs, context, answer: answerOf(decisive), remedy, allowing }
  if (closed !== 'unknown') return ADVICE[outcome]({ ...run, again: 'run again', newRun: 'start a new run' })
  const newRun = `start a new run with ${allowing}`
  const meaning = 'The bot may be closed: a close request may have worked, but no answer confirmed it.'
  return `${meaning} ${ADVICE[outcome]({ ...run, again: newRun, newRun })} A re-run would keep the old inputs.`
}

/** Why a token is missing, as far as the run shows it. */
function reasonForMissingToken({ isInWorkflow, isByDependabot, isFromFork }: RunContext): string {
  if (!isInWorkflow) return 'Set the environment variable INPUT_BALE-TOKEN to the token.'
  if (isByDependabot)
    return "Dependabot started this run, so it gets only Dependabot's secrets. Store the secret there, too, and start a new run."
  if (isFromFork)
    return 'A pull request from a fork started this run, so it gets no secrets. Run this step only for branches of this repository.'
  return (
    'Most often the name of the secret is misspelt, the job lacks the `environment:` of the secret, or a reusable ' +
    'workflow was called without `secrets`. Runs for a pull request from a fork or by Dependabot get no secrets. ' +
    'Correct what applies, and start a new run.'
  )
}

/** Ways in which Bale may differ from the reference server: its answers to `close` were never recorded. */
import * as lifecycle from './lifecycle.ts'
import type { Answer } from './lifecycle.ts'

const { ALREADY_CLOSED, METHOD_NOT_FOUND, TOKEN_NOT_FOUND, failure, success } = lifecycle

/** What becomes of an answer. */
const CHANGES = {
  'yes-again': (answer: Answer) =>
    answer === ALREADY_CLOSED ? success(true, 'closed again') : answer,
  'wait-in-text': (answer: Answer) =>
    answer.status === 429 ? failure(answer.status, answer.note) : answer,
  'method-501': (answer: Answer) =>
    answer.envelope === METHOD_NOT_FOUND.envelope ? failure(501, 'Not Implemented') : answer,
  'token-400': (answer: Answer) =>
    answer === TOKEN_NOT_FOUND ? failure(400, answer.note) : answer,
  'token-401': (answer: Answer) =>
    answer === TOKEN_NOT_FOUND ? failure(401, answer.note) : answer,
  'token-already-closed': (answer: Answer, isClose: boolean) => {
    if (answer !== TOKEN_NOT_FOUND) return answer
    return isClose ? ALREADY_CLOSED : failure(401, 'Unauthorized')
  },
  'errors-in-200': (answer: Answer) => (answer.envelope.ok ? answer : { ...answer, status: 200 }),
}

export type Difference = keyof typeof CHANGES
export const DIFFERENCES = Object.keys(CHANGES) as Difference[]

export function differ(answer: Answer, method: string, differences: readonly Difference[]): Answer {
  const isClose = method.toLowerCase() === 'close'
  return differences.reduce((changed, name) => CHANGES[name](changed, isClose), answer)
}

/** The life of one bot on the reference server. Pure: state, method and time in; state and answer out. */

export interface Bot {
  readonly id: number
  /** From when on `close` is accepted; `undefined` while the bot is closed. */
  readonly closableFromMs: number | undefined
  /** For how long `close` is refused after a launch; 0 for a server that never refuses it. */
  readonly windowMs: number
  readonly webhook: boolean
  readonly knowsClose: boolean
  readonly pendingUpdates?: number
}

export interface Answer {
  status: number
  envelope:
    | { ok: true; result: unknown }
    | { ok: false; error_code: number; description: string; parameters?: { retry_after: number } }
  /** What happened, for the log. */
  note: string
}

export const ALREADY_CLOSED = failure(400, 'Bad Request: the bot has already been closed')
export const METHOD_NOT_FOUND = failure(404, 'Not Found: method not found')
/** Bale's answer, whose words were recorded. */
export const TOKEN_NOT_FOUND = failure(403, 'Bad Request: Token not found')

/** Results are as small as clients accept. */
const RESULTS: Readonly<Record<string, (bot: Bot) => unknown>> = {
  getme: (bot) => ({ id: bot.id, is_bot: true, first_name: 'Emulated bot', username: 'emulated' }),
  getupdates: () => [],
  sendmessage: (bot) => ({ message_id: 1, date: 0, chat: { id: bot.id, type: 'private' } }),
  setwebhook: () => true,
  deletewebhook: () => true,
  getwebhookinfo: ({ webhook, pendingUpdates = 0 }) => ({
    url: webhook ? 'https://bot.example/webhook' : '',
    pending_update_count: pendingUpdates,
  }),
}

/** Whether the server knows the method, in any case of letters. */
export function isKnownMethod(method: string): boolean {
  return method.toLowerCase() === 'close' || Object.hasOwn(RESULTS, method.toLowerCase())
}

/** Answers a call. Any method but `close`, even an unknown one, launches a closed bot again. */
export function call(bot: Bot, method: string, nowMs: number): { bot: Bot; answer: Answer } {
  const name = method.toLowerCase()
  if (name === 'close' && bot.knowsClose) return close(bot, nowMs)
  const launched = {
    ...bot,
    closableFromMs: bot.closableFromMs ?? nowMs + bot.windowMs,
    webhook: name === 'setwebhook' || (bot.webhook && name !== 'deletewebhook'),
  }
  const result = Object.hasOwn(RESULTS, name) && RESULTS[name]
  const answer = result ? success(result(launched), 'ok') : METHOD_NOT_FOUND
  const note = bot.closableFromMs === undefined ? `${answer.note}, launched` : answer.note
  return { bot: launched, answer: { ...answer, note } }
}

function close(bot: Bot, nowMs: number): { bot: Bot; answer: Answer } {
  if (bot.closableFromMs === undefined) return { bot, answer: ALREADY_CLOSED }
  const waitSeconds = Math.ceil((bot.closableFromMs - nowMs) / 1000)
  if (waitSeconds <= 0) return { bot: { ...bot, closableFromMs: undefined }, answer: success(true) }
  return { bot, answer: tooEarly(waitSeconds) }
}

/** The refusal of `close` after a launch. */
export function tooEarly(waitSeconds: number): Answer {
  return failure(429, `Too Many Requests: retry after ${waitSeconds}`, waitSeconds)
}

/**
 * What a restart of the server makes of a bot: with a webhook it runs, and may be closed at once, since
 * the window is for launches into a running server; without one it waits for the next method call.
 */
export function restart(bot: Bot, nowMs: number): Bot {
  return { ...bot, closableFromMs: bot.webhook ? nowMs : undefined }
}

export function success(result: unknown, note = 'closed'): Answer {
  return { status: 200, envelope: { ok: true, result }, note }
}

/** An error answer: status and envelope agree, as they mostly do on Bale. */
export function failure(status: number, description: string, waitSeconds?: number): Answer {
  const parameters = waitSeconds === undefined ? {} : { parameters: { retry_after: waitSeconds } }
  const envelope = { ok: false as const, error_code: status, description, ...parameters }
  return { status, envelope, note: description }
}

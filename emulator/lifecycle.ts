/** The life of one bot on a Bot API server. Pure: state, method and time in; state and answer out. */

export interface Bot {
  readonly id: number
  /** From when on `close` is accepted; `undefined` while the bot is closed. */
  readonly closableFromMs: number | undefined
  /** For how long `close` is refused after a launch. */
  readonly windowMs: number
  readonly webhook: boolean
  readonly knowsClose: boolean
}

export type Envelope =
  | { ok: true; result: unknown }
  | { ok: false; error_code: number; description: string; parameters?: { retry_after: number } }

export interface Answer {
  status: number
  envelope: Envelope
  /** What happened, for the request log. */
  note: string
}

/** Results are as small as clients accept; only the webhook's is ever true to the state. */
const results: Readonly<Record<string, (bot: Bot) => unknown>> = {
  getme: (bot) => ({ id: bot.id, is_bot: true, first_name: 'Emulated bot' }),
  getupdates: () => [],
  sendmessage: (bot) => ({ message_id: 1, date: 0, chat: { id: bot.id, type: 'private' } }),
  setwebhook: () => true,
  deletewebhook: () => true,
  getwebhookinfo: (bot) => ({
    url: bot.webhook ? 'https://bot.example/webhook' : '',
    pending_update_count: 0,
  }),
}

/** Whether the server knows the method, in any case of letters. */
export function isKnownMethod(method: string): boolean {
  return method.toLowerCase() === 'close' || Object.hasOwn(results, method.toLowerCase())
}

/** Answers one method call. Any method but `close` launches a closed bot again. */
export function call(bot: Bot, method: string, nowMs: number): { bot: Bot; answer: Answer } {
  const name = method.toLowerCase()
  return name === 'close' && bot.knowsClose ? close(bot, nowMs) : use(bot, name, nowMs)
}

/**
 * What a restart of the server makes of a bot: with a webhook it runs, and may be closed at once, since
 * the window is for launches into a running server; without one it waits for the next method call.
 */
export function restart(bot: Bot, nowMs: number): Bot {
  return { ...bot, closableFromMs: bot.webhook ? nowMs : undefined }
}

export const alreadyClosed = failure(400, 'Bad Request: the bot has already been closed')

/** An error answer: status and envelope agree, as they mostly do on Bale. */
export function failure(status: number, description: string, retryAfterSeconds?: number): Answer {
  const parameters =
    retryAfterSeconds === undefined ? {} : { parameters: { retry_after: retryAfterSeconds } }
  return {
    status,
    envelope: { ok: false, error_code: status, description, ...parameters },
    note: description,
  }
}

function close(bot: Bot, nowMs: number): { bot: Bot; answer: Answer } {
  if (bot.closableFromMs === undefined) return { bot, answer: alreadyClosed }
  const waitSeconds = Math.ceil((bot.closableFromMs - nowMs) / 1000)
  if (waitSeconds > 0) {
    const description = `Too Many Requests: retry after ${waitSeconds}`
    return { bot, answer: failure(429, description, waitSeconds) }
  }
  return { bot: { ...bot, closableFromMs: undefined }, answer: success(true, 'closed') }
}

/** An unknown method launches a closed bot too: the server starts the bot before it looks at the method. */
function use(before: Bot, name: string, nowMs: number): { bot: Bot; answer: Answer } {
  const launches = before.closableFromMs === undefined
  const bot = {
    ...before,
    closableFromMs: before.closableFromMs ?? nowMs + before.windowMs,
    webhook: name === 'setwebhook' || (before.webhook && name !== 'deletewebhook'),
  }
  const result = Object.hasOwn(results, name) ? results[name] : undefined
  const answer =
    result === undefined ? failure(404, 'Not Found: method not found') : success(result(bot), 'ok')
  return { bot, answer: launches ? { ...answer, note: `${answer.note}, launched` } : answer }
}

function success(result: unknown, note: string): Answer {
  return { status: 200, envelope: { ok: true, result }, note }
}

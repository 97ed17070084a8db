/** What it means for the action if an answer to the probe is not the expected one. */

/** What is seen of an answer, and how the action would end. */
export interface Look {
  seen: string[]
  end: string
  waitSeconds: number
}

/** By the step and the end; `*` is any other end. */
const MEANINGS: Record<string, string> = {
  'getMe *': '`getMe` fails: with such an answer to `close`, the action ends as END.',
  'getWebhookInfo *': 'It is not known whether the bot is in use: make sure that it is not.',
  'unknown method *': 'If `close` is not offered, the action ends as END, not as `unsupported`.',
  'wrong token already-closed':
    'A wrong token looks like a closed bot: with one, `allow-already-closed` passes the step.',
  'wrong token *': 'With a wrong token the action ends as END, not as `unauthorized`.',
  'close unsupported':
    '`close` is not offered: the action ends as `unsupported`. Leave out its step and the check after it.',
  'close *': 'A running bot is not closed: the action ends as END.',
  'close after the wait *': '`close` fails after the wait it asked for: the action ends as END.',
  'close again closed':
    '`close` says yes to a closed bot, too: a check of a bot that stays closed is `unconfirmed`.',
  'close again rate-limited (launch)':
    'Something opened the bot again: probe a bot that nothing uses. If nothing did, `close` has a ' +
    'limit of its own, and every check ends as `reopened`: leave `confirm-after-seconds` at 0.',
  'close again *': 'A second `close` ends as END: a check or a lost answer cannot be cleared up.',
  'close after a launch closed':
    'There is no window after a launch: `reopened` cannot be told from a second yes, so a check of ' +
    'a bot that was opened again ends as `unconfirmed`.',
  'close after a launch *': '`close` after a launch ends as END: no check ends as `reopened`.',
  'close by GET *': '`close` by GET is answered otherwise than by POST, which the action sends.',
}

/** A sentence; empty if nothing differs. */
export function differenceIn(step: string, answer: Look, usual: Look): string {
  const { end, waitSeconds } = answer
  if (end !== usual.end) {
    const meaning = MEANINGS[`${step} ${end}`] ?? MEANINGS[`${step} *`] ?? `${step}: END.`
    return meaning.replace('END', `\`${end}\``)
  }
  if (Math.abs(waitSeconds - usual.waitSeconds) > 5) {
    if (!waitSeconds) return 'No wait is named after a launch: the action asks again after 70 s.'
    const how = waitSeconds < 890 ? 'waits as asked' : 'needs a larger `timeout-seconds`'
    return `After a launch, \`close\` is refused for ${waitSeconds} s, not 600 s: the action ${how}.`
  }
  const [text, usualText] = [inShort(answer), inShort(usual)]
  if (text === usualText) return ''
  const isOnlyStatus = text.replace('HTTP 200 error_code', 'HTTP') === usualText
  if (isOnlyStatus) return 'Errors come with HTTP 200: the action goes by the body.'
  return `\`${step}\`: ${text} instead of ${usualText}. The action ends the same.`
}

/** What is compared, in words. */
export function inShort({ seen: [http, ok, code, inBody, inHeader, words = ''] }: Look): string {
  const waits = [inBody && 'retry_after', inHeader && 'Retry-After'].filter(Boolean).join(' and ')
  const envelope = ok === 'true' ? 'ok' : code !== http && code && `error_code ${code}`
  const text = words.replace(/(retry after) \d+/i, '$1 N')
  return [`HTTP ${http}`, envelope, text, waits && `with ${waits}`].filter(Boolean).join(' ')
}

/** The ways in which a request can be spoiled, by their names on the command line. */

export interface HttpAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** `reset`: the request is lost; `lost`: it is handled, and its answer is lost; `silence`: no answer. */
export type Fault = { name: string } & (
  { kind: 'answer'; answer: () => HttpAnswer } | { kind: 'reset' | 'lost' | 'silence' }
)

const TOO_MANY = 'Too Many Requests'
const SILENT = ['reset', 'lost', 'silence'] as const

/** `N` in a name is a number of seconds. */
const ANSWERS: Readonly<Record<string, (seconds: number) => HttpAnswer>> = {
  '500': () => page(500, 'Internal Server Error'),
  '502': () => page(502, 'Bad Gateway'),
  '503': () => page(503, 'Service Temporarily Unavailable'),
  '503-envoy': () =>
    plain(503, 'upstream connect error or disconnect/reset before headers. reset reason: overflow'),
  '429-plain': () => plain(429, 'local_rate_limited'),
  'bot-limit': () => json(400, { error_code: 400, description: 'bot limit exceed' }),
  redirect: () => ({ status: 302, headers: { location: '/elsewhere' }, body: '' }),
  '429-body:N': (seconds) => json(429, { ...tooMany(), parameters: { retry_after: seconds } }),
  '429-header:N': (seconds) => json(429, tooMany(), { 'retry-after': String(seconds) }),
  '429-date:N': (seconds) =>
    json(429, tooMany(), { 'retry-after': new Date(Date.now() + seconds * 1000).toUTCString() }),
  '429-text:N': (seconds) => json(429, tooMany(seconds)),
  '420:N': (seconds) => json(420, { error_code: 420, description: 'Flood', retry_after: seconds }),
  'ok-false-200:N': (seconds) => json(200, tooMany(seconds)),
}

export const FAULT_NAMES: readonly string[] = [...Object.keys(ANSWERS), ...SILENT]

/** Reads a fault such as `502` or `429-body:7`. The complaint does not quote: it could be a secret. */
export function parseFault(text: string): Fault {
  const kind = SILENT.find((each) => each === text)
  if (kind) return { name: text, kind }
  const [, digits] = /:(\d{1,9})$/.exec(text) ?? []
  const name = digits ? text.replace(digits, 'N') : text
  const answer = Object.hasOwn(ANSWERS, name) && !text.includes('N') && ANSWERS[name]
  if (!answer) throw new RangeError(`a fault is one of ${FAULT_NAMES.join(' ')}`)
  return { name: text, kind: 'answer', answer: () => answer(Number(digits)) }
}

function tooMany(seconds?: number): object {
  const description = seconds === undefined ? TOO_MANY : `${TOO_MANY}: retry after ${seconds}`
  return { error_code: 429, description }
}

function page(status: number, reason: string): HttpAnswer {
  const title = `${status} ${reason}`
  const body = `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`
  return { status, headers: { 'content-type': 'text/html' }, body }
}

function plain(status: number, body: string): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain' }, body }
}

function json(status: number, error: object, headers: Record<string, string> = {}): HttpAnswer {
  const body = JSON.stringify({ ok: false, ...error })
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}

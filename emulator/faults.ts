/** The ways in which a request can be spoiled. */

export interface HttpAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}

/** A fault is named as on the command line; `N` in a name is a number of seconds. */
export type Fault =
  | { name: string; kind: 'answer'; answer: (now: Date) => HttpAnswer }
  /** `reset`: the request is lost; `lost`: it is handled and its answer is lost. */
  | { name: string; kind: 'reset' | 'lost' | 'silence' }

type FaultAnswer = (seconds: number, now: Date) => HttpAnswer

const tooMany = 'Too Many Requests'

const plainFaults: Readonly<Record<string, FaultAnswer>> = {
  '500': () => gatewayPage(500, 'Internal Server Error'),
  '502': () => gatewayPage(502, 'Bad Gateway'),
  '503': () => gatewayPage(503, 'Service Temporarily Unavailable'),
  '503-envoy': () =>
    plain(503, 'upstream connect error or disconnect/reset before headers. reset reason: overflow'),
  '429-plain': () => plain(429, 'local_rate_limited'),
  'bot-limit': () => json(400, { error_code: 400, description: 'bot limit exceed' }),
  redirect: () => ({ status: 302, headers: { location: '/elsewhere' }, body: '' }),
}

const timedFaults: Readonly<Record<string, FaultAnswer>> = {
  '429-body': (seconds) =>
    json(429, {
      error_code: 429,
      description: tooMany,
      parameters: { retry_after: seconds },
    }),
  '429-header': (seconds) =>
    json(429, { error_code: 429, description: tooMany }, { 'retry-after': String(seconds) }),
  '429-date': (seconds, now) =>
    json(
      429,
      { error_code: 429, description: tooMany },
      {
        date: now.toUTCString(),
        'retry-after': new Date(now.getTime() + seconds * 1000).toUTCString(),
      },
    ),
  '429-text': (seconds) =>
    json(429, { error_code: 429, description: `${tooMany}: retry after ${seconds}` }),
  '420': (seconds) => json(420, { error_code: 420, description: 'Flood', retry_after: seconds }),
  'ok-false-200': (seconds) =>
    json(200, { error_code: 429, description: `${tooMany}: retry after ${seconds}` }),
}

const silentFaults = ['reset', 'lost', 'silence'] as const

/** All faults as they are written, for messages and help. */
export const faultNames: readonly string[] = [
  ...Object.keys(plainFaults),
  ...Object.keys(timedFaults).map((name) => `${name}:N`),
  ...silentFaults,
]

/** Reads a fault such as `502` or `429-body:7`; `undefined` if there is no such fault. */
export function parseFault(text: string): Fault | undefined {
  const silent = silentFaults.find((name) => name === text)
  if (silent !== undefined) return { name: text, kind: silent }
  const [, name = '', digits] = /^([^:]+)(?::(\d{1,9}))?$/.exec(text) ?? []
  const table = digits === undefined ? plainFaults : timedFaults
  const answer = Object.hasOwn(table, name) ? table[name] : undefined
  if (answer === undefined) return undefined
  return { name: text, kind: 'answer', answer: (now) => answer(Number(digits), now) }
}

function gatewayPage(status: number, reason: string): HttpAnswer {
  const title = `${status} ${reason}`
  const body = `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`
  return { status, headers: { 'content-type': 'text/html' }, body }
}

function plain(status: number, body: string): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain' }, body }
}

function json(status: number, error: object, headers: Record<string, string> = {}): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ok: false, ...error }),
  }
}

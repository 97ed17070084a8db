/** Whole answers of the API and of gateways, as bytes. */

export type Headers = Readonly<Record<string, string | number>>

/** The head of an answer, with the empty line at its end. */
export function head(status: string | number, headers: Headers = {}): string {
  const statusLine = typeof status === 'number' ? `${status} Reason` : status
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${statusLine}\r\n${fields.join('')}\r\n`
}

/** A whole answer that states its length. */
export function http(
  status: string | number,
  body: string | Buffer = '',
  headers: Headers = {},
): Buffer {
  const bytes = Buffer.from(body)
  const start = head(status, { 'content-length': bytes.length, ...headers })
  return Buffer.concat([Buffer.from(start), bytes])
}

export const yesText = '{"ok":true,"result":true}'
export const yes = http('200 OK', yesText, { 'content-type': 'application/json' })

/** A refusal of the API itself. Its status is the error code, unless told otherwise. */
export function no(
  code: number,
  description: string,
  fields: { status?: number; headers?: Headers; [field: string]: unknown } = {},
): Buffer {
  const { status = code, headers, ...others } = fields
  return http(
    status,
    JSON.stringify({ ok: false, error_code: code, description, ...others }),
    headers,
  )
}

/** A refusal with 429, and with `retry_after` if there is a wait. */
export const tooMany = (seconds?: number, description = 'Too Many Requests'): Buffer =>
  no(429, description, { parameters: { retry_after: seconds } })

export const alreadyClosed = no(400, 'Bad Request: the bot has already been closed')
export const unknownToken = no(403, 'Bad Request: Token not found')

/** A refusal after which the next attempt follows at once, so that a test of another rule need not wait. */
export const tryAgain = no(500, 'Try again', { retry_after: 0.01 })

/** A gateway's page. */
export function page(status: number, headers: Headers = {}): Buffer {
  return http(status, `<html><body><h1>${status}</h1></body></html>\n`, headers)
}

/** Envoy's plain text for what happened between it and the API. */
export const envoy = (reason: string): Buffer =>
  http(503, `upstream connect error or disconnect/reset before headers. ${reason}`)

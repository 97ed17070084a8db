/** What can go wrong between us and an answer, by the code of the fault: one table for judging and for words. */

/**
 * Why an answer is not whole. `TIMEOUT`: the attempt's time was up. `STOPPED`: the run's end came. `TOO_LONG` and
 * `PROXY_AUTHENTICATION` say what they are. All others are codes of the system, of Node, OpenSSL or zlib.
 */
export type Fault = 'TIMEOUT' | 'STOPPED' | 'TOO_LONG' | 'PROXY_AUTHENTICATION' | (string & {})

export interface FaultMeaning {
  readonly outcome: 'unreachable' | 'timed-out' | 'invalid-response'
  readonly retryable: boolean
  readonly words: string
  /** What to do about it, where the fault itself shows it. */
  readonly remedy?: string
}

const unreachable = { outcome: 'unreachable', retryable: true } as const
const insecure = { outcome: 'unreachable', retryable: false } as const
const unreadable = { outcome: 'invalid-response', retryable: true } as const

const MEANINGS: readonly (readonly [RegExp, FaultMeaning])[] = [
  [/^(TIMEOUT|STOPPED)$/, { outcome: 'timed-out', retryable: true, words: 'the time was up' }],
  [/TOO_LONG/, { ...unreadable, retryable: false, words: 'it is longer than 64 KiB' }],
  [/^Z_|BROTLI|ERR__ERROR/, { ...unreadable, words: 'its compression cannot be read' }],
  [
    /ENOTFOUND/,
    {
      ...unreachable,
      words: 'no such host name is known',
      remedy: 'Check the host in api-url and the DNS of this runner',
    },
  ],
  [/EAI_/, { ...unreachable, words: 'the host name could not be looked up' }],
  [/ECONNREFUSED/, { ...unreachable, words: 'the connection was refused' }],
  [/UNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL/, { ...unreachable, words: 'there is no route to the host' }],
  [
    /PROXY_AUTHENTICATION/,
    {
      ...insecure,
      words: 'the proxy wants other credentials (407)',
      remedy: 'Put the right credentials into the proxy variable',
    },
  ],
  [/ERR_PROXY/, { ...unreachable, words: 'the proxy refused to connect' }],
  [
    /ALTNAME|HOSTNAME_MISMATCH/,
    {
      ...insecure,
      words: 'the certificate is for another host',
      remedy: 'Check the host in api-url against the certificate',
    },
  ],
  [
    /CERT_HAS_EXPIRED/,
    {
      ...insecure,
      words: 'the certificate has expired',
      remedy: 'Renew the certificate of the host, or check the clock of this runner',
    },
  ],
  [
    /CERT|CRL_|UNABLE_TO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/,
    {
      ...insecure,
      words: 'the certificate is not trusted',
      remedy: 'Check api-url, or name the file of your own CA in NODE_EXTRA_CA_CERTS',
    },
  ],
  [
    /EPROTO|ERR_SSL|ERR_TLS/,
    { ...insecure, words: 'the TLS handshake failed', remedy: 'Check that the host and port of api-url speak https' },
  ],
  [/HPE_/, { ...unreachable, words: 'the answer is not HTTP' }],
  [/ECONNRESET|EPIPE|PREMATURE_CLOSE/, { ...unreachable, words: 'the connection was closed too soon' }],
  [/ETIMEDOUT|TIMEOUT/, { ...unreachable, words: 'the connection timed out' }],
]

/** What a fault means, one that is not known included. */
export function meaningOf(fault: Fault): FaultMeaning {
  const known = MEANINGS.find(([pattern]) => pattern.test(fault))
  return known?.[1] ?? { ...unreachable, words: 'the connection failed' }
}

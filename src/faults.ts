/** What can go wrong between us and an answer, by the code of the fault: one table for judging and for words. */

/**
 * Why an answer is not whole. `TIMEOUT`: the attempt's time was up. `STOPPED`: the run's end came. `TOO_LONG`,
 * `PROXY_REFUSED` and `PROXY_AUTHENTICATION` say what they are. All others are codes of the system, of Node, OpenSSL or
 * zlib.
 */
export type Fault = 'TIMEOUT' | 'STOPPED' | 'TOO_LONG' | 'PROXY_REFUSED' | 'PROXY_AUTHENTICATION' | (string & {})

export interface FaultMeaning {
  readonly outcome: 'unreachable' | 'timed-out' | 'invalid-response'
  readonly retryable: boolean
  readonly words: string
  /** What to do about it, where the fault itself shows it. */
  readonly remedy?: string
}

const late = { outcome: 'timed-out', retryable: true } as const
const passing = { outcome: 'unreachable', retryable: true } as const
const lasting = { outcome: 'unreachable', retryable: false } as const
const garbled = { outcome: 'invalid-response', retryable: true } as const
const tooLong = { outcome: 'invalid-response', retryable: false } as const

/** The first that fits counts. */
const MEANINGS: readonly (readonly [RegExp, Omit<FaultMeaning, 'words' | 'remedy'>, words: string, remedy?: string])[] =
  [
    [/^(TIMEOUT|STOPPED)$/, late, 'the time was up'],
    [/TOO_LONG/, tooLong, 'it is longer than 64 KiB'],
    [/^Z_|BROTLI|ERR__ERROR/, garbled, 'its compression cannot be read'],
    [
      /ENOTFOUND/,
      passing,
      'no such host name is known',
      'Check the host of api-url or of the proxy, and the DNS of this runner',
    ],
    [/EAI_/, passing, 'the host name could not be looked up'],
    [/ECONNREFUSED/, passing, 'the connection was refused'],
    [/UNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL/, passing, 'there is no route to the host'],
    [
      /PROXY_AUTH/,
      lasting,
      'the proxy wants other credentials (407)',
      'Put the right credentials into the proxy variable',
    ],
    [/PROXY_REFUSED/, passing, 'the proxy refused to connect'],
    [
      /ALTNAME|HOSTNAME_MISMATCH/,
      lasting,
      'the certificate is for another host',
      'Check the host in api-url against the certificate',
    ],
    [
      /CERT_HAS_EXPIRED/,
      lasting,
      'the certificate has expired',
      'Renew the certificate of the host, or check the clock of this runner',
    ],
    [
      /CERT|CRL_|UNABLE_TO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/,
      lasting,
      'the certificate is not trusted',
      'Check api-url, or name the file of your own CA in NODE_EXTRA_CA_CERTS',
    ],
    [
      /EPROTO|ERR_SSL|ERR_TLS/,
      lasting,
      'the TLS handshake failed',
      'Check that the host and port of api-url speak https',
    ],
    [/HPE_/, passing, 'the answer is not HTTP'],
    [/ECONNRESET|EPIPE|PREMATURE_CLOSE/, passing, 'the connection was closed too soon'],
    [/ETIMEDOUT|TIMEOUT/, passing, 'the connection timed out'],
  ]

/** What a fault means, one that is not known included. */
export function meaningOf(fault: Fault): FaultMeaning {
  const known = MEANINGS.find(([pattern]) => pattern.test(fault))
  if (!known) return { ...passing, words: 'the connection failed' }
  const [, kind, words, remedy] = known
  return { ...kind, words, ...(remedy !== undefined && { remedy }) }
}

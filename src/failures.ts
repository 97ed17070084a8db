/** What an error code of the network means: a table from code to cause and remedy. */

const REACH =
  'Check that this runner can reach the host; a proxy or a self-hosted runner may be needed.'
const ADDRESS = 'Check the host and port in api-url, and those of the proxy if you use one.'
const CLOCK = "Check this runner's clock and the certificate of the host."
const AUTHORITY =
  'Check api-url, or name the file of your own certificate authority in NODE_EXTRA_CA_CERTS.'

type Row = [code: RegExp, retryable: boolean, cause: string, remedy: string]

/** Codes of Node, OpenSSL and the system, and the two PROXY_ codes of `bale.ts`. The first row that fits counts. */
const ROWS: Row[] = [
  [
    /^ENOTFOUND$|^EAI_/,
    true,
    'the host name could not be looked up',
    "Check the host and this runner's DNS.",
  ],
  [/^ECONNREFUSED$/, true, 'the connection was refused', REACH],
  [/^(E\w+UNREACH|E\w+DOWN|EADDRNOTAVAIL)$/, true, 'there is no route to the host', REACH],
  [
    /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/,
    true,
    'the connection was closed too early',
    REACH,
  ],
  [/^ETIMEDOUT$/, true, 'the connection could not be established in time', REACH],
  [/^HPE_/, true, 'the answer is not HTTP', ADDRESS],
  [
    /^PROXY_AUTH$/,
    false,
    'the proxy refused the credentials (407)',
    'Correct the user and password of the proxy.',
  ],
  [
    /^PROXY_REFUSED$/,
    true,
    'the proxy refused to connect',
    'Check that the proxy allows connections to this host.',
  ],
  [/ALTNAME|HOSTNAME_MISMATCH/, false, 'the TLS certificate is for another host', ADDRESS],
  [/CERT_HAS_EXPIRED/, false, 'the TLS certificate has expired', CLOCK],
  [/CERT_NOT_YET_VALID/, false, 'the TLS certificate is not valid yet', CLOCK],
  [
    /^UNSPECIFIED$/,
    false,
    'the TLS certificate is too weak',
    'The host needs one with a stronger key and signature.',
  ],
  [
    /^(EPROTO|ERR_SSL|ERR_TLS)/,
    false,
    'the TLS handshake failed',
    `${ADDRESS} They must be those of https.`,
  ],
  [
    /CERT|CRL|UNABLE_TO|INVALID_|PATH_LENGTH/,
    false,
    'the TLS certificate is not trusted',
    AUTHORITY,
  ],
]
const UNKNOWN: Row = [/^/, true, 'the connection failed', REACH]

export type Failure = ReturnType<typeof failureOf>

/** The meaning of a code; an unknown one counts as a passing fault. */
export function failureOf(code: string) {
  const [, retryable, cause, remedy] = ROWS.find(([pattern]) => pattern.test(code)) ?? UNKNOWN
  return { retryable, cause: `${cause} [${code}]`, remedy }
}

/** What to do about the code of a failed connection: of the system, of Node, or of `bale.ts`. */

interface CodeAdvice {
  codes: RegExp
  advice: string
}

const CHECK_ADDRESS = 'check host and port in api-url and of the proxy, and start a new run.'

/** Only a change helps. The first one that fits counts. */
const FINAL: CodeAdvice[] = [
  {
    codes: /^PROXY_407$/,
    advice:
      'The proxy asks for other credentials. Only Basic credentials in its URL are supported: set or ' +
      'correct them, and start a new run.',
  },
  {
    codes: /^(EPROTO|ERR_(SSL|TLS)_\w+|HOSTNAME_MISMATCH)$/,
    advice: `The TLS handshake failed: ${CHECK_ADDRESS}`,
  },
  {
    // OpenSSL says no more than UNSPECIFIED of a key or signature that is too weak.
    codes: /^(\w*(CERT|CRL)\w*|UNABLE_TO_\w+|INVALID_(CA|PURPOSE)|PATH_LENGTH_\w+|UNSPECIFIED)$/,
    advice:
      "The certificate is not trusted: check api-url and the runner's clock, or set NODE_EXTRA_CA_CERTS " +
      'to your CA file, and start a new run.',
  },
]

/** Asking again may help. */
const TRANSIENT: CodeAdvice[] = [
  {
    codes: /^(ENOTFOUND|EAI_\w+)$/,
    advice:
      "The host name could not be looked up: check it (or the proxy's) and this runner's DNS, and " +
      'start a new run.',
  },
  { codes: /^HPE_\w+$/, advice: `The answer is not HTTP: ${CHECK_ADDRESS}` },
  {
    codes: /^PROXY_\d+$/,
    advice:
      'The proxy refused to connect: check that it allows connections to this host, and run again.',
  },
]

const ANY_OTHER = 'Check that this runner can reach the host (it may need a proxy), and run again.'

/** An unknown code counts as a fault that passes. */
export const isTransient = (code: string) => !FINAL.some(({ codes }) => codes.test(code))

export const adviceOnCode = (code: string): string =>
  [...FINAL, ...TRANSIENT].find(({ codes }) => codes.test(code))?.advice ?? ANY_OTHER

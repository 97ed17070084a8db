/** What the code of a failed connection means: a code of the system, of Node, or of `bale.ts`. */

/** A retry cannot help after these. */
const FINAL_CODES = [
  {
    // `ERR_TLS_CERT_…` (a certificate for another host) also fits below; it belongs here.
    codes: /^(EPROTO|ERR_(SSL|TLS)_\w+)$/,
    advice:
      'The TLS handshake failed: check host and port in api-url and of the proxy, and start a new run.',
  },
  {
    // OpenSSL says no more than UNSPECIFIED of a key or signature that is too weak.
    codes: /^(\w*(CERT|CRL)\w*|UNABLE_TO_\w+|INVALID_(CA|PURPOSE)|PATH_LENGTH_\w+|UNSPECIFIED)$/,
    advice:
      "The certificate is not trusted: check api-url and the runner's clock, or set NODE_EXTRA_CA_CERTS " +
      'to your CA file, and start a new run.',
  },
  {
    codes: /^PROXY_407$/,
    advice:
      'The proxy wants credentials. Only Basic ones in its URL are supported: set or correct them, ' +
      'and start a new run.',
  },
]

const findFinal = (code: string) => FINAL_CODES.find(({ codes }) => codes.test(code))

/** An unknown code counts as transient. */
export const isTransient = (code: string) => !findFinal(code)

export const adviceOnCode = (code: string): string =>
  findFinal(code)?.advice ??
  'Check that DNS, firewall and proxy let this runner reach the host, and run again.'

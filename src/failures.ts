/** What the code of a failed connection means: whether it may pass, its cause, and what to do. */

interface CodeMeaning {
  codes: RegExp
  cause: string
  advice: string
}

const CHECK_ADDRESS = 'Check host and port in api-url and of the proxy, and start a new run.'

/** Asking again may help. Codes are those of the system, of Node, and of `bale.ts` (`PROXY_…`). */
const PASSING: CodeMeaning[] = [
  {
    codes: /^(ENOTFOUND|EAI_\w+)$/,
    cause: 'the host name could not be looked up',
    advice: "Check the host (or the proxy's) and this runner's DNS, and start a new run.",
  },
  { codes: /^HPE_\w+$/, cause: 'the answer is not HTTP', advice: CHECK_ADDRESS },
  {
    codes: /^PROXY_\d+$/,
    cause: 'the proxy refused to connect',
    advice: 'Check that the proxy allows connections to this host, and run again.',
  },
]

const ANY_OTHER = {
  cause: 'the connection failed',
  advice: 'Check that this runner can reach the host (it may need a proxy), and run again.',
}

/** Only a change helps. The first one that fits counts. */
const FINAL: CodeMeaning[] = [
  {
    codes: /^PROXY_407$/,
    cause: 'the proxy asks for other credentials',
    advice:
      'Only Basic credentials in the URL of the proxy are supported: set or correct them, and start a new run.',
  },
  {
    codes: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    cause: 'the TLS certificate is not valid at this time',
    advice: "Check this runner's clock and the host's certificate, and run again.",
  },
  {
    codes: /^(EPROTO|ERR_(SSL|TLS)_\w+|HOSTNAME_MISMATCH)$/,
    cause: 'the TLS handshake failed',
    advice: CHECK_ADDRESS,
  },
  {
    // OpenSSL says no more of a weak key or signature.
    codes: /^UNSPECIFIED$/,
    cause: 'the TLS certificate is too weak',
    advice: 'The host needs a certificate with a stronger key and signature. Then run again.',
  },
  {
    codes: /^(\w*(CERT|CRL)\w*|UNABLE_TO_\w+|INVALID_(CA|PURPOSE)|PATH_LENGTH_\w+)$/,
    cause: 'the TLS certificate is not trusted',
    advice: 'Check api-url, or name your own CA file in NODE_EXTRA_CA_CERTS, and start a new run.',
  },
]

/** Whether asking again may help. An unknown code counts as a passing fault. */
export const isPassing = (code: string) => !FINAL.some(({ codes }) => codes.test(code))

/** A code in words. */
export function explain(code: string): { cause: string; advice: string } {
  const meaning = [...FINAL, ...PASSING].find(({ codes }) => codes.test(code)) ?? ANY_OTHER
  return { cause: `${meaning.cause} [${code}]`, advice: meaning.advice }
}

import { expect, test } from '@jest/globals'
import { failureOf } from '../../src/failures.ts'
import { words } from './samples.ts'

/** Codes that Node, OpenSSL and systems give: whether to try again, the cause, a word of the remedy. */
test.each<[string, boolean, string, RegExp]>([
  ['ENOTFOUND EAI_AGAIN EAI_FAIL', true, 'the host name could not be looked up', /DNS/],
  ['ECONNREFUSED', true, 'the connection was refused', /can reach the host; a proxy/],
  [
    'EHOSTUNREACH ENETUNREACH ENETDOWN EHOSTDOWN EADDRNOTAVAIL',
    true,
    'there is no route to the host',
    /can reach/,
  ],
  [
    'ECONNRESET EPIPE ERR_STREAM_PREMATURE_CLOSE',
    true,
    'the connection was closed too early',
    /can reach/,
  ],
  ['ETIMEDOUT', true, 'the connection could not be established in time', /can reach/],
  [
    'HPE_INVALID_CONSTANT HPE_HEADER_OVERFLOW',
    true,
    'the answer is not HTTP',
    /host and port in api-url/,
  ],
  ['PROXY_REFUSED', true, 'the proxy refused to connect', /the proxy allows/],
  [
    'PROXY_AUTH',
    false,
    'the proxy refused the credentials (407)',
    /user and password of the proxy/,
  ],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID HOSTNAME_MISMATCH',
    false,
    'the TLS certificate is for another host',
    /api-url/,
  ],
  ['CERT_HAS_EXPIRED', false, 'the TLS certificate has expired', /clock/],
  ['CERT_NOT_YET_VALID', false, 'the TLS certificate is not valid yet', /clock/],
  ['UNSPECIFIED', false, 'the TLS certificate is too weak', /stronger key/],
  [
    'EPROTO ERR_SSL_WRONG_VERSION_NUMBER ERR_TLS_X',
    false,
    'the TLS handshake failed',
    /those of https/,
  ],
  [
    'SELF_SIGNED_CERT_IN_CHAIN CERT_REVOKED',
    false,
    'the TLS certificate is not trusted',
    /NODE_EXTRA_CA_CERTS/,
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE CRL_HAS_EXPIRED',
    false,
    'the TLS certificate is not trusted',
    /NODE_EXTRA/,
  ],
  [
    'INVALID_CA INVALID_PURPOSE PATH_LENGTH_EXCEEDED',
    false,
    'the TLS certificate is not trusted',
    /NODE_EXTRA/,
  ],
  [
    'EMFILE XENOTFOUND ENOTFOUNDX XEAI_ ECONNREFUSED2 ECONNREFUSEDX',
    true,
    'the connection failed',
    /can reach/,
  ],
  [
    'XECONNREFUSED XECONNRESET UNSPECIFIEDX XUNSPECIFIED XEPROTO XHPE_',
    true,
    'the connection failed',
    /can reach/,
  ],
  [
    'XPROXY_AUTH XPROXY_REFUSED PROXY_REFUSEDX XETIMEDOUT ETIMEDOUTX',
    true,
    'the connection failed',
    /can reach/,
  ],
  ['XENETDOWN ENETDOWNX EPIPEX EDOWN EUNREACH', true, 'the connection failed', /can reach/],
])('%s', (codes, retryable, cause, remedy) => {
  for (const code of words(codes)) {
    const failure = failureOf(code)
    expect(failure).toMatchObject({ retryable, cause: `${cause} [${code}]` })
    expect(failure.remedy).toMatch(remedy)
    expect(failure.remedy).toMatch(/^[A-Z].+\.$/)
  }
})

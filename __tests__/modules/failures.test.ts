import { expect, test } from '@jest/globals'
import { explain, isPassing } from '../../src/failures.ts'

test.each([
  ['the host name could not be looked up', true, 'ENOTFOUND EAI_AGAIN EAI_FAIL'],
  ['the answer is not HTTP', true, 'HPE_INVALID_CONSTANT HPE_HEADER_OVERFLOW'],
  ['the proxy refused to connect', true, 'PROXY_403 PROXY_502 PROXY_100'],
  [
    'the connection failed',
    true,
    'ECONNREFUSED ECONNRESET ERR_STREAM_PREMATURE_CLOSE ETIMEDOUT EMFILE',
  ],
  ['the TLS certificate is too weak', false, 'UNSPECIFIED'],
  ['the connection failed', true, 'EPROTOX XENOTFOUND XPROXY_407 UNSPECIFIEDX XERR_TLS_X HPE'],
  ['the proxy asks for other credentials', false, 'PROXY_407'],
  ['the TLS certificate is not valid at this time', false, 'CERT_HAS_EXPIRED CERT_NOT_YET_VALID'],
  [
    'the TLS handshake failed',
    false,
    'EPROTO ERR_SSL_X ERR_TLS_CERT_ALTNAME_INVALID HOSTNAME_MISMATCH',
  ],
  ['the TLS certificate is too weak', false, 'UNSPECIFIED'],
  [
    'the TLS certificate is not trusted',
    false,
    'SELF_SIGNED_CERT_IN_CHAIN CERT_REVOKED CRL_HAS_EXPIRED UNABLE_TO_GET_ISSUER_CERT_LOCALLY ' +
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE INVALID_CA INVALID_PURPOSE PATH_LENGTH_EXCEEDED',
  ],
])('%s, which may pass (%p): %s', (cause, isPassingFault, codes) => {
  for (const code of codes.split(' ')) {
    expect({ ...explain(code), code, isPassing: isPassing(code) }).toEqual({
      code,
      cause: `${cause} [${code}]`,
      isPassing: isPassingFault,
      advice: expect.stringMatching(/^[A-Z].*(run again|start a new run)\.$/),
    })
  }
})

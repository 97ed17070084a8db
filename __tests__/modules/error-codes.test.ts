import { expect, test } from '@jest/globals'
import { adviceOnCode, isTransient } from '../../src/error-codes.ts'

test.each([
  ['Check', true, 'ENOTFOUND EAI_AGAIN HPE_INVALID_CONSTANT PROXY_403 PROXY_502 PROXY_100'],
  ['Check', true, 'ECONNREFUSED ECONNRESET ERR_STREAM_PREMATURE_CLOSE ETIMEDOUT EMFILE'],
  ['Check', true, 'EPROTOX XPROXY_407 UNSPECIFIEDX XERR_TLS_X'],
  ['The proxy wants credentials', false, 'PROXY_407'],
  ['The TLS handshake failed', false, 'EPROTO ERR_SSL_X ERR_TLS_CERT_ALTNAME_INVALID'],
  [
    'The certificate is not trusted',
    false,
    'CERT_HAS_EXPIRED SELF_SIGNED_CERT_IN_CHAIN CRL_HAS_EXPIRED UNABLE_TO_VERIFY_LEAF_SIGNATURE ' +
      'INVALID_CA INVALID_PURPOSE PATH_LENGTH_EXCEEDED UNSPECIFIED',
  ],
])('%s, which may pass (%p): %s', (cause, mayPass, codes) => {
  for (const code of codes.split(' ')) {
    expect([code, isTransient(code)]).toEqual([code, mayPass])
    expect(adviceOnCode(code)).toMatch(new RegExp(`^${cause}\\b.*(run again|start a new run)\\.$`))
  }
})

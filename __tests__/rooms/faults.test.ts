import { expect, test } from '@jest/globals'
import { meaningOf } from '../../src/faults.ts'

test.each<[string, RegExp, RegExp | undefined]>([
  ['TIMEOUT', /time was up/, undefined],
  ['TOO_LONG', /64 KiB/, undefined],
  ['Z_BUF_ERROR', /compression/, undefined],
  ['ENOTFOUND', /no such host/, /host of api-url or of the proxy, and the DNS/],
  ['EAI_AGAIN', /looked up/, undefined],
  ['ECONNREFUSED', /refused/, undefined],
  ['ENETUNREACH', /no route/, undefined],
  ['PROXY_AUTHENTICATION', /407/, /proxy variable/],
  ['PROXY_REFUSED', /proxy refused/, undefined],
  ['ERR_TLS_CERT_ALTNAME_INVALID', /another host/, /against the certificate/],
  ['CERT_HAS_EXPIRED', /expired/, /clock/],
  ['SELF_SIGNED_CERT_IN_CHAIN', /not trusted/, /NODE_EXTRA_CA_CERTS/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /TLS handshake/, /speak https/],
  ['HPE_INVALID_CONSTANT', /not HTTP/, undefined],
  ['ECONNRESET', /closed too soon/, undefined],
  ['ETIMEDOUT', /timed out/, undefined],
  ['SOMETHING_NEW', /failed/, undefined],
])('%s in words', (fault, words, remedy) => {
  const meaning = meaningOf(fault)
  expect(meaning.words).toMatch(words)
  expect(meaning.remedy ?? '').toMatch(remedy ?? /^$/)
})

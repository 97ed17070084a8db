/** Certificates for the tests. */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import forge from 'node-forge'

/** What a TLS server needs. */
export interface Identity {
  key: string
  cert: string
}

export interface Authority {
  /** In PEM, for whoever is to trust it. */
  cert: string
  issue: (host: string, ageDays?: number) => Identity
}

/** Makes an authority. It and the hosts that it certifies share a key, since to make one takes long. */
export function newAuthority(name: string): Authority {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const asAuthority = { name: 'basicConstraints', cA: true, critical: true }
  return {
    cert: certify({ issuer: name, subject: name, key, extension: asAuthority }),
    issue: (host, ageDays) => {
      const extension = { name: 'subjectAltName', altNames: [{ type: 2, value: host }] }
      return { key, cert: certify({ issuer: name, subject: host, key, extension, ageDays }) }
    },
  }
}

interface Certification {
  issuer: string
  subject: string
  key: string
  extension: object
  ageDays?: number | undefined
}

/** Certifies for the day before and the day after now, or so many days earlier. */
function certify(options: Certification): string {
  const { issuer, subject, key, extension, ageDays = 0 } = options
  const daysFromNow = (days: number) => new Date(Date.now() + (days - ageDays) * 86_400_000)
  const certificate = forge.pki.createCertificate()
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.validity = { notBefore: daysFromNow(-1), notAfter: daysFromNow(1) }
  certificate.setSubject([{ name: 'commonName', value: subject }])
  certificate.setIssuer([{ name: 'commonName', value: issuer }])
  certificate.setExtensions([extension])
  // Signed by Node, since the library takes seconds for it when the test runner isolates it.
  const signature = () => {
    const signed = forge.asn1.toDer(certificate.tbsCertificate).getBytes()
    return sign('sha256', Buffer.from(signed, 'latin1'), key).toString('latin1')
  }
  const signer = { sign: signature } as unknown as forge.pki.rsa.PrivateKey
  certificate.sign(signer, forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate)
}

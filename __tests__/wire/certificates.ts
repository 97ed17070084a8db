/** Certificates for the tests. */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import forge from 'node-forge'

/** What a TLS server needs. */
export interface Identity {
  key: string
  cert: string
  /** Lets the server use a key that is too weak for others. */
  ciphers?: string
}

export interface Authority {
  /** In PEM, for whoever is to trust it. */
  cert: string
  issue: (host: string, flaw?: 'expired' | 'not yet valid' | 'self-signed' | 'weak') => Identity
}

/** Makes an authority. It and the hosts that it certifies share a key, since to make one takes long. */
export function newAuthority(name: string): Authority {
  const authorityKey = newKey(2048)
  const common = { issuer: name, issuerKey: authorityKey }
  const asAuthority = { name: 'basicConstraints', cA: true, critical: true }
  return {
    cert: certify({ ...common, subject: name, key: authorityKey, extension: asAuthority }),
    issue: (host, flaw) => {
      const key = flaw === 'weak' ? newKey(768) : authorityKey
      const extension = { name: 'subjectAltName', altNames: [{ type: 2, value: host }] }
      const issuer = flaw === 'self-signed' ? host : name
      const ageDays = flaw === 'expired' ? 9 : flaw === 'not yet valid' ? -9 : 0
      return {
        key,
        cert: certify({ ...common, issuer, subject: host, key, extension, ageDays }),
        ...(flaw === 'weak' && { ciphers: 'DEFAULT@SECLEVEL=0' }),
      }
    },
  }
}

function newKey(modulusLength: number): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
  return privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
}

interface Certification {
  subject: string
  key: string
  issuer: string
  issuerKey: string
  extension: object
  ageDays?: number
}

/** Certifies for the day before and the day after now, or so many days earlier. */
function certify(options: Certification): string {
  const { subject, key, issuer, issuerKey, extension, ageDays = 0 } = options
  const daysFromNow = (days: number) => new Date(Date.now() + (days - ageDays) * 86_400_000)
  const certificate = forge.pki.createCertificate()
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`
  certificate.validity = { notBefore: daysFromNow(-1), notAfter: daysFromNow(1) }
  certificate.setSubject([{ name: 'commonName', value: subject }])
  certificate.setIssuer([{ name: 'commonName', value: issuer }])
  certificate.setExtensions([extension])
  // Signed by Node, since the library takes seconds for it when the test runner isolates it.
  const signature = () => {
    const signed = forge.asn1.toDer(certificate.tbsCertificate).getBytes()
    return sign('sha256', Buffer.from(signed, 'latin1'), issuerKey).toString('latin1')
  }
  const signer = { sign: signature } as unknown as forge.pki.rsa.PrivateKey
  certificate.sign(signer, forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate)
}

/** Certificates for TLS tests, made here so that neither a tool nor a committed key is needed. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export interface Identity {
  key: string
  cert: string
  /** Lets the server use keys that are too weak for others. */
  ciphers?: string
}

export interface Authority {
  /** The certificate of the authority itself. */
  cert: string
  /** Issues a certificate for a host name. */
  issue: (host: string, flaw?: 'expired' | 'not yet valid' | 'weak' | 'self-signed') => Identity
}

interface Keys {
  publicKey: KeyObject
  privateKey: KeyObject
}

const newKeys = (): Keys => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Makes a certificate authority that nobody trusts yet. */
export function newAuthority(name: string): Authority {
  const keys = newKeys()
  const isAuthority = extension(ids.basicConstraints, sequence(yes))
  return {
    cert: certificate({
      subject: name,
      keys,
      issuer: name,
      issuerKeys: keys,
      extension: isAuthority,
    }),
    issue: (host, flaw) => {
      const own = flaw === 'weak' ? generateKeyPairSync('rsa', { modulusLength: 1024 }) : newKeys()
      const [issuer, issuerKeys] = flaw === 'self-signed' ? [host, own] : [name, keys]
      const hostName = extension(ids.subjectAltName, sequence(der(0x82, Buffer.from(host))))
      const [firstYear, lastYear] = [
        flaw === 'not yet valid' ? '48' : '00',
        flaw === 'expired' ? '01' : '49',
      ]
      return {
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: certificate({
          subject: host,
          keys: own,
          issuer,
          issuerKeys,
          extension: hostName,
          firstYear,
          lastYear,
        }),
        ...(flaw === 'weak' && { ciphers: 'DEFAULT@SECLEVEL=0' }),
      }
    },
  }
}

interface Template {
  subject: string
  keys: Keys
  issuer: string
  issuerKeys: Keys
  extension: Buffer
  /** The last two digits. */
  firstYear?: string
  lastYear?: string
}

let serial = 0

/** An X.509 certificate of version 3 (RFC 5280), signed with ECDSA and SHA-256. */
function certificate(template: Template): string {
  const {
    subject,
    keys,
    issuer,
    issuerKeys,
    extension,
    firstYear = '00',
    lastYear = '49',
  } = template
  const algorithm = sequence(ids.ecdsaWithSha256)
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([++serial])),
    algorithm,
    distinguishedName(issuer),
    sequence(...[firstYear, lastYear].map((year) => der(0x17, Buffer.from(`${year}0101000000Z`)))),
    distinguishedName(subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, issuerKeys.privateKey)])
  const base64 = sequence(body, algorithm, der(0x03, signature)).toString('base64')
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}

/** One value in the distinguished encoding rules of ASN.1. */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), value])
}

const sequence = (...values: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(values))
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const yes = der(0x01, Buffer.from([0xff]))
const ids = {
  ecdsaWithSha256: objectId('2a8648ce3d040302'),
  commonName: objectId('550403'),
  subjectAltName: objectId('551d11'),
  basicConstraints: objectId('551d13'),
}

const distinguishedName = (commonName: string): Buffer =>
  sequence(der(0x31, sequence(ids.commonName, der(0x0c, Buffer.from(commonName)))))

const extension = (id: Buffer, value: Buffer): Buffer => sequence(id, yes, der(0x04, value))

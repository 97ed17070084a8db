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
  issue: (host: string, flaw?: Flaw) => Identity
}

/** What may be wrong with a certificate. */
export type Flaw = 'expired' | 'not yet valid' | 'weak' | 'self-signed'

interface Keys {
  publicKey: KeyObject
  privateKey: KeyObject
}

const newKeys = (): Keys => generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Makes a certificate authority that nobody trusts yet. */
export function newAuthority(name: string): Authority {
  const keys = newKeys()
  const isAuthority = extension('2.5.29.19', sequence(boolean(true)))
  return {
    cert: certificate({ subject: name, keys, issuer: name, issuerKey: keys.privateKey, extension: isAuthority }),
    issue: (host, flaw) => {
      const own = flaw === 'weak' ? generateKeyPairSync('rsa', { modulusLength: 1024 }) : newKeys()
      const isSelfSigned = flaw === 'self-signed'
      return {
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: certificate({
          subject: host,
          keys: own,
          issuer: isSelfSigned ? host : name,
          issuerKey: (isSelfSigned ? own : keys).privateKey,
          extension: extension('2.5.29.17', sequence(der(0x82, Buffer.from(host)))),
          ...(flaw === 'expired' && { lastYear: 2001 }),
          ...(flaw === 'not yet valid' && { firstYear: 2048 }),
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
  issuerKey: KeyObject
  extension: Buffer
  firstYear?: number
  lastYear?: number
}

let serial = 0

/** An X.509 certificate of version 3 (RFC 5280), signed with ECDSA and SHA-256. */
function certificate(template: Template): string {
  const { subject, keys, issuer, issuerKey, extension, firstYear = 2000, lastYear = 2049 } = template
  const algorithm = sequence(objectId('1.2.840.10045.4.3.2'))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([++serial])),
    algorithm,
    distinguishedName(issuer),
    sequence(newYear(firstYear), newYear(lastYear)),
    distinguishedName(subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, issuerKey)])
  const base64 = sequence(body, algorithm, der(0x03, signature)).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(objectId('2.5.4.3'), der(0x0c, Buffer.from(commonName)))))
}

function newYear(year: number): Buffer {
  return der(0x17, Buffer.from(`${String(year).slice(2)}0101000000Z`))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), boolean(true), der(0x04, value))
}

/** One value in the distinguished encoding rules of ASN.1. */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), value])
}

function sequence(...values: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(values))
}

function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]))
}

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80)
  return digits
}

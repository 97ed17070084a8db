/** Certificates for TLS tests, made here so that neither a tool nor a committed key is needed. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export interface Identity {
  key: string
  cert: string
}

export interface Authority {
  /** The certificate of the authority itself. */
  cert: string
  /** Issues a certificate for a host name. */
  issue: (host: string, validity?: Validity) => Identity
}

export type Validity = 'valid' | 'expired'

/** Makes a certificate authority that nobody trusts yet. */
export function newAuthority(name: string): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const isAuthority = extension('2.5.29.19', sequence(boolean(true)))
  return {
    cert: certificate({ subject: name, keys, issuer: name, issuerKey: keys.privateKey, extension: isAuthority }),
    issue: (host, validity = 'valid') => {
      const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const names = extension('2.5.29.17', sequence(der(0x82, Buffer.from(host))))
      return {
        key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: certificate({
          subject: host,
          keys: own,
          issuer: name,
          issuerKey: keys.privateKey,
          extension: names,
          validity,
        }),
      }
    },
  }
}

interface Template {
  subject: string
  keys: { publicKey: KeyObject }
  issuer: string
  issuerKey: KeyObject
  extension: Buffer
  validity?: Validity
}

let serial = 0

/** An X.509 certificate of version 3 (RFC 5280), signed with ECDSA and SHA-256. */
function certificate({ subject, keys, issuer, issuerKey, extension, validity = 'valid' }: Template): string {
  const algorithm = sequence(objectId('1.2.840.10045.4.3.2'))
  const lastYear = validity === 'expired' ? 2001 : 2049
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([++serial])),
    algorithm,
    distinguishedName(issuer),
    sequence(newYear(2000), newYear(lastYear)),
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

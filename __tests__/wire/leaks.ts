/** Looks for a secret in what left a program. */
import { stripVTControlCharacters } from 'node:util'

/** So many characters of a secret in a row are a leak of it. */
const PART_LENGTH = 12

/** The first part of the secret that can be read in the text, as it is or decoded once, in any case; or nothing. */
export function findLeak(text: string, secret: string): string | undefined {
  const visible = stripVTControlCharacters(text)
    .replace(/[^\n\P{C}]|\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
  const decoded = visible.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const wanted = secret.toLowerCase()
  const starts = Array.from({ length: Math.max(wanted.length - PART_LENGTH, 0) + 1 }).keys()
  const parts = Array.from(starts, (at) => wanted.slice(at, at + PART_LENGTH))
  return parts.find((part) => `${visible}\n${decoded.toLowerCase()}`.includes(part))
}

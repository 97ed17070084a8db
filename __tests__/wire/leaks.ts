/** Looks for a secret in what left a program. */
import { stripVTControlCharacters } from 'node:util'

/** So many characters of a secret in a row are a leak of it. */
const PART_LENGTH = 12

/** The first part of the secret that can be read in the text, as it is or decoded once, in any case; or nothing. */
export function findLeak(text: string, secret: string): string | undefined {
  const wanted = secret.toLowerCase()
  const length = Math.min(PART_LENGTH, wanted.length)
  const parts = Array.from({ length: wanted.length - length + 1 }, (_, at) =>
    wanted.slice(at, at + length),
  )
  const readings = [text, decodeOnce(text)].map(withoutInvisible)
  return parts.find((part) => readings.some((reading) => reading.includes(part)))
}

/** Undoes percent-encoding and the references of HTML. */
function decodeOnce(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/&#(\d{1,5});/g, (_, code: string) => String.fromCodePoint(Number(code)))
}

function withoutInvisible(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[^\n\P{C}]|\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
}

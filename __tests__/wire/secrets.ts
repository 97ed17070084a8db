/** Looks for a secret in what left a program, in any shape in which somebody could put it together again. */

/** So many letters and digits of a secret in a row count as a leak of it. */
const partLength = 12

/** The first part of the secret that can be read from the text, as it is or after some decodings, or nothing. */
export function findLeak(text: string, secret: string): string | undefined {
  const needle = lettersAndDigits(secret)
  const length = Math.min(partLength, needle.length)
  const parts = Array.from({ length: needle.length - length + 1 }, (_, at) =>
    needle.slice(at, at + length),
  )
  const readings = [text]
  for (let round = 0; round < 5; round++) readings.push(decode(readings.at(-1) ?? ''))
  const compared = readings.map(lettersAndDigits)
  return parts.find((part) => compared.some((reading) => reading.includes(part)))
}

/** Undoes one layer of percent-encoding and of HTML's character references. */
function decode(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/&#(\d{1,7});/g, (_, code: string) =>
      String.fromCodePoint(Math.min(Number(code), 0x10ffff)),
    )
    .replaceAll('&amp;', '&')
}

/** Without the escapes of terminals, which have letters and digits of their own. */
function lettersAndDigits(text: string): string {
  // eslint-disable-next-line no-control-regex -- escapes begin with one
  const bare = text.replace(/\u001b\[[0-9;]*[a-z]/gi, '')
  return bare.replace(/[^a-z\d]/gi, '').toLowerCase()
}

/** Looks for a secret in what left a program, in any shape in which somebody could put it together again. */

/** So many letters and digits of a secret in a row count as a leak of it. */
const partLength = 12

/** The first part of the secret that can be read from the text, or nothing. */
export function findLeak(text: string, secret: string): string | undefined {
  const needle = lettersAndDigits(secret)
  const length = Math.min(partLength, needle.length)
  const parts = Array.from({ length: needle.length - length + 1 }, (_, at) => needle.slice(at, at + length))
  const readings = readingsOf(text).map(lettersAndDigits)
  return parts.find((part) => readings.some((reading) => reading.includes(part)))
}

/** The text as it is, and as it is after one decoding after the other. */
function readingsOf(text: string): string[] {
  const readings = [text]
  for (let round = 0; round < 5; round++) readings.push(decode(readings.at(-1) ?? ''))
  return readings
}

/** Undoes one layer of percent-encoding and of HTML's character references. */
function decode(text: string): string {
  return text
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/&#(\d{1,7});/g, (_, digits: string) => codePoint(Number(digits)))
    .replaceAll('&amp;', '&')
}

function codePoint(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : ''
}

/** Without the escapes of terminals, which have letters and digits of their own. */
function lettersAndDigits(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- escapes begin with one
      .replace(/\u001b\[[0-9;]*[a-z]/gi, '')
      .replace(/[^a-z\d]/gi, '')
      .toLowerCase()
  )
}

/** Reads the log of a step as GitHub's runner does: commands become annotations and masks. */

export interface Annotation {
  level: 'error' | 'warning' | 'notice'
  /** The runner does not mask it, and its log does not show it. */
  title: string
  text: string
}

export interface StepLog {
  logAsShown: string
  annotations: Annotation[]
  /** In the order of their `add-mask` commands. */
  masks: string[]
}

const LEVELS = ['error', 'warning', 'notice'] as const

/** `%25` comes last, since what it stands for could complete another escape. */
const ESCAPES = [
  ['%0D', '\r'],
  ['%0A', '\n'],
  ['%3A', ':'],
  ['%2C', ','],
  ['%25', '%'],
] as const
/** In the text of a command, a colon and a comma stand for themselves. */
const TEXT_ESCAPES = ESCAPES.filter(([, character]) => !':,'.includes(character))

export function readLog(lines: readonly string[]): StepLog {
  const masks: string[] = []
  const annotations: Annotation[] = []
  const shown: string[] = []
  for (const line of lines) {
    const [, name, title = '', escaped = ''] =
      /^\s*::([\w-]+)(?: title=(.*?))?::(.*)$/s.exec(line) ?? []
    const text = decode(escaped, TEXT_ESCAPES)
    const level = LEVELS.find((each) => each === name)
    if (name === 'add-mask') masks.push(text)
    else if (level === undefined) shown.push(applyMasks(line, masks))
    else {
      annotations.push({ level, title: decode(title, ESCAPES), text: applyMasks(text, masks) })
      shown.push(applyMasks(`##[${level}]${text}`, masks))
    }
  }
  return { logAsShown: shown.join('\n'), annotations, masks }
}

function decode(text: string, escapes: readonly (readonly [string, string])[]): string {
  return escapes.reduce(
    (decoded, [escape, character]) => decoded.replaceAll(escape, character),
    text,
  )
}

/** The runner masks the lines of the log, the texts of annotations and the summary. */
export function applyMasks(text: string, masks: readonly string[]): string {
  const longestFirst = [...masks].sort((one, other) => other.length - one.length)
  return longestFirst.reduce((masked, mask) => masked.replaceAll(mask, '***'), text)
}

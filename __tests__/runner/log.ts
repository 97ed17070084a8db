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

export function readLog(lines: readonly string[]): StepLog {
  const masks: string[] = []
  const annotations: Annotation[] = []
  const shown: string[] = []
  for (const line of lines) {
    const [, name, title = '', escaped = ''] =
      /^\s*::([\w-]+)(?: title=(.*?))?::(.*)$/s.exec(line) ?? []
    // Of what is escaped, `%25` stands for every other percent sign.
    const text = decodeURIComponent(escaped)
    const level = LEVELS.find((each) => each === name)
    if (name === 'add-mask') masks.push(text)
    else if (level === undefined) shown.push(applyMasks(line, masks))
    else {
      annotations.push({ level, title: decodeURIComponent(title), text: applyMasks(text, masks) })
      shown.push(applyMasks(`##[${level}]${text}`, masks))
    }
  }
  return { logAsShown: shown.join('\n'), annotations, masks }
}

/** The runner masks the lines of the log, the texts of annotations and the summary. */
function applyMasks(text: string, masks: readonly string[]): string {
  const longestFirst = [...masks].sort((one, other) => other.length - one.length)
  return longestFirst.reduce((masked, mask) => masked.replaceAll(mask, '***'), text)
}

/** Shows a log the way GitHub's own runner does, as its code says (version 2.336.0): commands read, masks applied. */

export interface Annotation {
  level: 'error' | 'warning' | 'notice'
  /** The runner does not mask it, and its log does not show it. */
  title: string
  text: string
}

export interface ShownLog {
  logAsShown: string
  annotations: Annotation[]
  /** The masked values, in the order of their `add-mask` commands. */
  masks: string[]
}

interface Command {
  name: string
  title: string
  text: string
}

/** Commands that leave no line: either they set something, or they are shown in debug mode alone. */
const silentCommands = new Set(
  'add-mask add-matcher add-path debug echo remove-matcher save-state set-env set-output'.split(
    ' ',
  ),
)
const annotationLevels = ['error', 'warning', 'notice'] as const
const groupCommands = new Set(['group', 'endgroup'])

/** Escapes of the text, and more for the properties of either notation. `%25` comes last: it could complete another. */
const lineBreaks = [
  ['%0D', '\r'],
  ['%0A', '\n'],
] as const
const percent = [['%25', '%']] as const
const textEscapes = [...lineBreaks, ...percent]
const propertyEscapes = [...lineBreaks, ['%3A', ':'], ['%2C', ','], ...percent] as const
const bracketEscapes = [['%3B', ';'], ...lineBreaks, ['%5D', ']'], ...percent] as const

/** Interprets the workflow commands in a log, line by line as they came. */
export function showLog(lines: readonly string[]): ShownLog {
  const masks: string[] = []
  const annotations: Annotation[] = []
  const shown: string[] = []
  const show = (line: string) => shown.push(applyMasks(line, masks))
  for (const line of lines) {
    const command = parseCommand(line)
    const level = annotationLevels.find((each) => each === command?.name)
    if (command === undefined) show(line)
    else if (level !== undefined) {
      annotations.push({ level, title: command.title, text: applyMasks(command.text, masks) })
      if (command.text !== '') show(`##[${level}]${command.text}`)
    } else if (groupCommands.has(command.name)) {
      show(`##[${command.name}]${command.name === 'group' ? command.text : ''}`)
    } else if (command.name === 'add-mask') masks.push(command.text)
  }
  return { logAsShown: shown.join('\n'), annotations, masks }
}

/** Whether the line is an `add-mask` command, which a runner never shows. */
export function isMask(line: string): boolean {
  return parseCommand(line)?.name === 'add-mask'
}

/** `::name key=value,key=value::text` at the start of a line, or `##[name key=value;key=value]text` anywhere. */
function parseCommand(line: string): Command | undefined {
  const [, head, text = ''] = /^\s*::(.*?)::(.*)$/s.exec(line) ?? []
  const [, bracketHead = '', bracketText = ''] = /##\[(.*?)\](.*)$/s.exec(line) ?? []
  return (
    (head === undefined
      ? undefined
      : commandOf(head, ',', propertyEscapes, decode(text, textEscapes))) ??
    commandOf(bracketHead, ';', bracketEscapes, decode(bracketText, bracketEscapes))
  )
}

function commandOf(
  head: string,
  separator: string,
  escapes: Escapes,
  text: string,
): Command | undefined {
  const [name = ''] = head.toLowerCase().split(' ', 1)
  const isKnown =
    silentCommands.has(name) ||
    groupCommands.has(name) ||
    annotationLevels.some((each) => each === name)
  if (!isKnown) return undefined
  const properties = head.slice(name.length).trim().split(separator)
  const title =
    properties.findLast((property) => /^title=./is.test(property))?.slice('title='.length) ?? ''
  return { name, title: decode(title, escapes), text }
}

type Escapes = readonly (readonly [escape: string, character: string])[]

function decode(text: string, escapes: Escapes): string {
  return escapes.reduce(
    (decoded, [escape, character]) => decoded.replaceAll(escape, character),
    text,
  )
}

/**
 * Replaces masked values, and the lines of each, by `***`. The runner masks the lines of the log, the texts of
 * annotations and the summary; masked values that overlap or touch become one `***`.
 */
export function applyMasks(text: string, masks: readonly string[]): string {
  const isHidden = new Uint8Array(text.length)
  const hidden = masks
    .filter((mask) => mask.trim() !== '')
    .flatMap((mask) => [mask, ...mask.split(/[\r\n]/).map((line) => line.trim())])
    .filter((value) => value !== '')
  for (const value of hidden) {
    for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1))
      isHidden.fill(1, at, at + value.length)
  }
  let shown = ''
  for (let at = 0; at < text.length; at++) {
    if (isHidden[at] === 0) shown += text.charAt(at)
    else if (isHidden[at - 1] !== 1) shown += '***'
  }
  return shown
}

/** Outputs as they reach other jobs: the runner drops those that are empty or contain a masked value. */
export function jobOutputsOf(
  outputs: Readonly<Record<string, string>>,
  masks: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outputs).filter(
      ([, value]) => value !== '' && applyMasks(value, masks) === value,
    ),
  )
}

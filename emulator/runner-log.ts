/** Shows a log the way a GitHub runner does: workflow commands interpreted, masks applied. */

export interface ShownLog {
  logAsShown: string
  /** The masked values, in the order of their `add-mask` commands. */
  masks: string[]
}

interface Command {
  name: string
  title: string
  message: string
}

/** Interprets the workflow commands in a log, line by line as they came. */
export function showLog(lines: readonly string[]): ShownLog {
  const masks: string[] = []
  const shown: string[] = []
  for (const line of lines) {
    const command = parseCommand(line)
    if (command?.name === 'add-mask') masks.push(command.message)
    else shown.push(...showLine(line, command).map((text) => applyMasks(text, masks)))
  }
  return { logAsShown: shown.join('\n'), masks }
}

function showLine(line: string, command: Command | undefined): string[] {
  switch (command?.name) {
    case 'error':
    case 'warning':
    case 'notice': {
      const label = command.name.charAt(0).toUpperCase() + command.name.slice(1)
      return [[label, command.title, command.message].filter((part) => part !== '').join(': ')]
    }
    case 'group':
      return [command.message]
    case 'debug':
    case 'endgroup':
      return []
    default:
      return [line]
  }
}

/** Whether the line is an `add-mask` command, which a runner never shows. */
export function isMask(line: string): boolean {
  return parseCommand(line)?.name === 'add-mask'
}

/** `::name key=value,key=value::message`, with the message and the values percent-encoded. */
function parseCommand(line: string): Command | undefined {
  const [, name, properties = '', message = ''] = /^\s*::([a-z-]+)(?: (.*?))?::(.*)$/s.exec(line) ?? []
  if (name === undefined) return undefined
  const title = /(?:^|,)title=([^,]*)/.exec(properties)?.[1] ?? ''
  return { name, title: decode(title), message: decode(message) }
}

/** `%25` comes last: decoded earlier, it could complete another escape. */
function decode(text: string): string {
  return text
    .replaceAll('%0D', '\r')
    .replaceAll('%0A', '\n')
    .replaceAll('%3A', ':')
    .replaceAll('%2C', ',')
    .replaceAll('%25', '%')
}

/** Replaces masked values by `***`, as the runner does in all that it shows. */
export function applyMasks(text: string, masks: readonly string[]): string {
  return masks
    .flatMap((mask) => [mask, ...mask.split(/\r?\n/)])
    .filter((mask) => mask.trim() !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((shown, mask) => shown.replaceAll(mask, '***'), text)
}

/** The command: reads flags, prints the address and one line for each request, stops on a signal. */
import { parseArgs } from 'node:util'
import { DIFFERENCES } from './differences.ts'
import { FAULT_NAMES, parseFault } from './faults.ts'
import { type BotSetup, type EmulatorOptions, startEmulator } from './server.ts'

const USAGE = `Usage: npx tsx emulator/main.ts [flags]
  --host HOST, --port PORT    where it listens; else 127.0.0.1 and a free port
  --bot TOKEN[,attribute…]    a bot that the server knows; may be repeated. Attributes:
      young=SECONDS   close is refused for SECONDS after each launch, the start included;
                      without it, not at the start, and for 600 s after a launch
      closed, webhook, pending=N     it is closed, has a webhook, has N waiting updates
      poller=SECONDS  a forgotten poller opens it again, SECONDS after each close
      no-close        the server has no method close
      fault=KIND      spoils one request; may be repeated
  --differs KIND              how the server differs from the reference server; may be repeated
Faults: ${FAULT_NAMES.join(' ')}
Differences: ${DIFFERENCES.join(' ')}`

/** No message quotes what it complains of: it could be a token. */
function parseFlags(args: string[]): EmulatorOptions | 'help' {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '0' },
      bot: { type: 'string', multiple: true, default: [] },
      differs: { type: 'string', multiple: true, default: [] },
    },
  })
  if (values.help) return 'help'
  if (positionals.length > 0) throw new Error('only flags are taken; a token follows --bot')
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN
  if (!(port <= 65_535)) throw new Error('--port takes 0 to 65535')
  const differences = DIFFERENCES.filter((each) => values.differs.includes(each))
  if (differences.length < values.differs.length) {
    throw new Error(`--differs takes, each once: ${DIFFERENCES.join(' ')}`)
  }
  return { host: values.host, port, differences, bots: values.bot.map(parseBot) }
}

function parseBot(text: string): BotSetup {
  const [token = '', ...attributes] = text.split(',')
  if (!/^\d+:[\w-]{20,}$/.test(token)) {
    throw new Error('--bot takes a token, digits:20 or more of A-Z a-z 0-9 _ -, then attributes')
  }
  const faults: string[] = []
  const setup: BotSetup = { token, faults }
  for (const [index, attribute] of attributes.entries()) {
    const [name = '', value = ''] = attribute.split(/=(.*)/s)
    const number = /^\d{1,6}$/.test(value) ? Number(value) : undefined
    if (attribute === 'closed') setup.closed = true
    else if (attribute === 'webhook') setup.webhook = true
    else if (attribute === 'no-close') setup.noClose = true
    else if (name === 'young' && number !== undefined) setup.youngSeconds = number
    else if (name === 'poller' && number !== undefined) setup.pollerSeconds = number
    else if (name === 'pending' && number !== undefined) setup.pendingUpdates = number
    else if (name === 'fault') faults.push(parseFault(value).name)
    else throw new Error(`--bot does not know attribute ${index + 1}`)
  }
  return setup
}

async function main(): Promise<void> {
  const options = parseFlags(process.argv.slice(2))
  if (options === 'help') {
    console.log(USAGE)
    return
  }
  const emulator = await startEmulator({
    ...options,
    onRequest: ({ botId, method, answer }) => {
      console.log(`bot ${botId || '-'} ${method} -> ${answer}`)
    },
  })
  process.once('SIGINT', () => void emulator.stop())
  process.once('SIGTERM', () => void emulator.stop())
  console.log(`Bale Bot API emulator at ${emulator.url}`)
}

main().catch((error: unknown) => {
  const isListening = error instanceof Error && 'syscall' in error
  console.error(`${(error as Error).message}${isListening ? '' : '\n--help shows all flags'}`)
  process.exitCode = isListening ? 1 : 2
})

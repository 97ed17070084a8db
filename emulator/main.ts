/** The command: reads flags, prints the address and one line for each request, stops on a signal. */
import { parseArgs } from 'node:util'
import { faultNames, parseFault } from './faults.ts'
import { startEmulator } from './server.ts'
import type { BotSetup, EmulatorOptions } from './server.ts'

const usage = `Usage: node emulator/main.ts [--host HOST] [--port PORT]
  [--bot TOKEN[,closed][,young=SECONDS][,webhook][,poller=SECONDS][,no-close][,fault=KIND]...]...
  [--unknown-token not-found|already-closed]
Fault kinds: ${faultNames.join(' ')}`

/** No message quotes what it complains of: it could be a token. */
function parseFlags(args: string[]): EmulatorOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '0' },
      bot: { type: 'string', multiple: true, default: [] },
      'unknown-token': { type: 'string', default: 'not-found' },
    },
  })
  if (positionals.length > 0) throw new Error('only flags are taken; a token follows --bot')
  const unknownToken = values['unknown-token']
  if (unknownToken !== 'not-found' && unknownToken !== 'already-closed') {
    throw new Error('--unknown-token takes not-found or already-closed')
  }
  const port = Number(values.port)
  if (!/^\d+$/.test(values.port) || port > 65_535) throw new Error('--port takes 0 to 65535')
  return { host: values.host, port, unknownToken, bots: values.bot.map(parseBot) }
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
    if (attribute === 'closed') setup.closed = true
    else if (attribute === 'webhook') setup.webhook = true
    else if (attribute === 'no-close') setup.noClose = true
    else if (name === 'young' && /^\d{1,6}$/.test(value)) setup.youngSeconds = Number(value)
    else if (name === 'poller' && /^\d{1,6}$/.test(value)) setup.pollerSeconds = Number(value)
    else if (name === 'fault' && parseFault(value) !== undefined) faults.push(value)
    else throw new Error(`--bot does not know attribute ${index + 1}`)
  }
  return setup
}

async function run(options: EmulatorOptions): Promise<void> {
  const emulator = await startEmulator({
    ...options,
    onRequest: ({ botId, method, answer }) => {
      console.log(`bot ${botId || '-'} ${method} -> ${answer}`)
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void emulator.stop())
  }
  console.log(`Bale Bot API emulator at ${emulator.url}`)
}

function fail(exitCode: number, error: unknown, help = ''): void {
  console.error((error instanceof Error ? error.message : String(error)) + help)
  process.exitCode = exitCode
}

try {
  const options = parseFlags(process.argv.slice(2))
  run(options).catch((error: unknown) => {
    fail(1, error)
  })
} catch (error) {
  fail(2, error, `\n${usage}`)
}

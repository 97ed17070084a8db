/** The demo: the action in six scenarios against the emulator. Shows what both of them say. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type BotSetup, startEmulator } from './server.ts'

interface Scenario {
  title: string
  /** The bots that the server knows. */
  bots: BotSetup[]
  runs: Run[]
}

interface Run {
  inputs?: Record<string, string>
  passes: boolean
  /** What the action prints. */
  prints: RegExp
}

const SECRET = 'FAKE_secret_of_the_demo_0123456789-abcde'
const token = `1234567890:${SECRET}`

const SCENARIOS: Scenario[] = [
  {
    title: 'A running bot is closed',
    bots: [{ token }],
    runs: [{ passes: true, prints: /is closed\.[^]*^closed=true$/m }],
  },
  {
    title: 'A bot that was just launched: the server asks for a wait, and the action waits',
    bots: [{ token, youngSeconds: 3 }],
    runs: [{ passes: true, prints: /Next try in[^]*^closed=true$/m }],
  },
  {
    title: 'The answer is lost, so nobody knows whether the bot is closed. A new run settles it',
    bots: [{ token, faults: ['lost'] }],
    runs: [
      { inputs: { 'max-attempts': '1' }, passes: false, prints: /is not known to be closed/ },
      { inputs: { 'allow-already-closed': 'true' }, passes: true, prints: /^closed=true$/m },
    ],
  },
  {
    title: 'A forgotten copy of the bot opens it again, and the check notices',
    bots: [{ token, pollerSeconds: 1 }],
    runs: [
      { inputs: { 'confirm-after-seconds': '2' }, passes: false, prints: /^outcome=reopened$/m },
    ],
  },
  {
    title: 'A wrong token',
    bots: [],
    runs: [{ passes: false, prints: /^outcome=unauthorized$/m }],
  },
  {
    title: 'A dry run checks inputs and connection, and sends nothing',
    bots: [{ token }],
    runs: [{ inputs: { 'dry-run': 'true' }, passes: true, prints: /^outcome=dry-run$/m }],
  },
]

const columns = process.stdout.isTTY ? process.stdout.columns : 100
const hasColors = process.stdout.isTTY && process.stdout.hasColors()
const styled = (style: number | undefined, text: string) =>
  hasColors && style !== undefined ? `\u001B[${style}m${text}\u001B[0m` : text
const [BOLD, DIM, RED, GREEN, YELLOW] = [1, 2, 31, 32, 33] as const
const LEVELS: Record<string, number> = { ERROR: RED, WARNING: YELLOW }

/** Prints a line with who says it, broken between words. */
function show(who: string, text: string, style?: number): void {
  const width = Math.max(columns, 60) - 12
  const parts = text.match(new RegExp(`\\S.{0,${width - 1}}(?!\\S)|\\S+`, 'g')) ?? []
  for (const [index, part] of parts.entries()) {
    const label = (index === 0 ? who : '').padStart(8)
    console.log(`${styled(DIM, `${label} │`)} ${styled(style, part)}`)
  }
}

/** Runs the bundle by hand: outside of a workflow it prints plain lines. */
async function runAction(inputs: Record<string, string>) {
  const others = Object.entries(process.env).filter(([name]) => !/^(INPUT|GITHUB)_/i.test(name))
  const given = Object.entries(inputs).map(([name, text]) => [`INPUT_${name.toUpperCase()}`, text])
  const env = Object.fromEntries([...others, ...given]) as NodeJS.ProcessEnv
  const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url))
  const child = spawn(process.execPath, [bundle], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const outputs: string[] = []
  let printed = ''
  for await (const line of createInterface({ input: child.stdout })) {
    printed += `${line}\n`
    const level = /^(?:ERROR|WARNING)(?=:)/.exec(line)?.[0] ?? ''
    if (/^[a-z-]+=/.test(line)) outputs.push(line)
    else show('action', line, LEVELS[level])
  }
  show('outputs', outputs.join('   '), DIM)
  const [exitCode] = (await ended) as [number | null]
  return { printed, passes: exitCode === 0 }
}

/** @returns whether all is as it should be */
async function play({ bots, runs }: Scenario): Promise<boolean> {
  const emulator = await startEmulator({
    bots,
    onRequest: ({ method, answer }) =>
      show(method === 'getUpdates' ? 'copy' : 'server', `${method} → ${answer}`, DIM),
  })
  let isRight = true
  for (const { inputs = {}, passes, prints } of runs) {
    const given = Object.entries(inputs).map(([name, text]) => `${name}: ${text}`)
    show('step', ['close-bale-bot', ...given].join('   '), BOLD)
    const run = await runAction({ 'bale-token': token, 'api-url': emulator.url, ...inputs })
    show('step', run.passes ? '✓ passed' : '✗ failed', run.passes ? GREEN : RED)
    const isSafe = !run.printed.includes(SECRET)
    isRight &&= isSafe && run.passes === passes && prints.test(run.printed)
  }
  await emulator.stop()
  return isRight
}

let wrong = 0
for (const [index, scenario] of SCENARIOS.entries()) {
  console.log(`\n${styled(BOLD, `${index + 1}. ${scenario.title}`)}\n`)
  if (await play(scenario)) continue
  wrong++
  console.log(styled(RED, '\nThis is not as it should be.'))
}
console.log(wrong ? `\n${wrong} scenarios went wrong.` : '\nAll as it should be.')
process.exitCode = wrong ? 1 : 0

/** The demo: the committed bundle in five scenes against the emulator, shown as a runner shows it. */
import { applyMasks } from './runner-log.ts'
import { runBundle } from './runner.ts'
import type { BundleResult } from './runner.ts'
import { startEmulator } from './server.ts'
import type { BotSetup, RequestRecord } from './server.ts'

interface Scene {
  title: string
  /** The bots that the server knows. */
  bots: BotSetup[]
  inputs?: Record<string, string>
  exitCode: 0 | 1
  outputs: Record<string, string>
  /** What the server answered, request by request. */
  answers: RegExp[]
}

const secret = 'FAKE_secret_of_the_demo_0123456789-abcde'
const token = `1234567890:${secret}`

const scenes: Scene[] = [
  {
    title: 'A bot launched too recently is closed after the wait that the server asks for',
    bots: [{ token, youngSeconds: 6 }],
    exitCode: 0,
    outputs: { closed: 'true', outcome: 'closed' },
    answers: [/^429 /, /^200 closed$/],
  },
  {
    title: 'A gateway error and a broken connection are survived',
    bots: [{ token, faults: ['502', 'reset'] }],
    exitCode: 0,
    outputs: { closed: 'true', outcome: 'closed' },
    answers: [/^fault 502$/, /^fault reset$/, /^200 closed$/],
  },
  {
    title: 'A wrong token',
    bots: [],
    exitCode: 1,
    outputs: { closed: 'false', outcome: 'unauthorized' },
    answers: [/^403 /],
  },
  {
    title: 'A bot that is already closed',
    bots: [{ token, closed: true }],
    exitCode: 1,
    outputs: { closed: 'false', outcome: 'already-closed' },
    answers: [/^400 /],
  },
  {
    title: 'A dry run',
    bots: [{ token }],
    inputs: { 'dry-run': 'true' },
    exitCode: 0,
    outputs: { closed: 'false', outcome: 'dry-run' },
    answers: [],
  },
]

/** Plays a scene, shows it, and tells what was not as it should be. */
async function play({ bots, inputs, ...expected }: Scene): Promise<string[]> {
  const emulator = await startEmulator({ bots })
  try {
    const run = runBundle({ inputs: { 'bale-token': token, 'api-url': emulator.url, ...inputs } })
    const result = await run.done
    const shown = show(result, emulator.requests)
    console.log(shown)
    return complaints(expected, result, emulator.requests, shown)
  } finally {
    await emulator.stop()
  }
}

function show(result: BundleResult, requests: readonly RequestRecord[]): string {
  const annotations = result.annotations.map(({ level, title }) => `${level}: ${title}`)
  const outputs = Object.entries(result.jobOutputs).map(([name, value]) => `${name}=${value}`)
  const answers = requests.map(({ method, answer }) => `${method} -> ${answer}`)
  const seconds = (result.elapsedMs / 1000).toFixed(1)
  return [
    section(`Log (exit code ${result.exitCode ?? 'none'} after ${seconds} s)`, result.logAsShown),
    section('Titles of annotations', annotations.join('\n')),
    section('Outputs', outputs.join('\n')),
    section('Summary', applyMasks(readable(result.summary), result.masks)),
    section('Requests that the server saw', answers.join('\n')),
  ].join('\n')
}

/** Markdown with its character references resolved. */
function readable(markdown: string): string {
  return markdown.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
}

function section(heading: string, text: string): string {
  const lines = text.trim() === '' ? ['(none)'] : text.trim().split('\n')
  return [heading, ...lines.map((line) => `  | ${line}`)].join('\n')
}

function complaints(
  expected: Omit<Scene, 'bots' | 'inputs'>,
  result: BundleResult,
  requests: readonly RequestRecord[],
  shown: string,
): string[] {
  const found: string[] = []
  const require = (holds: boolean, complaint: string) => {
    if (!holds) found.push(complaint)
  }
  require(result.exitCode === expected.exitCode, `the exit code is not ${expected.exitCode}`)
  for (const [name, value] of Object.entries(expected.outputs)) {
    require(result.jobOutputs[name] === value, `the output ${name} is not ${value}`)
  }
  const asAnswered =
    requests.length === expected.answers.length &&
    expected.answers.every((pattern, index) => pattern.test(requests[index]?.answer ?? ''))
  require(asAnswered, 'the requests were not the expected ones')
  require(result.masks.includes(secret), 'the secret was not masked')
  require(!holdsPartOf(secret, result.written + shown), 'a part of the secret was shown')
  return found
}

/** Masks hide whole values only, so parts are looked for as well. */
function holdsPartOf(whole: string, text: string): boolean {
  const partLength = 12
  const starts = Array.from({ length: whole.length - partLength + 1 }, (_, start) => start)
  return starts.some((start) => text.includes(whole.slice(start, start + partLength)))
}

const failed: string[] = []
for (const [index, scene] of scenes.entries()) {
  console.log(`\n=== ${index + 1}. ${scene.title}\n`)
  const found = await play(scene).catch((error: unknown) => [
    error instanceof Error ? error.message : String(error),
  ])
  console.log(
    found.length === 0 ? '\nAs it should be.' : `\nNot as it should be: ${found.join('; ')}.`,
  )
  if (found.length > 0) failed.push(scene.title)
}

console.log(
  failed.length === 0
    ? `\nAll ${scenes.length} scenes ended as they should.`
    : `\nThese scenes did not end as they should:\n${failed.map((title) => `  - ${title}`).join('\n')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1

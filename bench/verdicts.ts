/** How long each tool takes to say whether the bot is closed, and whether that is right. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Reply, Script, Server } from './server.ts'
import { json, page, whole, yes } from './server.ts'
import { table } from './tables.ts'
import * as tools from './tools.ts'

const NO_VERDICT_MS = 150_000
/** Most of the time is waiting, so that many can wait together. */
const CONCURRENCY = 24
const WAIT_SECONDS = 5

const compared = [
  tools.action,
  tools.carefulCurl,
  tools.curl,
  tools.grammy,
  tools.nodeTelegramBotApi,
  tools.builtInFetch,
  tools.nodeFetch,
  tools.nodeHttp,
]

interface Scenario {
  readonly name: string
  readonly script: Script
  /** Whether the bot can be closed, and so whether a step should pass. */
  readonly closes: boolean
}

const firstTime =
  (fault: Reply): Script =>
  (attempt) =>
    attempt === 1 ? fault : yes
const forAWhile =
  (fault: Reply): Script =>
  (_, sinceFirstMs) =>
    sinceFirstMs < WAIT_SECONDS * 1000 ? fault : yes
const always =
  (reply: Reply): Script =>
  () =>
    reply

function failure(status: number, description: string, more: object = {}): Reply {
  return json(status, { ok: false, error_code: status, description, ...more })
}

const tooMany = { ok: false, error_code: 429, description: 'Too Many Requests' }
const asksInText = { ...tooMany, description: `Too Many Requests: retry after ${WAIT_SECONDS}` }
const alreadyClosed = failure(400, 'Bad Request: the bot has already been closed')

const scenarios: readonly Scenario[] = [
  { name: 'no fault', closes: true, script: always(yes) },
  { name: '502 page, once', closes: true, script: firstTime(page(502, 'Bad Gateway')) },
  { name: `503 page, ${WAIT_SECONDS} s long`, closes: true, script: forAWhile(page(503, 'Busy')) },
  { name: '502 page, for good', closes: false, script: always(page(502, 'Bad Gateway')) },
  { name: 'connection reset, once', closes: true, script: firstTime('reset') },
  {
    name: 'closed, but the answer is lost',
    closes: true,
    script: (attempt) => (attempt === 1 ? 'lost' : alreadyClosed),
  },
  { name: 'silence, once', closes: true, script: firstTime('silence') },
  {
    name: '429, wait in the body',
    closes: true,
    script: forAWhile(json(429, { ...tooMany, parameters: { retry_after: WAIT_SECONDS } })),
  },
  {
    name: '429, wait in the header',
    closes: true,
    script: forAWhile(json(429, tooMany, { 'retry-after': String(WAIT_SECONDS) })),
  },
  { name: '429, wait in the text', closes: true, script: forAWhile(json(429, asksInText)) },
  {
    name: '429 of a gateway, plain text',
    closes: true,
    script: forAWhile(whole(429, { 'content-type': 'text/plain' }, 'local_rate_limited')),
  },
  {
    name: '400 `bot limit exceed`',
    closes: true,
    script: forAWhile(failure(400, 'bot limit exceed')),
  },
  {
    name: '`ok: false` in 200, wait in the text',
    closes: true,
    script: forAWhile(json(200, asksInText)),
  },
  {
    name: '`ok: false` in 200, for good',
    closes: false,
    script: always(json(200, { ok: false, error_code: 400, description: 'Bad Request' })),
  },
  { name: 'HTML page in 200, once', closes: true, script: firstTime(page(200, 'Welcome')) },
  {
    name: 'redirect to a login page',
    closes: false,
    script: always(whole(302, { location: '/login' }, '')),
  },
  {
    name: 'wrong token, 403',
    closes: false,
    script: always(failure(403, 'Bad Request: Token not found')),
  },
  {
    name: 'no such method, 404',
    closes: false,
    script: always(failure(404, 'Not Found: method not found')),
  },
]

export async function measureVerdicts(server: Server): Promise<string> {
  const trials = scenarios.flatMap((scenario) => compared.map((tool) => ({ scenario, tool })))
  const queue = [...trials]
  const verdicts = new Map<(typeof trials)[number], Verdict>()
  const work = async (): Promise<void> => {
    for (let trial = queue.shift(); trial; trial = queue.shift()) {
      verdicts.set(trial, await judge(trial.tool, trial.scenario, server))
    }
  }
  const workers = Array.from({ length: CONCURRENCY }, async (_, at) => {
    // Few at first: what is quick to judge would suffer most from what runs beside it.
    await sleep(at * 1000)
    await work()
  })
  await Promise.all(workers)

  const of = (tool: tools.Tool): Verdict[] =>
    trials.filter((trial) => trial.tool === tool).flatMap((trial) => verdicts.get(trial) ?? [])
  const rows = scenarios.map(({ name }, at) => [name, ...compared.map((tool) => of(tool)[at]?.text ?? '')])
  const right = compared.map((tool) => of(tool).filter(({ isRight }) => isRight).length)
  const heads = ['', ...compared.map(({ name }) => name)]
  return table(heads, [...rows, [`right, of ${scenarios.length}`, ...right.map(String)]])
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  running.forEach(killGroup)
})

/** Each tool has a process group of its own, so that no child of it is left behind. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}

interface Verdict {
  readonly text: string
  readonly isRight: boolean
}

async function judge(tool: tools.Tool, scenario: Scenario, server: Server): Promise<Verdict> {
  const target = server.newBot(scenario.script)
  const { argv, env } = tool.run(target)
  const [command = '', ...args] = argv
  const startMs = performance.now()
  const child = spawn(command, args, { env, stdio: 'ignore', detached: true })
  running.add(child)
  const timer = setTimeout(() => {
    killGroup(child)
  }, NO_VERDICT_MS)
  const [exitCode] = (await once(child, 'exit')) as [number | null]
  clearTimeout(timer)
  running.delete(child)
  const took = `${((performance.now() - startMs) / 1000).toFixed(1)} s`
  if (exitCode === null) return { text: `none in ${NO_VERDICT_MS / 1000} s`, isRight: false }
  const passes = exitCode === 0
  if (passes && !server.isClosed(target)) return { text: `**wrong yes** ${took}`, isRight: false }
  return passes === scenario.closes ? { text: took, isRight: true } : { text: `gives up ${took}`, isRight: false }
}

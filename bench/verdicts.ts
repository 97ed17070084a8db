/** How long each program takes to tell whether the bot is closed, and whether that is right. */
import { setTimeout as sleep } from 'node:timers/promises'
import { run, table } from './measure.ts'
import { compared } from './programs.ts'
import { envelope, startServer, yes, type Reply } from './server.ts'

const PATIENCE_SECONDS = 60
/** Most of the time is waiting: the trials start one after the other and then run together. */
const STAGGER_MS = 250

const no = (code: number, description: string) => ({ ok: false, error_code: code, description })
const tooMany = no(429, 'Too Many Requests')
const asksInText = no(429, 'Too Many Requests: retry after 5')
const page = (status: number): Reply => ({ status, body: ['<html></html>'] })

/** What the first request gets, and others until so many seconds later. */
const faults: Readonly<Record<string, [number, Reply]>> = {
  'no fault': [0, yes],
  '502 page, once': [0, page(502)],
  '503 page, for 5 s': [5, page(503)],
  'reset, once': [0, 'reset'],
  'answer lost, bot closed': [0, 'lost'],
  'silence, once': [0, 'silence'],
  '429, wait in body': [5, envelope(429, { ...tooMany, parameters: { retry_after: 5 } })],
  '429, wait in header': [5, envelope(429, tooMany, { 'retry-after': '5' })],
  '429, wait in text': [5, envelope(429, asksInText)],
  '429, plain text': [5, { status: 429, body: ['local_rate_limited'] }],
  '400 `bot limit exceed`': [5, envelope(400, no(400, 'bot limit exceed'))],
  '429 in HTTP 200': [5, envelope(200, asksInText)],
  'HTML page, once': [0, page(200)],
  '400 in HTTP 200': [Infinity, envelope(200, no(400, 'Bad Request'))],
  'redirect to login': [Infinity, { status: 302, headers: { location: '/login' }, body: [] }],
  'wrong token': [Infinity, envelope(403, no(403, 'Bad Request: Token not found'))],
  'no such method': [Infinity, envelope(404, no(404, 'Not Found: method not found'))],
}

export async function measureVerdicts(): Promise<string> {
  const newBot = await startServer()
  const starters = Object.values(compared)
  const right = starters.map(() => 0)
  const rows = Object.entries(faults).map(async ([name, [seconds, fault]], row) => {
    const cells = starters.map(async (start, column) => {
      await sleep((row * starters.length + column) * STAGGER_MS)
      const bot = newBot(fault, seconds)
      const { exitCode, wallMs } = await run(start(bot), PATIENCE_SECONDS * 1000)
      if (exitCode === null) return '_hangs_'
      if (exitCode === 0 && !bot.isClosed) return '**wrong**'
      if (exitCode !== 0 && seconds < Infinity) return '_fails_'
      right[column] = (right[column] ?? 0) + 1
      return (wallMs / 1000).toFixed(1)
    })
    return [name, ...(await Promise.all(cells))]
  })
  return table(
    ['', ...Object.keys(compared)],
    [...(await Promise.all(rows)), [`right (of ${rows.length})`, ...right]],
  )
}

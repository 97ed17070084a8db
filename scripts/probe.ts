/** Asks a Bot API, with a test bot, what `close` does there, and records what that means for the action. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import { HttpsProxyAgent } from 'https-proxy-agent'
import type { HttpAnswer } from '../emulator/faults.ts'
import * as emulated from '../emulator/lifecycle.ts'
import { toHttp } from '../emulator/server.ts'
import { exchange } from '../src/bale.ts'
import { explain } from '../src/failures.ts'
import { parseInputs, type ValidInputs } from '../src/inputs.ts'
import { createQuote, quotationsAsCode } from '../src/text.ts'
import { judge } from '../src/verdict.ts'
import { differenceIn, inShort, type Look } from './probe-differences.ts'

const FILE = 'bale-probe.md'
const PLAN = `The probe opens and closes the bot several times, in up to a quarter of an hour.
Take a test bot that nothing else uses, neither a program nor a webhook.
The answers are written to ${FILE}, without the token, the id and the names of the bot.`
const USAGE = `Usage: npm run probe -- [--token-file FILE] [--api-url URL] [--yes]
The token comes from the variable BALE_TOKEN or from FILE. --yes starts without a question.`
const FORM = 'https://github.com/OWNER/close-bale-bot/issues/new?template=probe.yml'
const SEEN = ['HTTP', 'ok', 'error_code', 'retry_after', 'Retry-After', 'description']
const COLUMNS = ['step', ...SEEN, 'Server', 'content type', 'ms', 'the action', 'as expected']
const MAX_WAIT_SECONDS = 660
const { ALREADY_CLOSED, METHOD_NOT_FOUND, TOKEN_NOT_FOUND, success, tooEarly } = emulated
const [OK, YES] = [success({}), success(true)]

/** Ends the probe early, and says why. */
class Stop extends Error {}
const stop = new AbortController()
let current = 'connect'
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort())

/** Makes the requests in their order. Adds to the facts on the connection, differences and lines. */
async function probe(inputs: ValidInputs, facts: string[], found: Set<string>, table: string[]) {
  const { 'api-url': url, botId, proxy } = inputs
  const ownSecret = inputs['bale-token'].slice(botId.length + 1)
  const timeoutSeconds = inputs['attempt-timeout-seconds']
  const client = url.protocol === 'https:' ? https : http
  const agent = proxy ? new HttpsProxyAgent(proxy.url) : new client.Agent()
  const quote = createQuote(inputs.secrets)
  const hidden = [botId]

  /** Text from outside without secrets and names. */
  function plain(value: unknown): string {
    if (value === undefined || value === '') return ''
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    const quoted: string = quote(typeof value === 'string' ? value : JSON.stringify(value))
    return hidden.reduce((shown, name) => shown.replaceAll(name, '…'), quoted)
  }

  function look({ status, headers, body }: HttpAnswer): Look {
    const { 'retry-after': retryAfter = '', server, 'content-type': type } = headers
    const received = { mayHaveArrived: true, retryAfter, receivedAtSeconds: Date.now() / 1000 }
    const verdict = judge('close', { kind: 'answer', status, body, ...received }, quote)
    const { answer, reason, description, waitSeconds } = verdict
    const wait = valueIn(body, 'parameters', 'retry_after') ?? valueIn(body, 'retry_after')
    const envelope = [valueIn(body, 'ok'), valueIn(body, 'error_code'), wait]
    const texts = [description.slice(1, -1), server, type]
    const seen = [status, ...envelope, Number(retryAfter) || retryAfter, ...texts].map(plain)
    const end = answer.replace('done', 'closed') + (reason === 'launch' ? ' (launch)' : '')
    return { seen, end, waitSeconds }
  }

  async function ask(step: string, why: string, expected: emulated.Answer | Look) {
    current = step
    console.log(`\n${step}: ${why}`)
    const secret = step === 'wrong token' ? randomBytes(30).toString('base64url') : ownSecret
    const method =
      step === 'unknown method' ? 'noSuchMethod' : step.startsWith('get') ? step : 'close'
    const target = `${url.href.replace(/\/+$/, '')}/bot${botId}:${secret}/${method}`
    const startMs = performance.now()
    const request = client.request(target, {
      method: step === 'close by GET' ? 'GET' : 'POST',
      agent,
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
      headers: { 'accept-encoding': 'identity', 'user-agent': 'close-bale-bot' },
    })
    const [response] = (await once(request.end(), 'response')) as [IncomingMessage]
    request.on('error', () => undefined)
    const socket = response.socket as Partial<TLSSocket>
    const { O: company, CN: name } = socket.getPeerCertificate?.().issuer ?? {}
    const issuer = plain(company ?? name)
    if (step === 'getMe')
      facts.splice(5, 2, socket.remoteFamily ?? '', issuer && `certificate of ${issuer}`)
    const { statusCode: status = 0, headers } = response
    const body = await text(response)
    const ms = String(Math.round(performance.now() - startMs))
    const came = look({ status, headers: headers as HttpAnswer['headers'], body })
    // The bot may have run for long, or since a moment, so a refusal is expected, too.
    const isRefused = step === 'close' && came.end.endsWith('(launch)')
    const answer = isRefused ? tooEarly(came.waitSeconds || 600) : expected
    const usual = 'seen' in answer ? answer : look(toHttp(answer))
    const difference = differenceIn(step, came, usual)
    if (difference) found.add(`- ${difference}`)
    const action = step.startsWith('get') ? '' : came.end
    const fits = difference ? `no: ${inShort(usual)}` : 'yes'
    console.log(table[table.push(lineOf([step, ...came.seen, ms, action, fits])) - 1])
    return { ...came, body }
  }

  console.log(`\n${table.join('\n')}`)
  const startMs = performance.now()
  const connection = await exchange(inputs, 'connect', timeoutSeconds, stop.signal)
  const code = connection.kind === 'failed' ? connection.code : 'ETIMEDOUT'
  if (connection.kind !== 'connected') throw new Stop(`No connection: ${explain(code).cause}.`)
  facts.push(`connected in ${Math.round(performance.now() - startMs)} ms`)
  console.log(`\nconnect: Can the API be reached? Yes, ${facts.at(-1)}.`)
  const me = await ask('getMe', 'Is the token right? This also launches the bot.', OK)
  if (me.seen[1] !== 'true') throw new Stop(`getMe failed: ${inShort(me)}.`)
  for (const name of ['first_name', 'last_name', 'username']) {
    const value = valueIn(me.body, 'result', name)
    if (typeof value === 'string' && value.length > 2) hidden.push(value)
  }
  const { body } = await ask('getWebhookInfo', 'Does anything use the bot?', OK)
  if (valueIn(body, 'result', 'url') || valueIn(body, 'result', 'pending_update_count')) {
    throw new Stop('The bot has a webhook or waiting updates. Nothing was closed. Take a test bot.')
  }
  await ask('unknown method', 'How does a method look that is not offered?', METHOD_NOT_FOUND)
  await ask('wrong token', 'How does close answer to a wrong secret?', TOKEN_NOT_FOUND)
  let last = await ask('close', 'Is it refused after a launch? How is the wait named?', YES)
  if (last.end.startsWith('rate-limited')) {
    await pause(Math.min(last.waitSeconds || MAX_WAIT_SECONDS, MAX_WAIT_SECONDS))
    last = await ask('close after the wait', 'Was the wait long enough?', YES)
  }
  if (last.end.endsWith('closed')) {
    await ask('close again', 'What does it say of a closed bot?', ALREADY_CLOSED)
    await pause(5)
    last = await ask('close again', 'And five seconds later?', ALREADY_CLOSED)
    await ask('getMe', 'Does this open the bot?', OK)
    const next = await ask('close after a launch', 'Is it refused now?', tooEarly(600))
    if (next.end !== 'closed') last = next
  }
  await ask('close by GET', 'Is it answered as by POST?', last)
}

function lineOf(cells: string[]): string {
  return `| ${cells.map((cell) => quotationsAsCode(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

async function pause(seconds: number): Promise<void> {
  const total = Math.ceil(seconds)
  for (let left = total; left > 0; left--) {
    if (process.stdout.isTTY) process.stdout.write(`next request in ${left} s \r`)
    else if (left === total || left % 60 === 0) console.log(`next request in ${left} s`)
    await sleep(1000, undefined, { signal: stop.signal })
  }
}

function valueIn(json: string, ...path: string[]): unknown {
  const step = (from: unknown, name: string) => (Object(from) as Record<string, unknown>)[name]
  try {
    return path.reduce<unknown>(step, JSON.parse(json))
  } catch {
    return undefined
  }
}

/** @returns the exit code: 1 if the record is not complete, 2 if nothing was asked */
async function main(): Promise<number> {
  const string = { type: 'string' } as const
  const boolean = { type: 'boolean' } as const
  const options = { 'token-file': string, 'api-url': string, yes: boolean, help: boolean }
  const { 'token-file': file, 'api-url': apiUrl, yes, help } = parseArgs({ options }).values
  console.log(help ? `${USAGE}\n\n${PLAN}` : PLAN)
  if (help) return 0
  const token = file ? readFileSync(file, 'utf8') : process.env['BALE_TOKEN']
  if (!token?.trim()) return fail('There is no token.')
  const others = Object.entries(process.env).filter(([name]) => !/^INPUT_/i.test(name))
  const given = { 'INPUT_BALE-TOKEN': token, 'INPUT_API-URL': apiUrl }
  const inputs = parseInputs({ ...Object.fromEntries(others), ...given })
  if (!inputs.isValid) return fail(inputs.complaints.join('\n'))
  if (!yes) {
    process.stdout.write('\nIs it a test bot? Type yes to start: ')
    const lines = createInterface({ input: process.stdin, signal: stop.signal })
    const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?]
    lines.close()
    if (line?.trim() !== 'yes') return fail('Nothing was sent.')
  }
  const { host } = inputs['api-url']
  const version = `close-bale-bot ${process.env['npm_package_version'] ?? '(version unknown)'}`
  const where = host === 'tapi.bale.ai' ? host : 'not tapi.bale.ai'
  const way = inputs.proxy ? 'through a proxy' : 'without a proxy'
  const facts = [version, new Date().toISOString().slice(0, 10), where, way]
  const table = [lineOf(COLUMNS), lineOf(COLUMNS.map(() => '-'))]
  const differences = new Set<string>()
  let stopped = ''
  await probe(inputs, facts, differences, table).catch((error: unknown) => {
    // Of other errors only the code, since a message may hold the token.
    const { code = '', name, message } = error as NodeJS.ErrnoException
    const { cause } = explain(name === 'AbortError' ? 'ETIMEDOUT' : code)
    const reason = error instanceof Stop ? message : `No answer to ${current}: ${cause}.`
    stopped = `**Stopped.** ${stop.signal.aborted ? `It was interrupted at ${current}.` : reason}`
  })
  const none = stopped ? '' : 'No difference: the action works here as its pages say.'
  const about = `${facts.filter(Boolean).join(', ')}.`
  const result = [about, stopped, [...differences].join('\n') || none].filter(Boolean).join('\n\n')
  console.log(`\n${result}`)
  writeFileSync(FILE, `### Record of a probe\n\n${result}\n\n${table.join('\n')}\n`)
  console.log(`\nThe record is in ${FILE}. Paste it into ${FORM}`)
  return stopped ? 1 : 0
}

function fail(problem: string): number {
  console.error(`\n${problem}\n\n${USAGE}`)
  return 2
}

process.exitCode = await main().catch(() =>
  fail('A flag is wrong, or a file cannot be read or written.'),
)

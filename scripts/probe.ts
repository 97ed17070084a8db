/** Asks a Bot API, with a test bot, what `close` does there, and records what that means for the action. */
import { type EventEmitter, once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import { HttpsProxyAgent } from 'https-proxy-agent'
import fetch from 'node-fetch'
import type { HttpAnswer } from '../emulator/faults.ts'
import * as emulated from '../emulator/lifecycle.ts'
import { toHttp } from '../emulator/server.ts'
import { HEADERS, parseRetryAfter } from '../src/bale.ts'
import { parseInputs, type ValidInputs } from '../src/inputs.ts'
import { quotationsAsCode } from '../src/text.ts'
import { judge } from '../src/verdict.ts'

const PLAN = `The probe opens and closes the bot several times, in up to a quarter of an hour.
Take a test bot that nothing else uses, neither a program nor a webhook.
The answers are written to bale-probe.md, without the token, the id and the names of the bot.`
const USAGE =
  'Usage: npm run probe -- [--token-file FILE, or set BALE_TOKEN] [--api-url URL] [--yes]'
const FORM = 'https://github.com/OWNER/close-bale-bot/issues/new?template=probe.yml'
const SEEN = ['HTTP', 'ok', 'error_code', 'retry_after', 'Retry-After', 'Server', 'content type']
const COLUMNS = ['step', ...SEEN, 'description', 'ms', 'the action', 'as expected']
const [OK, YES] = [emulated.success({}), emulated.success(true)]

/** What it means if the action ends otherwise than expected, by step and end; `*` is any. */
const MEANINGS: Record<string, string> = {
  'getMe *': '`getMe` fails, so nothing is known of `close`.',
  'getWebhookInfo *': 'It is not known whether anything uses the bot: make sure that nothing does.',
  'close, wrong secret already-closed':
    'A wrong token looks like a closed bot: with one, `allow-already-closed` passes the step.',
  'close unsupported': '`close` is not offered: the action ends as `unsupported`. Drop the action.',
  'close again closed':
    '`close` says yes to a closed bot, too: `confirm-after-seconds` is of no use.',
  'close again rate-limited (launch)':
    'Something opened the bot. Or `close` has its own limit: then leave `confirm-after-seconds` at 0.',
  'close after getMe closed': 'No window after a launch: `reopened` cannot be told from a new yes.',
  '* already-closed': '`getMe` does not open the bot here: a check may miss a copy that runs.',
  '* rate-limited': 'A limiter refused a request, which tells nothing of a window: probe again.',
}

const inputs = await readInputs().catch(() => refuse('A flag is wrong, or FILE cannot be read.'))
const { 'api-url': url, 'bale-token': token, botId, proxy } = inputs
const client = url.protocol === 'https:' ? https : http
const agent = proxy ? new HttpsProxyAgent(proxy.url, { headers: HEADERS }) : new client.Agent()
const OPTIONS = { agent, headers: HEADERS, redirect: 'manual' } as const
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'] // It would trust any certificate.
const placeholders = new Map([[botId, '<bot id>']])
// The record so far, which is written however the probe ends.
const version = process.env['npm_package_version'] ?? '(version unknown)'
const host = url.host === 'tapi.bale.ai' ? url.host : 'not tapi.bale.ai'
const facts = [`close-bale-bot ${version}`, new Date().toISOString().slice(0, 10), host]
const table = [COLUMNS, COLUMNS.map(() => '-')].map(lineOf)
const notes = new Set<string>()
let step = 'connect'

async function probe(): Promise<void> {
  await connect()
  const me = await ask('getMe', 'Is the token right? This also launches the bot.', OK)
  if (!me.isOk) finish(`getMe failed: ${me.short}.`)
  const names = ['username', 'first_name', 'last_name'].map((field) => me.result[field])
  for (const name of names.filter(Boolean)) placeholders.set(String(name), '<name>')
  const { result } = await ask('getWebhookInfo', 'Does anything use the bot?', OK)
  const isUsed = [result['url'], result['pending_update_count']].some(Boolean)
  if (isUsed) finish('The bot has a webhook or waiting updates. Nothing was closed.')
  await ask('noSuchMethod', 'How is an unknown method refused?', emulated.METHOD_NOT_FOUND)
  await ask('close, wrong secret', 'How is a wrong token refused?', emulated.TOKEN_NOT_FOUND)
  let last = await ask('close', 'Is it refused after a launch? How is the wait named?', YES)
  if (last.end.startsWith('rate-limited')) {
    // At most eleven minutes.
    const seconds = Math.min(last.waitSeconds || 660, 660)
    console.log(`\nThe next request is in ${Math.ceil(seconds)} s.`)
    await sleep(seconds * 1000)
    last = await ask('close after the wait', 'Was the wait long enough?', YES)
  }
  if (last.end.endsWith('closed')) {
    await ask('close again', 'What does it say of a closed bot?', emulated.ALREADY_CLOSED)
    await sleep(5_000)
    last = await ask('close again', 'And five seconds later?', emulated.ALREADY_CLOSED)
    await ask('getMe', 'Does this open the bot?', OK)
    const next = await ask('close after getMe', 'Is it refused now?', emulated.tooEarly(600))
    if (next.end !== 'closed') last = next
  }
  await ask('close by GET', 'Is it answered as by POST?', last)
}

/** Connects for a request that is not sent, which only a proxy answers. */
async function connect(): Promise<void> {
  const startMs = performance.now()
  const request = client.request(url, { agent, signal: AbortSignal.timeout(10_000) })
  request.once('response', ({ statusCode = 0 }) => finish(`The proxy refuses: HTTP ${statusCode}.`))
  const [socket] = (await once(request, 'socket')) as [EventEmitter & Partial<TLSSocket>]
  const connected = once(socket, client === https ? 'secureConnect' : 'connect')
  await Promise.race([connected, once(request, 'response')])
  const ms = Math.round(performance.now() - startMs)
  const issuer = Object.values(socket.getPeerCertificate?.().issuer ?? {}).join(', ')
  facts.push(`connected${proxy ? ' by proxy' : ''} in ${ms} ms, ${socket.remoteFamily ?? ''}`)
  if (issuer) facts.push(`certificate of ${quote(issuer)}`)
  console.log(`\nconnect: Can the API be reached? Yes, in ${ms} ms.\n\n${table.join('\n')}`)
  request.destroy()
}

/** Sends a request by the method with which the step begins, and records the answer. */
async function ask(name: string, why: string, expected: emulated.Answer | Look): Promise<Look> {
  step = name
  console.log(`\n${step}: ${why}`)
  const sentToken = step.includes('wrong') ? `${botId}:${crypto.randomUUID()}` : token
  const target = `${url.href.replace(/\/+$/, '')}/bot${sentToken}/${step.replace(/\W.*/, '')}`
  const method = step.endsWith('GET') ? 'GET' : 'POST'
  const startMs = performance.now()
  const response = await fetch(target, { ...OPTIONS, method, signal: AbortSignal.timeout(10_000) })
  const headers = Object.fromEntries(response.headers)
  const answer = await look({ status: response.status, headers, body: await response.text() })
  const ms = String(Math.round(performance.now() - startMs))
  const usual = 'seen' in expected ? expected : await look(toHttp(expected))
  const difference = differenceBetween(answer, usual)
  if (difference) notes.add(difference)
  const fits = difference ? `no: ${usual.short}` : 'yes'
  const row = lineOf([step, ...answer.seen, ms, step.startsWith('get') ? '' : answer.end, fits])
  table.push(row)
  console.log(row)
  return answer
}

type Fields = Record<string, unknown>
type Look = Awaited<ReturnType<typeof look>>

/** What is seen of an answer, in whole and in short, and how the action would end after it. */
async function look({ status, headers, body }: HttpAnswer) {
  const { 'retry-after': retryAfter = '', server, 'content-type': type } = headers
  const received = { mayHaveArrived: true, retryAfterSeconds: parseRetryAfter(retryAfter) }
  const verdict = judge('close', { kind: 'answer', status, body, ...received }, quote)
  const { answer, reason, description, waitSeconds } = verdict
  const envelope = Object(await new Response(body).json().catch(() => undefined)) as Fields
  const wait = (Object(envelope['parameters']) as Fields)['retry_after'] ?? envelope['retry_after']
  const values = [status, envelope['ok'], envelope['error_code'], wait, retryAfter, server, type]
  const texts = values.map((each = '') => (typeof each === 'string' ? each : JSON.stringify(each)))
  const cells = texts.map((text) => (/^\w{0,5}$/.test(text) ? text : quote(text)))
  const [, ok, code, inBody, inHeader] = cells
  const state = ok === 'true' ? 'ok' : code !== String(status) && code && `error_code ${code}`
  const words = description.replace(/(retry after) \d+/i, '$1 N')
  const waits = [inBody && 'retry_after', inHeader && 'Retry-After']
  const short = [`HTTP ${status}`, state, words, ...waits].filter(Boolean).join(', ')
  const end = answer.replace('done', 'closed') + (reason === 'launch' ? ' (launch)' : '')
  const result = Object(envelope['result']) as Fields
  return { isOk: ok === 'true', seen: [...cells, description], short, end, waitSeconds, result }
}

/** A sentence; empty if nothing differs. */
function differenceBetween({ short, end, waitSeconds }: Look, usual: Look): string {
  // The bot may run for long, or since a moment.
  if (step === 'close' && end === 'rate-limited (launch)') return ''
  if (end !== usual.end) {
    const meaning = MEANINGS[`${step} ${end}`] ?? MEANINGS[`* ${end}`] ?? MEANINGS[`${step} *`]
    return meaning ?? `On \`${step}\`, the action ends as \`${end}\`, not as \`${usual.end}\`.`
  }
  if (Math.abs(waitSeconds - usual.waitSeconds) > 5) {
    const wait = waitSeconds ? `for ${waitSeconds} s, not 600 s` : 'for a time that is not named'
    return `After a launch, \`close\` is refused ${wait}: \`timeout-seconds\` must exceed it.`
  }
  if (short === usual.short) return ''
  const isOnlyStatus = short.replace('HTTP 200, error_code', 'HTTP') === usual.short
  if (isOnlyStatus) return 'Errors come with HTTP 200: the action goes by the body.'
  return `\`${step}\`: ${short} instead of ${usual.short}. The action ends the same.`
}

/** Text from outside without secrets, bot id and names. */
function quote(text: string) {
  for (const [name, words] of placeholders) text = text.replaceAll(name, words)
  return inputs.quote(text)
}

function lineOf(cells: string[]): string {
  return `| ${cells.map((cell) => quotationsAsCode(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

/** Writes the record, and ends the probe. */
function finish(stopped?: string): never {
  if (stopped) notes.add(`**Stopped.** ${stopped}`)
  if (notes.size === 0) notes.add('No difference: the action works here as its pages say.')
  const result = quotationsAsCode(`${facts.join(', ')}.\n\n- ${[...notes].join('\n- ')}`)
  writeFileSync('bale-probe.md', `### Record of a probe\n\n${result}\n\n${table.join('\n')}\n`)
  console.log(`\n${result}\n\nThe record is in bale-probe.md. Paste it into ${FORM}`)
  process.exit(stopped ? 1 : 0)
}

/** Reads flags and token, and asks for consent. */
async function readInputs(): Promise<ValidInputs> {
  const string = { type: 'string' } as const
  const options = { 'token-file': string, 'api-url': string, yes: { type: 'boolean' } } as const
  const { 'token-file': file, 'api-url': apiUrl, yes } = parseArgs({ options }).values
  console.log(PLAN)
  const text = file ? readFileSync(file, 'utf8') : process.env['BALE_TOKEN']
  const parsed = parseInputs({ ...process.env, 'INPUT_BALE-TOKEN': text, 'INPUT_API-URL': apiUrl })
  if (!parsed.isValid) return refuse(parsed.complaints.join('\n'))
  if (yes) return parsed
  console.log('\nIs it a test bot? Type yes to start; any other answer stops:')
  for await (const line of createInterface({ input: process.stdin })) {
    return line.trim().toLowerCase() === 'yes' ? parsed : refuse('Nothing was sent.')
  }
  return refuse('Nothing was sent.')
}

function refuse(problem: string): never {
  console.error(`\n${problem}\n\n${USAGE}`)
  process.exit(2)
}

process.on('SIGINT', () => finish(`It was interrupted at ${step}.`))
await probe().catch((error: unknown) => {
  // Only the code, since the message may hold the token.
  const { name, code = name } = error as NodeJS.ErrnoException
  finish(`No answer to ${step} (${/abort/i.test(code) ? 'ETIMEDOUT' : code}).`)
})
finish()

/** Asks a Bot API, with a test bot, what `close` does there, and records what that means here. */
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
The answers go to bale-probe.md (an older one is replaced), without token, id and names of the bot.`
const USAGE = 'npm run probe -- [--token-file FILE, or set BALE_TOKEN] [--api-url URL] [--yes]'
const PASTE = ' Paste it into https://github.com/OWNER/close-bale-bot/issues/new?template=probe.yml'
const SEEN = ['HTTP', 'ok', 'error_code', 'retry_after', 'Retry-After', 'Server', 'content type']
const COLUMNS = ['step', ...SEEN, 'description', 'ms', 'the action', 'as expected']
const [OK, YES] = [emulated.success({}), emulated.success(true)]

/** What it means if the action ends otherwise than expected, by step and end; `*` is any. */
const MEANINGS: Record<string, string> = {
  'close, wrong secret already-closed':
    'A wrong token looks like a closed bot: with one, `allow-already-closed` passes the step.',
  'close again closed': '`close` says yes to a closed bot: leave out `confirm-after-seconds`.',
  'close later closed': 'Something opened the bot, and there is no window after a launch.',
  'close later rate-limited (launch)':
    'Something opened the bot. If nothing uses it, leave out `confirm-after-seconds`.',
  'close after getMe closed': 'No window after a launch: a bot that was opened is `unconfirmed`.',
  'close after getMe already-closed': '`getMe` does not open the bot: a check may miss a copy.',
  '* rate-limited': 'A limiter refused a request, which tells nothing of a window: probe again.',
}

const inputs = await readInputs().catch((error: unknown) =>
  refuse(error instanceof TypeError ? `A flag is wrong. ${USAGE}` : 'The file cannot be read.'),
)
const { 'api-url': url, 'bale-token': token, botId, proxy } = inputs
const client = url.protocol === 'https:' ? https : http
const agent = proxy ? new HttpsProxyAgent(proxy.url, { headers: HEADERS }) : new client.Agent()
const OPTIONS = { agent, headers: HEADERS, redirect: 'manual' } as const
delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'] // It would trust any certificate.
const placeholders = new Map([[botId, '<bot id>']])
const version = process.env['npm_package_version'] ?? '(version unknown)'
const host = (url.host === 'tapi.bale.ai' ? url.host : 'another API') + (proxy ? ' by proxy' : '')
const facts = [`close-bale-bot ${version}`, new Date().toISOString().slice(0, 10), host]
const table = [COLUMNS, COLUMNS.map(() => '-')].map(lineOf)
const notes = new Set<string>()
let [step, offer] = ['connect', 'It is not settled whether `close` is offered.']

async function probe(): Promise<void> {
  await connect()
  const me = await ask('getMe', 'Is the token right? This also launches the bot.', OK)
  if (!me.isOk) finish(me.end === 'unauthorized' ? 'Is it a token from @botfather?' : 'Try later.')
  const names = ['username', 'first_name', 'last_name'].map((field) => me.result[field])
  for (const name of names.filter(Boolean)) placeholders.set(String(name), '<name>')
  const { result } = await ask('getWebhookInfo', 'Does anything use the bot?', OK)
  if (result['url']) finish('The bot has a webhook: delete it, or take a new bot.')
  if (result['pending_update_count']) finish('Updates are waiting: take a bot that gets none.')
  const unknown = await ask('noSuchMethod', 'Is it refused, and how?', emulated.METHOD_NOT_FOUND)
  await ask('close, wrong secret', 'How is a wrong token refused?', emulated.TOKEN_NOT_FOUND)
  let last = await ask('close', 'Is it refused after a launch? How is the wait named?', YES)
  if (last.end.startsWith('rate-limited')) {
    const seconds = Math.min(last.waitSeconds || 660, 660) // At most eleven minutes.
    step = 'the wait after close'
    console.log(`\nThe server refuses for now. The next request is in ${Math.ceil(seconds)} s.`)
    await sleep(seconds * 1000)
    last = await ask('close after the wait', 'Was the wait long enough?', YES)
  }
  if (last.end === 'unsupported') offer = '`close` is not offered: leave this action out.'
  if (last.end.endsWith('closed') && unknown.end !== 'closed') offer = '`close` is offered.'
  if (last.end.endsWith('closed')) {
    last = await ask('close again', 'What does it say of a closed bot?', emulated.ALREADY_CLOSED)
    await sleep(5_000)
    last = await ask('close later', 'And five seconds later?', last)
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
  facts.push(`connected in ${ms} ms, ${socket.remoteFamily ?? ''}`)
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
  const differences = differencesBetween(answer, usual)
  for (const difference of differences) notes.add(difference)
  const other = answer.short === usual.short ? `${usual.waitSeconds} s` : usual.short
  const fits = differences.length > 0 ? `no: ${other}` : 'yes'
  table.push(lineOf([step, ...answer.seen, ms, step.startsWith('get') ? '' : answer.end, fits]))
  console.log(table.at(-1))
  return answer
}

type Fields = Record<string, unknown>
type Look = Awaited<ReturnType<typeof look>>

/** What is seen of an answer, in whole and in short, and how the action would end after it. */
async function look({ status, headers, body }: HttpAnswer) {
  const { 'retry-after': retryAfter = '', server, 'content-type': type } = headers
  const received = { mayHaveArrived: true, retryAfterSeconds: parseRetryAfter(retryAfter) }
  const verdict = judge('close', { kind: 'answer', status, body, ...received }, quote)
  const { kind, reason, description, waitSeconds } = verdict
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
  const end = kind.replace('done', 'closed') + (reason === 'launch' ? ' (launch)' : '')
  const result = Object(envelope['result']) as Fields
  return { isOk: ok === 'true', seen: [...cells, description], short, end, waitSeconds, result }
}

function differencesBetween({ isOk, short, end, waitSeconds }: Look, usual: Look): string[] {
  // The action never calls these. And the bot may run for long, or since a moment.
  if (step.startsWith('get')) return isOk ? [] : [`\`${step}\` fails: ${short}.`]
  if (step === 'close' && end === 'rate-limited (launch)') return []
  if (end !== usual.end) {
    const meaning = MEANINGS[`${step} ${end}`] ?? MEANINGS[`* ${end}`]
    return [
      meaning ?? `On \`${step}\`, the action would end as \`${end}\`, not as \`${usual.end}\`.`,
    ]
  }
  const time = waitSeconds ? `for ${waitSeconds} s` : 'for a time that is not named'
  const otherWait = `After a launch, \`close\` is refused ${time}; the action waits up to 900 s.`
  const isOnlyStatus = short.replace('HTTP 200, error_code', 'HTTP') === usual.short
  const inStatus = 'Errors come with HTTP 200: the action goes by the body.'
  const otherAnswer = `\`${step}\`: ${short} instead of ${usual.short}. The action ends the same.`
  const differences = short === usual.short ? [] : [isOnlyStatus ? inStatus : otherAnswer]
  return Math.abs(waitSeconds - usual.waitSeconds) > 5 ? [otherWait, ...differences] : differences
}

/** Text from outside without secrets, bot id and names. */
function quote(text: string) {
  for (const [name, words] of placeholders) text = text.replaceAll(name, words)
  return inputs.quote(text)
}

function lineOf(cells: string[]): string {
  return `| ${cells.map((cell) => quotationsAsCode(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

function finish(stopped?: string): never {
  if (stopped) notes.add(`**Stopped; probe again.** ${stopped}`)
  if (notes.size === 0) notes.add('No difference: after a launch, `close` is refused for 600 s.')
  const result = quotationsAsCode(`${facts.join(', ')}.\n\n- ${[offer, ...notes].join('\n- ')}`)
  writeFileSync('bale-probe.md', `### Record of a probe\n\n${result}\n\n${table.join('\n')}\n`)
  console.log(`\n${result}\n\nThe record is in bale-probe.md.${stopped ? '' : PASTE}`)
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
  if (!parsed.isValid) return refuse(`${parsed.complaints.join('\n')}\n${USAGE}`)
  if (yes) return parsed
  console.log('\nIs it a test bot? Type yes to start; any other answer stops:')
  const lines = createInterface({ input: process.stdin })
  const line = String(await Promise.race([once(lines, 'line'), once(lines, 'close')]))
  return /^\s*yes\s*$/i.test(line) ? parsed : refuse('Nothing was sent.')
}

function refuse(problem: string): never {
  console.error(`\n${problem}`)
  process.exit(2)
}

const interrupt = () => finish(`It was interrupted at ${step}.`)
process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt)
await probe().catch((error: unknown) => {
  // Only the code, since the message may hold the token.
  const { name, code = name } = error as NodeJS.ErrnoException
  const problem =
    step === 'connect' ? 'Cannot connect; see docs/networks.md' : `No answer to ${step}`
  finish(`${problem} (${/abort/i.test(code) ? 'ETIMEDOUT' : code}).`)
})
finish()

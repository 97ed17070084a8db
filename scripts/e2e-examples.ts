/** Runs the examples under act; with an argument, only the scenarios whose titles contain it. */
import { exec, execSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { startEmulator } from '../emulator/server.ts'
import type { BotSetup } from '../emulator/server.ts'

interface Options {
  /** Shell commands before the run, in the folder of the hosts. */
  before?: string
  flags?: string
  edit?: readonly [text: string | RegExp, replacement: string]
  /** What the API was asked, without the requests for a bot that was open anyway. */
  requests?: string
}
/** `error` is empty if the run must pass, otherwise part of its log. `running` names the services. */
type Run = [error: string, running: string, options?: Options]
/** For the first bot. `on`: a shell pattern, and what happens before the first such ssh command. */
type Setup = Omit<BotSetup, 'token'> & { on?: [pattern: string, commands: string] }
type Scenario = [title: string, setup: Setup, ...runs: Run[]]

const closed = 'close 200, close 400'
const deleted = 'deleteWebhook 200'
const resume: Options = { flags: '--input task=resume' }
const onOld = 'old.example/bot'
const onNew = 'new.example/bot'
const stub = '    runs-on: ubuntu-latest\n    steps: [run: ":"]\n'
const dryRun: Options = { edit: [/ +confirm-after/, '          dry-run: true\n$&'], requests: '' }
const minute: Options = { edit: ['confirm-after-seconds: 2', 'confirm-after-seconds: 60'] }
/** What "Re-run failed jobs" does not repeat. */
const closeDone: Options = { edit: [/(?<= close:\n)[^]*(?=\n {2}migrate:)/, stub] }
const duringCopy = (commands: string): Setup => ({ on: ['*"rsync --archive"*', commands] })
const newHostDown = duringCopy('touch new.example/down')
const notReached: Run = ['does not answer', onOld]
const repaired: Options = { before: 'rm new.example/down' }
const alreadyClosed = '--input allow-already-closed=true'
const lostRun = 'touch old.example/srv/bot.moving; rm old.example/bot'
const ctrlC = `pid=$$
until [ "$(cat /proc/$pid/comm)" = act ]; do pid=$(cut -d ' ' -f 4 /proc/$pid/stat); done
kill -INT $pid; sleep 2`

const moves: Scenario[] = [
  [
    'the bot moves, and a second run changes nothing',
    {},
    ['', onNew, { requests: `${closed}, getUpdates 200 launched` }],
    ['The bot has moved', onNew, { requests: '' }],
  ],
  ['no close', { noClose: true }, ['outcome=unsupported', onOld]],
  ['a dry run left on', {}, ['still set dry-run?', onOld, dryRun]],
  ['a misspelt secret', {}, ['invalid-input', onOld, { edit: [/BALE_TOKEN/g, 'X'], requests: '' }]],
  ['a forgotten copy', { pollerSeconds: 20 }, ['outcome=reopened', onOld, minute]],
  [
    'the new host goes down during the copy, then a re-run',
    { youngSeconds: 4, ...newHostDown },
    notReached,
    ['', onNew, { ...repaired, flags: '--env GITHUB_RUN_ATTEMPT=2' }],
  ],
  ['the bot dies', {}, ['does not keep running', onOld, { before: 'touch new.example/broken' }]],
  ['old host runs it', duringCopy('touch old.example/bot'), ['active)', onOld]],
  ['new host runs it', {}, ['already', onNew, { before: `${lostRun}; touch new.example/bot` }]],
  ['a lost run', { closed: true }, ['', onNew, { before: lostRun, flags: alreadyClosed }]],
  ['a paused bot', {}, ['does not run the bot', '', { before: 'rm old.example/bot' }]],
]

const scenarios: Record<string, Scenario[]> = {
  close: [['the bot is closed', {}, ['', onOld, { requests: 'close 200' }]]],
  move: [
    ...moves,
    ['cancelled', duringCopy(ctrlC), ['The bot runs on old.example again', onOld]],
    ['a crash loop', {}, ['keep running', onOld, { before: 'echo 3 > new.example/restarts' }]],
    [
      'start fails',
      { on: ['*"enable --now"*', 'touch new.example/down'] },
      ['may run the bot', ''],
    ],
    ['old host down', duringCopy('touch old.example/down'), ['If the bot runs nowhere', '']],
    ['an old mark', {}, ['remove /srv', onOld, { before: 'touch old.example/srv/bot.moved' }]],
  ],
  jobs: [
    ...moves,
    ['failed jobs', newHostDown, notReached, ['Re-run all', onOld, { ...repaired, ...closeDone }]],
  ],
  webhook: [
    [
      'the bot moves',
      {},
      ['', onNew, { requests: `${deleted}, ${closed}, setWebhook 200 launched` }],
    ],
    [
      'no close',
      { noClose: true },
      ['unsupp', onOld, { requests: `${deleted}, close 404, setWebhook 200` }],
    ],
  ],
  fleet: [
    ['all bots move', {}, ['', `${onNew}@NEWS ${onNew}@ORDERS ${onNew}@SUPPORT`]],
    [
      'no close for one bot',
      { noClose: true },
      ['unsupported', `${onNew}@NEWS ${onNew}@SUPPORT ${onOld}@ORDERS`],
    ],
  ],
  maintenance: [
    [
      'pause and resume',
      {},
      ['', '', { flags: '--input task=pause', requests: closed }],
      ['', onOld, resume],
    ],
    [
      'after a move',
      {},
      ['has moved', '', { ...resume, before: 'cd old.example; mv bot srv/bot.moved' }],
    ],
  ],
}

const secret = 'NoRealSecret-35-characters-or-more_0'
const root = process.cwd()
const base = mkdtempSync('/tmp/examples-')
const repository = `mkdir action && cp -R ${root}/action.yml ${root}/dist action
git init --quiet workspace && cd workspace
git -c user.name=- -c user.email=- commit --quiet --allow-empty --message=-`
execSync(repository, { cwd: base })

/** A host is a folder. A service runs on it while a file of its name is there. */
const programs = (hosts: string, bot: string, [pattern, commands]: string[] = ['-', ':']) => ({
  ssh: `cd ${hosts}; export host=$1; shift
case "$host $*" in ${pattern}) [ -e happened ] || { touch happened; ${commands}; } ;; esac
[ ! -e $host/down ] || { echo "ssh: $host does not answer" >&2; exit 255; }
cd $host; PATH=${hosts}/remote:$PATH exec sh -c "$(echo "$*" | sed "s:/srv:$PWD/srv:g")"`,
  shell: `bash -o pipefail -c 'bash -e "$0" 2>&1 | tee -a ${hosts}/log' "$1"`,
  'remote/sudo': '"$@"',
  'remote/sleep': '',
  'remote/rsync': `for to; do from=$last; last=$to; done
[ ! -e ../new.example/down ] || { echo "rsync: new.example does not answer" >&2; exit 12; }
case $from in /*) cp -R $from ../new.example/srv/\${from##*/srv/} ;; esac`,
  'remote/systemctl': `cd ${hosts}/$host || exit; for service; do :; done
case $1 in
is-active) if [ -e $service ]; then echo active; else echo inactive; exit 3; fi ;;
show) echo NRestarts=$(cat restarts || echo 0) ;;
disable) rm -f $service ;;
enable) ls srv/*/* && [ ! -e broken ] || exit 0
  touch $service; [ -e srv/bot/set-webhook ] || curl -s ${bot}\${service#bot@}/getUpdates ;;
esac`,
  'old.example/srv/bot/set-webhook': `curl -s ${bot}bot/setWebhook`,
})

/** What is not as the scenario says, or nothing. */
async function perform(example: string, [, { on, ...bot }, ...runs]: Scenario): Promise<string> {
  const hosts = mkdtempSync(`${base}/hosts-`)
  const sh = (commands: string) => execSync(commands, { cwd: hosts, encoding: 'utf8' }).trim()
  const services = example === 'fleet' ? ['bot@ORDERS', 'bot@SUPPORT', 'bot@NEWS'] : ['bot']
  const bots = services.map((service, index) => ({
    token: `1:${secret}${service.replace('bot@', '')}`,
    ...(index === 0 && bot),
  }))
  const secrets = bots.map(
    ({ token }, index) => `-s BALE_TOKEN${services[index]?.slice(3).replace('@', '_')}=${token}`,
  )
  let requests: string[] = []
  const emulator = await startEmulator({
    bots,
    onRequest: ({ method, answer }) => {
      requests.push(method + answer.replace(/^(\d+).*?(?:,( launched))?$/, ' $1$2'))
    },
  })
  sh(`mkdir -p remote old.example/srv/bot old.example/srv/bots new.example/srv/bots
ln -s old.example bot.example; cd old.example; touch srv/bot/data ${services.join(' ')}
mkdir srv/bots/ORDERS srv/bots/SUPPORT srv/bots/NEWS`)
  for (const [name, text] of Object.entries(programs(hosts, `${emulator.url}/bot1:${secret}`, on)))
    writeFileSync(`${hosts}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  if (example !== 'webhook') sh('rm old.example/srv/bot/set-webhook')

  for (const [error, running, { before = ':', flags = '', edit, requests: asked } = {}] of runs) {
    requests = []
    sh(`: > log; ${before}`)
    const workflow = readFileSync(`${root}/examples/${example}.yml`, 'utf8')
      .replaceAll(/(v1.*\n +with:\n)( +)/g, `$1$2api-url: ${emulator.url}\n$2`)
      .replace('permissions:', `defaults: { run: { shell: '${hosts}/shell {0}' } }\n$&`)
      .replaceAll('confirm-after-seconds: 60', 'confirm-after-seconds: 2')
    writeFileSync(`${hosts}/workflow.yml`, edit ? workflow.replace(...edit) : workflow)
    const act = `PATH=${hosts}:$PATH bash ${root}/scripts/act.sh workflow_dispatch -W ${hosts}/workflow.yml \
      --local-repository OWNER/close-bale-bot@v1=${base}/action -s GITHUB_TOKEN=none`
    const [passed, log] = await new Promise<[boolean, string]>((resolve) => {
      exec([act, ...secrets, flags].join(' '), { cwd: `${base}/workspace` }, (failure, ...logs) =>
        resolve([failure === null, logs.join('') + sh('cat log')]),
      )
    })
    const found = sh('find old.example new.example -maxdepth 1 -name "bot*" | sort | xargs')
    const answers = requests.filter((request) => request !== 'getUpdates 200').join(', ')
    const seen = [passed, log.includes(error), log.includes(secret), found, answers].join('\n')
    const expected = [error === '', true, false, running, asked ?? answers].join('\n')
    if (seen !== expected) return `Expected:\n${expected}\nSeen:\n${seen}\n${log}`
  }
  await emulator.stop()
  return ''
}

const queue = Object.entries(scenarios)
  .flatMap(([example, list]) => list.map((scenario) => ({ example, scenario })))
  .filter(({ example, scenario: [title] }) => `${example} ${title}`.includes(process.argv[2] ?? ''))
const chosen = queue.length
let failures = 0
async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const difference = await perform(next.example, next.scenario)
    if (difference === '') continue
    console.error(`FAILED  ${next.example}.yml: ${next.scenario[0]}\n${difference}`)
    failures++
  }
}
// Most of a scenario is waiting.
await Promise.all(Array.from({ length: 6 }, work))
rmSync(base, { recursive: true })
console.log(`${chosen - failures} of ${chosen} scenarios are as expected.`)
process.exit(failures > 0 || chosen === 0 ? 1 : 0)

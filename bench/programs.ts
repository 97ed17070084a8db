/** The action, and what people close bots with instead: each passes or fails by its exit code. */
import { writeFileSync } from 'node:fs'
import { newAuthority } from '../__tests__/wire/certificates.ts'
import type { Program } from './measure.ts'

type Starter = (bot: Record<'url' | 'token', string>) => Program

/** In a folder that is not committed. */
function newFile(name: string, content = ''): string {
  const path = `${import.meta.dirname}/node_modules/${name}`
  writeFileSync(path, content)
  return path
}

const authority = newAuthority('Authority of the bench')
export const identity = authority.issue('localhost')
const authorityFile = newFile('authority.pem', authority.cert)
/** Nothing of this process's own, so that no setting of the machine changes a result. */
const plainEnv = { PATH: process.env['PATH'] }
const tlsEnv = { ...plainEnv, NODE_EXTRA_CA_CERTS: authorityFile, CURL_CA_BUNDLE: authorityFile }
const runnerEnv = {
  GITHUB_ACTIONS: 'true',
  GITHUB_OUTPUT: newFile('output'),
  GITHUB_STEP_SUMMARY: newFile('summary'),
}

function program(
  command: readonly string[],
  more?: (bot: Parameters<Starter>[0]) => object,
): Starter {
  return (bot) => [
    [...command, `${bot.url}/bot${bot.token}/close`, bot.url, bot.token],
    { ...(bot.url.startsWith('https') ? tlsEnv : plainEnv), ...more?.(bot) },
  ]
}
const node = [process.execPath, '--require', './meter.cjs']

/** The bundle as a runner starts it. */
export function action(inputs: Record<string, string> = {}, bundle = '../dist/index.js'): Starter {
  return program([...node, bundle], ({ url, token }) => {
    const all = Object.entries({ 'bale-token': token, 'api-url': url, ...inputs })
    return {
      ...runnerEnv,
      ...Object.fromEntries(all.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    }
  })
}

const oneLiner = (code: string): Starter => program([...node, '-e', code])
const library = (code: string): Starter => program([...node, '--input-type=module', '-e', code])
const shell = (command: string): Starter => program(['bash', '-o', 'pipefail', '-c', command])

export const floor = {
  '`node:http` or `node:https`, one line': oneLiner(`const url = process.argv[1]
    require('node:' + url.split(':')[0]).request(url, { method: 'POST' }, (response) => {
      response.resume().on('end', () => process.exit(response.statusCode === 200 ? 0 : 1))
    }).end()`),
  'Node, empty program': oneLiner('0'),
}
export const compared = {
  'built-in `fetch`, one line': oneLiner(`fetch(process.argv[1], { method: 'POST' })
    .then((response) => response.json()).then(({ ok }) => process.exit(ok ? 0 : 1))`),
  '**close-bale-bot**': action(),
  'grammY, auto-retry': library(`import { Api } from 'grammy'
    import { autoRetry } from '@grammyjs/auto-retry'
    const api = new Api(process.argv[3], { apiRoot: process.argv[2] })
    api.config.use(autoRetry())
    process.exit((await api.close()) ? 0 : 1)`),
  'node-telegram-bot-api': library(`import { Api } from 'node-telegram-bot-api'
    process.exit((await new Api(process.argv[3], { apiRoot: process.argv[2] }).close()) ? 0 : 1)`),
  '`curl -f --retry 5`': shell('exec curl -fsS --retry 5 -X POST -o /dev/null "$0"'),
  '`curl` with `jq`': shell(
    'curl -fsS --retry 5 --retry-all-errors --max-time 20 -X POST "$0" | jq -e .ok',
  ),
}

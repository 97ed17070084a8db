/** Defects of the action's own: whatever breaks inside, a fixed text with a position, and never a message or a secret. */
import { describe, expect, test } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { no, stall, yes } from './acts.ts'
import { against, closed, expectEnd, token } from './play.ts'
import type { End, Script } from './play.ts'
import { atFirstOutput, preload, throwSoon } from './preload.ts'
import { runBundle } from '../../emulator/runner.ts'

const message = JSON.stringify(`Invalid URL: https://tapi.bale.ai/bot${token}/close`)
const error = `new Error(${message})`
/** Breaks what every request needs. */
const breakRequests = `AbortSignal.any = () => { throw new TypeError(${message}) }`

describe('an internal error', () => {
  const inFlight: Partial<End> = { lost: true }
  const unsent: Partial<End> = { attempts: 0 }
  const waiting = no(429, 'retry after 50')
  const halfYes = stall('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{')
  const inDeletion: Partial<End> = { ...unsent, webhook: 'may be deleted' }
  const afterDeletion: Partial<End> = { ...inFlight, webhook: 'is deleted' }
  const deleting = { 'delete-webhook': 'true' }
  test.concurrent.each<[string, string, Script, Partial<End>, Record<string, string>?]>([
    ['thrown while a request is in flight', throwSoon(error), stall(), inFlight],
    ['thrown in the body of a yes', throwSoon(error), halfYes, inFlight],
    [
      'rejected while a request is in flight',
      throwSoon(`void Promise.reject(${error})`),
      stall(),
      inFlight,
    ],
    ['thrown that is no error', throwSoon(message), stall(), inFlight],
    ['thrown while waiting', throwSoon(error), waiting, {}],
    ['thrown while the webhook is deleted', throwSoon(error), stall(), inDeletion, deleting],
    [
      'thrown after the webhook was deleted',
      throwSoon(error),
      [yes, stall()],
      afterDeletion,
      deleting,
    ],
    ['thrown in a dry run', breakRequests, stall(), unsent, { 'dry-run': 'true' }],
  ])('%s', async (_, source, script, end, inputs = {}) => {
    const scene = await against(script, { preloads: [source], inputs })
    expectEnd(scene, { outcome: 'internal-error', shows: [/report/i], ...end })
    expect(scene.written).not.toMatch(/Invalid URL|(^|%0A)\s+at /m)
    expect(scene.elapsedMs).toBeLessThan(8000)
  })

  test.concurrent('names the error and its position in the bundle', async () => {
    const scene = await against(yes, { preloads: [breakRequests] })
    expect(scene.outputs).toMatchObject({ closed: 'false', outcome: 'internal-error' })
    const [, name, line] =
      /\b(\w+) at index\.js:(\d+):\d+/.exec(scene.annotations[0]?.text ?? '') ?? []
    expect(name).toBe('TypeError')
    const bundle = readFileSync(new URL('../../dist/index.js', import.meta.url), 'utf8')
    expect(bundle.split('\n')[Number(line) - 1]).toContain('AbortSignal.any')
    expect(scene.written).not.toContain('Invalid URL')
  })

  test.concurrent('with the name of something else is named by a fixed word', async () => {
    const source = `AbortSignal.any = () => { throw Object.assign(new Error(), { name: ${message} }) }`
    const scene = await against(yes, { preloads: [source] })
    expect(scene.annotations[0]?.text).toMatch(/\bError at index\.js:\d+:\d+/)
  })

  test.concurrent('after the yes changes nothing', async () => {
    const source = atFirstOutput(`process.nextTick(() => { throw ${error} })`)
    expectEnd(await against(yes, { preloads: [source] }), closed)
  })
})

test.concurrent('a program that never comes to its end does not look like a success', async () => {
  // The socket is never told to connect, and nothing keeps the process alive.
  const source = `
      import net from 'node:net'
      import timers from 'node:timers'
      net.connect = () => Object.assign(new net.Socket(), { connecting: true })
      globalThis.setTimeout = (...values) => timers.setTimeout(...values).unref()
    `
  const inputs = { 'bale-token': token, 'api-url': 'http://127.0.0.1:1' }
  const { exitCode, elapsedMs } = await runBundle({ inputs, nodeArguments: preload([source]) }).done
  expect(exitCode).toBe(1)
  expect(elapsedMs).toBeLessThan(8000)
})

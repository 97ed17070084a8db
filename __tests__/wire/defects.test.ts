/** Defects of the action's own: whatever breaks inside, one fixed text, and never a stack or a secret. */
import { describe, expect, test } from '@jest/globals'
import { answer, no, page, stall, yes } from './acts.ts'
import { against, expectEnd, secret, testTimeoutMs, token } from './play.ts'
import type { Row } from './play.ts'
import { throwSoon } from './preload.ts'

const message = JSON.stringify(`Invalid URL: https://tapi.bale.ai/bot${token}/close`)

describe('an internal error', () => {
  const defects: Record<
    string,
    { source: string; script: Row['script']; attempts: number; lost: boolean; status?: number }
  > = {
    'thrown by a request': {
      source: `AbortSignal.any = () => { throw new TypeError(${message}) }`,
      script: [answer(yes)],
      attempts: 1,
      lost: true,
    },
    'thrown while a request is under way': { source: throwSoon(message), script: [stall()], attempts: 1, lost: true },
    'rejected while a request is under way': {
      source: `setTimeout(() => { void Promise.reject(new Error(${message})) }, 3000)`,
      script: [stall()],
      attempts: 1,
      lost: true,
    },
    'thrown while waiting': {
      source: throwSoon(message),
      script: [answer(no(429, 'retry after 50'))],
      attempts: 1,
      lost: false,
      status: 429,
    },
    'thrown while waiting after a lost answer': {
      source: throwSoon(message),
      script: [answer(page(502, { 'retry-after': 50 }))],
      attempts: 1,
      lost: true,
      status: 502,
    },
  }
  test.concurrent.each(Object.entries(defects))(
    '%s',
    async (_, { source, script, ...end }) => {
      const scene = await against(script, { preloads: [source] })
      expectEnd(scene, { outcome: 'internal-error', shows: [/report/i], ...end })
      expect(scene.written).not.toMatch(/Invalid URL|(^|%0A)\s+at /m)
      expect(scene.elapsedMs).toBeLessThan(15_000)
    },
    testTimeoutMs,
  )

  test.concurrent(
    'after the yes changes nothing',
    async () => {
      // Thrown as the first output is written.
      const source = `
        import fs from 'node:fs'
        const { appendFileSync } = fs
        fs.appendFileSync = (...values) => {
          process.nextTick(() => { throw new Error(${JSON.stringify(secret)}) })
          appendFileSync(...values)
        }
      `
      const scene = await against([answer(yes)], { preloads: [source] })
      expectEnd(scene, { outcome: 'closed', attempts: 1, status: 200 })
    },
    testTimeoutMs,
  )
})

import { describe, expect, test } from '@jest/globals'
import { handOver, nothingSent } from '../../src/handover.ts'
import type { Inputs } from '../../src/inputs.ts'
import type { Exchange } from '../../src/judge.ts'
import {
  ALREADY_CLOSED,
  BAD_GATEWAY,
  INPUTS,
  NOT_FOUND,
  tooMany,
  UNAVAILABLE,
  type VirtualWorld,
  virtualWorld,
  YES,
} from './world.ts'

const RESET: Exchange = { fault: 'ECONNRESET' }
const REFUSED: Exchange = { fault: 'ECONNREFUSED', isUndelivered: true }
const SILENCE: Exchange = { fault: 'TIMEOUT' }

async function run(answers: readonly Exchange[], inputs: Partial<Inputs> = {}) {
  const left = [...answers]
  const world = virtualWorld(() => left.shift() ?? { fault: 'NOTHING_LEFT' })
  const result = await handOver({ ...INPUTS, ...inputs }, world, world.listener)
  return { ...result, world, left }
}

const asked = (world: VirtualWorld): string[] => world.requests.map(({ method }) => method)

describe('closing', () => {
  test('is one request and a yes', async () => {
    const { outcome, closed, world, progress } = await run([YES])
    expect({ outcome, closed }).toEqual({ outcome: 'closed', closed: true })
    expect(asked(world)).toEqual(['close'])
    expect(progress.attempts).toEqual({ close: 1, deleteWebhook: 0 })
  })

  test.each<[string, Exchange[], string, boolean, number]>([
    ['already closed', [ALREADY_CLOSED], 'already-closed', false, 1],
    ['already closed after a lost answer', [RESET, ALREADY_CLOSED], 'closed', true, 2],
    ['already closed after a silence', [SILENCE, ALREADY_CLOSED], 'closed', true, 2],
    ['already closed after a bad gateway', [BAD_GATEWAY, UNAVAILABLE, ALREADY_CLOSED], 'closed', true, 3],
    ['already closed after a refusal', [tooMany(1), ALREADY_CLOSED], 'already-closed', false, 2],
    ['already closed after an undelivered request', [REFUSED, ALREADY_CLOSED], 'already-closed', false, 2],
    ['already closed after an unavailable server', [UNAVAILABLE, ALREADY_CLOSED], 'already-closed', false, 2],
    ['an unknown token after a lost answer', [RESET, NOT_FOUND], 'unauthorized', false, 2],
  ])('%s', async (_, answers, outcome, closed, attempts) => {
    const result = await run(answers)
    expect(result).toMatchObject({ outcome, closed })
    expect(result.world.requests).toHaveLength(attempts)
  })

  test('takes already closed as closed where the workflow allows it', async () => {
    const result = await run([ALREADY_CLOSED], { allowAlreadyClosed: true })
    expect(result).toMatchObject({ outcome: 'already-closed', closed: true })
  })

  test('takes nothing else as closed, even where the workflow allows that', async () => {
    const result = await run([NOT_FOUND], { allowAlreadyClosed: true })
    expect(result).toMatchObject({ outcome: 'unauthorized', closed: false })
  })

  test('gives up with the outcome of the last attempt', async () => {
    const result = await run([RESET, SILENCE, UNAVAILABLE, YES], { maxAttempts: 3 })
    expect(result).toMatchObject({ outcome: 'server-error', closed: false })
    expect(result.progress).toMatchObject({ giveUp: 'attempts', lost: true, attempts: { close: 3 } })
    expect(result.left).toEqual([YES])
  })
})

describe('deleting the webhook first', () => {
  const both = { deleteWebhook: true }
  test('asks for both, in this order', async () => {
    const { outcome, world } = await run([YES, YES], both)
    expect(outcome).toBe('closed')
    expect(asked(world)).toEqual(['deleteWebhook', 'close'])
  })

  test('does not close if it fails', async () => {
    const { outcome, closed, world, progress } = await run([NOT_FOUND, YES], both)
    expect({ outcome, closed }).toEqual({ outcome: 'unauthorized', closed: false })
    expect(asked(world)).toEqual(['deleteWebhook'])
    expect(progress).toMatchObject({ giveUp: 'final', attempts: { close: 0 } })
  })

  test('has attempts of its own', async () => {
    const answers = [UNAVAILABLE, UNAVAILABLE, YES, UNAVAILABLE, UNAVAILABLE, YES]
    const { outcome, progress } = await run(answers, { ...both, maxAttempts: 3 })
    expect(outcome).toBe('closed')
    expect(progress.attempts).toEqual({ close: 3, deleteWebhook: 3 })
  })

  test('leaves no doubt about the bot if its answer is lost', async () => {
    const { outcome, closed, progress } = await run([RESET, YES, ALREADY_CLOSED], both)
    expect({ outcome, closed, lost: progress.lost }).toEqual({
      outcome: 'already-closed',
      closed: false,
      lost: false,
    })
  })

  test('does not take the answer of the deletion for one of close', async () => {
    const world = virtualWorld((_, { pass }) => {
      pass(900_000)
      return YES
    })
    const { outcome, closed, progress } = await handOver({ ...INPUTS, ...both }, world, world.listener)
    expect({ outcome, closed, last: progress.last }).toEqual({ outcome: 'timed-out', closed: false, last: undefined })
    expect(asked(world)).toEqual(['deleteWebhook'])
  })
})

describe('waiting', () => {
  const gaps = ({ requests }: VirtualWorld): number[] =>
    requests.slice(1).map(({ atMs }, at) => atMs - (requests[at]?.atMs ?? 0))

  test('doubles from one second to thirty, half of it random', async () => {
    const down = new Array<Exchange>(10).fill(UNAVAILABLE)
    const { world } = await run(down)
    expect(gaps(world)).toEqual([750, 1500, 3000, 6000, 12000, 22500, 22500, 22500, 22500])
    const least = virtualWorld(() => UNAVAILABLE, { random: () => 0 })
    await handOver(INPUTS, least, least.listener)
    expect(gaps(least)).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000])
  })

  test('holds the ten minutes of a bot that was just launched', async () => {
    const { outcome, world } = await run([tooMany(600), YES])
    expect(outcome).toBe('closed')
    expect(gaps(world)).toEqual([600_000])
  })

  test('is told at its start and after each minute', async () => {
    const { world } = await run([tooMany(150), YES])
    expect(world.log).toEqual(['wait 150000', 'left 90000', 'left 30000'])
    const short = await run([tooMany(60), YES])
    expect(short.world.log).toEqual(['wait 60000'])
    const nearly = await run([tooMany(60.9), YES])
    expect(nearly.world.log).toEqual(['wait 60900'])
    const justOver = await run([tooMany(61), YES])
    expect(justOver.world.log).toEqual(['wait 61000', 'left 1000'])
  })

  test('is told until when', async () => {
    const untils: number[] = []
    const world = virtualWorld(({ atMs }) => (atMs < 1000 ? tooMany(90) : YES))
    const listener = {
      onWait: (_: unknown, waitMs: number, untilWallMs: number) => untils.push(untilWallMs - waitMs),
      onMinute: (leftMs: number, untilWallMs: number) => untils.push(untilWallMs - leftMs),
    }
    const startWallMs = world.wallMs()
    await handOver(INPUTS, world, listener)
    expect(untils).toEqual([startWallMs, startWallMs + 60_000])
  })

  test('is not begun if it leaves no room for an attempt', async () => {
    const { outcome, progress, world } = await run([tooMany(600)], { timeoutMs: 604_000 })
    expect({ outcome, giveUp: progress.giveUp, asked: asked(world) }).toEqual({
      outcome: 'rate-limited',
      giveUp: 'time',
      asked: ['close'],
    })
    expect(world.nowMs()).toBe(50)
  })

  test('is begun if it leaves just the room for an attempt', async () => {
    expect(await run([tooMany(10), YES], { timeoutMs: 15_050 })).toMatchObject({ outcome: 'closed' })
    expect(await run([tooMany(10), YES], { timeoutMs: 15_049 })).toMatchObject({ outcome: 'rate-limited' })
    expect(await run([tooMany(10), YES], { timeoutMs: 11_050, attemptTimeoutMs: 1000 })).toMatchObject({
      outcome: 'closed',
    })
  })

  test('ends in time however long an attempt may take', async () => {
    const world = virtualWorld(() => SILENCE)
    const result = await handOver({ ...INPUTS, timeoutMs: 60_000 }, world, world.listener)
    expect(result.outcome).toBe('timed-out')
    expect(world.nowMs()).toBeLessThanOrEqual(60_000)
    expect(world.requests.map(({ timeoutMs }) => timeoutMs)).toEqual([20_000, 20_000, 60_000 - 40_050 - 750 - 1500])
  })

  test('sends nothing if the time is up before the first attempt', async () => {
    const world = virtualWorld(() => YES, { startMs: 10 })
    const result = await handOver({ ...INPUTS, timeoutMs: 10 }, world, world.listener)
    expect(result).toMatchObject({ outcome: 'timed-out', closed: false, progress: { giveUp: 'time', lost: false } })
    expect(world.requests).toEqual([])
  })
})

describe('a signal', () => {
  test('before the first attempt leaves nothing sent', async () => {
    const world = virtualWorld(() => YES)
    world.cancel()
    const result = await handOver(INPUTS, world, world.listener)
    expect(result).toMatchObject({ outcome: 'cancelled', closed: false, progress: nothingSent() })
    expect(world.requests).toEqual([])
  })

  test('while a request is under way leaves the bot in doubt', async () => {
    const world = virtualWorld((_, { cancel }) => {
      cancel()
      return { fault: 'STOPPED' }
    })
    const { outcome, progress } = await handOver(INPUTS, world, world.listener)
    expect({ outcome, ...progress }).toMatchObject({ outcome: 'cancelled', inFlight: true, lost: true })
    expect(world.log).toEqual([])
  })

  test('while waiting ends the wait', async () => {
    const world = virtualWorld(() => tooMany(600))
    const sleep = (): Promise<void> => {
      world.cancel()
      return Promise.resolve()
    }
    const { outcome, progress } = await handOver(INPUTS, { ...world, sleep }, world.listener)
    expect({ outcome, ...progress }).toMatchObject({ outcome: 'cancelled', inFlight: false, lost: false })
    expect(world.requests).toHaveLength(1)
  })

  test('does not undo a yes that has arrived', async () => {
    const world = virtualWorld((_, { cancel }) => {
      cancel()
      return YES
    })
    expect(await handOver(INPUTS, world, world.listener)).toMatchObject({ outcome: 'closed', closed: true })
  })
})

test('a defect is an outcome, and keeps what is known', async () => {
  const answers = [RESET]
  const world = virtualWorld(() => {
    const next = answers.shift()
    if (!next) throw new TypeError('a defect')
    return next
  })
  const result = await handOver(INPUTS, world, world.listener)
  expect(result).toMatchObject({ outcome: 'internal-error', closed: false })
  expect(result.progress).toMatchObject({ inFlight: true, lost: true, attempts: { close: 2 } })
})

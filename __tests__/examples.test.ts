/** What holds for all examples and needs no run. `npm run e2e:examples` runs them under act. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parse } from 'yaml'

interface Step {
  name: string
  id?: string
  if?: string
  uses?: string
  with?: Record<string, unknown>
}
interface Job {
  'timeout-minutes': number
  concurrency?: object
  steps: Step[]
}
interface Workflow {
  permissions: object
  concurrency?: object
  jobs: Record<string, Job>
}

const read = (path: string): string => readFileSync(path, 'utf8')
const workflowOf = (name: string): Workflow => parse(read(`examples/${name}`)) as Workflow
const manifest = parse(read('action.yml')) as { inputs: Record<string, { default?: string }> }
const examples = readdirSync('examples').filter((name) => name.endsWith('.yml'))
const isOurs = ({ uses = '' }: Step): boolean => uses.startsWith('OWNER/close-bale-bot@v1')

test.each(examples)(
  '%s asks for no permission, and a run is never cancelled by the next',
  (name) => {
    const { permissions, concurrency, jobs } = workflowOf(name)
    expect(permissions).toEqual({})
    for (const job of Object.values(jobs))
      expect(job.concurrency ?? concurrency).toEqual({
        group: name === 'fleet.yml' ? 'bale-bot-${{ matrix.bot }}' : 'bale-bot',
        'cancel-in-progress': false,
      })
  },
)

test.each(examples)('%s gives each job more time than its steps need', (name) => {
  const byDefault = manifest.inputs['timeout-seconds']?.default
  for (const { steps, 'timeout-minutes': minutes } of Object.values(workflowOf(name).jobs)) {
    const seconds = steps
      .filter(isOurs)
      .map((step) => Number(step.with?.['timeout-seconds'] ?? byDefault))
    expect(minutes * 60).toBeGreaterThan(seconds.reduce((sum, each) => sum + each, 60))
  }
})

test.each(examples)('%s uses inputs that exist, and says once how to pin the action', (name) => {
  const steps = Object.values(workflowOf(name).jobs).flatMap((job) => job.steps)
  for (const step of steps.filter(isOurs))
    expect(Object.keys(manifest.inputs)).toEqual(
      expect.arrayContaining(Object.keys(step.with ?? {})),
    )
  expect(read(`examples/${name}`).match(/@v1 # In production, pin .*/g)).toHaveLength(1)
})

test.each(examples.filter((name) => name !== 'close.yml'))(
  '%s fails right after the close unless the bot is closed',
  (name) => {
    const { steps = [] } = Object.values(workflowOf(name).jobs)[0] ?? {}
    const guard = steps[steps.findIndex(({ id }) => id === 'close') + 1]
    expect(guard?.if).toContain("steps.close.outputs.closed != 'true'")
  },
)

/** The rules for all examples that a run under act does not show. `npm run e2e:examples` plays them. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

interface Step {
  id?: string
  name?: string
  uses?: string
  with?: Record<string, unknown>
}
interface Job {
  'timeout-minutes'?: number
  strategy?: { 'fail-fast'?: boolean }
  permissions?: Record<string, string>
  steps: Step[]
}
interface Workflow {
  permissions?: Record<string, string>
  concurrency?: { group: string; 'cancel-in-progress': boolean }
  jobs: Record<string, Job>
}
interface Manifest {
  inputs: Record<string, { default?: string }>
  outputs: Record<string, unknown>
}

const read = (path: string): string => readFileSync(path, 'utf8')
const manifest = parse(read('action.yml')) as Manifest
const examples = globSync('examples/*.yml').map((path) => path.replaceAll('\\', '/'))
const closes = ({ uses }: Step) => uses === 'OWNER/close-bale-bot@v1'

/** The rules that an example breaks. */
function brokenRules(content: string): string[] {
  const { permissions, concurrency, jobs } = parse(content) as Workflow
  const steps = Object.values(jobs).flatMap((job) => job.steps)
  const rules: [rule: string, isKept: boolean][] = [
    [
      'no permission for all jobs',
      permissions !== undefined && Object.keys(permissions).length === 0,
    ],
    ['no run is cancelled by the next', concurrency?.['cancel-in-progress'] === false],
    ['one group for each bot', /^bale-(?:bot|fleet)$/.test(concurrency?.group ?? '')],
    [
      'a word on pinning the commit',
      content.includes('@v1 # In production, pin the full commit SHA of a release.\n'),
    ],
    ['outputs exist', outputsOf(content).every(([id, output]) => isOutput(id, output, steps))],
    ...Object.values(jobs).flatMap((job): [string, boolean][] => [
      [
        'time to report',
        (job['timeout-minutes'] ?? 0) * 60 > Math.max(60, timeoutSecondsOf(job.steps)),
      ],
      [
        'a bot that fails cancels no close of others',
        job.strategy === undefined || !closesForReal(job) || job.strategy['fail-fast'] === false,
      ],
      [
        'stop, then close, in one job',
        !content.includes('--now bot') || !closesForReal(job) || stopsFirst(job),
      ],
    ]),
  ]
  return rules.filter(([, isKept]) => !isKept).map(([rule]) => rule)
}

function timeoutSecondsOf(steps: readonly Step[]): number {
  const byDefault = manifest.inputs['timeout-seconds']?.default
  const seconds = steps
    .filter(closes)
    .map((step) => Number(step.with?.['timeout-seconds'] ?? byDefault))
  return seconds.reduce((sum, each) => sum + each, 0)
}

const isRealClose = (step: Step): boolean => closes(step) && step.with?.['dry-run'] !== true
const closesForReal = (job: Job): boolean => job.steps.some(isRealClose)
const stopsFirst = ({ steps }: Job): boolean =>
  steps[steps.findIndex(isRealClose) - 1]?.name?.startsWith('Stop the bot') === true

const outputsOf = (content: string): [id: string, output: string][] =>
  Array.from(
    content.matchAll(/\bsteps\.([\w-]+)\.outputs\.([\w-]+)/g),
    ([, id = '', output = '']) => [id, output],
  )
const isOutput = (id: string, output: string, steps: readonly Step[]): boolean =>
  steps.some((step) => step.id === id && isRealClose(step)) &&
  Object.hasOwn(manifest.outputs, output)

describe('the rules', () => {
  test.each(examples)('%s keeps them', (path) => {
    expect(brokenRules(read(path))).toEqual([])
  })

  test.each([
    ['deploy', 'permissions: {}', 'permissions: { contents: read }', 'no permission for all jobs'],
    [
      'minimal',
      'cancel-in-progress: false',
      'cancel-in-progress: true',
      'no run is cancelled by the next',
    ],
    ['alert', 'group: bale-bot', 'group: ${{ github.run_id }}', 'one group for each bot'],
    [
      'webhook',
      '# In production, pin the full commit SHA of a release.',
      '',
      'a word on pinning the commit',
    ],
    ['fleet', 'steps.close.outputs.closed', 'steps.close.outputs.close', 'outputs exist'],
    ['deploy', 'id: close', 'id: closed', 'outputs exist'],
    ['minimal', 'timeout-minutes: 20', 'timeout-minutes: 15', 'time to report'],
    ['deploy', 'timeout-minutes: 20', 'timeout-minutes: 16', 'time to report'],
    ['deploy', '    timeout-minutes: 30\n', '', 'time to report'],
    ['fleet', 'fail-fast: false', 'fail-fast: true', 'a bot that fails cancels no close of others'],
    ['maintenance', 'name: Stop the bot', 'name: Go on', 'stop, then close, in one job'],
  ])('%s would break one with "%s" as "%s"', (name, right, wrong, rule) => {
    const content = read(`examples/${name}.yml`)
    expect(content).toContain(right)
    expect(brokenRules(content.replace(right, wrong))).toEqual([rule])
  })
})

test('the README shows the minimal and the full workflow', () => {
  const blocks = Array.from(
    read('README.md').matchAll(/^```yaml\n(.*?)^```$/gms),
    ([, text]) => text,
  )
  expect(blocks).toEqual(['minimal', 'deploy'].map((name) => read(`examples/${name}.yml`)))
})

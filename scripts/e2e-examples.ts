/**
 * `npm run e2e:examples`: plays the examples, then copies of them without their guards, which a scene must notice.
 * `node scripts/e2e-examples.ts fleet.yml` plays those whose titles hold the text.
 */
import { scenes, unguarded } from './example-scenes.ts'
import { makeStage, play } from './play-example.ts'

interface Check {
  title: string
  /** What is wrong, if anything is. */
  run: (stage: string) => Promise<string | undefined>
}

const checks: Check[] = [
  ...scenes.map((scene) => ({
    title: `${scene.example}: ${scene.name}`,
    run: async (stage: string) => {
      const { differences, log } = await play(scene, stage)
      return differences.length > 0 ? [...differences, log].join('\n') : undefined
    },
  })),
  ...unguarded.map(({ lacks, scene, remove, shows }) => ({
    title: `${scene.example} without ${lacks}: ${scene.name}`,
    run: async (stage: string) => {
      const edit = (workflow: string) => scene.edit?.(remove(workflow)) ?? remove(workflow)
      const { differences, events, log } = await play({ ...scene, edit }, stage)
      if (differences.length === 0) return 'Nothing differs, although the guard is missing.'
      return events.includes(shows)
        ? undefined
        : [`It was not played up to "${shows}".`, log].join('\n')
    },
  })),
]

const chosen = checks.filter(({ title }) => title.includes(process.argv[2] ?? ''))
if (chosen.length === 0) throw new Error('No title holds that text.')
const queue = [...chosen]
const stage = makeStage()
let failures = 0

async function work(): Promise<void> {
  for (let check = queue.shift(); check !== undefined; check = queue.shift()) {
    const wrong = await check.run(stage.folder)
    if (wrong === undefined) continue
    console.error(`NOT OK  ${check.title}\n${wrong}`)
    failures++
  }
}

try {
  // Most of a scene is waiting, so eight at a time suit two cores.
  await Promise.all(Array.from({ length: 8 }, work))
} finally {
  stage.remove()
}
console.log(
  `${chosen.length - failures} of ${chosen.length} scenes of the examples are as they should be.`,
)
process.exitCode = failures > 0 ? 1 : 0

/** What happens to somebody who copies an example: the good path, and what a tired engineer may meet or forget. */
import type { Scene, State } from './play-example.ts'

/** A closed bot is opened by its first request. */
const opened = 'getUpdates 200, opened'
/** The second request confirms that nothing has opened the bot since. */
const close = ['close 200', 'close 400']
const stopOnOldHost = 'ssh old.example sudo systemctl disable --now bot'
const moveData = 'ssh old.example sudo rsync --archive --update /srv/bot/ new.example:/srv/bot/'
const hasNotMoved = 'ssh old.example test ! -e /srv/bot.moved'
const markAsMoved = 'ssh old.example sudo touch /srv/bot.moved'
const startOnOldHost = 'ssh old.example sudo systemctl enable --now bot'
const startOnNewHost = 'ssh new.example sudo systemctl enable --now bot'

/** Throws if the example does not hold the text: the change would be none. */
function replace(workflow: string, text: string | RegExp, replacement: string): string {
  const changed = workflow.replace(text, replacement)
  if (changed === workflow) throw new Error(`The example does not hold ${text.toString()}`)
  return changed
}

const dryRunLeftOn = (workflow: string): string =>
  replace(workflow, 'confirm-after-seconds: 5', 'dry-run: true\n          confirm-after-seconds: 5')

/** Commands and requests of an example that stops a bot, closes it, moves its data and starts it elsewhere. */
interface Chain {
  example: string
  secret?: string
  flags?: readonly string[]
  check?: readonly string[]
  stop?: string
  deletion?: readonly string[]
  migrate?: string
  start?: readonly string[]
  restore?: readonly string[]
}

function scenesOf({
  example,
  secret = 'BALE_TOKEN',
  flags = [],
  check = [hasNotMoved],
  stop = stopOnOldHost,
  deletion = [],
  migrate = moveData,
  start = [markAsMoved, startOnNewHost, opened],
  restore = [],
}: Chain) {
  const webhook = deletion.length > 0
  const moves = [migrate, ...start]
  const first = check[0] ?? stop
  const bot = (state: State) => ({ [secret]: { webhook, ...state } })
  const common = { example, flags, bots: bot({}) }
  return {
    good: {
      ...common,
      name: 'the bot moves',
      passes: true,
      events: [...check, stop, ...deletion, ...close, ...moves],
    },
    misspelt: {
      ...common,
      name: 'the name of the secret is misspelt',
      edit: (workflow) => replace(workflow, /BALE_TOKEN/g, 'BALE_TOKE'),
      passes: false,
      events: restore,
      log: 'outcome=invalid-input',
    },
    firstFails: {
      ...common,
      name: 'the bot has moved before, or the copy is unchanged',
      failing: first,
      passes: false,
      events: [`${first} (fails)`, ...restore.slice(0, 1).map((command) => `${command} (fails)`)],
    },
    stopFails: {
      ...common,
      name: 'the stop fails',
      failing: stop,
      passes: false,
      events: [...check, `${stop} (fails)`, ...restore],
    },
    closeFails: {
      ...common,
      name: 'the close fails',
      bots: bot({ noClose: true }),
      passes: false,
      events: [...check, stop, ...deletion, 'close 404', ...restore],
      log: 'outcome=unsupported',
    },
    rerun: {
      ...common,
      name: 'failed jobs run again after the bot was started again',
      bots: bot({ youngSeconds: 10 }),
      runAttempt: 2,
      passes: true,
      events: [...check, stop, ...deletion, 'close 429', ...close, ...moves],
    },
    dryRun: {
      ...common,
      name: 'a dry run was left on',
      edit: dryRunLeftOn,
      passes: example !== 'fleet.yml',
      events: [...check, stop, ...restore],
      log: 'outcome=dry-run',
    },
    poller: {
      ...common,
      name: 'something still polls',
      bots: bot({ pollerSeconds: 1 }),
      passes: false,
      events: [...check, stop, ...deletion, 'close 200', opened, 'close 429', ...restore],
      log: 'outcome=reopened',
    },
    closedBefore: {
      ...common,
      name: 'a re-run finds the bot closed',
      bots: bot({ closed: true, youngSeconds: 2 }),
      runAttempt: 2,
      passes: true,
      events: [
        ...check,
        stop,
        // The deletion opens the bot.
        ...(webhook ? ['deleteWebhook 200, opened', 'close 429', ...close] : ['close 400']),
        ...moves,
      ],
    },
  } satisfies Record<string, Scene>
}

const deploy = scenesOf({ example: 'deploy.yml', check: [], start: [startOnNewHost, opened] })
const withRestore = scenesOf({
  example: 'deploy-with-restore.yml',
  restore: [hasNotMoved, startOnOldHost],
})
const webhook = scenesOf({
  example: 'webhook.yml',
  deletion: ['deleteWebhook 200'],
  start: [
    markAsMoved,
    startOnNewHost,
    'ssh new.example sudo /srv/bot/set-webhook',
    'setWebhook 200, opened',
  ],
  restore: [
    hasNotMoved,
    startOnOldHost,
    'ssh old.example sudo /srv/bot/set-webhook',
    'setWebhook 200',
  ],
})

const stopOf = (bot: string): string => `ssh old.example sudo systemctl disable --now bot@${bot}`
const fleetHasNotMoved = 'ssh old.example test ! -e /srv/bots.moved'
const markFleetAsMoved = 'ssh old.example sudo touch /srv/bots.moved'
const threeChecks = [fleetHasNotMoved, fleetHasNotMoved, fleetHasNotMoved]
const migrateFleet =
  'ssh old.example sudo rsync --archive --update /srv/bots/ new.example:/srv/bots/'
const startFleet = 'ssh new.example sudo systemctl enable --now bot@ORDERS bot@SUPPORT bot@NEWS'

/** One bot of the fleet, as "Re-run failed jobs" takes it up. */
const oneOfFleet = scenesOf({
  example: 'fleet.yml',
  secret: 'BALE_TOKEN_ORDERS',
  flags: ['--matrix', 'bot:ORDERS'],
  check: [fleetHasNotMoved],
  stop: stopOf('ORDERS'),
  migrate: migrateFleet,
  start: [markFleetAsMoved, startFleet, opened],
})

const oneAfterAnother = (workflow: string): string =>
  replace(workflow, 'max-parallel: 5', 'max-parallel: 1')
const fleet = {
  good: {
    example: 'fleet.yml',
    name: 'three bots move',
    bots: { BALE_TOKEN_ORDERS: {}, BALE_TOKEN_SUPPORT: {}, BALE_TOKEN_NEWS: {} },
    edit: oneAfterAnother,
    passes: true,
    events: [
      ...threeChecks,
      ...['ORDERS', 'SUPPORT', 'NEWS'].flatMap((bot) => [stopOf(bot), ...close]),
      ...[migrateFleet, markFleetAsMoved, startFleet, opened, opened, opened],
    ],
  },
  oneFails: {
    example: 'fleet.yml',
    name: 'one token of three is wrong',
    bots: { BALE_TOKEN_ORDERS: {}, BALE_TOKEN_SUPPORT: 'unknown', BALE_TOKEN_NEWS: {} },
    edit: oneAfterAnother,
    passes: false,
    events: [
      ...threeChecks,
      ...[stopOf('ORDERS'), ...close],
      ...[stopOf('SUPPORT'), 'close 403'],
      ...[stopOf('NEWS'), ...close],
    ],
    log: 'outcome=unauthorized',
  },
  newRun: {
    example: 'fleet.yml',
    name: 'a new run finds one bot closed, as its input says',
    bots: { BALE_TOKEN_ORDERS: { closed: true }, BALE_TOKEN_SUPPORT: {}, BALE_TOKEN_NEWS: {} },
    flags: ['--input', 'already-closed=true'],
    edit: oneAfterAnother,
    passes: true,
    events: [
      ...threeChecks,
      ...[stopOf('ORDERS'), 'close 400'],
      ...['SUPPORT', 'NEWS'].flatMap((bot) => [stopOf(bot), ...close]),
      ...[migrateFleet, markFleetAsMoved, startFleet, opened, opened, opened],
    ],
  },
} satisfies Record<string, Scene>

const pauseCommand = 'ssh bot.example sudo systemctl disable --now bot'
const maintenance = {
  pause: {
    example: 'maintenance.yml',
    name: 'the bot pauses',
    flags: ['--input', 'task=pause'],
    passes: true,
    events: [pauseCommand, ...close],
  },
  resume: {
    example: 'maintenance.yml',
    name: 'the bot goes on',
    flags: ['--input', 'task=resume'],
    bots: { BALE_TOKEN: { closed: true } },
    passes: true,
    events: ['ssh bot.example sudo systemctl enable --now bot', opened],
  },
  dryRun: {
    example: 'maintenance.yml',
    name: 'a dry run was left on',
    flags: ['--input', 'task=pause'],
    edit: dryRunLeftOn,
    passes: false,
    events: [pauseCommand],
  },
} satisfies Record<string, Scene>

const podsEnd = [
  'kubectl get deployment/bot --output=jsonpath={.spec.strategy.type}',
  'kubectl scale deployment/bot --replicas=0',
  'kubectl wait pod --selector=app=bot --for=delete --timeout=5m',
]
const oldVersionStarts = 'kubectl scale deployment/bot --replicas=1'
const kubernetes = {
  good: {
    example: 'kubernetes.yml',
    name: 'the new version starts',
    passes: true,
    events: [...podsEnd, ...close, 'kubectl apply --filename=kubernetes/', opened],
  },
  closeFails: {
    example: 'kubernetes.yml',
    name: 'the close fails',
    bots: { BALE_TOKEN: { noClose: true } },
    passes: false,
    events: [...podsEnd, 'close 404', oldVersionStarts],
  },
  dryRun: {
    example: 'kubernetes.yml',
    name: 'a dry run was left on',
    edit: dryRunLeftOn,
    passes: false,
    events: [...podsEnd, oldVersionStarts],
  },
} satisfies Record<string, Scene>

const alert = {
  good: { example: 'alert.yml', name: 'the bot is closed', passes: true, events: close },
  closeFails: {
    example: 'alert.yml',
    name: 'the close fails',
    bots: { BALE_TOKEN: { noClose: true } },
    passes: false,
    events: ['close 404', 'gh issue create --title The Bale bot may not be closed: unsupported'],
  },
  dryRun: {
    example: 'alert.yml',
    name: 'a dry run was left on',
    edit: dryRunLeftOn,
    passes: true,
    events: ['gh issue create --title The Bale bot may not be closed: dry-run'],
  },
} satisfies Record<string, Scene>

/** `proxy.yml` is not among them: the emulator is on loopback, which is never asked through a proxy. It is linted. */
const plain = ['minimal.yml', 'relay.yml', 'self-hosted.yml'].map((example): Scene => ({
  example,
  name: 'the bot is closed',
  passes: true,
  events: ['close 200'],
}))

export const scenes: readonly Scene[] = [
  ...[deploy, withRestore, webhook, oneOfFleet, fleet, maintenance, kubernetes, alert].flatMap(
    (found) => Object.values<Scene>(found),
  ),
  ...plain,
]

/** A copy of an example without one of its guards. */
export interface Unguarded {
  lacks: string
  /** The scene that must notice. */
  scene: Scene
  remove: (workflow: string) => string
  /** An event that shows that the copy was played up to here. */
  shows: string
}

const without = (
  lacks: string,
  guard: string | RegExp,
  scene: Scene,
  shows: string,
): Unguarded => ({
  lacks,
  scene,
  remove: (workflow) => replace(workflow, guard, ''),
  shows,
})

const onlyIfClosed = "    if: needs.close.outputs.closed == 'true'\n"
const dryRunStep = / {6}- name: Check settings[^]*?(?= {6}- name: (?:Check that|Stop))/
const checkStep = / {6}- name: Check that[^]*?moved\n/
const guardStep = / {6}- name: Fail unless[^]*?exit 1\n/

export const unguarded: readonly Unguarded[] = [
  ...[deploy, withRestore, webhook].flatMap((chain) => [
    without('the dry run', dryRunStep, chain.misspelt, stopOnOldHost),
    without('the confirmation', / +confirm-after-seconds.*\n/, chain.poller, moveData),
    without('the condition of migrate', onlyIfClosed, chain.dryRun, moveData),
  ]),
  without('allow-already-closed', / +allow-already-closed.*\n/, deploy.closedBefore, 'close 400'),
  {
    lacks: 'migrate and the condition of roll-out',
    scene: deploy.dryRun,
    remove: (workflow) =>
      replace(
        replace(workflow, / {2}migrate:[^]*(?= {2}roll-out:)/, '').replace(
          '[close, migrate]',
          'close',
        ),
        onlyIfClosed,
        '',
      ),
    shows: startOnNewHost,
  },
  without(
    'the test before it restores',
    /(?<=restore:[^]*)(?: {6}- name: Check that)[^]*?moved\n/,
    withRestore.firstFails,
    startOnOldHost,
  ),
  ...[withRestore, webhook].flatMap((chain) => [
    without('the test whether it has moved', checkStep, chain.firstFails, stopOnOldHost),
    without('always() in restore', 'always() && ', chain.closeFails, 'close 404'),
    without(
      'closed in restore',
      " || needs.close.outputs.closed != 'true'",
      chain.dryRun,
      stopOnOldHost,
    ),
  ]),
  without('delete-webhook', / +delete-webhook.*\n/, webhook.good, 'close 200'),
  without(
    'the webhook of the old host',
    / +- name: Set the webhook to the old[^]*/,
    webhook.closeFails,
    startOnOldHost,
  ),
  without('the guard step', guardStep, oneOfFleet.dryRun, migrateFleet),
  without('the test whether it has moved', checkStep, oneOfFleet.firstFails, stopOf('ORDERS')),
  without('the check of all bots', / {4}needs: check\n/, oneOfFleet.misspelt, stopOf('ORDERS')),
  without('the guard step', guardStep, maintenance.dryRun, pauseCommand),
  without('the guard step', guardStep, kubernetes.dryRun, 'kubectl apply --filename=kubernetes/'),
  without('always() at the end', 'always() && ', kubernetes.closeFails, 'close 404'),
  without('always() in alert', 'always() && ', alert.closeFails, 'close 404'),
]

/**
 * `npm run demo`: a bad canary in front of the reader's eyes.
 *
 * Two real model servers, the real router and an open-model load are started; after a few healthy seconds the
 * challenger breaks, and the router has to notice by itself. Nothing here tells it. Exit code 0 only when a
 * rollback happened; 1 when not; 2 for wrong usage. Whatever ends it, no process and no file stays.
 */
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import type { Rollback } from '../src/domain/document.ts'
import type { RouteView } from '../src/ports.ts'
import { FAULTS, type FaultKind } from './faults.ts'
import { type Load, startLoad } from './load.ts'
import { PATH, SLA_MS, type Stage, setStage } from './stage.ts'
import { asJson, type Story, toldTo } from './story.ts'
import { type Tally, tally } from './tally.ts'

const COLD_MS = 1_500 // not counted: every process compiles its code and makes its connections
const HEALTHY_MS = 5_000
const WARM_UP_MS = 130_000 // the latency trigger's longest, and some
const AFTER_MS = 3_000
const USERS = 2_000
const SEED = 20

const HELP = `npm run demo -- [options]

  --fault KIND   how the challenger breaks: ${FAULTS.filter(kind => kind !== 'none').join(', ')} (errors)
  --rps N        requests a second (100)
  --share N      percent of the users for the challenger (5; slow: 20, to warm up sooner)
  --give-up N    seconds after the fault without a rollback (60)
  --keep         leave everything running after the rollback, until Ctrl-C
  --json         one JSON document a line, the last one a summary

Exit code 0 when the router rolled the challenger back, 1 when it did not.`

type Options = {
  readonly fault: FaultKind
  readonly rps: number
  readonly share: number
  readonly giveUp: number // seconds
  readonly keep: boolean
  readonly json: boolean
}

class Interrupted extends Error {}

const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => reject(new Interrupted(signal)))
  }
})
interrupted.catch(() => {}) // told where it is awaited

const options = optionsOf(process.argv.slice(2))
process.exitCode = options === null ? 2 : await demo(options)

async function demo(given: Options): Promise<number> {
  const write = (line: string) => void process.stdout.write(`${line}\n`)
  const story = given.json ? asJson(write) : toldTo(write)
  let stage: Stage | null = null
  let load: Load | null = null
  try {
    const setting = setStage(given.share)
    stage = await Promise.race([setting, interrupted]).catch(async error => {
      await setting.then(
        late => late.clear(),
        () => {}
      )
      throw error
    })
    const counted = tally(SLA_MS)
    const from = performance.now() + COLD_MS
    load = startLoad(
      {
        origin: stage.dataUrl,
        path: PATH,
        rps: given.rps,
        users: USERS,
        seed: SEED,
        timeoutMs: 30_000
      },
      sample => {
        if (sample.due >= from) counted.add(sample)
      }
    )
    story.started({ rps: given.rps, users: USERS, share: given.share })
    const gone = stage.routerGone.then((stderr): never => {
      throw new Error(`the router ended by itself:\n${stderr}`)
    })
    gone.catch(() => {})
    return await Promise.race([play({ given, stage, load, counted, story }), interrupted, gone])
  } catch (error) {
    if (error instanceof Interrupted) return 130
    story.failed(error instanceof Error ? error.message : String(error))
    return 1
  } finally {
    await load?.stop(500)
    await stage?.clear()
  }
}

type Scene = {
  readonly given: Options
  readonly stage: Stage
  readonly load: Load
  readonly counted: Tally
  readonly story: Story
}

async function play({ given, stage, load, counted, story }: Scene): Promise<number> {
  await new Promise(resolve => setTimeout(resolve, COLD_MS))
  const clock = createClock(stage, counted, story)
  await clock.until(HEALTHY_MS, rolledBackTooSoon)
  if (given.fault === 'slow') {
    story.waiting('the latency trigger leaves out the first 30 s and 200 requests of an address')
    const warm = await clock.until(
      WARM_UP_MS,
      view => rolledBackTooSoon(view) || latencyArmed(view)
    )
    if (!warm) throw new Error('the latency trigger did not warm up')
  }

  const onset = { at: performance.now(), wall: Date.now() }
  counted.onset(onset.at)
  await stage.breakChallenger(given.fault)
  story.broken(given.fault)
  if (!(await clock.until(given.giveUp * 1000, view => rollbackOf(view) !== null))) {
    throw new Error(`v4 still had traffic ${given.giveUp} s after it broke`)
  }

  const zero = performance.now()
  const hurt = counted.hurt(load.waiting(SLA_MS))
  const requests = counted.total()
  await clock.until(AFTER_MS, () => false)
  const rollback = rollbackOf(await stage.route())
  if (rollback === null) throw new Error('the rollback did not stay')
  story.ended({
    fault: given.fault,
    rollback,
    secondsToZero: (Date.parse(rollback.at) - onset.wall) / 1000,
    secondsToLastRequest: Math.max(0, (counted.lastDue('v4') ?? 0) - onset.at) / 1000,
    hurt,
    users: USERS,
    requests,
    later: { v3: counted.answersSince(zero, 'v3'), v4: counted.answersSince(zero, 'v4') },
    look: { ...stage, keep: given.keep }
  })
  if (given.keep) await new Promise(() => {}) // until a signal; the children keep us alive
  return 0
}

type Clock = {
  /** Looks at the route until `done` says so (true) or `ms` are over (false). */
  until(ms: number, done: (view: RouteView) => boolean): Promise<boolean>
}

/** Looks ten times a second and tells one line a second. */
function createClock(stage: Stage, counted: Tally, story: Story): Clock {
  const start = performance.now()
  let told = 0
  return {
    async until(ms, done) {
      const end = performance.now() + ms
      while (performance.now() < end) {
        await new Promise(resolve => setTimeout(resolve, 100))
        const view = await stage.route()
        const now = performance.now()
        const second = Math.floor((now - start) / 1000)
        if (second > told) {
          told = second
          const [v3, v4] = ['v3', 'v4'].map(name => counted.last(name, now, 1000))
          if (v3 && v4) story.second({ second, view, v3, v4, lost: counted.last(null, now, 1000) })
        }
        if (done(view)) return true
      }
      return false
    }
  }
}

function rolledBackTooSoon(view: RouteView): false {
  const rollback = rollbackOf(view)
  if (rollback === null) return false
  throw new Error(`v4 was rolled back while it was healthy: ${rollback.reason}`)
}

function latencyArmed(view: RouteView): boolean {
  return view.triggers.some(
    ({ variant, trigger, state }) => variant === 'v4' && trigger === 'latency' && state === 'armed'
  )
}

function rollbackOf(view: RouteView): Rollback | null {
  const { v4 } = view.challengers
  return v4?.rollback ?? null
}

/** What was asked for, or null after saying what is wrong with it. */
function optionsOf(argv: string[]): Options | null {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        fault: { type: 'string', default: 'errors' },
        rps: { type: 'string', default: '100' },
        share: { type: 'string' },
        'give-up': { type: 'string', default: '60' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false }
      }
    })
    if (values.help) {
      process.stdout.write(`${HELP}\n`)
      process.exit(0)
    }
    const fault = FAULTS.find(kind => kind === values.fault && kind !== 'none')
    if (fault === undefined) throw new Error(`there is no fault "${values.fault}"`)
    const rps = Number(values.rps)
    const share = Number(values.share ?? (fault === 'slow' ? '20' : '5'))
    if (!(rps >= 10 && rps <= 5000)) throw new Error('--rps is a number from 10 to 5000')
    if (!(share >= 1 && share <= 90 && Number.isInteger(share))) {
      throw new Error('--share is a whole percentage from 1 to 90')
    }
    const giveUp = Number(values['give-up'])
    if (!(giveUp > 0 && giveUp <= 3600)) throw new Error('--give-up is a number of seconds')
    return { fault, rps, share, giveUp, keep: values.keep, json: values.json }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}\n`)
    return null
  }
}

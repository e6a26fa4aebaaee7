/**
 * `npm run demo`: a bad canary in front of the reader's eyes.
 *
 * Two real model servers, the real router and an open-model load are started; after a few healthy seconds the
 * challenger breaks, and the router has to notice by itself. Nothing here tells it. With --fleet there are two
 * routers and a Redis; with --shadow the challenger only gets copies, and is compared. Exit code 0 only when what was promised happened (options.ts); 1 when not; 2 for wrong
 * usage. Whatever ends it, no process and no file stays.
 */
import { performance } from 'node:perf_hooks'
import { playFleet } from './fleet-play.ts'
import { setFleetStage } from './fleet-stage.ts'
import { fleetAsJson, fleetToldTo } from './fleet-story.ts'
import { type Load, startLoad } from './load.ts'
import { type Options, optionsOf } from './options.ts'
import { COLD_MS, play, USERS } from './play.ts'
import { PATH, SLA_MS } from './router.ts'
import { playShadow } from './shadow-play.ts'
import { setShadowStage } from './shadow-stage.ts'
import { shadowAsJson, shadowToldTo } from './shadow-story.ts'
import { setStage } from './stage.ts'
import { asJson, toldTo } from './story.ts'
import { type Tally, tally } from './tally.ts'

const SEED = 20

class Interrupted extends Error {}

const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => reject(new Interrupted(signal)))
  }
  process.stdout.on('error', () => reject(new Interrupted('nobody reads'))) // as before a `head`
})
interrupted.catch(() => {}) // told where it is awaited

const options = optionsOf(process.argv.slice(2))
process.exitCode = options === null ? 2 : await demo(options)

function demo(given: Options): Promise<number> {
  const write = (line: string) => void process.stdout.write(`${line}\n`)
  if (given.fleet) {
    const story = given.json ? fleetAsJson(write) : fleetToldTo(write)
    const set = () => setFleetStage()
    return perform(given, story.failed, set, scene => playFleet({ ...scene, given, story }))
  }
  if (given.shadow) {
    const story = given.json ? shadowAsJson(write) : shadowToldTo(write)
    const set = () => setShadowStage(given.events)
    return perform(given, story.failed, set, scene => playShadow({ ...scene, given, story }))
  }
  const story = given.json ? asJson(write) : toldTo(write)
  const set = () => setStage(given.share)
  return perform(given, story.failed, set, scene => play({ ...scene, given, story }))
}

/** What every stage has. */
type Place = {
  readonly dataUrls: readonly string[]
  readonly gone: Promise<string>
  readonly clear: () => Promise<void>
}

/** Sets the stage, sends users, plays, and clears everything away, whatever happens. Gives the exit code. */
async function perform<Stage extends Place>(
  given: Options,
  failed: (why: string) => void,
  set: () => Promise<Stage>,
  act: (scene: { stage: Stage; load: Load; counted: Tally }) => Promise<void>
): Promise<number> {
  let stage: Stage | null = null
  let load: Load | null = null
  try {
    const setting = set()
    stage = await Promise.race([setting, interrupted]).catch(async error => {
      await setting.then(
        late => late.clear(),
        () => {}
      )
      throw error
    })
    const gone = stage.gone.then((why): never => {
      throw new Error(why)
    })
    gone.catch(() => {})
    const counted = tally(SLA_MS)
    load = sendUsers(stage.dataUrls, given, counted)
    await Promise.race([act({ stage, load, counted }), interrupted, gone])
    if (given.keep) await Promise.race([interrupted, gone]) // the children keep us alive
    return 0
  } catch (error) {
    if (error instanceof Interrupted) return 130
    failed(error instanceof Error ? error.message : String(error))
    return 1
  } finally {
    await load?.stop(500)
    await stage?.clear()
  }
}

/**
 * The load, counted once it is warm: every process compiles its code and makes its connections before. The demo of
 * a shadow counts all of it, for it has no user fail.
 */
function sendUsers(
  origin: readonly string[],
  { rps, shadow }: Pick<Options, 'rps' | 'shadow'>,
  counted: Tally
): Load {
  const from = performance.now() + (shadow ? 0 : COLD_MS)
  return startLoad(
    { origin, path: PATH, rps, users: USERS, seed: SEED, timeoutMs: 30_000 },
    sample => {
      if (sample.due >= from) counted.add(sample)
    }
  )
}

/**
 * What happens in the demo of a shadow: users are served by v3 while v4 gets copies, in turns with windows without;
 * then everything that was considered is accounted for, and read back from where pairs are.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { ShadowView } from '../src/ports.ts'
import { createClock } from './clock.ts'
import type { Load } from './load.ts'
import type { Options } from './options.ts'
import { COLD_MS, USERS } from './play.ts'
import type { ShadowStage } from './shadow-stage.ts'
import type { ShadowEnding, ShadowStory } from './shadow-story.ts'
import { measureWindows } from './shadow-windows.ts'
import type { Stretch, Tally } from './tally.ts'

export type ShadowScene = {
  readonly given: Options
  readonly stage: ShadowStage
  readonly load: Load
  readonly counted: Tally
  readonly story: ShadowStory
}

const WARM_MS = 2_000
const ENDED_WITHIN = 60_000 // ms, for copies under way and for what is on its way to a place

/** Resolves when all of it happened and was told. Throws when not, with what did not. */
export async function playShadow(scene: ShadowScene): Promise<void> {
  const { given, stage, counted, story } = scene
  const { router } = stage
  const users = counted.stretch(0)
  story.started({ rps: given.rps, users: USERS, place: stage.pairs.name })
  await delay(COLD_MS)
  const clock = createClock(router.shadow, (second, view, now) => {
    story.second({ second, view, seen: counted.last('v3', now, 1000), failed: users.failed() })
  })
  const wait = (ms: number) => clock.until(ms, () => false)
  await wait(WARM_MS)
  const turn = async (on: boolean) => void (await router.setShadow(on))
  const windows = await measureWindows(given.seconds, counted, turn, wait)

  await router.setShadow(false)
  const ending = await endingOf(scene, users, windows)
  const problems = problemsOf(ending)
  if (problems.length > 0) {
    story.figures(ending)
    throw new Error(problems.join('; '))
  }
  if (given.keep) await router.setShadow(true)
  const { adminUrl, tokenFile, dataUrl } = router
  story.ended(ending, { adminUrl, tokenFile, dataUrl, keep: given.keep })
}

async function endingOf(
  { stage }: ShadowScene,
  users: Stretch,
  windows: ShadowEnding['windows']
): Promise<ShadowEnding> {
  const { router, pairs } = stage
  const accounts = await withDeadline(
    router.shadow,
    view => accountOf(view),
    ({ considered, copied, dropped }) => considered === copied + sum(dropped)
  )
  const found = await withDeadline(
    pairs.found,
    known => known,
    ({ records }) => records >= accounts.copied
  )
  const { agreement } = await router.shadow()
  if (agreement === null) throw new Error('the shadow process does not answer')
  return {
    ...accounts,
    place: pairs.kind,
    found,
    agreement,
    windows,
    requests: users.requests(),
    failed: users.failed()
  }
}

function accountOf({ considered, dropped, outcomes }: ShadowView) {
  return { considered, copied: sum(outcomes), dropped, outcomes }
}

/** Asks again until it is enough, or late; then with what there is. */
async function withDeadline<Raw, T>(
  ask: () => Promise<Raw>,
  read: (raw: Raw) => T,
  enough: (value: T) => boolean
): Promise<T> {
  const end = performance.now() + ENDED_WITHIN
  for (;;) {
    const value = read(await ask())
    if (enough(value) || performance.now() > end) return value
    await delay(200)
  }
}

/** Everything that was promised and did not happen. */
function problemsOf(e: ShadowEnding): readonly string[] {
  const { overall, fields } = e.agreement
  const named = fields.filter(({ kinds }) => sum(kinds) > 0)
  const ended = e.copied + sum(e.dropped)
  const checks: readonly (readonly [boolean, string])[] = [
    [e.copied > 0, 'nothing was copied'],
    [ended === e.considered, `${e.considered} requests were considered and ${ended} ended`],
    [e.found.records > 0, 'no pair was recorded'],
    [
      (e.found.pairs ?? e.found.records) >= e.copied,
      `${e.copied} copies ended, and ${e.found.pairs ?? e.found.records} pairs were recorded`
    ],
    [
      e.place !== 'file' || e.found.records === e.found.pairs,
      `${e.found.records} records hold ${e.found.pairs} pairs`
    ],
    [overall.agree > 0, `the models agree on none of ${overall.of} answers`],
    [overall.agree < overall.of, `the models agree on all of ${overall.of} answers`],
    [named.length > 0, 'no field is named that differs'],
    [e.failed === 0, `${e.failed} of ${e.requests} requests of users failed`]
  ]
  return checks.filter(([holds]) => !holds).map(([, says]) => says)
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0)
}

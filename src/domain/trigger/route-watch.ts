/**
 * The watch over one route: reads the counters of all threads once per tick and says which challenger must
 * leave (triggers.md). Pure; the same code runs in the process and in the simulations that prove it.
 */
import { strataOf } from '../counts.ts'
import type { TriggerDecision, TriggerStatus, Watch, WatchOptions } from '../watch.ts'
import { ChallengerWatch } from './challenger-watch.ts'
import { ChampionView } from './champion-view.ts'
import { GROSS_KINDS } from './gross.ts'
import { thresholds } from './thresholds.ts'
import { rulesOf } from './trigger.ts'
import { WarmUp } from './warm-up.ts'

const STATUS_TICKS = 4 // people look once a second at most

/** A watch over one route. Its state lives as long as the route's settings. */
export function createWatch({ settings, splits, replicas }: WatchOptions): Watch {
  let champion = new ChampionView(splits)
  let championMemory: ArrayBufferLike | undefined
  const challengers = new Map<string, ChallengerWatch>()
  const rules = rulesOf(settings)
  const looks = GROSS_KINDS.length * (strataOf(splits) - 1)
  let sharers = replicas
  let limits = thresholds(settings.alphaPerDay, sharers, looks)
  const championWarmUp = new WarmUp()
  let statuses: readonly TriggerStatus[] = []
  let ticks = 0
  let now = 0

  return {
    tick(input) {
      ticks++
      now = input.now
      const decisions: TriggerDecision[] = []
      const memory = input.champion.counters[0]?.words.buffer
      if (memory !== championMemory) {
        championMemory = memory
        champion = new ChampionView(splits)
        for (const watch of challengers.values()) watch.startAgain(now)
      }
      champion.tick(input)
      championWarmUp.tick(input.champion, now)
      for (const variant of challengers.keys()) {
        if (!input.challengers.has(variant)) challengers.delete(variant)
      }
      for (const [variant, arm] of input.challengers) {
        let watch = challengers.get(variant)
        if (!watch) {
          watch = new ChallengerWatch({ variant, settings, rules, splits, thresholds: limits })
          challengers.set(variant, watch)
        }
        watch.tick(input, arm, champion, ticks, decisions)
      }
      if (ticks % STATUS_TICKS === 1 || decisions.length > 0) statuses = describe()
      return { decisions, statuses }
    },
    reset(variant) {
      challengers.get(variant)?.reset(now)
    },
    share(count) {
      if (count === sharers) return
      sharers = count
      limits = thresholds(settings.alphaPerDay, sharers, looks)
      for (const watch of challengers.values()) watch.retune(limits)
    }
  }

  function describe(): readonly TriggerStatus[] {
    return [...challengers.values()].flatMap(watch => watch.statuses(now, champion))
  }
}

/**
 * The watch over one route: reads the counters of all threads once per tick and says which challenger must
 * leave (triggers.md). Pure; the same code runs in the process and in the simulations that prove it.
 */
import { ChallengerWatch } from './challenger-watch.ts'
import { ChampionView } from './champion-view.ts'
import { type Counters, type FailKind, strataOf } from './counts.ts'
import { GROSS_KINDS } from './gross.ts'
import { thresholds } from './thresholds.ts'
import { rulesOf } from './trigger.ts'
import type { TriggerName, TriggerSettings } from './trigger-settings.ts'
import { WarmUp } from './warm-up.ts'

const STATUS_TICKS = 4 // people look once a second at most

/** A watch over one route. Its state lives as long as the route's settings. */
export function createWatch({ settings, splits, replicas }: WatchOptions): Watch {
  let champion = new ChampionView(splits)
  let championMemory: ArrayBufferLike | undefined
  const challengers = new Map<string, ChallengerWatch>()
  const rules = rulesOf(settings)
  const looks = GROSS_KINDS.length * (strataOf(splits) - 1)
  const limits = thresholds(settings.alphaPerDay, replicas, looks)
  const championWarmUp = new WarmUp()
  let statuses: readonly TriggerStatus[] = []
  let ticks = 0
  let now = 0

  return {
    tick(input) {
      ticks++
      now = input.now
      const decisions: TriggerDecision[] = []
      const warm: WarmChange[] = []
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
        watch.tick(input, arm, champion, ticks, { decisions, warm })
      }
      if (ticks % STATUS_TICKS === 1 || decisions.length > 0) statuses = describe()
      return { decisions, warm, statuses }
    },
    reset(variant) {
      challengers.get(variant)?.reset(now)
    }
  }

  function describe(): readonly TriggerStatus[] {
    return [...challengers.values()].flatMap(watch => watch.statuses(now, champion))
  }
}

export type WatchOptions = {
  readonly settings: TriggerSettings
  readonly splits: number // overrides with a split: strata 1..splits
  readonly replicas: number // known replicas of this router; 1 alone
}

/** One variant as the watch sees it at a tick. */
export type Arm = {
  readonly counters: readonly Counters[] // one per data thread, the same length at every tick but for growth
  readonly addresses: readonly { readonly slot: number; readonly healthy: boolean }[]
  readonly weight: number // basis points owned by the hash
}

export type WatchInput = {
  readonly now: number // ms since the process epoch
  readonly generation: number // of the current ranges
  readonly champion: Arm
  readonly championHealthy: boolean // health checks of the last 10 s; true where there are none
  readonly challengers: ReadonlyMap<string, Arm> // those that are not rolled back
  readonly stalled: boolean // an event loop of ours was late in this tick: no latency, no absence (rule 8)
}

export type TriggerDecision = {
  readonly variant: string
  readonly trigger: TriggerName
  readonly action: 'rollback' | 'pause' | 'notify'
  readonly dryRun: boolean
  readonly sentence: string // plain words with the figures
  readonly evidence: Readonly<Record<string, unknown>>
}

export type TriggerStatus = {
  readonly variant: string
  readonly trigger: TriggerName
  readonly state: 'armed' | 'warmup' | 'pausing' | 'fired'
  readonly logEvidence: number
  readonly threshold: number
  readonly phi: number
  readonly ratio: number | null
  readonly n: number
  readonly x: number
  readonly sinceMs: number // of the detector's reset
}

/** A slot of an address area whose `warm` flag the caller must write into every thread's region. */
export type WarmChange = { readonly variant: string; readonly slot: number; readonly warm: boolean }

export type WatchResult = {
  readonly decisions: readonly TriggerDecision[]
  readonly statuses: readonly TriggerStatus[]
  readonly warm: readonly WarmChange[]
}

export type Watch = {
  tick(input: WatchInput): WatchResult
  /** A rollback was cleared or a challenger's ranges changed: its detectors start again. */
  reset(variant: string): void
}

export type { FailKind }

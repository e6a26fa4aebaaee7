/**
 * What this replica adds to the fleet's counts of one route: per challenger the counts of both arms, and the
 * champion's per group of units, from which the fleet learns how failures come together.
 */
import { AT, type Counters, FAIL_KINDS, GROUPS, ROW } from '../counts.ts'
import { ChampionView } from '../trigger/champion-view.ts'
import { FAILED, JUDGED } from '../trigger/evidence.ts'
import type { TriggerSettings } from '../trigger-settings.ts'
import type { WatchInput } from '../watch.ts'
import { ChallengerContribution } from './challenger-contribution.ts'
import { KIND_ROW, type Totals, type TotalsShape } from './totals.ts'

/** Groups are of units and not of ranges, so all replicas' may be summed. */
export const GROUPS_LABEL = 'groups'
export const GROUPS_SHAPE: TotalsShape = { kind: 'groups', rows: GROUPS }

export type ContributionOptions = {
  readonly settings: TriggerSettings
  readonly splits: number
  readonly nextEra: () => number
}

export class Contribution {
  readonly #options: ContributionOptions
  readonly #challengers = new Map<string, ChallengerContribution>()
  #champion: ChampionView
  #championMemory: ArrayBufferLike | undefined

  constructor(options: ContributionOptions) {
    this.#options = options
    this.#champion = new ChampionView(options.splits)
  }

  /** One second of all arms. */
  tick(input: WatchInput): void {
    const memory = input.champion.counters[0]?.words.buffer
    if (memory !== this.#championMemory) {
      this.#championMemory = memory
      this.#champion = new ChampionView(this.#options.splits)
      this.#challengers.clear()
    }
    this.#champion.tick(input)
    for (const variant of this.#challengers.keys()) {
      if (!input.challengers.has(variant)) this.#challengers.delete(variant)
    }
    for (const [variant, arm] of input.challengers) {
      const { settings, splits, nextEra } = this.#options
      const known = this.#challengers.get(variant)
      const challenger = known ?? new ChallengerContribution(settings, splits, nextEra)
      if (!known) this.#challengers.set(variant, challenger)
      challenger.tick(input, arm, this.#champion)
    }
  }

  /** Totals of both arms of a challenger; null for one that is not in traffic. */
  arms(variant: string, label: string, now: number): Totals | null {
    return this.#challengers.get(variant)?.totals(label, now) ?? null
  }

  /** Totals of the champion per group of units, since the process began. */
  groups(counters: readonly Counters[]): Totals {
    const words = new Float64Array(GROUPS * KIND_ROW.size)
    for (const { words: counted } of counters) {
      for (let g = 0; g < GROUPS; g++) addGroup(words, g * KIND_ROW.size, counted, g)
    }
    return { label: GROUPS_LABEL, era: 1, words, units: [], leftOut: 0, restarts: 0 }
  }
}

function addGroup(words: Float64Array, at: number, counted: Uint32Array, group: number): void {
  const from = AT.groups + group * ROW.size
  for (let kind = 0; kind < FAIL_KINDS.length; kind++) {
    const n = at + 2 * kind
    words[n] = (words[n] ?? 0) + (counted[from + (JUDGED[kind] ?? 0)] ?? 0)
    words[n + 1] = (words[n + 1] ?? 0) + (counted[from + (FAILED[kind] ?? 0)] ?? 0)
  }
}

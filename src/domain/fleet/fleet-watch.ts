/**
 * The fleet's watch over one route, the same on every replica and without a leader: reads what all replicas wrote
 * and says which challenger must leave. Pure; the same code runs in the process and in the simulations.
 */
import { FAIL_KINDS, GROUPS, ROW, strataOf } from '../counts.ts'
import { FAILED, JUDGED } from '../trigger/evidence.ts'
import { Bursts } from '../trigger/phi.ts'
import type { TriggerSettings } from '../trigger-settings.ts'
import type { TriggerDecision } from '../watch.ts'
import { GROUPS_LABEL, GROUPS_SHAPE } from './contribution.ts'
import {
  FleetChallenger,
  type FleetContext,
  type FleetSlotTexts,
  type FleetStatus
} from './fleet-challenger.ts'
import { ReplicaGains } from './replica-gains.ts'
import { KIND_ROW } from './totals.ts'

export type { FleetContext, FleetSlotTexts, FleetStatus }

const SLOTS_A_BLOCK = 2 // of 10 s

export class FleetWatch {
  readonly #settings: TriggerSettings
  readonly #strata: number
  readonly #challengers = new Map<string, FleetChallenger>()
  #bursts = new Bursts()
  #groups = new ReplicaGains(GROUPS_SHAPE)
  #block = new Float64Array(GROUPS * ROW.size)
  #champion = ''
  #last = -1

  constructor(settings: TriggerSettings, splits: number) {
    this.#settings = settings
    this.#strata = strataOf(splits) - 1
  }

  /** Takes slots of the champion, in order: how its failures come together. */
  takeGroups(champion: string, slots: readonly FleetSlotTexts[]): void {
    if (champion !== this.#champion) this.#otherChampion(champion)
    for (const { slot, totals } of slots) {
      if (slot <= this.#last) this.#groups.clear()
      this.#last = slot
      if (slot % SLOTS_A_BLOCK !== 0) continue // the next one has what was counted in it
      for (const { words } of this.#groups.read(slot, totals, GROUPS_LABEL)) this.#addGroups(words)
      this.#closeBlock()
    }
  }

  /** Takes slots of a challenger, in order; gives what must be done. */
  takeArms(
    variant: string,
    slots: readonly FleetSlotTexts[],
    context: FleetContext
  ): readonly TriggerDecision[] {
    let challenger = this.#challengers.get(variant)
    if (!challenger) {
      challenger = new FleetChallenger(variant, this.#settings, this.#strata)
      this.#challengers.set(variant, challenger)
    }
    return challenger.take(slots, this.#bursts.phi, context)
  }

  /** Keeps the challengers that `stays` says; forgets what the others were. */
  keep(stays: (variant: string) => boolean): void {
    for (const variant of this.#challengers.keys()) {
      if (!stays(variant)) this.#challengers.delete(variant)
    }
  }

  statuses(now: number): readonly FleetStatus[] {
    return [...this.#challengers.values()].flatMap(one => one.statuses(this.#bursts.phi, now))
  }

  #otherChampion(champion: string): void {
    this.#champion = champion
    this.#bursts = new Bursts()
    this.#groups = new ReplicaGains(GROUPS_SHAPE)
    this.#block.fill(0)
    this.#last = -1
  }

  #addGroups(words: Float64Array): void {
    for (let g = 0; g < GROUPS; g++) {
      for (let kind = 0; kind < FAIL_KINDS.length; kind++) {
        const from = g * KIND_ROW.size + 2 * kind
        const at = g * ROW.size
        const x = at + (FAILED[kind] ?? 0)
        this.#block[x] = (this.#block[x] ?? 0) + (words[from + 1] ?? 0)
        if (kind === 1) continue // calls are counted with the errors
        const n = at + (JUDGED[kind] ?? 0)
        this.#block[n] = (this.#block[n] ?? 0) + (words[from] ?? 0)
      }
    }
  }

  #closeBlock(): void {
    if (this.#block.some(value => value > 0)) this.#bursts.push(this.#block)
    this.#block.fill(0)
  }
}

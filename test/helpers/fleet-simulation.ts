/**
 * Simulated traffic over several replicas that share counters: each has its own requests, counters and watch, and
 * all write into one store in memory that numbers slots as the real one does. A seed decides everything.
 *
 * Only the network and the store are left out: totals are packed, read and judged by the code of the product.
 */
import { Contribution, GROUPS_SHAPE } from '../../src/domain/fleet/contribution.ts'
import { type FleetSlotTexts, FleetWatch } from '../../src/domain/fleet/fleet-watch.ts'
import { packTotals } from '../../src/domain/fleet/totals.ts'
import {
  CHALLENGER,
  CHAMPION,
  DEFAULTS,
  type Decided,
  seeded,
  Traffic,
  type TrafficOptions
} from './traffic-simulation.ts'

export type FleetOptions = {
  readonly seed: number
  /** Traffic of each replica. */
  readonly replicas: readonly TrafficOptions[]
  /** Share of calls to the store that are lost, or whose answer is. */
  readonly lost?: number
}

const SLOT_MS = 5_000
const BEAT_TICKS = 4
const SLOTS = 7
const ARMS = { kind: 'arms', rows: 2 } as const

type Replica = {
  readonly name: string
  readonly traffic: Traffic
  readonly contribution: Contribution
  readonly watch: FleetWatch
  readonly read: Map<string, number> // slot that was read last, by variant
}

export class FleetTraffic {
  readonly replicas: readonly Replica[]
  /** Of the fleet, by any replica. */
  readonly decisions: Decided[] = []
  /** Of a replica on its own counters. */
  readonly own: Decided[] = []
  readonly random: () => number
  readonly #lost: number
  readonly #slots = new Map<string, Map<string, string>>()
  readonly #offset: number
  #ticks = 0

  constructor({ seed, replicas, lost = 0 }: FleetOptions) {
    this.random = seeded(seed ^ 0xf1ee7)
    this.#lost = lost
    this.#offset = Math.floor(this.random() * SLOT_MS)
    this.replicas = replicas.map((options, i) => {
      const settings = { ...DEFAULTS, ...options.settings }
      let eras = 0
      return {
        name: `replica-${i}`,
        traffic: new Traffic({ ...options, replicas: replicas.length }),
        contribution: new Contribution({ settings, splits: 0, nextEra: () => ++eras }),
        watch: new FleetWatch(settings, 0),
        read: new Map()
      }
    })
  }

  get now(): number {
    return this.replicas[0]?.traffic.now ?? 0
  }

  /** Runs until a rollback of the fleet, or until `until` ms since the start. Gives the rollback. */
  run(until: number): Decided | null {
    while (this.now < until) {
      const rolledBack = this.step()
      if (rolledBack) return rolledBack
    }
    return null
  }

  /** One tick of all replicas; each has its beat at another tick of the second. */
  step(): Decided | null {
    this.#ticks++
    let rollback: Decided | null = null
    this.replicas.forEach((replica, i) => {
      const own = replica.traffic.step()
      if (own) this.own.push(own)
      if ((this.#ticks + i) % BEAT_TICKS === 0) rollback ??= this.#beat(replica)
    })
    return rollback
  }

  #beat(replica: Replica): Decided | null {
    const { traffic, contribution, watch } = replica
    const input = traffic.input()
    const label = `w${traffic.weight}`
    contribution.tick(input)
    const groups = contribution.groups(input.champion.counters)
    const groupSlots = this.#exchange(replica, CHAMPION, packTotals(groups, GROUPS_SHAPE))
    if (groupSlots) watch.takeGroups(CHAMPION, groupSlots)
    const arms = contribution.arms(CHALLENGER, label, input.now)
    const slots = arms && this.#exchange(replica, CHALLENGER, packTotals(arms, ARMS))
    if (!slots) return null
    const decisions = watch.takeArms(CHALLENGER, slots, {
      label,
      now: input.now,
      replicas: this.replicas.length,
      championLive: traffic.championWeight > 0,
      championHealthy: input.championHealthy
    })
    let rollback: Decided | null = null
    for (const decision of decisions) {
      const decided = { ...decision, at: input.now }
      this.decisions.push(decided)
      if (decision.action === 'rollback' && !decision.dryRun) rollback ??= decided
    }
    return rollback
  }

  /** As the store does it: writes into the slot of now, gives those that ended since the last answer. */
  #exchange(replica: Replica, variant: string, text: string): readonly FleetSlotTexts[] | null {
    const slot = Math.floor((this.now + this.#offset) / SLOT_MS)
    const fate = this.#lost > 0 ? this.random() : 1
    if (fate < this.#lost / 2) return null
    const key = `${variant}/${slot}`
    const fields = this.#slots.get(key) ?? new Map<string, string>()
    fields.set(replica.name, text)
    this.#slots.set(key, fields)
    this.#slots.delete(`${variant}/${slot - 180}`)
    if (fate < this.#lost) return null
    const last = replica.read.get(variant) ?? slot - 2
    const slots: FleetSlotTexts[] = []
    for (let s = Math.max(last + 1, slot - SLOTS); s < slot; s++) {
      slots.push({ slot: s, totals: new Map(this.#slots.get(`${variant}/${s}`) ?? []) })
      replica.read.set(variant, s)
    }
    return slots
  }
}

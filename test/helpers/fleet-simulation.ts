/**
 * Simulated traffic over several replicas that share counters: each has its own requests, counters and watch, and
 * all write into one store in memory that numbers slots as the real one does. A seed decides everything.
 *
 * Only the network and the store are left out: totals are packed, read and judged by the code of the product.
 */
import { Contribution, GROUPS_SHAPE } from '../../src/domain/fleet/contribution.ts'
import { FleetWatch } from '../../src/domain/fleet/fleet-watch.ts'
import { packTotals } from '../../src/domain/fleet/totals.ts'
import { type Exchange, type Fate, memoryCounters } from './memory-counters.ts'
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
  /** Whether replicas judge their own counters, too. */
  readonly own?: boolean
}

const SLOT_MS = 5_000
const BEAT_TICKS = 4
const ROUTE = 'fraud'
const ARMS = { kind: 'arms', rows: 2 } as const

type Replica = {
  readonly traffic: Traffic
  readonly contribution: Contribution
  readonly watch: FleetWatch
  readonly exchange: Exchange
}

export class FleetTraffic {
  readonly replicas: readonly Replica[]
  /** Of the fleet, by any replica. */
  readonly decisions: Decided[] = []
  /** Of replicas on their own counters, where they judge them. */
  readonly own: Decided[] = []
  readonly random: () => number
  #ticks = 0

  constructor({ seed, replicas, lost = 0, own = false }: FleetOptions) {
    this.random = seeded(seed ^ 0xf1ee7)
    const offset = Math.floor(this.random() * SLOT_MS)
    const counters = memoryCounters(() => this.now + offset)
    const fate = (): Fate => {
      const chance = lost > 0 ? this.random() / lost : 1
      return chance < 0.5 ? 'unsent' : chance < 1 ? 'unanswered' : 'answered'
    }
    this.replicas = replicas.map((options, i) => {
      const settings = { ...DEFAULTS, ...options.settings }
      let eras = 0
      return {
        traffic: new Traffic({
          ...options,
          replicas: replicas.length,
          watched: own || !options.warm
        }),
        contribution: new Contribution({ settings, splits: 0, nextEra: () => ++eras }),
        watch: new FleetWatch(settings, 0),
        exchange: counters.of(`replica-${i}`, fate)
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
    const { traffic, contribution, watch, exchange } = replica
    const input = traffic.input()
    const label = `w${traffic.weight}`
    contribution.tick(input)
    const groups = contribution.groups(input.champion.counters)
    const groupSlots = exchange(ROUTE, CHAMPION, packTotals(groups, GROUPS_SHAPE))
    if (groupSlots) watch.takeGroups(CHAMPION, groupSlots)
    const arms = contribution.arms(CHALLENGER, label, input.now)
    const slots = arms && exchange(ROUTE, CHALLENGER, packTotals(arms, ARMS))
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
}

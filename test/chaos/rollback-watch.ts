/**
 * I1: a rollback that a replica acknowledged or showed is never undone: not on that replica, and at rest nowhere.
 *
 * A rollback is about one run of a challenger, (variant, rolloutId). A `clear` gives the challenger another run,
 * so nothing that an operator does makes the old run's weight right again, and the rule needs no exception.
 *
 * Two losses are no violation, because nothing durable could exist: a replica that is killed within
 * `DURABLE_MICROS` of learning a rollback which it did not acknowledge, and a replica whose disk is taken away.
 */
import type { RouteDocument } from '../../src/domain/document.ts'
import { sizeOf } from '../../src/domain/ranges.ts'
import type { WriteResult } from '../../src/ports.ts'

export type Violation = { readonly invariant: 'I1' | 'I2' | 'I6' | 'I7'; readonly what: string }

export type RollbackWatch = {
  shown(replica: number, document: RouteDocument, at: number): void
  /** What a replica answered to a rollback of `variants`, asked for when it showed `before`. */
  acknowledged(
    replica: number,
    result: WriteResult,
    variants: readonly string[],
    before: RouteDocument
  ): void
  killed(replica: number, at: number): void
  wiped(replica: number): void
  /** Whether others hold every rollback that a replica shows, so that its disk may go. `at` is now. */
  isHeldByOthers(replica: number, others: readonly number[], at: number): boolean
  atRest(where: string, document: RouteDocument): void
  /** Runs that are rolled back, all told. */
  runs(): number
}

type Latch = { readonly since: number; readonly acknowledged: boolean }

const DURABLE_MICROS = 1_000_000

export function createRollbackWatch(violate: (violation: Violation) => void): RollbackWatch {
  const latches = new Map<number, Map<string, Latch>>() // of each replica, by run
  const current = new Map<string, RouteDocument>() // by replica and route

  function of(replica: number): Map<string, Latch> {
    const known = latches.get(replica) ?? new Map<string, Latch>()
    latches.set(replica, known)
    return known
  }

  function check(where: string, document: RouteDocument, held: (run: string) => boolean): void {
    for (const { run, rolledBack, buckets } of runsOf(document)) {
      if (rolledBack || !held(run)) continue
      const revision = `${document.epoch}-${document.revision}`
      const what = `${where} shows ${run} with weight ${buckets / 100} in ${revision}`
      violate({ invariant: 'I1', what: `${what}, which was rolled back` })
    }
  }

  return {
    shown(replica, document, at) {
      current.set(`${replica} ${document.route}`, document)
      const known = of(replica)
      check(`replica ${replica}`, document, run => known.has(run))
      for (const { run, rolledBack } of runsOf(document)) {
        if (rolledBack && !known.has(run)) known.set(run, { since: at, acknowledged: false })
      }
    },
    acknowledged(replica, result, variants, before) {
      if (result.status === 'refused') return
      const { document } = result
      const meant = new Set(runsOf(before).map(({ run }) => run)) // a run that began later is another one
      const shown = current.get(`${replica} ${document.route}`)
      for (const { run, variant, rolledBack } of runsOf(document)) {
        if (!variants.includes(variant)) continue
        if (!rolledBack) {
          if (!meant.has(run)) continue
          const what = `replica ${replica} acknowledged a rollback of ${run} and did not make it`
          violate({ invariant: 'I1', what })
          continue
        }
        of(replica).set(run, { since: of(replica).get(run)?.since ?? 0, acknowledged: true })
        if (shown) check(`replica ${replica} at its answer`, shown, one => one === run)
      }
    },
    killed(replica, at) {
      for (const [run, { since, acknowledged }] of of(replica)) {
        if (!acknowledged && at - since < DURABLE_MICROS) of(replica).delete(run)
      }
    },
    wiped(replica) {
      latches.delete(replica)
    },
    isHeldByOthers(replica, others, at) {
      return [...of(replica).keys()].every(run =>
        others.some(other => {
          const latch = of(other).get(run)
          return latch?.acknowledged || (latch && at - latch.since > DURABLE_MICROS)
        })
      )
    },
    atRest(where, document) {
      check(`${where}, at rest,`, document, run => [...latches.values()].some(of => of.has(run)))
    },
    runs: () => new Set([...latches.values()].flatMap(known => [...known.keys()])).size
  }
}

/** The runs of a document; a run's name has the route and the variant in it. */
export function runsOf(document: RouteDocument) {
  return Object.entries(document.challengers).map(([variant, { rolloutId, ranges, rollback }]) => ({
    variant,
    run: `${document.route}/${variant}/${rolloutId}`,
    buckets: sizeOf(ranges),
    rolledBack: rollback !== null
  }))
}

/**
 * One replica cannot roll back for all: it may be that replica's network.
 *
 * The evidence is summed up again without the replica that has most failures and must still say the same, unless
 * that replica has 30 % of the challenger's calls: so many may decide by their own alarm too (triggers.md,
 * "Acting"). The same as rule 6 asks of units.
 */
import type { Frozen } from '../stats/e-detector.ts'
import type { TickCounts, TickHistory } from '../trigger/tick-history.ts'
import { type Finding, type StratumCounts, TriggerDetectors } from '../trigger/trigger.ts'

const ENOUGH_SHARE = 0.3
const STRATA = 64

/** Key under which the counts of a replica and a stratum are in a history. */
export function historyKey(replica: number, stratum: number): number {
  return replica * STRATA + stratum
}

export type OneReplicaOptions = {
  readonly detectors: TriggerDetectors
  readonly finding: Finding // with all replicas
  readonly byReplica: TickHistory
  readonly strata: number
  readonly logC: number
  readonly phi: number
  readonly frozen: Frozen | null
}

/** What the detectors say without the top replica; never more than they say with it. */
export function withoutTopReplica(options: OneReplicaOptions): Finding {
  const { detectors, finding, byReplica } = options
  const since = detectors.firstTick()
  const sums = replicaSums(byReplica, detectors.rule, since)
  let top = -1
  let calls = 0
  for (const [replica, { nc, xc }] of sums) {
    calls += nc
    if (top < 0 || xc > (sums.get(top)?.xc ?? 0)) top = replica
  }
  if ((sums.get(top)?.nc ?? 0) >= ENOUGH_SHARE * calls) return finding
  const again = replay(options, since, top)
  return again.verdict === 'rollback' ? finding : again
}

/** Counts of each replica since a tick, over all strata. */
export function replicaSums(
  byReplica: TickHistory,
  words: { readonly n: number; readonly x: number },
  since: number
): ReadonlyMap<number, StratumCounts> {
  const sums = new Map<number, StratumCounts>()
  byReplica.replay(since, entry => {
    const replica = Math.floor(entry.stratum / STRATA)
    sums.set(replica, plus(sums.get(replica) ?? NONE, entry, words))
  })
  return sums
}

const NONE: StratumCounts = { nc: 0, xc: 0, nb: 0, xb: 0 }

function replay(options: OneReplicaOptions, since: number, top: number): Finding {
  const { detectors, byReplica, strata, logC, phi, frozen } = options
  const { rule } = detectors
  const scratch = new TriggerDetectors(rule, strata, logC, since)
  let counts: StratumCounts[] = Array.from({ length: strata }, () => NONE)
  let tick = -1
  byReplica.replay(since, entry => {
    if (entry.tick !== tick) {
      if (tick >= 0) scratch.add(tick, counts, phi, frozen)
      counts = counts.map(() => NONE)
      tick = entry.tick
    }
    if (Math.floor(entry.stratum / STRATA) === top) return
    const stratum = entry.stratum % STRATA
    counts[stratum] = plus(counts[stratum] ?? NONE, entry, rule)
  })
  if (tick >= 0) scratch.add(tick, counts, phi, frozen)
  return scratch.find()
}

function plus(
  sums: StratumCounts,
  entry: TickCounts,
  { n, x }: { readonly n: number; readonly x: number }
): StratumCounts {
  return {
    nc: sums.nc + entry.challenger(n),
    xc: sums.xc + entry.challenger(x),
    nb: sums.nb + entry.champion(n),
    xb: sums.xb + entry.champion(x)
  }
}

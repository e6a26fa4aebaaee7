/**
 * Runs scenarios over many seeds and sums up: times to rollback, or how many runs rolled back although nothing
 * was wrong.
 */
import type { CalmScenario, FaultScenario } from '../../test/helpers/traffic-scenarios.ts'
import { Traffic } from '../../test/helpers/traffic-simulation.ts'

export type FaultResult = {
  readonly name: string
  readonly perSecond: number
  readonly runs: number
  readonly missed: number
  readonly mean: number // s, of those that rolled back
  readonly p95: number
  readonly worst: number
  readonly early: number // rollbacks before the fault
  readonly by: Readonly<Record<string, number>> // trigger that rolled back
}

export type CalmResult = {
  readonly name: string
  readonly runs: number
  readonly rolledBack: number
  readonly paused: number // runs with at least one pause
  readonly by: Readonly<Record<string, number>>
}

const PATIENCE_MS = 300_000

export function runFault(scenario: FaultScenario, runs: number): FaultResult {
  const times: number[] = []
  const by: Record<string, number> = {}
  let early = 0
  for (let seed = 1; seed <= runs; seed++) {
    const decided = new Traffic(scenario.traffic(seed)).run(scenario.onset + PATIENCE_MS)
    if (!decided) continue
    if (decided.at < scenario.onset) early++
    else times.push((decided.at - scenario.onset) / 1000)
    by[decided.trigger] = (by[decided.trigger] ?? 0) + 1
  }
  times.sort((a, b) => a - b)
  const mean = times.reduce((sum, t) => sum + t, 0) / Math.max(1, times.length)
  return {
    name: scenario.name,
    perSecond: scenario.perSecond,
    runs,
    missed: runs - times.length - early,
    mean,
    p95: times[Math.floor(times.length * 0.95)] ?? 0,
    worst: times.at(-1) ?? 0,
    early,
    by
  }
}

export function runCalm(scenario: CalmScenario, runs: number): CalmResult {
  const by: Record<string, number> = {}
  let rolledBack = 0
  let paused = 0
  for (let seed = 1; seed <= runs; seed++) {
    const traffic = new Traffic(scenario.traffic(seed))
    let decided = traffic.run(scenario.cut?.at ?? scenario.until)
    if (!decided && scenario.cut) {
      traffic.setWeight(scenario.cut.weight)
      decided = traffic.run(scenario.until)
    }
    if (traffic.decisions.some(({ action }) => action === 'pause')) paused++
    if (!decided) continue
    rolledBack++
    by[decided.trigger] = (by[decided.trigger] ?? 0) + 1
  }
  return { name: scenario.name, runs, rolledBack, paused, by }
}

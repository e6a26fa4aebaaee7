/**
 * Simulation results as Markdown, beside what is promised.
 */
import type { CalmScenario, FaultScenario } from '../../test/helpers/traffic-scenarios.ts'
import type { AlikeResult } from './alike.ts'
import type { CalmResult, FaultResult } from './runs.ts'

export function faultKept(promised: FaultScenario, r: FaultResult): boolean {
  return r.missed === 0 && r.early === 0 && r.mean < promised.mean && r.worst < promised.worst
}

export function calmKept(promised: CalmScenario, r: CalmResult): boolean {
  return r.rolledBack <= promised.known * r.runs
}

export function faultRow(promised: FaultScenario, r: FaultResult): string {
  const { name, perSecond, runs, mean, p95, worst } = r
  return `| ${name} | ${perSecond} | ${runs} | ${mean.toFixed(2)} | ${p95} | ${worst} | ${promised.mean} / ${promised.worst} | ${faultKept(promised, r) ? 'yes' : '**no**'} |`
}

export function calmRow(promised: CalmScenario, r: CalmResult): string {
  return `| ${r.name} | ${r.runs} | ${r.rolledBack} | ${r.paused} | ${calmKept(promised, r) ? 'yes' : '**no**'} |`
}

type Kept = { readonly kept: boolean }

export function tables(
  faults: readonly (FaultResult & Kept)[],
  calm: readonly (CalmResult & Kept)[],
  alike: readonly AlikeResult[]
): string {
  const yes = ({ kept }: Kept) => (kept ? 'yes' : '**no**')
  return [
    '| fault | challenger requests/s | runs | mean s | p95 s | worst s | kept |',
    '| --- | ---: | ---: | ---: | ---: | ---: | --- |',
    ...faults.map(
      r =>
        `| ${r.name} | ${r.perSecond} | ${r.runs} | ${r.mean.toFixed(2)} | ${r.p95} | ${r.worst} | ${yes(r)} |`
    ),
    '',
    '| no fault of the challenger | runs | rolled back | paused | kept |',
    '| --- | ---: | ---: | ---: | --- |',
    ...calm.map(r => `| ${r.name} | ${r.runs} | ${r.rolledBack} | ${r.paused} | ${yes(r)} |`),
    '',
    '| A/A: simulated days | alpha per day | bound | rollbacks | days with a pause | requests | kept |',
    '| ---: | ---: | ---: | ---: | ---: | ---: | --- |',
    ...alike.map(
      r =>
        `| ${r.days} | ${r.alphaPerDay} | ${r.bound} | ${r.rollbacks} | ${r.pauses} | ${r.requests} | ${yes(r)} |`
    ),
    ''
  ].join('\n')
}

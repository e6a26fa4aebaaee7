/**
 * `node bench/stats/fleet.ts [runs]`: what the triggers of the fleet promise, in simulation with fixed seeds: five
 * replicas that share the traffic of the scenarios of one, judged on the sums of their counts alone.
 *
 * Writes bench/results/stats-fleet.json, and exits 1 where a promise is broken.
 */
import {
  BAD_FROM_MS,
  FLEET_CALM,
  FLEET_FAULTS,
  type FleetFault,
  fleetOf,
  ONE_BAD,
  partlyBad,
  REPLICAS,
  runCalmFleet
} from '../../test/helpers/fleet-scenarios.ts'
import { FleetTraffic } from '../../test/helpers/fleet-simulation.ts'
import type { CalmScenario } from '../../test/helpers/traffic-scenarios.ts'
import { healthy } from '../../test/helpers/traffic-simulation.ts'
import { machine, publish } from '../harness.ts'

const PATIENCE_MS = 300_000
const DAY_MS = 86_400_000
const runs = Number(process.argv[2] ?? 100)
let broken = 0

const tell = (row: readonly string[]) => {
  process.stderr.write(`${row.join(' | ')}\n`)
  return row
}
const kept = (holds: boolean) => {
  if (!holds) broken++
  return holds ? 'yes' : '**no**'
}

function faultRow({ scenario, mean, worst }: FleetFault): readonly string[] {
  const { name, perSecond, onset, traffic } = scenario
  const times: number[] = []
  let early = 0
  for (let seed = 1; seed <= runs; seed++) {
    const decided = fleetOf(traffic, seed).run(onset + PATIENCE_MS)
    if (!decided) continue
    if (decided.at < onset) early++
    else times.push((decided.at - onset) / 1000)
  }
  times.sort((a, b) => a - b)
  const average = times.reduce((sum, s) => sum + s, 0) / Math.max(1, times.length)
  const last = times.at(-1) ?? 0
  const holds = early === 0 && times.length === runs && average < mean && last < worst
  const p95 = times[Math.floor(times.length * 0.95)] ?? 0
  const figures = [runs, average.toFixed(1), p95, last].map(String)
  return tell([name, String(perSecond), ...figures, `${mean} / ${worst}`, kept(holds)])
}

function calmRow(scenario: CalmScenario): readonly string[] {
  const count = Math.ceil(runs / 5)
  let rolledBack = 0
  let paused = 0
  for (let seed = 1; seed <= count; seed++) {
    const { fleet, rollback } = runCalmFleet(scenario, seed)
    if (rollback) rolledBack++
    if (fleet.decisions.some(({ action }) => action === 'pause')) paused++
  }
  const holds = rolledBack <= scenario.known * count
  return tell([scenario.name, ...[count, rolledBack, paused].map(String), kept(holds)])
}

/** Days of 10 requests a second over the fleet, at shares of 5, 20 and 50 % in turn. */
function alikeRow(days: number, alphaPerDay: number): readonly string[] {
  const weights = [500, 2000, 5000]
  let rolledBack = 0
  let paused = 0
  for (let day = 0; day < days; day++) {
    const replicas = Array.from({ length: REPLICAS }, (_, i) => ({
      seed: 10_000 + day * REPLICAS + i,
      settings: { alphaPerDay },
      warm: true,
      weight: weights[day % weights.length] ?? 500,
      rate: () => 10 / REPLICAS,
      answer: healthy(0.01)
    }))
    const fleet = new FleetTraffic({ seed: day, replicas })
    if (fleet.run(DAY_MS)) rolledBack++
    if (fleet.decisions.some(({ action }) => action === 'pause')) paused++
  }
  const bound = days * alphaPerDay
  const holds = rolledBack <= Math.max(1, bound)
  return tell([...[days, alphaPerDay, bound, rolledBack, paused].map(String), kept(holds)])
}

function badRows(): readonly (readonly string[])[] {
  return [...ONE_BAD, { of: 5, bad: 2, perSecond: 1 }].map(one => {
    const count = Math.ceil(runs / 5)
    const times: number[] = []
    const own: number[] = []
    for (let seed = 1; seed <= count; seed++) {
      const fleet = partlyBad(one, seed)
      const decided = fleet.run(BAD_FROM_MS + PATIENCE_MS)
      if (decided) times.push((decided.at - BAD_FROM_MS) / 1000)
      const [first] = fleet.own
      if (first) own.push((first.at - BAD_FROM_MS) / 1000)
    }
    const mean = (all: readonly number[]) =>
      all.length > 0 ? (all.reduce((a, b) => a + b, 0) / all.length).toFixed(1) : '–'
    const holds = one.bad > 1 ? times.length === count : times.length === 0
    return tell([
      `${one.bad} of ${one.of}`,
      ...[one.perSecond, count, mean(own), times.length, mean(times)].map(String),
      kept(holds)
    ])
  })
}

publish({
  bench: 'stats/fleet',
  question: `When does the fleet decide what no replica sees alone? (simulated, ${REPLICAS} replicas)`,
  mode: runs < 20 ? 'smoke' : 'main',
  machine: machine(),
  tables: [
    {
      title: 'From the fault to the alarm of the fleet, after ten healthy minutes with 1 % errors',
      columns: [
        'fault',
        'challenger requests/s, all',
        'runs',
        'mean s',
        'p95 s',
        'worst s',
        'promised',
        'kept'
      ],
      rows: FLEET_FAULTS.map(faultRow)
    },
    {
      title: 'Nothing is wrong with the challenger, or not with it alone',
      columns: ['situation', 'runs', 'rolled back', 'paused', 'kept'],
      rows: FLEET_CALM.map(calmRow)
    },
    {
      title:
        'Replicas on which all calls of the challenger fail, and stay in traffic, for five minutes',
      columns: [
        'bad',
        'challenger requests/s, each',
        'runs',
        'own alarm, mean s',
        'fleet decided',
        'mean s',
        'kept'
      ],
      rows: badRows()
    },
    {
      title: 'Both arms alike: 10 requests a second over the fleet',
      columns: ['days', 'alpha per day', 'bound', 'rollbacks', 'days with a pause', 'kept'],
      rows: [alikeRow(Math.ceil(runs / 5), 0.001), alikeRow(Math.ceil(runs / 20), 1)]
    }
  ],
  ratios: [],
  notes: []
})
if (broken > 0) process.exitCode = 1

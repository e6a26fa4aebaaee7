/**
 * `node bench/stats/main.ts [runs] [days]`: what the triggers promise, measured in simulation with fixed seeds.
 *
 * Prints a Markdown table, writes bench/results/stats.json, and exits 1 where a promise is broken. The traffic
 * goes through the counters and the watch of the product (test/helpers/traffic-simulation.ts).
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { CALM, FAULTS } from '../../test/helpers/traffic-scenarios.ts'
import { runAlike } from './alike.ts'
import { runCalm, runFault } from './runs.ts'
import { calmKept, calmRow, faultKept, faultRow, tables } from './table.ts'

const RESULTS = new URL('../results/', import.meta.url)
const runs = Number(process.argv[2] ?? 300)
const days = Number(process.argv[3] ?? 1000)

const faults = FAULTS.map(scenario => {
  const result = runFault(scenario, scenario.perSecond > 5 ? Math.ceil(runs / 3) : runs)
  process.stderr.write(`${faultRow(scenario, result)}\n`)
  return { ...result, kept: faultKept(scenario, result) }
})
const calm = CALM.map(scenario => {
  const result = runCalm(scenario, Math.ceil(runs / 3))
  process.stderr.write(`${calmRow(scenario, result)}\n`)
  return { ...result, kept: calmKept(scenario, result) }
})
const alike = [runAlike(days, 0.001), runAlike(Math.ceil(days / 10), 1)]

mkdirSync(RESULTS, { recursive: true })
writeFileSync(
  new URL('stats.json', RESULTS),
  `${JSON.stringify({ node: process.version, runs, days, faults, calm, alike }, null, 2)}\n`
)
process.stdout.write(tables(faults, calm, alike))
const broken = [...faults, ...calm, ...alike].filter(({ kept }) => !kept)
if (broken.length > 0) process.exitCode = 1

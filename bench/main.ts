/**
 * `npm run bench`: the main benches one after the other, each as a program of its own, then the generated pages.
 * `--smoke` only shows that each one runs (its figures are not kept); names as arguments choose some of them.
 * The simulations run with few seeds here; `node bench/stats/main.ts` alone makes the figures that are kept.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { writeReports } from './report.ts'

const BENCHES = [
  'micro/assign',
  'micro/gate',
  'micro/payload-scan',
  'micro/compare',
  'micro/unit-scan',
  'micro/record',
  'micro/tick',
  'micro/fleet-counters',
  'macro/proxy',
  'macro/payload',
  'macro/rollback',
  'macro/alike',
  'macro/client-abort',
  'macro/drain',
  'macro/memory',
  'macro/kafka-cost',
  'macro/fleet',
  'macro/shadow',
  'macro/store-faults',
  'stats/main'
]
/** Those that take longest when none is long, so that none of them is left alone at the end. */
const LONG_IN_SMOKE = [
  'macro/shadow',
  'stats/main',
  'macro/kafka-cost',
  'macro/fleet',
  'macro/memory'
]
const STATS = join(import.meta.dirname, 'results/stats.json')

const flags = process.argv.slice(2).filter(a => a.startsWith('--'))
const chosen = process.argv.slice(2).filter(a => !a.startsWith('--'))
const failed: string[] = []
const smoke = flags.includes('--smoke')
const waiting = inOrder(chosen.length > 0 ? chosen : BENCHES)
// Figures are taken alone; a smoke run keeps none, and waits for much of its time.
const atOnce = smoke ? availableParallelism() + 1 : 1
await Promise.all(Array.from({ length: atOnce }, work))
if (!smoke) writeReports()
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

function inOrder(names: readonly string[]): string[] {
  if (!smoke) return [...names]
  const isLong = (name: string) => LONG_IN_SMOKE.includes(name)
  return [...LONG_IN_SMOKE.filter(name => names.includes(name)), ...names.filter(n => !isLong(n))]
}

async function work(): Promise<void> {
  for (let bench = waiting.shift(); bench !== undefined; bench = waiting.shift()) await one(bench)
}

async function one(bench: string): Promise<void> {
  const file = join(import.meta.dirname, `${bench}.ts`)
  if (!existsSync(file))
    throw new Error(`there is no bench ${bench}; choose from ${BENCHES.join(', ')}`)
  console.log(`\n== ${bench}`)
  const start = performance.now()
  const code = bench === 'stats/main' ? await runStats(file) : await run(file, flags)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  console.log(`== ${bench}: ${code === 0 ? 'done' : 'FAILED'}, ${seconds} s`)
  if (code !== 0) failed.push(bench)
}

/** A short run of the simulations; the stored result of a long one stays as it is. */
async function runStats(file: string): Promise<number | null> {
  const stored = existsSync(STATS) ? readFileSync(STATS) : null
  const code = await run(file, smoke ? ['1', '0'] : ['2', '1'])
  if (stored === null) rmSync(STATS, { force: true })
  else writeFileSync(STATS, stored)
  return code
}

function run(file: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [file, ...args], { stdio: 'inherit' })
  return new Promise(resolve => child.once('exit', code => resolve(code)))
}

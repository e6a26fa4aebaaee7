/**
 * Fails when a ratio of the last run is worse than its stored baseline by more than the spread of both, or
 * beyond the bound of the specification by more than its own spread: `node bench/compare.ts`. With `--store` the
 * last results become the baselines.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ratio, type Report, show } from './harness.ts'

const RESULTS = join(import.meta.dirname, 'results')
const BASELINES = join(import.meta.dirname, 'baselines')

export type Judgement = { readonly name: string; readonly verdict: string; readonly worse: boolean }

/** One ratio (lower is better) against its baseline, which may be missing. */
export function judge(now: Ratio, baseline: Ratio | undefined): Judgement {
  const { name, limit } = now
  if (limit !== null && now.low > limit) {
    return { name, verdict: `${show(now, 2)} is beyond the bound ${limit}`, worse: true }
  }
  if (baseline === undefined) return { name, verdict: `${show(now, 2)}, no baseline`, worse: false }
  const spread = (baseline.high - baseline.low + now.high - now.low) / 2
  const worse = now.median > baseline.median + spread
  const verdict = `${show(now, 2)}, baseline ${show(baseline, 2)}`
  return { name, verdict, worse }
}

if (import.meta.main) {
  if (process.argv.includes('--store')) store()
  else compare()
}

function compare(): void {
  let worse = 0
  for (const file of reportFiles()) {
    const report = readReport(join(RESULTS, file))
    const stored = join(BASELINES, file)
    const baseline = existsSync(stored) ? readReport(stored).ratios : []
    for (const now of report.ratios) {
      const judgement = judge(
        now,
        baseline.find(b => b.name === now.name)
      )
      if (judgement.worse) worse += 1
      console.log(`${judgement.worse ? 'WORSE' : 'ok'}  ${judgement.name}: ${judgement.verdict}`)
    }
  }
  process.exitCode = worse === 0 ? 0 : 1
}

function store(): void {
  mkdirSync(BASELINES, { recursive: true })
  for (const file of reportFiles()) {
    const { bench, ratios, machine } = readReport(join(RESULTS, file))
    if (ratios.length === 0) continue
    writeFileSync(join(BASELINES, file), `${JSON.stringify({ bench, machine, ratios }, null, 2)}\n`)
  }
}

function reportFiles(): readonly string[] {
  return readdirSync(RESULTS)
    .filter(f => f.endsWith('.json') && f !== 'stats.json')
    .sort()
}

function readReport(file: string): Report {
  // Written by this program or by `publish`.
  return JSON.parse(readFileSync(file, 'utf8')) as Report
}

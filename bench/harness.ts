/**
 * What every bench shares: interleaved rounds, medians with their spread, and the report that is written.
 *
 * A figure alone says nothing on a shared machine, so peers are measured in turns in one run and compared as
 * ratios; a ratio is taken within a round and then the median over the rounds, unless a specification says otherwise.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { dirname, join } from 'node:path'

export type Mode = 'smoke' | 'main' | 'long'

/** Median with the quartiles around it. */
export type Figure = {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly n: number
}

/** A ratio that is held against the stored baseline; `limit` is the bound of the specification. */
export type Ratio = Figure & { readonly name: string; readonly limit: number | null }

export type Table = {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export type Report = {
  readonly bench: string // its path below bench/, without extension
  readonly question: string
  readonly mode: Mode
  readonly machine: Readonly<Record<string, string>>
  readonly tables: readonly Table[]
  readonly ratios: readonly Ratio[]
  readonly notes: readonly string[]
}

const RESULTS = join(import.meta.dirname, 'results')

/** `--smoke`, `--long`, otherwise main. */
export function modeOf(argv: readonly string[] = process.argv): Mode {
  if (argv.includes('--smoke')) return 'smoke'
  return argv.includes('--long') ? 'long' : 'main'
}

/** Runs every subject once per round, in an order that turns with the round; gives the samples by subject. */
export async function interleave<S extends { readonly name: string }, R>(
  subjects: readonly S[],
  rounds: number,
  once: (subject: S, round: number) => Promise<R>
): Promise<ReadonlyMap<string, readonly R[]>> {
  const samples = new Map<string, R[]>(subjects.map(s => [s.name, []]))
  for (let round = 0; round < rounds; round++) {
    const turn = round % subjects.length
    const order = [...subjects.slice(turn), ...subjects.slice(0, turn)]
    for (const subject of order) samples.get(subject.name)?.push(await once(subject, round))
  }
  return samples
}

/** Median and quartiles of at least one sample. */
export function figure(samples: readonly number[]): Figure {
  const sorted = [...samples].sort((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    n: sorted.length
  }
}

/** Ratio of two subjects, round by round. */
export function ratio(
  name: string,
  over: readonly number[],
  under: readonly number[],
  limit: number | null = null
): Ratio {
  const pairs = over.map((value, i) => value / (under[i] ?? Number.NaN))
  return { name, limit, ...figure(pairs) }
}

/** Ratio of the medians of two subjects, with the quartiles of the ratios round by round. */
export function ratioOfMedians(
  name: string,
  over: readonly number[],
  under: readonly number[],
  limit: number | null = null
): Ratio {
  const median = figure(over).median / figure(under).median
  return { ...ratio(name, over, under, limit), median }
}

/** Nanoseconds per call of `batch(n)`, which makes n calls: one sample per round after a warm-up. */
export function nanosPerCall(
  batch: (calls: number) => void,
  mode: Mode,
  rounds = mode === 'smoke' ? 3 : 15
): readonly number[] {
  const target = mode === 'smoke' ? 5e6 : 100e6 // ns a round
  let calls = 1
  for (let spent = 0; spent < target; calls *= 2) spent = timed(batch, calls)
  return Array.from({ length: rounds }, () => timed(batch, calls) / calls)
}

/** `62.1 (60.8–64.0)` with `digits` decimals. */
export function show(f: Figure, digits = 1): string {
  return `${f.median.toFixed(digits)} (${f.low.toFixed(digits)}–${f.high.toFixed(digits)})`
}

/** Machine and versions, without names of hosts. */
export function machine(
  more: Readonly<Record<string, string>> = {}
): Readonly<Record<string, string>> {
  const [cpu] = cpus()
  return {
    cpu: `${cpu?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release().split('-')[0]}`,
    node: process.version,
    ...more
  }
}

/** Version of an installed package. */
export function versionOf(name: string): string {
  const file = join(import.meta.dirname, '../node_modules', name, 'package.json')
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : '?'
  return String(version)
}

/** Writes the report to results/ (not of a smoke run, whose figures say nothing) and prints it. */
export function publish(report: Report): void {
  for (const table of report.tables) console.log(`\n${renderTable(table)}`)
  for (const r of report.ratios) console.log(`${r.name}: ${show(r, 2)}`)
  for (const note of report.notes) console.log(`note: ${note}`)
  if (report.mode === 'smoke') return
  const file = join(RESULTS, `${report.bench.replaceAll('/', '-')}.json`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`)
}

/** A table as Markdown. */
export function renderTable({ title, columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    `**${title}**`,
    '',
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(line)
  ].join('\n')
}

function timed(batch: (calls: number) => void, calls: number): number {
  const start = process.hrtime.bigint()
  batch(calls)
  return Number(process.hrtime.bigint() - start)
}

function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q
  const below = sorted[Math.floor(at)] ?? Number.NaN
  const above = sorted[Math.ceil(at)] ?? below
  return below + (above - below) * (at - Math.floor(at))
}

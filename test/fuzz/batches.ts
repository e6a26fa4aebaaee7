/**
 * The run of a fuzzer: a fresh process with a recorder behind it, trials in batches until one breaks a rule, and
 * an orderly end. What a trial is and when it breaks a rule is the fuzzer's own.
 *
 * A fuzzer that is run as a program takes `--count` and `--seed`, prints what came out and exits 1 on a violation.
 */
import { parseArgs } from 'node:util'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { type Behaviour, type Recorder, startRecorder } from '../helpers/recorder.ts'
import { type Settings, type Sluice, startSluice } from '../helpers/sluice.ts'

export type FuzzOptions = {
  readonly count: number
  readonly seed: number
  readonly progress?: (done: number) => void
}

export type FuzzResult = {
  readonly sent: number
  readonly answered: number // with any final answer
  readonly accepted: number // 2xx of the upstream
  readonly violations: readonly string[] // with the seed and the bytes that broke a rule
}

export type Totals = { sent: number; answered: number; accepted: number }

export type Target = {
  readonly sluice: Sluice
  readonly recorder: Recorder
  readonly port: number // of the data listener
  readonly totals: Totals
}

export type Fuzzer = {
  readonly behaviour: Behaviour // of the upstream
  readonly route?: Settings
  readonly together: number // trials at a time
  /** Runs trials `from` to `from + n - 1` and gives what broke a rule. */
  readonly batch: (from: number, n: number, target: Target) => Promise<readonly string[]>
  /** What must hold when all is over; throws when it does not. */
  readonly after?: (target: Target) => Promise<unknown>
}

/** Runs `count` trials; stops at the first batch with a violation. */
export async function runBatches(
  { count, seed, progress }: FuzzOptions,
  { behaviour, route, together, batch, after }: Fuzzer
): Promise<FuzzResult> {
  const recorder = await startRecorder({ behaviour })
  const sluice = await startSluice(demoConfig(recorder.url, route), DEMO_START)
  const port = Number(new URL(sluice.dataUrl).port)
  const totals: Totals = { sent: 0, answered: 0, accepted: 0 }
  const target = { sluice, recorder, port, totals }
  const violations: string[] = []
  try {
    for (let from = 0; from < count && violations.length === 0; from += together) {
      violations.push(...(await batch(from, Math.min(together, count - from), target)))
      progress?.(totals.sent)
    }
    await after?.(target)
  } catch (error) {
    violations.push(`seed ${seed}, after ${totals.sent}: ${String(error)}\n${sluice.stderr()}`)
  }
  if ((await sluice.stop()).code !== 0) violations.push(`seed ${seed}: did not exit 0`)
  await recorder.close()
  return { ...totals, violations }
}

/** Runs a fuzzer with the arguments of the command line. */
export async function runAsProgram(
  fuzz: (options: FuzzOptions) => Promise<FuzzResult>,
  count: number
): Promise<void> {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: String(count) },
      seed: { type: 'string', default: '1' }
    }
  })
  let next = 0
  const progress = (done: number) => {
    if (done < next) return
    next += 10_000
    console.error(`${done} sent`)
  }
  const result = await fuzz({ count: Number(values.count), seed: Number(values.seed), progress })
  console.log(JSON.stringify(result, null, 2))
  process.exitCode = result.violations.length === 0 ? 0 : 1
}

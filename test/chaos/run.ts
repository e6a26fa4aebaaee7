/**
 * `npm run chaos -- --seconds 60 --seed 1 [--replicas 5] [--control]`: a chaos run, and what came of it.
 *
 * Ends with 1 when an invariant was broken. `--control` takes a plain SET and GET in place of the driver: that
 * has to end with 1, else the faults were too few to prove anything.
 */
import { parseArgs } from 'node:util'
import { type ChaosResult, runChaos } from './chaos.ts'

const SHOWN = 20 // violations

process.exit(await main()) // faults that an interrupt cut short still wait for something

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      replicas: { type: 'string', default: '5' },
      control: { type: 'boolean', default: false }
    }
  })
  const [seconds, seed, replicas] = [values.seconds, values.seed, values.replicas].map(Number)
  if (!(seconds && seed && replicas && replicas >= 2)) {
    process.stderr.write('--seconds, --seed and --replicas (2 or more) are numbers above 0\n')
    return 2
  }
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(130)
      stopping.abort()
    })
  }
  const { control } = values
  const what = control ? 'control (plain SET and GET)' : 'driver'
  say(`${what}, ${replicas} replicas, ${seconds} s, seed ${seed}`)
  try {
    const { signal } = stopping
    const options = { seconds, seed, replicas, control, endAtViolation: false, signal }
    const result = await runChaos(options)
    report(result)
    return result.violations.length > 0 ? 1 : 0
  } catch (error) {
    if (stopping.signal.aborted) return 130
    throw error
  }
}

function report(result: ChaosResult): void {
  const { convergenceMs, faults, violations } = result
  say(`decisions    ${result.decisions}, ${result.accepted} accepted, ${result.refused} refused`)
  say(`rollbacks    ${result.rollbacks}, of ${result.runs} runs`)
  say(`re-asserts   ${result.reasserted}`)
  const made = Object.entries(faults).map(([name, times]) => `${name} ${times}`)
  say(`faults       ${made.join(', ')}`)
  const median = convergenceMs[Math.floor(convergenceMs.length / 2)] ?? 0
  const worst = convergenceMs.at(-1) ?? 0
  say(`convergence  ${result.rounds} rests, median ${ms(median)}, worst ${ms(worst)}`)
  const kinds = ['I1', 'I2', 'I6', 'I7'].map(kind => {
    return `${kind} ${violations.filter(({ invariant }) => invariant === kind).length}`
  })
  say(`violations   ${violations.length} (${kinds.join(', ')})`)
  for (const { invariant, what } of violations.slice(0, SHOWN)) say(`  ${invariant} ${what}`)
  if (violations.length > SHOWN) say(`  and ${violations.length - SHOWN} more`)
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

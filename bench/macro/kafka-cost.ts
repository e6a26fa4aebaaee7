/**
 * What does the Kafka sink cost: idle, for each event, and while the broker hangs?
 *
 * A real broker and a process with nothing but the sink; processor time is that of this process by the kernel.
 * Idle is compared in turns with the same process without a sink.
 */

import { loadavg } from 'node:os'
import { join } from 'node:path'
import { startKafka, type Teardown } from '../../test/helpers/kafka.ts'
import { KAFKA_VERSION } from '../../test/helpers/kafka-program.ts'
import { figure, interleave, machine, modeOf, publish, show, versionOf } from '../harness.ts'
import type { Step, StepResult } from '../kafka-sink.ts'
import { type Program, startNode } from '../process.ts'

const MIB = 2 ** 20
const BUFFER = 64 * MIB
const mode = modeOf()
const plan = {
  smoke: { rounds: 1, idle: 2, events: 2_000, rates: [500], stalled: 2 },
  main: { rounds: 5, idle: 10, events: 50_000, rates: [500, 2_000], stalled: 30 },
  long: { rounds: 10, idle: 30, events: 200_000, rates: [500, 2_000, 5_000], stalled: 120 }
}[mode]

const teardowns: (() => unknown)[] = []
const t: Teardown = { teardown: done => teardowns.push(done) }
try {
  await measure()
} finally {
  for (const done of teardowns.reverse()) await done()
}

async function measure(): Promise<void> {
  const broker = await startKafka(t)
  const start = async (...args: readonly string[]) => {
    const program = await startNode(join(import.meta.dirname, '../kafka-sink.ts'), args)
    teardowns.push(() => program.stop('SIGKILL'))
    return program
  }
  const sink = await start(broker.brokers, 'bench', String(BUFFER))
  const bare = await start()
  await step(sink, { events: 2_000, rate: 0, seconds: 1, settle: true })

  const idle = { events: 0, rate: 0, seconds: plan.idle, settle: false }
  const subjects = [
    { name: 'connected', program: sink },
    { name: 'without a sink', program: bare }
  ]
  const rested = await interleave(subjects, plan.rounds, ({ program }) => step(program, idle))
  const rows = [...rested].map(([name, results]) => [
    `idle, ${name}`,
    `${show(figure(results.map(coreShare)), 2)} % of a core`
  ])

  for (const rate of [...plan.rates, 0]) {
    const events = rate === 0 ? plan.events : rate * 5
    const results: StepResult[] = []
    for (let round = 0; round < plan.rounds; round++) {
      results.push(await step(sink, { events, rate, seconds: 0, settle: true }))
    }
    rows.push([rate === 0 ? `${events} events at once` : `${rate} events/s`, perEvent(results)])
  }

  const fresh = await start(broker.brokers, 'bench', String(BUFFER))
  await step(fresh, { events: 2_000, rate: 0, seconds: 1, settle: true })
  const before = await step(fresh, { ...idle, seconds: 1 })
  broker.pause()
  const slow = await step(fresh, {
    events: 500 * plan.stalled,
    rate: 500,
    seconds: 0,
    settle: false
  })
  const full = await step(fresh, { events: 2 * plan.events, rate: 0, seconds: 1, settle: false })
  rows.push(
    [`broker hangs, 500 events/s for ${plan.stalled} s`, hanging(before, slow)],
    [`broker hangs, ${2 * plan.events} events more at once`, hanging(before, full)]
  )
  broker.resume()
  publish({
    bench: 'macro/kafka-cost',
    question: 'What does the Kafka sink cost: idle, for each event, and while the broker hangs?',
    mode,
    machine: machine({ kafka: KAFKA_VERSION, kafkajs: versionOf('kafkajs') }),
    tables: [{ title: 'Median (quartiles)', columns: ['what', 'cost'], rows }],
    ratios: [],
    notes: [
      'Events of 1 kB, gzip, acknowledged by all replicas. The cost of an event includes making it and its JSON, which is given apart.',
      `Load average of the machine over 5 minutes: ${loadavg()[1]?.toFixed(1)}.`,
      'The ring holds 64 MiB of events; what V8 and the objects around them take comes on top.'
    ]
  })
}

async function step(program: Program, what: Step): Promise<StepResult> {
  // The answer of our own program.
  return (await program.ask(JSON.stringify(what))) as StepResult
}

function coreShare({ cpuMicros, seconds }: StepResult): number {
  return cpuMicros / seconds / 1e4
}

function perEvent(results: readonly StepResult[]): string {
  const each = figure(results.map(({ cpuMicros, published }) => cpuMicros / published))
  const json = figure(results.map(({ serialMicros, published }) => serialMicros / published))
  const rate = figure(results.map(({ published, seconds }) => published / seconds))
  return `${show(each)} µs of processor an event, of these ${json.median.toFixed(1)} for its JSON; ${rate.median.toFixed(0)} events/s`
}

function hanging(
  before: StepResult,
  { rssBytes, delayMs, dropped, cpuMicros, seconds }: StepResult
) {
  const grown = (rssBytes - before.rssBytes) / MIB
  return `${grown.toFixed(0)} MiB more resident, ${dropped} dropped, longest stall ${delayMs.toFixed(0)} ms, ${(cpuMicros / seconds / 1e4).toFixed(1)} % of a core`
}

/**
 * A process with nothing but a Kafka sink, for measuring it: `kafka-sink.ts BROKER TOPIC BUFFER`, or without
 * arguments the same process without a sink. Each line on stdin is a step as JSON, and its figures are a line on
 * stdout: {"events":n,"rate":r,"seconds":s} publishes n events (at r a second, 0 for as fast as they go) and runs
 * for at least s seconds.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createKafkaEvents } from '../src/io/kafka/events.ts'
import type { EventSink } from '../src/ports.ts'
import { kafkaSettings } from '../test/helpers/kafka.ts'
import { silentLog, systemClock } from '../test/helpers/state-process.ts'

export type Step = {
  readonly events: number
  readonly rate: number // a second; 0: at once
  readonly seconds: number // at least
  readonly settle: boolean // wait until all of them are acknowledged
}

export type StepResult = {
  readonly cpuMicros: number
  readonly seconds: number
  readonly published: number
  readonly dropped: number
  readonly rssBytes: number
  readonly delayMs: number // longest of the event loop
  readonly serialMicros: number // of turning as many events into JSON, without a sink
}

const SLICE_MS = 20
const AT_ONCE = 1_000 // events between two turns of the event loop

if (import.meta.main) {
  const [broker, topic = '', buffer = '0'] = process.argv.slice(2)
  const sink = broker === undefined ? null : sinkOf(broker, topic, Number(buffer))
  process.stdout.write('{"ready":true}\n')
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await run(sink, JSON.parse(line)))}\n`)
  }
  await sink?.close(0)
}

function sinkOf(broker: string, topic: string, buffer: number): EventSink {
  return createKafkaEvents({
    settings: kafkaSettings(broker, { topics: { decisions: topic, shadow: `${topic}.shadow` } }),
    clock: systemClock,
    log: silentLog,
    buffer
  })
}

async function run(sink: EventSink | null, step: Step): Promise<StepResult> {
  const delays = monitorEventLoopDelay({ resolution: 5 })
  const before = countsOf(sink)
  const serialMicros = serial(step.events)
  const cpu = process.cpuUsage()
  const start = performance.now()
  delays.enable()
  const at = () => (performance.now() - start) / 1_000
  for (let given = 0; given < step.events; ) {
    const due = step.rate === 0 ? given + AT_ONCE : Math.floor(at() * step.rate)
    for (; given < Math.min(due, step.events); given++) sink?.publish(eventOf(given))
    await (step.rate === 0 ? new Promise(resolve => setImmediate(resolve)) : sleep(SLICE_MS))
  }
  while (
    step.settle &&
    sink !== null &&
    countsOf(sink).published < before.published + step.events
  ) {
    await sleep(SLICE_MS)
  }
  await sleep(Math.max(0, step.seconds - at()) * 1_000)
  const used = process.cpuUsage(cpu)
  const after = countsOf(sink)
  return {
    cpuMicros: used.user + used.system,
    seconds: at(),
    published: after.published - before.published,
    dropped: after.dropped - before.dropped,
    rssBytes: process.memoryUsage.rss(),
    delayMs: delays.max / 1e6,
    serialMicros
  }
}

function countsOf(sink: EventSink | null): {
  readonly published: number
  readonly dropped: number
} {
  const counts = sink?.counts() ?? []
  return {
    published: counts.reduce((sum, { published }) => sum + published, 0),
    dropped: counts.reduce(
      (sum, { dropped }) => sum + Object.values(dropped).reduce((a, b) => a + b, 0),
      0
    )
  }
}

/** About 1 kB, as the pair of a shadow without bodies is. */
function eventOf(n: number) {
  const side = {
    variant: 'v3',
    model: { name: 'fraud', version: '2026-11' },
    status: 200,
    outcome: 'ok',
    latencyMs: 12.25 + n,
    ttfbMs: 11.5,
    bytes: 812,
    sha256: `${n}`.padStart(64, 'a1b2c3'),
    truncated: false,
    bad: []
  }
  const data = {
    route: 'fraud',
    revision: '1-7',
    requestId: `018f2b6c-7c1e-7000-8000-${n.toString(16).padStart(12, '0')}`,
    unitId: n.toString(16).padStart(32, '0'),
    at: '2026-01-01T00:00:00.000Z',
    primary: side,
    shadow: { ...side, name: 'next', variant: 'v4' },
    comparison: { compared: true, agree: true, why: null, latencyRatio: 1.02, differences: [] }
  }
  return { type: 'io.sluice.decision.v1', key: data.unitId, data }
}

function serial(events: number): number {
  const cpu = process.cpuUsage()
  let bytes = 0
  for (let n = 0; n < Math.min(events, 20_000); n++) {
    bytes += JSON.stringify(eventOf(n).data).length
  }
  const used = process.cpuUsage(cpu)
  const share = bytes === 0 ? 0 : Math.max(1, events / 20_000)
  return (used.user + used.system) * share
}

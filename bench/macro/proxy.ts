/**
 * What does a request cost in Sluice, beside proxies that do less?
 *
 * Each subject is one process with one thread that works, in front of the same upstream process, and gets the
 * same open-model load in turn: CPU time per request is read from the kernel, latencies come from the load
 * generator. Sluice's figure holds its control thread too, and a scrape of its metrics every second. The bound:
 * split, counters, triggers and metrics cost no more than the bare @fastify/http-proxy.
 */
import { join } from 'node:path'
import { figure, interleave, machine, modeOf, publish, ratio, show, versionOf } from '../harness.ts'
import { bareHttpProxy, haproxy, nginx, nodeUndici, type Subject } from '../peers/peers.ts'
import { featuresOff, sluiceSubject, split, splitWithTriggers } from '../peers/sluice.ts'
import { cpuMicros, runNode, startNode } from '../process.ts'

const BENCH = join(import.meta.dirname, '..')
const FULL = 'sluice, split + triggers + metrics'
const BARE = 'bare @fastify/http-proxy'
const mode = modeOf()
const plan = {
  smoke: { rounds: 1, seconds: 1, warmup: 0, rate: 500 },
  main: { rounds: 9, seconds: 2, warmup: 3, rate: 2000 },
  long: { rounds: 12, seconds: 10, warmup: 10, rate: 2000 }
}[mode]

type Sample = { readonly cpu: number; readonly p50: number; readonly p99: number }
type Load = { requests: number; p50: number; p99: number; failures: number }

const upstream = await startNode(join(BENCH, 'upstream.ts'), ['2'])
const [first, second] = portsOf(upstream.ready)
const version = versionOf('..')
const scraped = await sluiceSubject(FULL, splitWithTriggers(first, second), version)
const optional = { nginx: await nginx(first), HAProxy: await haproxy(first) }
const subjects: readonly Subject[] = [
  scraped,
  await bareHttpProxy(first, versionOf('@fastify/http-proxy')),
  await sluiceSubject('sluice, split', split(first, second), version),
  await sluiceSubject('sluice, features off', featuresOff(first), version),
  await nodeUndici(first, `undici ${versionOf('undici')}`),
  ...Object.values(optional).filter(s => s !== null)
]
const missing = Object.entries(optional).flatMap(([name, s]) => (s === null ? [name] : []))

for (const s of subjects) if (plan.warmup > 0) await load(s, plan.warmup)
const samples = await interleave(subjects, plan.rounds, measure)
for (const s of subjects) await s.stop()
await upstream.stop()

const cpuOf = (name: string) => (samples.get(name) ?? []).map(s => s.cpu)
publish({
  bench: 'macro/proxy',
  question: 'What does a request cost in Sluice, beside proxies that do less?',
  mode,
  machine: machine({ load: `${plan.rate} requests/s, 32 keep-alive connections, POST of 200 B` }),
  tables: [
    {
      title: `CPU per request and latency, ${plan.rounds} interleaved rounds of ${plan.seconds} s: median (quartiles)`,
      columns: ['proxy', 'version', 'CPU µs/request', 'p50 ms', 'p99 ms'],
      rows: subjects.map(s => {
        const all = samples.get(s.name) ?? []
        return [
          s.name,
          s.version,
          show(figure(all.map(a => a.cpu))),
          show(figure(all.map(a => a.p50)), 0),
          show(figure(all.map(a => a.p99)), 0)
        ]
      })
    }
  ],
  ratios: [
    ratio(`CPU, ${FULL} / ${BARE}`, cpuOf(FULL), cpuOf(BARE), 1),
    ratio(`CPU, sluice, features off / ${BARE}`, cpuOf('sluice, features off'), cpuOf(BARE))
  ],
  notes: [
    'One working thread each; the CPU time of Sluice includes its control thread and a scrape every second.',
    ...missing.map(name => `${name} is not installed on this machine and was not measured.`)
  ]
})

async function measure(subject: Subject): Promise<Sample> {
  const scrape = subject === scraped ? setInterval(scrapeOnce, 1000) : null
  const before = cpuMicros(subject.pid)
  const result = await load(subject, plan.seconds)
  const spent = cpuMicros(subject.pid) - before
  if (scrape !== null) clearInterval(scrape)
  return { cpu: spent / result.requests, p50: result.p50, p99: result.p99 }
}

async function load(subject: Subject, seconds: number): Promise<Load> {
  const result = await runNode(join(BENCH, 'load.ts'), [
    ...['--url', subject.url, '--rate', String(plan.rate), '--seconds', String(seconds)],
    ...(mode === 'smoke' ? ['--warm', '0'] : [])
  ])
  // The last line of our own program.
  const load = result as Load
  if (load.failures > 0 || load.requests === 0) {
    throw new Error(`${subject.name}: ${load.failures} of ${load.requests} requests failed`)
  }
  return load
}

function scrapeOnce(): void {
  const url = scraped.sluice.telemetryUrl ?? scraped.sluice.adminUrl
  fetch(new URL('/metrics', url))
    .then(answer => answer.text())
    .catch((error: unknown) => console.error(`scrape failed: ${String(error)}`))
}

function portsOf(ready: Readonly<Record<string, unknown>>): readonly [number, number] {
  const { ports } = ready
  const [first = 0, second = 0] = Array.isArray(ports) ? ports.map(Number) : []
  return [first, second]
}

/**
 * Does a client feel it when Redis is gone?
 *
 * Two routers share a Redis behind a proxy with faults. Windows with and without the fault take turns under the
 * same load; the p99 of a window with it is divided by that of the one before. Failed requests, the growth of
 * memory under the fault and whether a rollback still acts at once are counted beside. `--long` adds ten minutes
 * of each fault.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Sample } from '../../demo/load.ts'
import { type FaultProxy, startFaultProxy } from '../../test/helpers/fault-proxy.ts'
import { type Fleet, putWeights, startFleet } from '../../test/helpers/fleet.ts'
import { samplesOf } from '../../test/helpers/metrics.ts'
import { residentBytes } from '../../test/helpers/process-tree.ts'
import { until } from '../../test/helpers/until.ts'
import { figure, machine, modeOf, publish, type Ratio, ratio, show } from '../harness.ts'

const RPS = 60 // each of two routers: a fifth of what the machine can do with its own load beside it
const mode = modeOf()
const rounds = { smoke: 1, main: 6, long: 20 }[mode]
const windowMs = { smoke: 1_500, main: 8_000, long: 8_000 }[mode]
const longMs = { smoke: 0, main: 0, long: 600_000 }[mode]
const SETTLE_MS = 700

type Fault = {
  readonly name: string
  readonly begin: (fleet: Fleet, proxy: FaultProxy) => Promise<unknown> | unknown
  readonly end: (fleet: Fleet, proxy: FaultProxy) => Promise<unknown> | unknown
}

const pass = (_: Fleet, proxy: FaultProxy) => proxy.pass()
const FAULTS: readonly Fault[] = [
  {
    name: 'killed',
    begin: ({ redis }) => redis.kill9(),
    end: ({ redis }) => redis.restart()
  },
  { name: 'frozen', begin: ({ redis }) => redis.pause(), end: ({ redis }) => redis.resume() },
  { name: 'slow, 5 s a reply', begin: (_, proxy) => proxy.delay(5_000), end: pass },
  { name: 'nonsense', begin: (_, proxy) => proxy.nonsense(), end: pass },
  { name: 'black hole', begin: (_, proxy) => proxy.blackHole(), end: pass }
]

const rows: (readonly string[])[] = []
const ratios: Ratio[] = []
let failed = 0
for (const fault of mode === 'smoke' ? FAULTS.slice(0, 2) : FAULTS) await measure(fault)

publish({
  bench: 'macro/store-faults',
  question: 'Does a client feel it when Redis is gone?',
  mode,
  machine: machine({ load: `2 routers, ${RPS} requests/s each, windows of ${windowMs / 1000} s` }),
  tables: [
    {
      title: 'With the fault, and without it in turns',
      columns: [
        'Redis is',
        'p99 without, ms',
        'p99 with, ms',
        'p99 of all requests, with over without',
        'event-loop delay p99 without, ms',
        'with, ms',
        'requests with',
        'failed',
        'memory gained, MiB',
        'weights again after, ms'
      ],
      rows
    }
  ],
  ratios,
  notes: ['Memory is the larger growth of the two routers from before the fault to its end.']
})
process.exitCode = failed === 0 ? 0 : 1

async function measure(fault: Fault): Promise<void> {
  const teardowns: (() => unknown)[] = []
  const t = { teardown: (done: () => unknown) => teardowns.push(done) }
  let proxy: FaultProxy | null = null
  const fleet = await startFleet(t, {
    rps: RPS,
    redis: { appendOnly: true },
    port: async ({ port }) => {
      proxy = await startFaultProxy(t, { to: port })
      return proxy.port
    }
  })
  if (proxy === null) throw new Error('no proxy')
  await until('traffic', () => fleet.samples.every(seen => seen.length > RPS))
  const without: number[] = []
  const within: number[] = []
  const all: { readonly without: Sample[]; readonly within: Sample[] } = { without: [], within: [] }
  const loops: { readonly without: number[]; readonly within: number[] } = {
    without: [],
    within: []
  }
  const recoveries: number[] = []
  let requests = 0
  let broken = 0
  let gained = 0
  for (let round = 0; round < rounds + (longMs > 0 ? 1 : 0); round++) {
    const last = round === rounds
    const calm = await window(fleet, windowMs)
    without.push(p99(calm))
    loops.without.push(await loopDelayMs(fleet))
    const before = memory(fleet)
    await fault.begin(fleet, proxy)
    const samples = await window(fleet, last ? longMs : windowMs)
    within.push(p99(samples))
    loops.within.push(await loopDelayMs(fleet))
    all.without.push(...calm)
    all.within.push(...samples)
    gained = Math.max(gained, ...memory(fleet).map((bytes, i) => bytes - (before[i] ?? 0)))
    requests += samples.length
    broken += samples.filter(({ status }) => status !== 200).length
    await fault.end(fleet, proxy)
    const ended = performance.now()
    await until('weights to be taken again', () => accepted(fleet, round), { within: 30_000 })
    recoveries.push(performance.now() - ended)
    await delay(SETTLE_MS)
  }
  failed += broken
  ratios.push(ratio(`p99 with Redis ${fault.name}`, within, without, 1.05))
  rows.push([
    fault.name,
    show(figure(without)),
    show(figure(within)),
    (p99(all.within) / p99(all.without)).toFixed(2),
    show(figure(loops.without)),
    show(figure(loops.within)),
    String(requests),
    String(broken),
    (gained / 2 ** 20).toFixed(1),
    show(figure(recoveries), 0)
  ])
  for (const done of teardowns.reverse()) await done()
}

/** The answers that were due in the next `ms`. */
async function window(fleet: Fleet, ms: number): Promise<readonly Sample[]> {
  const from = performance.now()
  await delay(ms + 300)
  return fleet.samples.flatMap(seen => seen.filter(({ due }) => due >= from && due < from + ms))
}

/** The larger of the two routers' delays of the event loop of their data thread, in the last seconds. */
async function loopDelayMs({ routers }: Fleet): Promise<number> {
  const delays = await Promise.all(
    routers.map(async ({ adminUrl }) => {
      const samples = await samplesOf(adminUrl, 'sluice_thread_event_loop_delay_seconds')
      return samples.find(({ labels }) => labels['thread'] === '0')?.value ?? Number.NaN
    })
  )
  return Math.max(...delays) * 1000
}

async function accepted({ routers }: Fleet, round: number): Promise<boolean> {
  const [router] = routers
  if (!router) return false
  const share = 1 + (round % 5)
  return putWeights(router, { v3: 100 - share, v4: share }).then(
    () => true,
    () => false
  )
}

function p99(samples: readonly Sample[]): number {
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

function memory({ routers }: Fleet): readonly number[] {
  return routers.map(({ pid }) => residentBytes(pid))
}

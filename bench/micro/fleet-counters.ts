/**
 * What do the fleet's counters cost: Redis, for 50 routers with 4 variants each, and the main thread of one router?
 *
 * The time of Redis is what it says of its scripts (commandstats), and the processor time of its process, of which
 * the network is most. All routers write as they do, once a second, spread over it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { countersOver, FAIL_KINDS, GROUPS, regionBytes } from '../../src/domain/counts.ts'
import { Contribution, GROUPS_LABEL, GROUPS_SHAPE } from '../../src/domain/fleet/contribution.ts'
import { FleetWatch } from '../../src/domain/fleet/fleet-watch.ts'
import { rangeLabel } from '../../src/domain/fleet/range-label.ts'
import {
  KIND_ROW,
  MOST_UNITS,
  packTotals,
  type Totals,
  type TotalsShape
} from '../../src/domain/fleet/totals.ts'
import { startGeneration } from '../../src/domain/record.ts'
import type { Arm } from '../../src/domain/watch.ts'
import { createFleetCounters } from '../../src/io/redis/fleet-counters.ts'
import { openLink } from '../../src/io/redis/link.ts'
import { type Redis, startRedis } from '../../test/helpers/redis.ts'
import { redisSettings } from '../../test/helpers/redis-state.ts'
import { silentLog } from '../../test/helpers/state-process.ts'
import { DEFAULTS } from '../../test/helpers/traffic-simulation.ts'
import { until } from '../../test/helpers/until.ts'
import { figure, machine, modeOf, nanosPerCall, publish, show, versionOf } from '../harness.ts'

const ROUTERS = 50
const CHALLENGERS = ['v4', 'v5', 'v6']
const CHAMPION = 'v3'
const ROUTE = 'fraud'
const ARMS: TotalsShape = { kind: 'arms', rows: 2 }
const LABEL = rangeLabel('a route')
const A_DAY = 86_400

const mode = modeOf()
const SLOT_SECONDS = 5
const rounds = mode === 'smoke' ? 1 : mode === 'long' ? 24 : 8
const WARM_SECONDS = 2

/** Totals after a day at 20 calls a second and variant, with failing units. */
function arms(second: number): Totals {
  const words = new Float64Array(2 * KIND_ROW.size)
  for (let kind = 0; kind < FAIL_KINDS.length; kind++) {
    words.set([20 * second, Math.floor(second / 5) + kind], 2 * kind)
    words.set([380 * second, 4 * second + kind], KIND_ROW.size + 2 * kind)
  }
  const units = Array.from({ length: MOST_UNITS }, (_, i) => ({
    unit: Math.imul(second + i, 0x9e3779b1) >>> 0,
    kinds: 1,
    birth: second + i,
    count: 1 + i
  }))
  return { label: LABEL, era: 3, words, units, leftOut: 40, restarts: 0 }
}

function groups(second: number): Totals {
  const words = new Float64Array(GROUPS * KIND_ROW.size)
  for (let g = 0; g < GROUPS; g++) {
    for (let kind = 0; kind < FAIL_KINDS.length; kind++) {
      words.set([6 * second + g, Math.floor(second / 16) + g], g * KIND_ROW.size + 2 * kind)
    }
  }
  return { label: GROUPS_LABEL, era: 1, words, units: [], leftOut: 0, restarts: 0 }
}

const textOf = (variant: string, second: number) =>
  variant === CHAMPION ? packTotals(groups(second), GROUPS_SHAPE) : packTotals(arms(second), ARMS)

/** All routers beat for some slots; gives one sample a slot, since one of its seconds reads the slot before. */
async function beatAll(redis: Redis) {
  const links = Array.from({ length: 5 }, () => openLink(redisSettings(redis.port), silentLog))
  await until('connected', () => links.every(link => link.ready()))
  const routers = Array.from({ length: ROUTERS }, (_, i) => {
    const link = links[i % links.length]
    if (link === undefined) throw new Error('no link')
    return createFleetCounters(link, 'sluice', `router-${i}-0123abcd`)
  })
  const samples: { scripts: number; calls: number; cpu: number }[] = []
  let before = await readings(redis)
  for (let second = 1; second <= WARM_SECONDS + rounds * SLOT_SECONDS; second++) {
    const end = performance.now() + 1_000
    for (const counters of routers) {
      for (const variant of [CHAMPION, ...CHALLENGERS]) {
        void counters.exchange(ROUTE, variant, textOf(variant, A_DAY + second))
      }
      await sleep(0)
    }
    await sleep(Math.max(0, end - performance.now()))
    if (second < WARM_SECONDS || (second - WARM_SECONDS) % SLOT_SECONDS !== 0) continue
    const after = await readings(redis)
    samples.push({
      scripts: (after.scripts - before.scripts) / SLOT_SECONDS,
      calls: (after.calls - before.calls) / SLOT_SECONDS,
      cpu: (after.cpu - before.cpu) / SLOT_SECONDS
    })
    before = after
  }
  const failed = links.reduce(
    (sum, link) => sum + Object.values(link.errors()).reduce((a, b) => a + b, 0),
    0
  )
  for (const link of links) link.close()
  return { samples: samples.slice(1), failed }
}

/** µs of scripts and their number, µs of the processor of the whole server. */
async function readings(redis: Redis) {
  const field = async (name: string) => (await redis.info(name)) || ''
  const stats = [await field('cmdstat_evalsha'), await field('cmdstat_eval')].join(',')
  const sum = (pattern: RegExp) =>
    [...stats.matchAll(pattern)].reduce((all, [, n]) => all + Number(n), 0)
  const cpu = Number(await field('used_cpu_user')) + Number(await field('used_cpu_sys'))
  return { scripts: sum(/\busec=(\d+)/g), calls: sum(/\bcalls=(\d+)/g), cpu: cpu * 1e6 }
}

/** One slot of 50 routers, read and judged, for the champion and for one challenger. */
function judging(variant: string) {
  const watch = new FleetWatch(DEFAULTS, 0)
  const slots = Array.from({ length: 64 }, (_, i) => {
    const text = textOf(variant, A_DAY + 5 * i)
    return new Map(Array.from({ length: ROUTERS }, (_, r) => [`router-${r}`, text]))
  })
  const context = {
    label: LABEL,
    now: 0,
    replicas: ROUTERS,
    championLive: true,
    championHealthy: true
  }
  let slot = 0
  return (calls: number) => {
    for (let i = 0; i < calls; i++) {
      const taken = [{ slot: ++slot, totals: slots[slot % slots.length] ?? new Map() }]
      if (variant === CHAMPION) watch.takeGroups(CHAMPION, taken)
      else watch.takeArms(variant, taken, { ...context, now: slot * 5_000 })
    }
  }
}

/** One second of a route: the counters read, the totals packed, for the champion and three challengers. */
function adding() {
  const contribution = new Contribution({ settings: DEFAULTS, splits: 0, nextEra: () => 1 })
  const arm = (): Arm => {
    const counters = countersOver(new SharedArrayBuffer(regionBytes(0)), 0)
    startGeneration(counters, 1)
    return { counters: [counters], addresses: [{ slot: 0, healthy: true }], weight: 500 }
  }
  const champion = arm()
  const challengers = new Map(CHALLENGERS.map(name => [name, arm()]))
  let now = 0
  return (calls: number) => {
    for (let i = 0; i < calls; i++) {
      now += 1_000
      const input = { now, generation: 1, champion, championHealthy: true, challengers }
      contribution.tick({ ...input, stalled: false })
      packTotals(contribution.groups(champion.counters), GROUPS_SHAPE)
      for (const name of CHALLENGERS) {
        const totals = contribution.arms(name, LABEL, now)
        if (totals) packTotals(totals, ARMS)
      }
    }
  }
}

const teardowns: (() => unknown)[] = []
const redis = await startRedis({ teardown: done => teardowns.push(done) })
const { samples, failed } = await beatAll(redis)
const memory = await redis.cli('MEMORY', 'USAGE', await newest(redis, CHAMPION))
const memoryArms = await redis.cli('MEMORY', 'USAGE', await newest(redis, 'v4'))
const server = redis.version
for (const done of teardowns.reverse()) await done()

const percent = (values: readonly number[]) => `${show(figure(values.map(us => us / 1e4)), 2)} %`
const perCall = samples.map(({ scripts, calls }) => scripts / calls)
const micros = (samplesNs: readonly number[]) => show(figure(samplesNs.map(ns => ns / 1_000)), 0)
publish({
  bench: 'micro/fleet-counters',
  question:
    "What do the fleet's counters cost: Redis, for 50 routers with 4 variants each, and a router?",
  mode,
  machine: machine({ redis: server, ioredis: versionOf('ioredis') }),
  tables: [
    {
      title: 'Median (quartiles) of slots of 5 s',
      columns: ['what', 'cost'],
      rows: [
        ['scripts of Redis, share of one core', percent(samples.map(({ scripts }) => scripts))],
        ['whole process of Redis, share of one core', percent(samples.map(({ cpu }) => cpu))],
        ['one call, µs of Redis', show(figure(perCall), 1)],
        ['calls a second', show(figure(samples.map(({ calls }) => calls)), 0)],
        [
          'a router reads and judges a slot of a challenger, µs',
          micros(nanosPerCall(judging('v4'), mode))
        ],
        [
          'a router reads a slot of the champion, µs',
          micros(nanosPerCall(judging(CHAMPION), mode))
        ],
        ['a router adds up a second without traffic, µs', micros(nanosPerCall(adding(), mode))]
      ]
    },
    {
      title: 'Sizes, bytes',
      columns: ['what', 'bytes'],
      rows: [
        ['totals of a challenger, eight units named', String(textOf('v4', A_DAY).length)],
        ['totals of a champion, 64 groups', String(textOf(CHAMPION, A_DAY).length)],
        ['a slot of 50 routers, challenger', String(memoryArms)],
        ['a slot of 50 routers, champion', String(memory)],
        [
          'a route with 3 challengers for 15 minutes',
          String(180 * (Number(memory) + 3 * Number(memoryArms)))
        ]
      ]
    }
  ],
  ratios: [
    {
      name: 'scripts of Redis to the 2 % of a core that they may cost',
      limit: 1,
      ...figure(samples.map(({ scripts }) => scripts / 20_000))
    }
  ],
  notes: [`Calls without an answer: ${failed}.`]
})

/** A slot that all routers have written. */
async function newest(redis: Redis, variant: string): Promise<string> {
  const keys = await redis.cli('KEYS', `sluice:{${ROUTE}}:c:${variant}:*`)
  const all = Array.isArray(keys) ? keys.map(String).sort() : []
  return all.at(-2) ?? all.at(-1) ?? ''
}

/**
 * What does a tick of the watch cost: one route, champion and challengers, the counters of several threads?
 */
import { type Counters, countersOver, regionBytes } from '../../src/domain/counts.ts'
import {
  recordAnswered,
  recordOutcome,
  recordSent,
  startGeneration
} from '../../src/domain/record.ts'
import { createWatch } from '../../src/domain/trigger/route-watch.ts'
import type { TriggerSettings } from '../../src/domain/trigger-settings.ts'
import type { Arm } from '../../src/domain/watch.ts'
import { micro } from './micro.ts'

const ACTING = { action: 'notify', dryRun: true } as const
const SETTINGS: TriggerSettings = {
  alphaPerDay: 0.001,
  errors: { ...ACTING, ratio: 5, max: 0.1 },
  clientErrors: { ...ACTING, ratio: 5 },
  badPredictions: { ...ACTING, max: 0.01, kinds: ['nan', 'null'] },
  latency: { ...ACTING, sla: 250, of: 'total', percentile: 99 },
  absence: { ...ACTING, after: 'auto', startup: 300_000 },
  gross: ACTING
}
const TICK = 250

/** Every tick brings `perTick` requests to each arm, a hundredth of them failed. */
function ticking(challengers: number, threads: number, perTick: number) {
  const watch = createWatch({ settings: SETTINGS, splits: 0, replicas: 1 })
  const champion = arm(threads)
  const others = new Map(Array.from({ length: challengers }, (_, i) => [`c${i}`, arm(threads)]))
  let now = 0
  let n = 0
  return (calls: number) => {
    let sum = 0
    for (let i = 0; i < calls; i++) {
      now += TICK
      for (const a of [champion, ...others.values()]) {
        for (let r = 0; r < perTick; r++) request(a.counters[r % threads], now - r, n++)
      }
      const championHealthy = true
      const input = { now, generation: 1, champion, championHealthy, challengers: others }
      sum += watch.tick({ ...input, stalled: false }).statuses.length
    }
    return sum
  }
}

function arm(threads: number): Arm {
  const counters = Array.from({ length: threads }, () => {
    const region = countersOver(new SharedArrayBuffer(regionBytes(0)), 0)
    startGeneration(region, 1)
    return region
  })
  return { counters, addresses: [{ slot: 0, healthy: true }], weight: 500 }
}

function request(counters: Counters | undefined, at: number, n: number): void {
  if (counters === undefined) return
  const failed = n % 100 === 0
  recordSent(counters, at - 20, 0, true, 0)
  recordAnswered(counters, at, at - 20, 0)
  recordOutcome(counters, {
    cohort: 0,
    stratum: 0,
    prediction: true,
    outcome: failed ? 2 : 0,
    status: failed ? 500 : 200,
    generation: 1,
    unit: Math.imul(n, 0x9e3779b1) >>> 0,
    bucket: n % 10_000,
    sentAt: at - 20,
    endedAt: at,
    judged: true,
    bad: 0,
    badCounts: false,
    timed: true,
    slow: false,
    address: 0
  })
}

micro('tick', 'What does a tick of the watch cost (four a second, on the main thread)?', [
  { name: '1 challenger, 1 thread, idle', run: ticking(1, 1, 0) },
  {
    name: '1 challenger, 1 thread, 25 requests an arm and tick (with their recording)',
    run: ticking(1, 1, 25)
  },
  {
    name: '3 challengers, 4 threads, 25 requests an arm and tick (with their recording)',
    run: ticking(3, 4, 25)
  }
])

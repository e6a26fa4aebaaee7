import { test } from 'tap'
import { AT, evidenceRow, ROW, TICK_MS } from '../../src/domain/counts.ts'
import { binomialBelow, shareInterval } from '../../src/domain/stats/binomial.ts'
import { OneSampleDetector, TwoSampleDetector } from '../../src/domain/stats/e-detector.ts'
import { rateRatioInterval } from '../../src/domain/stats/rate-ratio.ts'
import { createWatch } from '../../src/domain/trigger/route-watch.ts'
import { freshCounters, request } from '../helpers/observation.ts'
import { pairs } from '../helpers/random-counts.ts'
import { DEFAULTS, seeded } from '../helpers/traffic-simulation.ts'

const SEEDS = 200
const TICKS = 50

test('two-sample evidence is a number for any counts, shares near 0 and 1, and any phi', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const source = pairs(seed)
    const next = () => source.next().value ?? { n: 0, x: 0 }
    for (const rho0 of [0, 1, 2.5, 1e9]) {
      const detector = new TwoSampleDetector(rho0, 2, 25, 0)
      for (let tick = 0; tick < TICKS; tick++) {
        const [own, other] = [next(), next()]
        if (own.n === 0 || other.n === 0) continue
        detector.open(tick)
        detector.add(tick % 2, own.n, other.n, own.x, other.x, 1 + (seed % 10))
      }
      const ratio = detector.ratio()
      const finite =
        Number.isFinite(detector.logM) &&
        (ratio === null || Number.isFinite(ratio)) &&
        detector.logM <= 25
      if (!finite) t.fail(`seed ${seed}, rho0 ${rho0}: ${detector.logM}, ${ratio}`)
    }
  }
  t.pass('all finite')
})

test('one-sample evidence is a number for any counts and any limit from 0 to 1', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const source = pairs(seed)
    for (const p0 of [0, 1e-12, 0.01, 0.5, 0.99, 1]) {
      const detector = new OneSampleDetector(p0, 25, 0)
      for (let tick = 0; tick < TICKS; tick++) {
        const { n, x } = source.next().value ?? { n: 0, x: 0 }
        detector.add(n, x, 1, tick)
        if (!Number.isFinite(detector.logM)) t.fail(`seed ${seed}, p0 ${p0}: ${detector.logM}`)
      }
    }
  }
  t.pass('all finite')
})

test('frozen evidence is a number when the champion had nothing, or failed always', async t => {
  for (const frozen of [
    { n: 0, x: 0, share: 1 },
    { n: 1000, x: 1000, share: 1 },
    { n: 1e6, x: 0, share: 0 }
  ]) {
    const source = pairs(frozen.n)
    const detector = new TwoSampleDetector(2.5, 1, 25, 0)
    for (let tick = 0; tick < TICKS; tick++) {
      const { n, x } = source.next().value ?? { n: 0, x: 0 }
      detector.open(tick)
      detector.addFrozen(0, n, x, frozen, 1)
      t.ok(Number.isFinite(detector.logM))
    }
  }
})

test('intervals are ordered and never NaN for any counts', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const source = pairs(seed)
    for (let i = 0; i < TICKS; i++) {
      const [c, b] = [source.next().value, source.next().value]
      if (!c || !b) continue
      const counts = { nc: c.n, xc: c.x, nb: b.n, xb: b.x }
      const { low, high } = rateRatioInterval(counts)
      const { low: from, high: to } = shareInterval(c.x, c.n, 0.95)
      const below = binomialBelow(c.x, c.n, b.n > 0 ? b.x / b.n : 0)
      const right = low <= high && low >= 0 && from <= to && below >= 0 && below <= 1
      if (!right) t.fail(JSON.stringify({ counts, low, high, from, to, below }))
    }
  }
  t.pass('all ordered')
})

/** What must hold of every result of a watch. */
function sound(result: ReturnType<ReturnType<typeof createWatch>['tick']>): boolean {
  const numbers = result.statuses.flatMap(s => [
    s.logEvidence,
    s.threshold,
    s.phi,
    s.n,
    s.x,
    s.sinceMs
  ])
  if (!numbers.every(Number.isFinite)) return false
  return result.decisions.every(d => {
    const text = JSON.stringify(d.evidence, (_, value) =>
      typeof value === 'number' && !Number.isFinite(value) ? 'BROKEN' : value
    )
    return !text.includes('BROKEN') && !/NaN|Infinity|undefined/.test(d.sentence)
  })
}

test('a watch gives only finite numbers when its words are anything at all', async t => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seeded(seed)
    const source = pairs(seed)
    const [stable, canary] = [freshCounters(1), freshCounters(1)]
    const watch = createWatch({ settings: DEFAULTS, splits: 1, replicas: 1 })
    for (let tick = 1; tick <= 200; tick++) {
      for (const c of [stable, canary]) {
        for (let stratum = 0; stratum < 3; stratum++) {
          const at = evidenceRow(1, 1, stratum)
          for (const [n, x] of [
            [ROW.calls, ROW.errors],
            [ROW.judged, ROW.badPredictions],
            [ROW.timed, ROW.latency]
          ] as const) {
            const pair = source.next().value ?? { n: 0, x: 0 }
            c.words[at + n] = (c.words[at + n] ?? 0) + (pair.n % 5000)
            c.words[at + x] = (c.words[at + x] ?? 0) + (pair.x % 5000)
          }
          const group = AT.groups + Math.floor(random() * 64) * ROW.size
          c.words[group + Math.floor(random() * 7)] = Math.floor(random() * 2 ** 32)
        }
        if (random() < 0.5) {
          request(c, {
            outcome: 'reset',
            unit: tick,
            sentAt: tick * TICK_MS,
            endedAt: tick * TICK_MS
          })
        }
      }
      const result = watch.tick({
        now: tick * TICK_MS,
        generation: 1,
        champion: { counters: [stable], addresses: [], weight: random() < 0.5 ? 0 : 5000 },
        championHealthy: random() < 0.5,
        challengers: new Map([['canary', { counters: [canary], addresses: [], weight: 5000 }]]),
        stalled: random() < 0.1
      })
      if (!sound(result)) t.fail(`seed ${seed}, tick ${tick}: ${JSON.stringify(result)}`)
    }
  }
  t.pass('all sound')
})

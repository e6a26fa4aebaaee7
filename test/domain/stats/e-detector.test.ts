import { readFileSync } from 'node:fs'
import { test } from 'tap'
import {
  logMean,
  OneSampleDetector,
  TwoSampleDetector
} from '../../../src/domain/stats/e-detector.ts'

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/stats-edetector.json', import.meta.url), 'utf8')
)
const NO_CAP = Number.MAX_VALUE

test('log M follows the reference trace when ticks compare two arms', async t => {
  const { inputs, expected, tolerance } = cases['edetector-two-sample']
  const detector = new TwoSampleDetector(inputs.rho0, 1, NO_CAP, 0)
  inputs.ticks_nc_nb_xc_xb.forEach(([nc, nb, xc, xb]: number[], tick: number) => {
    if (nc && nb) {
      detector.open(tick)
      detector.add(0, nc, nb, xc ?? 0, xb ?? 0, 1)
    }
    const off = Math.abs(detector.logM - expected.log_m[tick])
    t.ok(off <= tolerance, `tick ${tick}: ${detector.logM}`)
  })
})

test('log M follows the reference trace when ticks count one share', async t => {
  const { inputs, expected, tolerance } = cases['edetector-one-sample']
  const detector = new OneSampleDetector(inputs.p0, NO_CAP, 0)
  inputs.ticks_n_x.forEach(([n, x]: number[], tick: number) => {
    detector.add(n ?? 0, x ?? 0, 1, tick)
    const off = Math.abs(detector.logM - expected.log_m[tick])
    t.ok(off <= tolerance, `tick ${tick}: ${detector.logM}`)
  })
})

test('evidence is a tenth when phi is 10', async t => {
  const [plain, bursty] = [1, 10].map(phi => {
    const detector = new TwoSampleDetector(1, 1, NO_CAP, 0)
    detector.open(0)
    detector.add(0, 50, 950, 10, 10, phi)
    return detector
  })
  for (let k = 0; k < 6; k++) {
    t.ok(Math.abs((plain?.logs[k] ?? 0) / 10 - (bursty?.logs[k] ?? 1)) < 1e-12)
  }
})

test('two strata give the sum of their log-likelihoods when both have traffic', async t => {
  const alone = [0, 1].map(stratum => {
    const detector = new TwoSampleDetector(1, 2, NO_CAP, 0)
    detector.open(0)
    if (stratum === 0) detector.add(0, 50, 950, 5, 9, 1)
    else detector.add(1, 500, 500, 20, 10, 1)
    return detector
  })
  const both = new TwoSampleDetector(1, 2, NO_CAP, 0)
  both.open(0)
  both.add(0, 50, 950, 5, 9, 1)
  both.add(1, 500, 500, 20, 10, 1)
  for (let k = 0; k < 6; k++) {
    const sum = (alone[0]?.logs[k] ?? 0) + (alone[1]?.logs[k] ?? 0)
    t.ok(Math.abs((both.logs[k] ?? 0) - sum) < 1e-12)
  }
  t.strictSame(both.since(1), [500, 20, 500, 10])
  t.ok(Math.abs((both.ratio() ?? 0) - 25 / ((50 * 9.5) / 950 + (500 * 10.5) / 500)) < 1e-12)
})

test('the ratio counts from the reset of the best alternative when evidence fell before', async t => {
  const detector = new TwoSampleDetector(1, 1, NO_CAP, 0)
  for (let tick = 0; tick < 100; tick++) {
    detector.open(tick)
    detector.add(0, 50, 950, 0, 10, 1)
  }
  for (let tick = 100; tick < 103; tick++) {
    detector.open(tick)
    detector.add(0, 50, 950, 5, 10, 1)
  }
  t.equal(detector.bestStartTick(), 100)
  t.strictSame(detector.since(0), [150, 15, 2850, 30])
  t.equal(detector.failures(), 15)
  t.ok(Math.abs((detector.ratio() ?? 0) - 15 / 150 / (30.5 / 2850)) < 1e-12)
})

test('evidence falls below the threshold within a few good ticks when it was capped', async t => {
  const detector = new OneSampleDetector(0.01, 25, 0)
  for (let tick = 0; tick < 50; tick++) detector.add(50, 50, 1, tick)
  t.ok(detector.atLeast(22))
  detector.add(50, 0, 1, 50)
  detector.add(50, 0, 1, 51)
  for (let tick = 52; tick < 70; tick++) detector.add(50, 0, 1, tick)
  t.notOk(detector.atLeast(22))
})

test('a frozen champion is compared by its share when the live one has no requests', async t => {
  const frozen = { n: 10_000, x: 100, share: 0.0131 }
  const detector = new TwoSampleDetector(1, 1, NO_CAP, 0)
  for (let tick = 0; tick < 4; tick++) {
    detector.open(tick)
    detector.addFrozen(0, 50, 20, frozen, 1)
  }
  t.ok(detector.logM > 22)
  t.strictSame(detector.since(0), [200, 80, 10_000, 100])
  t.ok(Math.abs((detector.ratio() ?? 0) - 80 / ((200 * 100.5) / 10_000)) < 1e-9)
  const calm = new TwoSampleDetector(1, 1, NO_CAP, 0)
  for (let tick = 0; tick < 400; tick++) {
    calm.open(tick)
    calm.addFrozen(0, 100, 1, frozen, 1)
  }
  t.ok(calm.logM < 1)
})

test('the mean of exponentials is exact when logs are far apart or huge', async t => {
  t.equal(logMean(new Float64Array([0, 0, 0])), 0)
  t.ok(Math.abs(logMean(new Float64Array([1000, 0])) - (1000 - Math.log(2))) < 1e-12)
  t.ok(Math.abs(logMean(new Float64Array([-1000, -1000])) + 1000) < 1e-12)
})

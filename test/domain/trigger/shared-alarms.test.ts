/** The part of false alarms that each of several routers may use, while their number changes. */
import { test } from 'tap'
import { type Counters, type Outcome, TICK_MS } from '../../../src/domain/counts.ts'
import { createWatch } from '../../../src/domain/trigger/route-watch.ts'
import { thresholds } from '../../../src/domain/trigger/thresholds.ts'
import type { TriggerDecision, TriggerStatus } from '../../../src/domain/watch.ts'
import { freshCounters, request } from '../../helpers/observation.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

/** A route with ordinary traffic on both arms, of which the test makes what it needs. */
function scene(replicas = 1) {
  const stable = freshCounters(0)
  const canary = freshCounters(0)
  const watch = createWatch({ settings: DEFAULTS, splits: 0, replicas })
  let now = 1000
  let units = 0
  const arm = (c: Counters, weight: number) => ({ counters: [c], addresses: [], weight })
  const tick = () => {
    now += TICK_MS
    return watch.tick({
      now,
      generation: 1,
      champion: arm(stable, 9000),
      championHealthy: true,
      challengers: new Map([['canary', arm(canary, 1000)]]),
      stalled: false
    })
  }
  const send = (c: Counters, n: number, outcome: Outcome) => {
    for (let i = 0; i < n; i++) {
      const unit = ++units
      request(c, { outcome, unit, bucket: unit % 10_000, sentAt: now + 10, endedAt: now + 40 })
    }
  }
  const second = (failures: number) => {
    const decisions: TriggerDecision[] = []
    let statuses: readonly TriggerStatus[] = []
    for (let i = 0; i < 4; i++) {
      send(stable, 25, 'ok')
      send(canary, 3, 'ok')
      if (i === 0) send(canary, failures, 'upstream_error')
      const result = tick()
      decisions.push(...result.decisions)
      statuses = result.statuses
    }
    return { decisions, statuses }
  }
  tick()
  for (let i = 0; i < 80; i++) second(0)
  return { watch, second }
}

function errorsOf(statuses: readonly TriggerStatus[]): TriggerStatus {
  const found = statuses.find(({ trigger }) => trigger === 'errors')
  if (!found) throw new Error('no status of errors')
  return found
}

const logC = (replicas: number) => thresholds(DEFAULTS.alphaPerDay, replicas, 1).logC

test('keeps all evidence and moves the threshold when the number of routers changes', t => {
  const { watch, second } = scene()
  const twin = scene()
  for (let i = 0; i < 5; i++) {
    second(1)
    twin.second(1)
  }
  watch.share(9)
  const shared = errorsOf(second(1).statuses)
  const alone = errorsOf(twin.second(1).statuses)
  t.ok(alone.logEvidence > 1, `evidence ${alone.logEvidence}`)
  t.equal(shared.logEvidence, alone.logEvidence)
  t.equal(shared.sinceMs, alone.sinceMs)
  t.equal(alone.threshold, logC(1))
  t.equal(shared.threshold, logC(9))
  t.ok(Math.abs(shared.threshold - alone.threshold - Math.log(10 / 2)) < 1e-9)
  watch.share(1)
  t.equal(errorsOf(second(1).statuses).threshold, logC(1))
  t.end()
})

test('reaches a threshold far above its old cap when a hundred routers came', t => {
  const { watch, second } = scene()
  watch.share(100)
  t.ok(logC(100) > logC(1) + 3, 'above the cap of one router')
  let decided = second(1).decisions
  for (let i = 0; i < 200 && decided.length === 0; i++) decided = second(1).decisions
  const [first] = decided
  t.equal(first?.trigger, 'errors')
  const evidence = JSON.parse(JSON.stringify(first?.evidence))
  t.equal(evidence.threshold, logC(100))
  t.ok(Object.values<number | null>(evidence.logEvidence).some(log => (log ?? 0) >= logC(100)))
  t.end()
})

test('alarms at once when routers left and the evidence is enough for fewer', t => {
  const { watch, second } = scene(1000)
  let evidence = 0
  for (let i = 0; i < 400 && evidence < logC(1) + 1; i++) {
    const { statuses, decisions } = second(1)
    if (decisions.length > 0) break
    evidence = errorsOf(statuses).logEvidence
  }
  t.ok(evidence >= logC(1) && evidence < logC(1000), `${evidence} lies between both`)
  watch.share(1)
  t.match(second(1).decisions, [{ trigger: 'errors' }])
  t.end()
})

test('needs more of the last 12 calls when more routers look', t => {
  const { watch, second } = scene()
  const gross = (statuses: readonly TriggerStatus[]) =>
    statuses.find(({ trigger }) => trigger === 'gross')?.threshold ?? 0
  const before = gross(second(0).statuses)
  watch.share(1000)
  t.ok(gross(second(0).statuses) > before)
  t.end()
})

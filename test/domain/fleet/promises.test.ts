import { test } from 'tap'
import {
  BAD_FROM_MS,
  FLEET_CALM,
  FLEET_FAULTS,
  fleetOf,
  ONE_BAD,
  partlyBad,
  runCalmFleet
} from '../../helpers/fleet-scenarios.ts'
import { FleetTraffic } from '../../helpers/fleet-simulation.ts'
import { healthy } from '../../helpers/traffic-simulation.ts'

/**
 * One seed of what bench/stats/fleet measures over many. Seconds here are simulated, so they are the same on any
 * machine.
 */
for (const { scenario, worst } of FLEET_FAULTS) {
  const { name, perSecond, onset, traffic } = scenario
  test(`${name}: the fleet alarms in time when five replicas have ${perSecond} requests a second`, async t => {
    const fleet = fleetOf(traffic, 1)
    const decided = fleet.run(onset + 200_000)
    const seconds = ((decided?.at ?? Infinity) - onset) / 1000
    t.ok(seconds > 0 && seconds < worst, `${seconds} s: ${decided?.sentence}`)
    t.match(decided?.evidence, { scope: 'fleet', replicas: { contributed: 5 } })
  })
}

const SHORT = new Set([
  'retries in chains of 3',
  '200 tenants, uneven in traffic and in errors',
  'weight cut from 50 to 5 % with 60 s timeouts pending',
  'both dead for 30 s at 5 %',
  'both NaN for 30 s at 50 %',
  'dependency dead for 100 % of calls: 3 s here, 30 s there, at 5 %',
  'dependency dead for 50 % of calls: 3 s here, 30 s there, at 50 %',
  'restart of the challenger: refused for 1.5 s, slow for 25 s',
  'one client sends only failing prompts'
])

for (const scenario of FLEET_CALM.filter(({ name }) => SHORT.has(name))) {
  const until = Math.min(scenario.until, 900_000)
  test(`${scenario.name}: the fleet rolls nothing back when the challenger is not to blame`, async t => {
    const { fleet, rollback } = runCalmFleet({ ...scenario, until }, 1)
    t.equal(rollback, null, JSON.stringify(rollback))
    t.ok(fleet.replicas.every(({ traffic }) => traffic.requests > 500))
  })
}

test('every situation that is to be tested is there', async t => {
  t.equal(FLEET_CALM.filter(({ name }) => SHORT.has(name)).length, SHORT.size)
})

for (const bad of ONE_BAD.filter(({ of }) => of === 5)) {
  test(`the fleet decides nothing when one of five replicas fails all ${bad.perSecond} calls a second for five minutes`, async t => {
    const fleet = partlyBad(bad, 1)
    t.equal(fleet.run(BAD_FROM_MS + 300_000), null)
    t.ok(fleet.own.length > 0, 'that replica decides for itself')
  })
}

test('the fleet decides when two of five replicas fail all calls', async t => {
  const fleet = partlyBad({ of: 5, bad: 2, perSecond: 1 }, 1)
  t.match(fleet.run(BAD_FROM_MS + 120_000), { trigger: 'errors', evidence: { scope: 'fleet' } })
})

test('evidence is no worse for the challenger when replicas with much traffic are the same in both arms', async t => {
  const replicas = Array.from({ length: 5 }, (_, i) => ({
    seed: i,
    warm: true,
    weight: 5000,
    rate: () => 300,
    answer: healthy(0.05)
  }))
  const fleet = new FleetTraffic({ seed: 1, replicas })
  t.equal(fleet.run(180_000), null)
  t.strictSame(fleet.decisions, [])
  let [n, x, m, y] = [0, 0, 0, 0]
  for (const { contribution } of fleet.replicas) {
    const words = contribution.arms('canary', 'label', 0)?.words ?? []
    n += words[0] ?? 0
    x += words[1] ?? 0
    m += words[8] ?? 0
    y += words[9] ?? 0
  }
  const ratio = x / n / (y / m)
  t.ok(ratio > 0.8 && ratio <= 1.02, `${ratio} times the champion's rate is added`)
})

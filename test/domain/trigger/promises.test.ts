import { test } from 'tap'
import { CALM, type CalmScenario, FAULTS } from '../../helpers/traffic-scenarios.ts'
import { Traffic } from '../../helpers/traffic-simulation.ts'

/**
 * A few seeds of what bench/stats measures over many. Seconds here are simulated, so they are the same on any
 * machine. Ten healthy minutes at 1,000 requests a second are too long for a test: the fast faults have less.
 */
const SEEDS = [1, 2, 3]

for (const scenario of FAULTS.filter(({ perSecond }) => perSecond === 5)) {
  test(`${scenario.name}: the challenger is out in time when it gets 5 requests a second`, async t => {
    const times = SEEDS.map(seed => {
      const decided = new Traffic(scenario.traffic(seed)).run(scenario.onset + 300_000)
      t.ok(decided && decided.at > scenario.onset, `seed ${seed}: ${decided?.sentence}`)
      return ((decided?.at ?? Infinity) - scenario.onset) / 1000
    })
    t.ok(Math.max(...times) < scenario.worst, `${times.join(', ')} s, worst ${scenario.worst}`)
  })
}

for (const scenario of FAULTS.filter(({ perSecond }) => perSecond === 50)) {
  test(`${scenario.name}: the challenger is out in time when it gets 50 requests a second`, async t => {
    const decided = new Traffic(scenario.traffic(1)).run(scenario.onset + 120_000)
    const seconds = ((decided?.at ?? Infinity) - scenario.onset) / 1000
    t.ok(seconds > 0 && seconds < scenario.worst, `${seconds} s: ${decided?.sentence}`)
  })
}

/** Runs one seed, with its change of weight where it has one; gives the rollback. */
function calm(scenario: CalmScenario, seed: number): { traffic: Traffic; rollback: boolean } {
  const traffic = new Traffic(scenario.traffic(seed))
  let rolledBack = traffic.run(scenario.cut?.at ?? scenario.until)
  if (!rolledBack && scenario.cut) {
    traffic.setWeight(scenario.cut.weight)
    rolledBack = traffic.run(scenario.until)
  }
  return { traffic, rollback: rolledBack !== null }
}

for (const scenario of CALM.filter(({ known }) => known === 0)) {
  test(`${scenario.name}: nothing is rolled back when the challenger is not to blame`, async t => {
    const { traffic, rollback } = calm(scenario, 1)
    t.notOk(rollback, JSON.stringify(traffic.decisions.at(-1)))
    t.ok(traffic.requests > 1000)
  })
}

import { test } from 'tap'
import { GROUPS } from '../../../src/domain/counts.ts'
import { GROUPS_LABEL, GROUPS_SHAPE } from '../../../src/domain/fleet/contribution.ts'
import { FleetWatch } from '../../../src/domain/fleet/fleet-watch.ts'
import { KIND_ROW, packTotals, type TotalsShape } from '../../../src/domain/fleet/totals.ts'
import { pairs } from '../../helpers/random-counts.ts'
import { seeded } from '../../helpers/seeded.ts'
import { DEFAULTS } from '../../helpers/traffic-simulation.ts'

const ARMS: TotalsShape = { kind: 'arms', rows: 4 }

/** Totals that grow by anything, or do not, from replicas that say what they like. */
function writer(seed: number, shape: TotalsShape, label: string) {
  const random = seeded(seed)
  const source = pairs(seed)
  const words = new Float64Array(shape.rows * KIND_ROW.size)
  let era = 1
  return () => {
    if (random() < 0.05) {
      era++
      words.fill(0)
    }
    for (let i = 0; i < words.length; i += 2) {
      const { n, x } = source.next().value ?? { n: 0, x: 0 }
      const [calls, failures] = random() < 0.9 ? [n, x] : [x, n]
      words[i] = Math.min(2 ** 52, (words[i] ?? 0) + calls)
      words[i + 1] = Math.min(2 ** 52, (words[i + 1] ?? 0) + failures)
    }
    const units = Array.from({ length: 3 }, (_, i) => ({
      unit: Math.floor(random() * 50),
      kinds: 1 << i,
      birth: 1,
      count: Math.floor(random() * 1000)
    }))
    const text = packTotals({ label, era, words, units, leftOut: 1, restarts: 0 }, shape)
    return random() < 0.9 ? text : text.slice(0, Math.floor(random() * text.length))
  }
}

test('a watch gives only finite numbers when replicas write anything at all', async t => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seeded(seed)
    const watch = new FleetWatch(DEFAULTS, 1)
    const arms = Array.from({ length: 4 }, (_, i) => writer(seed * 10 + i, ARMS, 'now'))
    const groups = Array.from({ length: 4 }, (_, i) =>
      writer(seed * 10 + i, { ...GROUPS_SHAPE, rows: GROUPS }, GROUPS_LABEL)
    )
    const texts = (from: readonly (() => string)[]) =>
      new Map(from.map((one, i) => [`replica-${i}`, one()]))
    for (let slot = 1; slot <= 60; slot++) {
      watch.takeGroups('stable', [{ slot, totals: texts(groups) }])
      const decisions = watch.takeArms('canary', [{ slot, totals: texts(arms) }], {
        label: 'now',
        now: slot * 5_000,
        replicas: 1 + Math.floor(random() * 9),
        championLive: random() < 0.9,
        championHealthy: random() < 0.5
      })
      const said = JSON.stringify(decisions, (_, value: unknown) =>
        typeof value === 'number' && !Number.isFinite(value) ? 'BROKEN' : value
      )
      const numbers = watch
        .statuses(slot * 5_000)
        .flatMap(s => [s.logEvidence, s.threshold, s.phi, s.n, s.x, s.sinceMs, s.ratio ?? 0])
      if (/BROKEN|NaN|Infinity/.test(said) || !numbers.every(Number.isFinite)) {
        t.fail(`seed ${seed}, slot ${slot}: ${numbers.join()} ${said}`)
      }
    }
  }
  t.pass('all finite')
})

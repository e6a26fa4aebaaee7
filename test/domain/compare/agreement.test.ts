import { test } from 'tap'
import { createAgreement, type PairFacts } from '../../../src/domain/compare/agreement.ts'
import type { Comparison, DifferenceKind } from '../../../src/domain/compare/comparison.ts'
import { OTHERS } from '../../../src/domain/compare/field-table.ts'
import { seeded } from '../../helpers/seeded.ts'

type Fields = Readonly<Record<string, DifferenceKind | null | number>>

/** A comparison of fields: a kind, null for agreement, or a number for a signed difference that agrees. */
function comparison(fields: Fields, refusal: Comparison['refusal'] = null): Comparison {
  const results = Object.entries(fields).map(([field, what]) => ({
    field,
    difference: typeof what === 'number' ? null : what,
    by: typeof what === 'number' ? what : null,
    primary: what === null ? null : 'p',
    shadow: what === null ? null : 's'
  }))
  return { refusal, agree: results.every(({ difference }) => difference === null), fields: results }
}

function facts(changes: Partial<PairFacts> = {}): PairFacts {
  const at = '2026-01-01T00:00:00.000Z'
  return {
    requestId: 'r',
    at,
    primaryMs: 10,
    shadowMs: 10,
    timed: true,
    capture: true,
    ...changes
  }
}

const created = (seed = 1) => createAgreement({ random: seeded(seed) })

test('there are no ratios when no pair was added', async t => {
  t.strictSame(created().view(), {
    pairs: 0,
    compared: 0,
    refused: {},
    noiseMissed: {},
    overall: { agree: 0, of: 0, ratio: null, low: null, high: null },
    fields: [],
    latency: { pairs: 0, ratio: null, low: null, high: null },
    exemplars: {}
  })
})

test('shares have Wilson’s interval and fields that differ most come first', async t => {
  const agreement = created()
  for (let i = 0; i < 20; i++) {
    agreement.add(
      comparison({ '/a': null, '/b': i < 3 ? 'text' : null, '/c': i < 5 ? 'type' : null }),
      facts()
    )
  }
  const { fields, overall, compared } = agreement.view()
  t.strictSame(
    fields.map(({ field }) => field),
    ['/c', '/b', '/a']
  )
  t.equal(compared, 20)
  t.strictSame([overall.agree, overall.of, overall.ratio], [15, 20, 0.75])
  const [c, b, a] = fields
  t.strictSame(c?.kinds, { type: 5 })
  t.equal(b?.ratio, 0.85)
  t.equal(a?.ratio, 1)
  t.equal(a?.high, 1)
  t.ok(Math.abs((a?.low ?? 0) - (1 - 0.1611251580528194)) < 1e-8)
})

test('a pair without bodies counts as refused, and against the agreement only when it is known to differ', async t => {
  const agreement = created()
  agreement.add(comparison({ status: null, outcome: null }, 'truncated'), facts())
  agreement.add(comparison({ status: 'status', outcome: 'outcome' }, 'no_answer'), facts())
  agreement.add({ refusal: 'off', agree: false, fields: [] }, facts())
  agreement.add(comparison({ status: null, '/a': null }), facts())
  const view = agreement.view()
  t.equal(view.pairs, 4)
  t.equal(view.compared, 1)
  t.strictSame(view.refused, { truncated: 1, no_answer: 1, off: 1 })
  t.strictSame([view.overall.agree, view.overall.of], [1, 2])
  const status = view.fields.find(({ field }) => field === 'status')
  t.strictSame([status?.agree, status?.of], [2, 3])
})

test('numbers have a mean of signed differences with its interval, also when they agree', async t => {
  const agreement = created()
  for (const by of [0.1, -0.1, 0.3, 0.1])
    agreement.add(comparison({ '/n': by, '/x': null }), facts())
  const [n, x] = [...agreement.view().fields].sort((a, b) => (a.field < b.field ? -1 : 1))
  t.ok(Math.abs((n?.meanDifference ?? 9) - 0.1) < 1e-12)
  // Student's t with 3 degrees of freedom; the deviation is sqrt(.08 / 3).
  const half = 3.182446305 * Math.sqrt(0.08 / 3 / 4)
  t.ok(Math.abs((n?.meanHigh ?? 9) - 0.1 - half) < 1e-6)
  t.ok(Math.abs((n?.meanLow ?? 9) - 0.1 + half) < 1e-6)
  t.equal(x?.meanDifference, null)
})

test('latency is a geometric mean of ratios when both sides timed', async t => {
  const agreement = created()
  const pair = (primaryMs: number, shadowMs: number, timed = true) =>
    agreement.add(comparison({}), facts({ primaryMs, shadowMs, timed }))
  pair(10, 20)
  pair(10, 80)
  pair(10, 1, false)
  pair(0, 5)
  const { latency } = agreement.view()
  t.equal(latency.pairs, 2)
  t.ok(Math.abs((latency.ratio ?? 0) - 4) < 1e-9)
  t.ok((latency.low ?? 9) < 4 && (latency.high ?? 0) > 4)
})

test('a field is reported when it differs more than noise on the same requests', async t => {
  const agreement = created()
  for (let i = 0; i < 200; i++) {
    const champion = comparison({
      '/worse': i < 20 ? 'text' : null,
      '/noisy': i % 2 === 0 ? 'text' : null,
      '/few': null
    })
    const shadow = comparison({
      '/worse': i < 60 ? 'text' : null,
      '/noisy': i % 2 === 1 || i % 10 === 0 ? 'text' : null,
      '/few': i < 5 ? 'text' : null,
      ...(i < 30 ? { '/more': 'extra' } : {})
    })
    agreement.add(shadow, facts())
    agreement.addNoise(champion, shadow)
  }
  const fields = new Map(agreement.view().fields.map(field => [field.field, field]))
  t.strictSame(fields.get('/worse')?.noise, {
    of: 200,
    differs: 20,
    onlyShadow: 40,
    onlyNoise: 0,
    p: fields.get('/worse')?.noise.p
  })
  t.ok(Math.abs((fields.get('/worse')?.noise.p ?? 1) / 0.5 ** 40 - 1) < 1e-6)
  t.equal(fields.get('/worse')?.reported, true)
  // A member that only the shadow sends: the champion never differs from itself in it.
  t.equal(fields.get('/more')?.noise.onlyShadow, 30)
  t.equal(fields.get('/more')?.reported, true)
  t.equal(fields.get('/noisy')?.reported, false)
  // Five of five tosses: p = 1/32.
  t.equal(fields.get('/few')?.reported, false)
  t.ok(Math.abs((fields.get('/few')?.noise.p ?? 0) - 1 / 32) < 1e-12)
  t.equal(agreement.view().fields[0]?.reported, true)
})

test('a field is not reported when the p-value holds alone but not among many', async t => {
  const reported = (others: number) => {
    const agreement = created()
    for (let i = 0; i < 40; i++) {
      const rest = Object.fromEntries(Array.from({ length: others }, (_, k) => [`/k${k}`, null]))
      const shadow = comparison({ '/a': i < 12 ? 'text' : null, ...rest })
      agreement.addNoise(comparison({ '/a': null, ...rest }), shadow)
    }
    return agreement.view().fields.find(({ field }) => field === '/a')?.reported
  }
  // p = 1/4096.
  t.equal(reported(0), true)
  t.equal(reported(20), false)
})

test('a field is not reported when the difference is certain but small beside the noise', async t => {
  const agreement = created()
  for (let i = 0; i < 20_000; i++) {
    const noise = comparison({ '/a': i < 1_000 ? 'text' : null })
    agreement.addNoise(noise, comparison({ '/a': i < 1_100 ? 'text' : null }))
  }
  const [field] = agreement.view().fields
  t.ok((field?.noise.p ?? 1) < 1e-20)
  t.equal(field?.reported, false)
})

test('a field is not reported when it differs on fewer than three of ten thousand requests', async t => {
  const agreement = created()
  for (let i = 0; i < 60_000; i++) {
    agreement.addNoise(comparison({ '/a': null }), comparison({ '/a': i < 17 ? 'text' : null }))
  }
  const [field] = agreement.view().fields
  t.ok((field?.noise.p ?? 1) < 0.001)
  t.equal(field?.reported, false)
})

test('only what is known of both counts when one of the bodies was not compared', async t => {
  const agreement = created()
  const whole = comparison({ status: null, '/a': 'text' })
  agreement.addNoise(whole, comparison({ status: 'status' }, 'no_answer'))
  agreement.addNoise(whole, null)
  const fields = new Map(agreement.view().fields.map(field => [field.field, field.noise]))
  t.strictSame(fields.get('status'), { of: 2, differs: 0, onlyShadow: 1, onlyNoise: 0, p: 0.5 })
  t.strictSame(fields.get('/a'), { of: 2, differs: 2, onlyShadow: 0, onlyNoise: 0, p: null })
})

test('ten examples of a field are kept, each difference with the same chance', async t => {
  const kept = new Map<string, number>()
  for (let seed = 1; seed <= 400; seed++) {
    const agreement = created(seed)
    for (let i = 0; i < 40; i++) {
      agreement.add(comparison({ '/a': 'text', '/b': null }), facts({ requestId: `r${i}` }))
    }
    const { exemplars } = agreement.view()
    t.equal(exemplars['/a']?.length, 10)
    t.equal(exemplars['/b'], undefined)
    for (const { requestId } of exemplars['/a'] ?? []) {
      kept.set(requestId, (kept.get(requestId) ?? 0) + 1)
    }
  }
  // A hundred each are expected; the deviation is 9.
  t.equal(kept.size, 40)
  for (const [id, times] of kept) t.ok(times > 55 && times < 145, `${id}: ${times}`)
})

test('examples show no values when the shadow does not capture', async t => {
  const agreement = created()
  agreement.add(comparison({ '/a': 'text' }), facts({ capture: false }))
  agreement.add(comparison({ '/a': 'text' }), facts({ requestId: 'q' }))
  t.strictSame(agreement.view().exemplars['/a'], [
    { requestId: 'r', at: facts().at, kind: 'text', primary: null, shadow: null },
    { requestId: 'q', at: facts().at, kind: 'text', primary: 'p', shadow: 's' }
  ])
})

test('fields are bounded, and the rest are counted as one', async t => {
  const agreement = created()
  for (let i = 0; i < 5_000; i++) agreement.add(comparison({ [`/k${i}`]: 'extra' }), facts())
  const { fields } = agreement.view()
  t.equal(fields.length, 100)
  t.strictSame([fields[0]?.field, fields[0]?.of], [OTHERS, 4_801])
})

test('hardly anything is reported when the shadow is as noisy as the champion, and most when it is worse', async t => {
  const FIELDS = 10
  const run = (seed: number, worse: number) => {
    const next = seeded(seed)
    const agreement = created(seed)
    const draw = (share: number) =>
      comparison(
        Object.fromEntries(
          Array.from({ length: FIELDS }, (_, i) => [`/f${i}`, next() < share ? 'text' : null])
        )
      )
    for (let i = 0; i < 400; i++) agreement.addNoise(draw(0.1), draw(worse))
    return agreement.view().fields.filter(({ reported }) => reported).length
  }
  let falsely = 0
  let rightly = 0
  for (let seed = 1; seed <= 100; seed++) {
    falsely += run(seed, 0.1)
    if (seed % 10 === 0) rightly += run(seed, 0.25)
  }
  // A tenth of a field is expected over all runs.
  t.ok(falsely <= 1, `${falsely} of ${100 * FIELDS}`)
  t.ok(rightly >= 80, `${rightly} of ${10 * FIELDS}`)
})

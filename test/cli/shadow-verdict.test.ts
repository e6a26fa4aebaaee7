/** What a diff can say agrees with when the pairs themselves would mark a field. */
import t from 'tap'
import { verdictOf } from '../../src/cli/shadow-verdict.ts'
import { type AgreementView, createAgreement } from '../../src/domain/compare/agreement.ts'
import type { Comparison } from '../../src/domain/compare/comparison.ts'

const FACTS = {
  requestId: 'r',
  at: '2026-01-01T00:00:00.000Z',
  primaryMs: 1,
  shadowMs: 1,
  timed: true,
  capture: false
}

/** A comparison of `of` fields, which all differ or all agree. */
function comparison(of: number, differs: boolean): Comparison {
  const difference = differs ? ('value' as const) : null
  const fields = Array.from({ length: of }, (_, i) => ({
    field: `f${i}`,
    difference,
    by: null,
    primary: null,
    shadow: null
  }))
  return { refusal: null, agree: !differs, fields }
}

type Pairs = {
  readonly fields: number
  readonly pairs: number // beside the noise pairs; every `every`th differs
  readonly every: number
  readonly noise: number // noise pairs, which differ as the pairs do
  readonly champion?: boolean // differs from itself wherever the shadow differs
}

function seen({ fields, pairs, every, noise, champion = false }: Pairs): AgreementView {
  const agreement = createAgreement({ random: () => 0.5 })
  for (let i = 0; i < pairs; i++) agreement.add(comparison(fields, i % every === 0), FACTS)
  for (let i = 0; i < noise; i++) {
    const differs = i % every === 0
    agreement.addNoise(comparison(fields, differs && champion), comparison(fields, differs))
  }
  return agreement.view()
}

t.test('a field is open exactly until it is marked when every answer differs', async t => {
  for (const fields of [1, 2, 7, 60]) {
    const counts = [...Array(25).keys()].map(noise => {
      const { enough, more, noisePairs, open } = verdictOf(
        seen({ fields, pairs: 100, every: 1, noise })
      )
      t.equal(more.length + open.length, fields, `${fields} fields, ${noise} noise pairs`)
      t.equal(noisePairs, noise)
      return open.length === 0 ? 'marked' : enough
    })
    const first = counts.indexOf('marked')
    t.ok(first > 0)
    t.equal(counts[first - 1], first, 'so many were said to be needed')
    t.same(new Set(counts.slice(first)), new Set(['marked']))
  }
})

t.test('a rare difference stays open longer when as many noise pairs are there', async t => {
  const often = verdictOf(seen({ fields: 1, pairs: 100, every: 2, noise: 30, champion: true }))
  t.same([often.more, often.open, often.enough], [[], [], 0], 'it would have been seen')
  const rare = verdictOf(seen({ fields: 1, pairs: 100, every: 50, noise: 30, champion: true }))
  t.match(rare, { more: [], open: [{ field: 'f0' }], enough: 500, noisePairs: 30 })
})

t.test('nothing is open when nothing differs, or less than is ever marked', async t => {
  const none = { more: [], open: [], enough: 0, noisePairs: 0 }
  t.same(verdictOf({ fields: [] }), none)
  const agreement = createAgreement({ random: () => 0.5 })
  for (let i = 0; i < 4000; i++) agreement.add(comparison(1, i === 0), FACTS)
  t.same(verdictOf(agreement.view()), none)
})

/** When some replicas speak for the fleet. */
import { test } from 'tap'
import { fleetDecision } from '../../src/control-plane/fleet-decision.ts'
import { type Own, quorumOf } from '../../src/control-plane/quorum.ts'
import type { Company } from '../../src/control-plane/replicas.ts'
import type { Replica } from '../../src/ports.ts'
import { seeded } from '../helpers/seeded.ts'

const RUN = 'ro-1'

/** A replica that got so many calls, and has the challenger out or not. */
function one(id: string, calls: number, out = false, variant = 'v4', rolloutId = RUN): Replica {
  const at = `2026-01-01T00:00:0${id.length}.000Z`
  const quarantine = { rolloutId, trigger: 'errors', reason: `It fails on ${id}.`, at }
  return {
    id,
    revision: '1-1',
    calls: Object.fromEntries([[variant, calls]]),
    out: Object.fromEntries(out ? [[variant, quarantine]] : [])
  }
}

function among(others: readonly Replica[], changes: Partial<Company> = {}): Company {
  const alone = others.length === 0
  return { reachable: true, alone, others, remembered: others, most: others.length + 1, ...changes }
}

function causeOf(own: Own, company: Company, variant = 'v4'): string | null {
  return quorumOf(variant, RUN, own, company)?.cause ?? null
}

test('is the fleet when two have it out, wherever they are', async t => {
  const rest = [one('c', 1000), one('d', 1000), one('e', 1000)]
  t.equal(causeOf(one('a', 1, true), among([one('b', 1), ...rest])), null)
  t.equal(causeOf(one('a', 1, true), among([one('b', 1, true), ...rest])), 'replicas')
  t.equal(causeOf(one('a', 1), among([one('b', 1, true), one('f', 0, true), ...rest])), 'replicas')
})

test('is the fleet when those that have it out got 30 percent of its calls, and not below', async t => {
  t.equal(causeOf(one('a', 30, true), among([one('b', 70)])), 'share')
  t.equal(causeOf(one('a', 29, true), among([one('b', 71)])), null)
  t.equal(causeOf(one('a', 70), among([one('b', 30, true)])), 'share', 'also where it is in')
  t.equal(causeOf(one('a', 0, true), among([one('b', 0)])), null, 'no calls are no share')
})

test('counts calls of replicas that left a moment ago, but not what they said', async t => {
  const left = one('b', 100, true)
  const company = among([one('c', 1)], { remembered: [one('c', 1), left] })
  t.equal(causeOf(one('a', 40, true), company), null)
  t.equal(causeOf(one('a', 50, true), company), 'share')
})

test('is the fleet when it is alone, and nobody while the store is away', async t => {
  t.equal(causeOf(one('a', 0, true), among([])), 'alone')
  t.equal(causeOf(one('a', 0), among([])), null)
  t.equal(causeOf(one('a', 9, true), among([], { reachable: false, alone: false })), null)
  const both = among([one('b', 9, true)], { reachable: false })
  t.equal(causeOf(one('a', 9, true), both), null)
})

test('hears nothing of another run or another challenger', async t => {
  const company = among([one('b', 5, true, 'v4', 'ro-0'), one('c', 5, true, 'v5')])
  t.equal(causeOf(one('a', 5), company), null)
  t.equal(causeOf(one('a', 5), company, 'v5'), 'share')
})

test('takes a challenger by its name when that is a word that every object has', async t => {
  t.equal(causeOf(one('a', 5), among([one('b', 5)]), 'constructor'), null)
  const out = one('a', 5, true, 'constructor')
  t.equal(causeOf(out, among([one('b', 100, false, 'constructor')]), 'constructor'), null)
  t.equal(causeOf(out, among([one('b', 6, false, 'constructor')]), 'constructor'), 'share')
})

test('says what the rule says in any fleet, the same on every replica, and never less when one more has it out', async t => {
  const random = seeded(7)
  for (let round = 0; round < 2_000; round++) {
    const size = 1 + Math.floor(random() * 6)
    const all = Array.from({ length: size }, (_, i) =>
      one('r'.repeat(i + 1), Math.floor(random() * 50), random() < 0.3)
    )
    const answers = all.map((own, i) => causeOf(own, among(all.filter((_, j) => j !== i))))
    if (new Set(answers).size > 1) t.fail(`${JSON.stringify(all)} gives ${answers}`)
    const out = all.filter(replica => replica.out['v4'] !== undefined)
    const calls = (replicas: readonly Replica[]) =>
      replicas.reduce((sum, replica) => sum + (replica.calls['v4'] ?? 0), 0)
    const share = calls(all) > 0 && calls(out) / calls(all) >= 0.3
    const expected = out.length >= 2 || (out.length === 1 && (size === 1 || share))
    if ((answers[0] !== null) !== expected) t.fail(`${JSON.stringify(all)} gives ${answers[0]}`)
    const [own, ...others] = all.map((replica, i) =>
      i === 0 ? one(replica.id, replica.calls['v4'] ?? 0, true) : replica
    )
    if (own === undefined) throw new Error('no replica')
    if (answers[0] !== null && causeOf(own, among(others)) === null) t.fail(JSON.stringify(all))
  }
  t.pass('2,000 fleets')
})

test('names the replicas and their sentences, oldest first, and not all of very many', async t => {
  const others = Array.from({ length: 30 }, (_, i) => one(`replica-${i}`, 10, true))
  const quorum = quorumOf('v4', RUN, one('a', 10, true), among(others))
  if (quorum === null) throw new Error('no quorum')
  const { sentence, evidence, trigger } = fleetDecision('v4', quorum, { test: 'ratio' })
  t.equal(trigger, 'errors')
  t.match(
    sentence,
    /^v4 is out on 31 of 31 replicas\. a: It fails on a\. replica-10: .* And 26 more\.$/
  )
  t.match(evidence, { scope: 'fleet', cause: 'replicas', own: { test: 'ratio' } })
  t.equal(Object(evidence).out.length, 20)
})

test('shortens what others said, and knows no trigger of a later version', async t => {
  const long = one('b', 10, true)
  const quarantine = { ...long.out['v4'], reason: 'x'.repeat(100_000), trigger: 'tomorrow' }
  const b = { ...long, out: { v4: { rolloutId: RUN, at: '2026', ...quarantine } } }
  const quorum = quorumOf('v4', RUN, one('a', 1), among([b]))
  if (quorum === null) throw new Error('no quorum')
  const made = fleetDecision('v4', quorum, null)
  t.ok(JSON.stringify(made).length < 2_000)
  t.equal(made.trigger, 'gross')
})

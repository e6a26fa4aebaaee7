import { test } from 'tap'
import { canonicalJson } from '../../src/domain/canonical-json.ts'
import { type RouteDocument, revisionOf, weightsOf } from '../../src/domain/document.ts'
import { applyOperation, type Operation } from '../../src/domain/operations.ts'
import {
  author,
  clear,
  first,
  means,
  rollback,
  rollbackId,
  shadow,
  weights
} from '../helpers/state-documents.ts'

test('gives every variant of the configuration an entry when a route starts', async t => {
  const document = first('fraud', { v3: 95, v4: 5, v5: 0 })
  t.match(document, {
    schema: 1,
    epoch: 1,
    revision: 1,
    phase: 'steady',
    salt: 'fraud.0',
    previous: ''
  })
  t.match(document.challengers, { v4: { ranges: [[0, 500]] }, v5: { ranges: [] } })
  t.same(weightsOf(document), { v3: 95, v4: 5, v5: 0 })
  t.throws(() => first('fraud', { v3: 95, v4: 4 }), RangeError)
})

test('gives the champion the rest when a map of weights leaves it out', async t => {
  const start = first('fraud')
  t.same(weightsOf(changed(start, weights(start, { v4: 20 }))), { v3: 80, v4: 20 })
  t.same(weightsOf(changed(start, weights(start, { v3: 80, v4: 20 }))), { v3: 80, v4: 20 })
  t.same(weightsOf(changed(start, weights(start, { v3: 100 }))), { v3: 100, v4: 0 })
  t.same(weightsOf(changed(start, weights(start, {}))), { v3: 100, v4: 0 })
  t.same(weightsOf(changed(start, weights(start, { v4: 100 }))), { v3: 0, v4: 100 })
})

test('counts in hundredths of a percent and never in fractions when weights are odd', async t => {
  const start = first('fraud', { v3: 100, v4: 0, v5: 0 })
  const document = changed(start, weights(start, { v4: 0.29, v5: 0.58 }))
  t.same(weightsOf(document), { v3: 99.13, v4: 0.29, v5: 0.58 })
  t.same(document.challengers['v4']?.ranges, [[0, 29]])
  t.same(document.challengers['v5']?.ranges, [[29, 87]])
})

test('refuses weights when they are no weights', async t => {
  const start = first('fraud')
  const bad: readonly Readonly<Record<string, number>>[] = [
    { v4: -1 },
    { v4: 100.01 },
    { v4: 0.001 },
    { v4: 33.333 },
    { v4: Number.NaN },
    { v4: Number.POSITIVE_INFINITY },
    { v4: 60, v5: 50 },
    { v3: 80, v4: 10 },
    { v3: 95, v4: 10 }
  ]
  for (const map of bad) {
    const applied = apply(start, weights(start, map))
    t.match(applied, { status: 'refused', refusal: { code: 'bad-weights' } }, JSON.stringify(map))
  }
})

test('refuses a name when the route does not have that variant', async t => {
  const start = first('fraud')
  const known = ['v3', 'v4']
  const asked = { ...weights(start, { v4: 5, v9: 5 }), known } as Operation
  t.match(apply(start, asked), { refusal: { code: 'unknown-variant', variant: 'v9' } })
  t.match(apply(start, weights(start, { __proto__x: 5 })), { refusal: { code: 'unknown-variant' } })
  t.match(apply(start, { ...rollback('v9') }), { status: 'changed' })
  t.match(apply(start, rollback('V9')), { refusal: { code: 'unknown-variant', variant: 'V9' } })
})

test('takes a name that the document still has when its weight is 0', async t => {
  const start = first('fraud', { v3: 95, v4: 5, gone: 0 })
  const known = ['v3', 'v4']
  const lists = { ...weights(start, { v3: 90, v4: 10, gone: 0 }), known } as Operation
  t.same(weightsOf(changed(start, lists)), { v3: 90, v4: 10, gone: 0 })
  const raises = { ...weights(start, { v4: 5, gone: 1 }), known } as Operation
  t.match(apply(start, raises), { refusal: { code: 'unknown-variant', variant: 'gone' } })
})

test('treats the name of a member of every object as a name when a variant has it', async t => {
  const start = first('fraud', { v3: 100, constructor: 0 })
  const document = changed(start, weights(start, { constructor: 5 }))
  t.equal(Object.entries(weightsOf(document)).find(([name]) => name === 'constructor')?.[1], 5)
  const other = first('fraud', { v3: 100 })
  const raised = changed(other, weights(other, { constructor: 5 }))
  t.match(raised.challengers, { constructor: { ranges: [[0, 500]], rollback: null } })
})

test('refuses everything with a revision when that is not the one of the document', async t => {
  const start = first('fraud')
  const operations: readonly Operation[] = [
    weights('1-2', { v4: 20 }),
    { kind: 'clear', expect: '2-1', rollback: 'x', rolloutId: 'y' },
    { kind: 'variant', expect: '', name: 'v5', entry: { upstreams: [], model: null } },
    { kind: 'remove-variant', expect: '1-01', name: 'v4' }
  ]
  for (const operation of operations) {
    t.match(apply(start, operation), { refusal: { code: 'stale' } }, operation.kind)
  }
})

test('says the same when weights are so already', async t => {
  const start = first('fraud')
  t.match(apply(start, weights(start, { v4: 5 })), { status: 'same' })
})

test('refuses a raise that needs what another challenger gives up when both are in one map', async t => {
  const start = first('fraud', { v3: 10, v4: 90, v5: 0 })
  const both = apply(start, weights(start, { v4: 10, v5: 20 }))
  t.match(both, { refusal: { code: 'not-enough-champion', variant: 'v5' } })
  const shrunk = changed(start, weights(start, { v4: 10 }))
  t.same(weightsOf(changed(shrunk, weights(shrunk, { v4: 10, v5: 20 }))), {
    v3: 70,
    v4: 10,
    v5: 20
  })
})

test('keeps the digest of the document before when it changes', async t => {
  const start = first('fraud')
  const next = changed(start, weights(start, { v4: 20 }))
  t.equal(next.previous, means.sha256(canonicalJson(start)))
  t.equal(revisionOf(next), '1-2')
  t.equal(next.salt, 'fraud.0')
})

test('raises epoch and revision when a challenger is rolled back, and keeps the evidence', async t => {
  const start = first('fraud')
  const by = author('trigger:errors', 'bad')
  const applied = applyOperation(
    start,
    {
      kind: 'rollback',
      variants: ['v4'],
      id: 'rb-1',
      trigger: 'errors',
      reason: '9 of 12',
      evidence: { n: 12 }
    },
    by,
    means
  )
  t.match(applied.document, { epoch: 2, revision: 2, phase: 'rolled-back', by: 'trigger:errors' })
  t.same(applied.document.challengers['v4']?.ranges, [])
  t.same(applied.document.challengers['v4']?.rollback, {
    id: 'rb-1',
    trigger: 'errors',
    by: 'trigger:errors',
    at: by.at,
    reason: '9 of 12',
    evidence: { n: 12 }
  })
  t.equal(applied.document.challengers['v4']?.rolloutId, start.challengers['v4']?.rolloutId)
})

test('keeps the first rollback when another one comes for the same challenger', async t => {
  const once = changed(first('fraud'), rollback('v4'))
  const twice = apply(once, rollback('v4'))
  t.equal(twice.status, 'same')
  t.equal(rollbackId(twice.document, 'v4'), rollbackId(once, 'v4'))
})

test('ends at the same document when two rollbacks come in either order', async t => {
  const start = first('fraud', { v3: 80, v4: 10, v5: 10 })
  const one = rollback('v4')
  const other = rollback('v5')
  const by = author()
  const a = applyOperation(applyOperation(start, one, by, means).document, other, by, means)
  const b = applyOperation(applyOperation(start, other, by, means).document, one, by, means)
  t.same({ ...a.document, previous: '' }, { ...b.document, previous: '' })
})

test('gives each challenger its own rollback id when one operation takes several', async t => {
  const start = first('fraud', { v3: 80, v4: 10, v5: 10 })
  const document = changed(start, { ...rollback('v4', 'v5'), id: 'rb-1' } as Operation)
  t.equal(revisionOf(document), '2-2')
  t.equal(rollbackId(document, 'v4'), 'rb-1.v4')
  t.equal(rollbackId(document, 'v5'), 'rb-1.v5')
  const cleared = changed(document, clear(document, 'v4'))
  t.equal(cleared.challengers['v4']?.rollback, null)
  t.equal(rollbackId(cleared, 'v5'), 'rb-1.v5')
})

test('refuses to roll back when the variant is the champion', async t => {
  t.match(apply(first('fraud'), rollback('v3')), {
    refusal: { code: 'is-champion', variant: 'v3' }
  })
})

test('latches a challenger that has no entry when it is rolled back', async t => {
  const document = changed(first('fraud', { v3: 100 }), rollback('v9'))
  t.match(apply(document, weights(document, { v9: 1 })), {
    refusal: { code: 'rolled-back', variant: 'v9', rollback: rollbackId(document, 'v9') }
  })
})

test('gives a challenger another rollout id and no weight when its rollback is cleared', async t => {
  const start = first('fraud')
  const rolled = changed(start, rollback('v4'))
  t.match(apply(rolled, { kind: 'clear', expect: '2-2', rollback: 'other', rolloutId: 'x' }), {
    refusal: { code: 'unknown-rollback', rollback: 'other' }
  })
  const cleared = changed(rolled, clear(rolled, 'v4'))
  t.match(cleared, { epoch: 3, revision: 3, phase: 'steady', salt: start.salt })
  t.not(cleared.challengers['v4']?.rolloutId, start.challengers['v4']?.rolloutId)
  t.same(weightsOf(cleared), { v3: 100, v4: 0 })
})

test('ends the pause of a trigger and not that of a person when a rollback is cleared', async t => {
  for (const [by, stays] of [
    ['trigger:latency', false],
    ['ops', true]
  ] as const) {
    const pause: Operation = { kind: 'pause', variants: ['v4'], reason: 'slow' }
    const paused = applyOperation(first('fraud'), pause, author(by), means).document
    const rolled = changed(paused, rollback('v4'))
    t.equal(rolled.phase, 'rolled-back')
    const cleared = changed(rolled, clear(rolled, 'v4'))
    t.equal(cleared.challengers['v4']?.paused !== null, stays, by)
    t.equal(cleared.phase, stays ? 'paused' : 'steady')
  }
})

test('refuses a raise and allows a cut when a challenger is paused', async t => {
  const start = first('fraud', { v3: 80, v4: 10, v5: 10 })
  const paused = changed(start, { kind: 'pause', variants: ['v4'], reason: 'wait' })
  t.match(paused, { phase: 'paused', epoch: 1, revision: 2 })
  t.match(apply(paused, weights(paused, { v4: 11, v5: 10 })), {
    refusal: { code: 'paused', variant: 'v4' }
  })
  t.same(weightsOf(changed(paused, weights(paused, { v4: 9, v5: 20 }))), { v3: 71, v4: 9, v5: 20 })
  t.equal(apply(paused, { kind: 'pause', variants: ['v4'], reason: 'again' }).status, 'same')
  const resumed = changed(paused, { kind: 'resume', variants: ['v4', 'v5'], reason: 'go' })
  t.equal(resumed.phase, 'steady')
  t.equal(apply(resumed, { kind: 'resume', variants: ['v4'], reason: 'go' }).status, 'same')
})

test('says rolled back rather than paused when a raise is refused for both', async t => {
  const paused = changed(first('fraud'), { kind: 'pause', variants: ['v4'], reason: 'wait' })
  const both = changed(paused, rollback('v4'))
  t.match(apply(both, weights(both, { v4: 1 })), { refusal: { code: 'rolled-back' } })
})

test('changes the addresses of a variant and never its model', async t => {
  const model = { name: 'fraud', version: '4' }
  const start = first('fraud')
  const put = (
    on: RouteDocument,
    upstreams: readonly string[],
    of: typeof model | null
  ): Operation => ({
    kind: 'variant',
    expect: revisionOf(on),
    name: 'v5',
    entry: { upstreams, model: of }
  })
  const added = changed(start, put(start, ['http://a'], model))
  t.equal(apply(added, put(added, ['http://a'], { version: '4', name: 'fraud' })).status, 'same')
  const moved = changed(added, put(added, ['http://b'], null))
  t.same(moved.registry, { v5: { upstreams: ['http://b'], model } })
  t.match(apply(moved, put(moved, ['http://b'], { ...model, version: '5' })), {
    refusal: { code: 'model-differs', variant: 'v5' }
  })
})

test('compares with the model of the configuration when the variant is not in the registry', async t => {
  const start = first('fraud')
  const put = (version: string): Operation => ({
    kind: 'variant',
    expect: '1-1',
    name: 'v4',
    entry: { upstreams: ['http://b'], model: { version } },
    configured: { model: { version: '4' } }
  })
  t.match(apply(start, put('5')), { refusal: { code: 'model-differs' } })
  t.equal(apply(start, put('4')).status, 'changed')
})

test('removes a variant only when it has no weight and is no champion', async t => {
  const start = first('fraud')
  const remove = (on: RouteDocument, name: string): Operation => ({
    kind: 'remove-variant',
    expect: revisionOf(on),
    name
  })
  t.match(apply(start, remove(start, 'v3')), { refusal: { code: 'is-champion' } })
  t.match(apply(start, remove(start, 'v4')), { refusal: { code: 'has-weight' } })
  t.match(apply(start, remove(start, 'v9')), { refusal: { code: 'unknown-variant' } })
  const empty = changed(start, weights(start, { v4: 0 }))
  t.same(changed(empty, remove(empty, 'v4')).challengers, {})
})

test('keeps a rollback when its variant is removed and added again', async t => {
  const entry = { upstreams: ['http://a'], model: null }
  const start = first('fraud')
  const added = changed(start, { kind: 'variant', expect: '1-1', name: 'v5', entry })
  const rolled = changed(added, rollback('v5'))
  const removed = changed(rolled, {
    kind: 'remove-variant',
    expect: revisionOf(rolled),
    name: 'v5'
  })
  t.same(removed.registry, {})
  const again = changed(removed, {
    kind: 'variant',
    expect: revisionOf(removed),
    name: 'v5',
    entry
  })
  t.match(apply(again, weights(again, { v4: 5, v5: 5 })), { refusal: { code: 'rolled-back' } })
})

test('switches a shadow without touching what users get, and only when it is not so already', async t => {
  const start = first('fraud')
  t.equal(apply(start, shadow(start, 'a', 'on')).status, 'same', 'one that nobody switched is on')
  const off = changed(start, shadow(start, 'a', 'off'))
  t.match(off, { epoch: 1, revision: 2, shadows: { a: { on: false } } })
  t.same([off.challengers, off.phase], [start.challengers, start.phase])
  t.equal(apply(off, shadow(off, 'a', 'off')).status, 'same')
  t.match(apply(off, shadow(start, 'b', 'off')), { refusal: { code: 'stale' } })
  const other = changed(off, shadow(off, 'constructor', 'off'))
  t.same(Object.keys(other.shadows), ['a', 'constructor'])
  t.same(changed(other, shadow(other, 'a', 'on')).shadows['a'], { on: true })
})

test('keeps the switches of shadows when anything else changes', async t => {
  const start = first('fraud')
  const off = changed(start, shadow(start, 'a', 'off'))
  const raised = changed(off, weights(off, { v4: 50 }))
  const rolled = changed(raised, rollback('v4'))
  const cleared = changed(rolled, clear(rolled, 'v4'))
  t.same(cleared.shadows, { a: { on: false } })
})

function apply(document: RouteDocument, operation: Operation) {
  const before = canonicalJson(document)
  const applied = applyOperation(document, operation, author(), means)
  if (canonicalJson(document) !== before) throw new Error('the document before was touched')
  return applied
}

function changed(document: RouteDocument, operation: Operation): RouteDocument {
  const applied = apply(document, operation)
  if (applied.status !== 'changed') throw new Error(JSON.stringify(applied))
  return applied.document
}

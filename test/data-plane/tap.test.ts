/** What is copied, what is dropped and why, and that the credit always comes back. */
import { test } from 'tap'
import { type Tap, type TapEnding, type TapFacts, Taps } from '../../src/data-plane/tap.ts'
import { ByteBudget } from '../../src/domain/byte-budget.ts'
import {
  SHADOW_AT,
  SHADOW_DROPS,
  SHADOW_REGION_BYTES,
  type ShadowClosed,
  type ShadowDrop,
  type ShadowTap
} from '../../src/domain/shadow.ts'
import { type AnswerCopy, COPY_OVERHEAD, type RequestCopy } from '../../src/domain/shadow-copy.ts'
import { routeSnapshot } from '../helpers/route-snapshot.ts'

const ending: TapEnding = {
  variant: 'v3',
  outcome: 'ok',
  status: 200,
  latencyMs: 5,
  firstMs: 4,
  contentType: 'application/json',
  contentEncoding: null,
  inferenceHeaderLength: null,
  bad: 0
}

function shadowTap(changes: Partial<ShadowTap> = {}): ShadowTap {
  return {
    slot: 0,
    name: 'try',
    state: 'on',
    buckets: 10_000,
    sample: 'unit',
    salt: 'shadow.try',
    maxBody: 1000,
    methods: ['POST'],
    ...changes
  }
}

const FACTS: Omit<TapFacts, 'route'> = {
  requestId: 'request-1',
  unit: 'user-1',
  unitHash: 7,
  method: 'POST',
  target: '/v1/predict',
  path: '/v1/predict',
  upgrade: false,
  contentLength: 0,
  fields: () => ['x-own', '1']
}

/** The taps of a thread with a road of `limit` bytes. */
function world(shadows: readonly ShadowTap[], limit = 1_000_000) {
  const counters = new Uint32Array(SHADOW_REGION_BYTES / 4)
  const credit = new ByteBudget(limit)
  const items: (RequestCopy | AnswerCopy)[] = []
  const taps = new Taps(counters)
  const closed = new Map<number, ShadowClosed>()
  taps.connect({
    credit,
    closed: slot => closed.get(slot) ?? null,
    send: copy => items.push({ ...copy, body: copy.body && new Uint8Array(copy.body) }) // as a road does
  })
  const route = routeSnapshot({ shadows })
  const begin = (changes: Partial<TapFacts> = {}): Tap | null =>
    taps.begin({ ...FACTS, route, ...changes })
  return {
    taps,
    closed,
    begin,
    items,
    dropped: (why: ShadowDrop, slot = 0) =>
      counters[slot * SHADOW_AT.size + SHADOW_AT.drops + SHADOW_DROPS.indexOf(why)] ?? 0,
    considered: (slot = 0) => counters[slot * SHADOW_AT.size + SHADOW_AT.considered] ?? 0,
    underWay: () => credit.held,
    giveBack: (bytes: number) => credit.giveBack(bytes)
  }
}

test('hands over the request when it is whole, and the answer when it is decided', t => {
  const { begin, items, underWay, giveBack } = world([shadowTap()])
  const tap = begin({ contentLength: 6 })
  tap?.requestBody(Buffer.from('abc'))
  t.equal(items.length, 0, 'not before it is whole')
  tap?.requestBody(Buffer.from('def'))
  tap?.requestEnd()
  tap?.answerBody(Buffer.from('xy'))
  tap?.end(ending)
  const [request, answer] = items as [RequestCopy, AnswerCopy]
  t.equal(Buffer.from(request.body ?? []).toString(), 'abcdef')
  t.match(request, { slots: [0], unit: 'user-1', fields: ['x-own', '1'] })
  t.equal(Buffer.from(answer.body ?? []).toString(), 'xy')
  t.match(answer, { id: request.id, outcome: 'ok', bytes: 2, truncated: false })
  t.equal(answer.credit, COPY_OVERHEAD + 8)
  t.equal(underWay(), COPY_OVERHEAD + 8, 'until the shadow process gives it back')
  giveBack(answer.credit)
  t.equal(underWay(), 0)
  t.end()
})

for (const [why, shadow, facts] of [
  ['off', { state: 'off' }, {}],
  ['live', { state: 'live' }, {}],
  ['method', {}, { method: 'PUT' }],
  ['method', {}, { upgrade: true }],
  ['sampled_out', { buckets: 0 }, {}],
  ['size', {}, { contentLength: 1001 }]
] as const) {
  test(`drops a request as ${why} when it is ${JSON.stringify({ ...shadow, ...facts })}`, t => {
    const { begin, dropped, considered, underWay } = world([shadowTap(shadow)])
    t.equal(begin(facts), null)
    t.equal(dropped(why), 1)
    t.equal(considered(), 1)
    t.equal(underWay(), 0)
    t.end()
  })
}

test('drops the copy whole when the credit is gone before or in its body', t => {
  const { begin, dropped, items, underWay } = world([shadowTap()], COPY_OVERHEAD + 10)
  t.equal(begin({ contentLength: 11 }), null)
  t.equal(dropped('credit'), 1)
  const tap = begin({ contentLength: -1 })
  tap?.requestBody(Buffer.alloc(8))
  tap?.requestBody(Buffer.alloc(8))
  tap?.requestEnd()
  tap?.answerBody(Buffer.alloc(8))
  tap?.end(ending)
  t.equal(dropped('credit'), 2)
  t.equal(items.length, 0)
  t.equal(underWay(), 0)
  t.end()
})

test('keeps the beginning of an answer alone when there is no credit for the rest', t => {
  const { begin, items, dropped } = world([shadowTap()], COPY_OVERHEAD + 10)
  const tap = begin({ contentLength: 4 })
  tap?.requestBody(Buffer.alloc(4))
  tap?.requestEnd()
  tap?.answerBody(Buffer.alloc(4))
  tap?.answerBody(Buffer.alloc(4))
  tap?.end(ending)
  t.match(items[1], { truncated: true, bytes: 8, credit: COPY_OVERHEAD + 8 })
  t.equal(items[1]?.body?.length, 4)
  t.equal(dropped('credit'), 0)
  t.end()
})

test('gives a copy to those shadows alone whose limit it keeps', t => {
  const { begin, items, dropped } = world([
    shadowTap({ maxBody: 4 }),
    shadowTap({ slot: 1, maxBody: 100 })
  ])
  const tap = begin({ contentLength: -1 })
  tap?.requestBody(Buffer.alloc(5))
  tap?.requestEnd()
  t.match(items[0], { slots: [1] })
  t.equal(dropped('size', 0), 1)
  t.equal(dropped('size', 1), 0)
  t.end()
})

test('copies nothing for a shadow that takes none, and goes on for the others', t => {
  const { begin, closed, items, dropped, underWay } = world([shadowTap(), shadowTap({ slot: 1 })])
  const copy = () => begin()?.requestEnd()
  closed.set(0, 'concurrency')
  copy()
  closed.set(1, 'unreachable')
  copy()
  t.equal(underWay(), COPY_OVERHEAD, 'the second took nothing')
  closed.delete(0)
  copy()
  t.match(items, [{ slots: [1] }, { slots: [0] }])
  t.same([dropped('concurrency', 0), dropped('unreachable', 1)], [2, 2])
  t.end()
})

test('counts a request as incomplete when its client leaves in the middle', t => {
  const { begin, items, dropped, underWay } = world([shadowTap()])
  const tap = begin({ contentLength: 100 })
  tap?.requestBody(Buffer.alloc(50))
  tap?.end({ ...ending, outcome: 'client_gone' })
  tap?.requestEnd()
  t.equal(dropped('incomplete'), 1)
  t.equal(items.length, 0)
  t.equal(underWay(), 0)
  t.end()
})

test('counts as lost what is open when the channel goes, and copies nothing without one', t => {
  const { taps, begin, items, dropped, considered } = world([shadowTap()])
  const tap = begin({ contentLength: 3 })
  taps.connect(null)
  t.equal(dropped('lost'), 1)
  tap?.requestBody(Buffer.alloc(3))
  tap?.requestEnd()
  tap?.end(ending)
  t.equal(begin(), null)
  t.equal(dropped('lost'), 2)
  t.equal(considered(), 2)
  t.equal(items.length, 0)
  t.end()
})

test('takes no more memory for a body in pieces of one byte than for one in large ones', t => {
  const { begin } = world([shadowTap({ maxBody: 1 << 20 })], 1e9)
  const tap = begin({ contentLength: -1 })
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 200_000; i++) tap?.requestBody(Buffer.from('x'))
  t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 21, 'two copies at most')
  t.end()
})

test('copies nothing before there is a channel, and calls that off', t => {
  const counters = new Uint32Array(SHADOW_REGION_BYTES / 4)
  const taps = new Taps(counters)
  const route = routeSnapshot({ shadows: [shadowTap()] })
  t.equal(taps.begin({ ...FACTS, route }), null)
  t.equal(counters[SHADOW_AT.drops + SHADOW_DROPS.indexOf('off')], 1)
  t.end()
})

test('samples the same units every time, about as many as asked', t => {
  const { begin } = world([shadowTap({ buckets: 2500 })], 1e9)
  const chosen = (round: number) =>
    Array.from({ length: 2000 }, (_, i) => i).filter(
      i => begin({ unit: `user-${i}`, requestId: `${round}-${i}` }) !== null
    )
  const first = chosen(1)
  t.strictSame(chosen(2), first)
  t.ok(first.length > 400 && first.length < 600, `${first.length} of 2000`)
  t.end()
})

test('samples requests without a unit by themselves', t => {
  const { begin } = world([shadowTap({ buckets: 5000 })])
  const seen = new Set(
    Array.from({ length: 50 }, (_, i) => begin({ unit: null, requestId: `r-${i}` }) !== null)
  )
  t.equal(seen.size, 2)
  t.end()
})

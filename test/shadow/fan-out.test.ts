/** Every copy ends once and gives back all that it took, however its answers come. */
import { test } from 'tap'
import { OUTCOMES } from '../../src/domain/counts.ts'
import {
  SHADOW_AT,
  SHADOW_DROPS,
  SHADOW_REGION_BYTES,
  type ShadowSettings
} from '../../src/domain/shadow.ts'
import {
  type AnswerCopy,
  CREDIT,
  NO_ANSWER,
  type RequestCopy
} from '../../src/domain/shadow-copy.ts'
import type { ShadowTarget, ShadowUpstream } from '../../src/domain/shadow-messages.ts'
import { countingIn } from '../../src/shadow/counting.ts'
import { createFanOut, type Pairing } from '../../src/shadow/fan-out.ts'
import { forbidden } from '../../src/upstream-connection/forbidden.ts'
import { Pools } from '../../src/upstream-connection/pools.ts'
import { type Answer, startAnswering } from '../helpers/answering.ts'
import { addressSnapshot } from '../helpers/route-snapshot.ts'
import { seeded } from '../helpers/seeded.ts'
import { until } from '../helpers/until.ts'

const settings: ShadowSettings = {
  name: 'try',
  variant: 'v4',
  percent: 100,
  sample: 'unit',
  timeout: 1_000, // far beyond what an answer takes on a busy machine
  concurrency: 20,
  maxBody: 1000,
  methods: ['POST'],
  keepHeaders: [],
  rewriteModel: null,
  compare: true,
  ignore: [],
  tolerance: { relative: 0.01 },
  noise: 30,
  capture: false,
  redact: [],
  whileLive: false
}

function upstreamAt(url: string, variant: string): ShadowUpstream {
  const { hostname, port, origin } = new URL(url)
  const address = addressSnapshot(0, { url: origin, hostname, ip: hostname, port: Number(port) })
  return {
    variant,
    model: {},
    addresses: [address],
    balance: 'least-in-flight',
    tls: null,
    keepAliveMs: 1500,
    rewrite: null
  }
}

function request(id: number, slots: readonly number[]): RequestCopy {
  return {
    kind: 'request',
    id,
    slots,
    route: 'fraud',
    revision: '1-1',
    requestId: `request-${id}`,
    unit: `user-${id}`,
    unitHash: id,
    method: 'POST',
    target: `/predict?${id}`,
    path: '/predict',
    fields: ['x-own', '1'],
    body: Buffer.from('{}'),
    arrivedAt: 0
  }
}

function answer(id: number, credit: number): AnswerCopy {
  return {
    ...NO_ANSWER,
    kind: 'answer',
    id,
    variant: 'v3',
    outcome: 'ok',
    status: 200,
    bad: [],
    credit
  }
}

test('ends every copy once and gives back its credit when shadows answer, hang, reset and refuse', async t => {
  const random = seeded(1)
  const kinds: readonly Answer[] = [
    { body: 'x'.repeat(100) },
    { body: 'x'.repeat(5000) },
    { hang: true },
    { reset: true },
    { status: 500 },
    { delayMs: 50 }
  ]
  const shadow = await startAnswering(t, () => kinds[Math.floor(random() * kinds.length)] ?? {})
  const champion = await startAnswering(t, () => ({}))
  const region = new SharedArrayBuffer(SHADOW_REGION_BYTES)
  const words = new Uint32Array(region)
  const pairs: Pairing[] = []
  const counting = countingIn(region)
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const fanOut = createFanOut({
    pools,
    counting,
    paired: (pairing, done) => {
      pairs.push(pairing)
      counting.ended(pairing.target.slot, pairing.shadow.outcome)
      setTimeout(done, random() * 20)
    }
  })
  const target = (slot: number, url: string): ShadowTarget => ({
    slot,
    route: 'fraud',
    settings: { ...settings, name: `try-${slot}` },
    protocol: 'json',
    predictions: [],
    connectMs: 1_000,
    shadow: upstreamAt(url, 'v4'),
    champion: upstreamAt(champion.url, 'v3')
  })
  fanOut.setTargets([target(0, shadow.url), target(1, 'http://127.0.0.1:9')])
  const credit = new Uint32Array(CREDIT.size)
  const road = fanOut.road(credit)
  const COPIES = 300
  let taken = 0
  for (let id = 1; id <= COPIES; id++) {
    const bytes = Math.floor(random() * 2000)
    taken += bytes
    const finish = () => road.take({ items: [answer(id, bytes)] })
    road.take({ items: [request(id, [0, 1, 2])] })
    if (random() < 0.5) finish()
    else setTimeout(finish, random() * 300)
    if (id % 10 === 0) await new Promise(resolve => setTimeout(resolve, 20))
  }
  await until('all credit to come back', () => credit[CREDIT.returned] === taken)
  t.equal(fanOut.held(), 0, 'nothing is held')
  const dropsOf = (slot: number) =>
    SHADOW_DROPS.reduce(
      (sum, _, i) => sum + (words[slot * SHADOW_AT.size + SHADOW_AT.drops + i] ?? 0),
      0
    )
  const outcomesOf = (slot: number) =>
    OUTCOMES.reduce(
      (sum, _, i) => sum + (words[slot * SHADOW_AT.size + SHADOW_AT.outcomes + i] ?? 0),
      0
    )
  for (const slot of [0, 1, 2]) t.equal(dropsOf(slot) + outcomesOf(slot), COPIES, `slot ${slot}`)
  t.equal(dropsOf(2), COPIES, 'a shadow that is gone gets nothing')
  t.equal(pairs.length, outcomesOf(0) + outcomesOf(1))
  t.equal(
    new Set(pairs.map(({ target: { slot }, copy }) => `${slot} ${copy.id}`)).size,
    pairs.length
  )
  t.ok(pairs.some(({ noise }) => noise !== null) && pairs.some(({ noise }) => noise === null))
  const outcomes = new Set(pairs.map(({ shadow: { outcome } }) => outcome))
  t.ok([...outcomes].every(outcome => ['connect', 'ok', 'reset', 'timeout'].includes(outcome)))
  t.ok(outcomes.has('timeout') && outcomes.size > 2, [...outcomes].join())
})

test('pairs what is open with no answer when its data thread ends', async t => {
  const shadow = await startAnswering(t, () => ({}))
  const pairs: Pairing[] = []
  const pools = new Pools(forbidden([]))
  t.teardown(() => pools.destroy())
  const fanOut = createFanOut({
    pools,
    counting: countingIn(new SharedArrayBuffer(SHADOW_REGION_BYTES)),
    paired: (pairing, done) => {
      pairs.push(pairing)
      done()
    }
  })
  fanOut.setTargets([
    {
      slot: 0,
      route: 'fraud',
      settings: { ...settings, noise: 0 },
      protocol: 'json',
      predictions: [],
      connectMs: 200,
      shadow: upstreamAt(shadow.url, 'v4'),
      champion: upstreamAt(shadow.url, 'v3')
    }
  ])
  const road = fanOut.road(new Uint32Array(CREDIT.size))
  road.take({ items: [request(1, [0])] })
  road.close()
  await until('the pair', () => pairs.length === 1)
  t.match(pairs[0]?.primary, { outcome: 'reset', status: 0 })
})

/** Pairs are gathered before they are judged, and every one is judged once. */
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { PairRecord } from '../../src/domain/pair.ts'
import { NO_ANSWER } from '../../src/domain/shadow-copy.ts'
import { createCounting } from '../../src/shadow/counting.ts'
import type { Pairing } from '../../src/shadow/fan-out.ts'
import { createPairs } from '../../src/shadow/pairs.ts'
import { answerCopy, requestCopy } from '../helpers/copies.ts'
import { shadowTarget } from '../helpers/shadow-target.ts'
import { until } from '../helpers/until.ts'

const target = shadowTarget('http://127.0.0.1:9')
const HOUR_MS = 3_600_000

/** A pair that agrees: both said `body`. */
function pairing(id: number, body: Uint8Array, contentEncoding: string | null = null): Pairing {
  const said = { status: 200, contentType: 'application/json', contentEncoding, body }
  return {
    target,
    copy: requestCopy(id, [0]),
    primary: answerCopy(id, said),
    shadow: { ...NO_ANSWER, ...said, outcome: 'ok', held: 0, lateMs: 0 },
    noise: null
  }
}

function world(gatherMs?: number) {
  const records: PairRecord[] = []
  const done: number[] = []
  const pairs = createPairs({
    giveWay: () => undefined,
    counting: createCounting(),
    publish: ({ data }) => records.push(data as PairRecord),
    unitId: unit => unit,
    log: (msg, fields) => {
      throw new Error(`${msg} ${JSON.stringify(fields)}`)
    },
    ...(gatherMs === undefined ? {} : { gatherMs })
  })
  return {
    pairs,
    records,
    done,
    take: (pair: Pairing) => pairs.take(pair, () => done.push(pair.copy.id))
  }
}

test('gathers small pairs until their time is over', async t => {
  const { pairs, records, done, take } = world()
  for (const id of [1, 2, 3]) take(pairing(id, Buffer.from('{"y":1}')))
  t.same(records, [], 'nothing is judged while copies come')
  t.ok(pairs.busy())
  await until('all pairs', () => done.length === 3)
  await until('the end', () => !pairs.busy())
  t.same(
    records.map(({ requestId }) => requestId),
    ['request-1', 'request-2', 'request-3']
  )
  t.match(pairs.view(0), { pairs: 3, compared: 3, overall: { agree: 3, of: 3 } })
})

test('compares times but those in which the process itself was late', async t => {
  const { pairs, take } = world()
  const body = Buffer.from('{"y":1}')
  const lateBy = [0, 2, 2.1, 15]
  for (const [id, lateMs] of lateBy.entries()) {
    const pair = pairing(id, body)
    const primary = { ...pair.primary, latencyMs: 10 }
    take({ ...pair, primary, shadow: { ...pair.shadow, latencyMs: 20, lateMs } })
  }
  await until('all pairs', () => pairs.view(0).pairs === lateBy.length)
  const { latency } = pairs.view(0)
  t.equal(latency.pairs, 2, 'a tenth is the most')
  t.equal(latency.ratio?.toFixed(6), '2.000000')
  await until('the end', () => !pairs.busy())
})

test('waits for no others when bodies are large, or many', async t => {
  const { pairs, records, done, take } = world(HOUR_MS)
  const small = Buffer.from('{"y":1}')
  take(pairing(1, small))
  take(pairing(2, Buffer.from(`{"y":"${'a'.repeat(200_000)}"}`)))
  await until('both', () => done.length === 2)
  await until('the end', () => !pairs.busy())
  const body = Buffer.from(`{"y":"${'a'.repeat(20_000)}"}`)
  for (let id = 3; id <= 9; id++) take(pairing(id, body))
  await until('all', () => done.length === 9)
  await until('the end', () => !pairs.busy())
  t.same(
    done,
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
    'in the order in which they came, those that came meanwhile too'
  )
  t.equal(records.length, 9)
})

test('reads bodies without their codings, each pair by itself', async t => {
  const { pairs, records, take } = world()
  const body = Buffer.from('{"y":1}')
  take(pairing(1, gzipSync(body), 'gzip'))
  take(pairing(2, body, 'gzip')) // it is none
  take(pairing(3, body))
  await until('all pairs', () => records.length === 3)
  t.same(
    records.map(({ comparison: { agree, why } }) => [agree, why]),
    [
      [true, null],
      [false, 'coding'], // and so its shadow's outcome is another one
      [true, null]
    ]
  )
  await until('the end', () => !pairs.busy())
})

import { test } from 'tap'
import {
  AT,
  bucketFloor,
  bucketOf,
  countersOver,
  evidenceRow,
  HISTOGRAM_BUCKETS,
  ROW,
  regionBytes,
  requestCell,
  strataOf
} from '../../src/domain/counts.ts'

test('a latency lies between the floors of its bucket and of the next when it is anything up to 35 minutes', async t => {
  for (let micros = 0; micros < 2 ** 31; micros = Math.floor(micros * 1.01) + 1) {
    const bucket = bucketOf(micros)
    const inside = bucketFloor(bucket) <= micros && micros < bucketFloor(bucket + 1)
    if (!inside || bucket >= HISTOGRAM_BUCKETS) t.fail(`${micros} us in bucket ${bucket}`)
  }
  t.pass('all inside')
})

test('a bucket is at most a sixteenth wide when the latency is 16 us or more', async t => {
  for (let bucket = 16; bucket < bucketOf(2 ** 31 - 1); bucket++) {
    const width = bucketFloor(bucket + 1) / bucketFloor(bucket) - 1
    if (width > 1 / 16) t.fail(`bucket ${bucket} is ${width} wide`)
  }
  t.pass('all narrow')
})

test('a latency has a bucket when it is negative, huge or no number', async t => {
  t.equal(bucketOf(-5), 0)
  t.equal(bucketOf(Number.NaN), 0)
  t.equal(bucketOf(Number.POSITIVE_INFINITY), bucketOf(2 ** 31 - 1))
  t.ok(bucketOf(Number.POSITIVE_INFINITY) < HISTOGRAM_BUCKETS)
})

test('evidence rows of two generations never overlap when they follow each other', async t => {
  const splits = 2
  const words = countersOver(new ArrayBuffer(regionBytes(splits)), splits).words
  const rows = [4, 5].flatMap(generation =>
    Array.from({ length: strataOf(splits) }, (_, s) => evidenceRow(splits, generation, s))
  )
  const sorted = [...new Set(rows)].sort((a, b) => a - b)
  t.equal(sorted.length, rows.length)
  for (let i = 1; i < sorted.length; i++) {
    t.ok((sorted[i] ?? 0) - (sorted[i - 1] ?? 0) >= ROW.size)
  }
  t.equal((sorted.at(-1) ?? 0) + ROW.size, words.length, 'the last row ends with the region')
})

test('areas of a region follow each other when they are laid out', async t => {
  const starts = Object.values(AT)
  t.strictSame(
    starts,
    [...starts].sort((a, b) => a - b)
  )
  t.equal(new Set(starts).size, starts.length)
  t.ok(
    requestCell(2, 1, 9, 5) < AT.assignments,
    'the last cell of requests is before the next area'
  )
})

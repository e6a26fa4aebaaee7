import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { Lateness } from '../../src/shadow/lateness.ts'

test('is late by what a timer is late beyond the usual, for each answer from its own beginning', t => {
  let now = 1_000
  const lateness = new Lateness(() => now)
  const first = lateness.begin()
  now += 12
  t.equal(lateness.end(first), 0)
  const second = lateness.begin()
  now += 50
  const third = lateness.begin()
  now += 30
  t.equal(lateness.end(third), 30, 'what was before it is not its own')
  t.equal(lateness.end(second), 68)
  const fourth = lateness.begin()
  t.equal(lateness.end(fourth), 0, 'nothing is counted while no answer is waited for')
  t.end()
})

test('is late when the process has done one thing for long', async t => {
  const lateness = new Lateness()
  const mark = lateness.begin()
  await delay(50) // ticks come
  const before = lateness.begin()
  const spun = performance.now() + 100
  while (performance.now() < spun);
  await delay(30) // a tick comes late
  const late = lateness.end(before)
  t.ok(late >= 80, `${late} ms`)
  t.ok(lateness.end(mark) >= late)
})

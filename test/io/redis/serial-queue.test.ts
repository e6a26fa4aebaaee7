import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { createSerialQueue } from '../../../src/io/redis/serial-queue.ts'

test('does one thing at a time and in order, whatever becomes of each', async t => {
  const queue = createSerialQueue(() => 0)
  const log: string[] = []
  const task = (name: string) => async () => {
    log.push(`${name} begins`)
    await turn()
    log.push(`${name} ends`)
    if (name === 'a') throw new Error('broken')
    return name
  }
  const a = queue.run(task('a'))
  const b = queue.run(task('b'))
  t.equal(queue.busy(), true)
  await t.rejects(a, { message: 'broken' })
  t.equal(await b, 'b')
  t.same(log, ['a begins', 'a ends', 'b begins', 'b ends'])
  t.equal(queue.busy(), false)
})

test('refuses what waited too long without doing it, and what comes after goes on', async t => {
  let now = 0
  const queue = createSerialQueue(() => now)
  const first = queue.run(async () => {
    now = 1_500
  }, 1_000)
  let done = 0
  const late = Array.from({ length: 1_000 }, () => queue.run(async () => done++, 1_000))
  const patient = queue.run(async () => 'patient', 2_000)
  await first
  const results = await Promise.allSettled(late)
  t.ok(results.every(({ status }) => status === 'rejected'))
  await t.rejects(Promise.any(late), { errors: [{ code: 'SLC_STORE_UNREACHABLE' }] })
  t.equal(done, 0)
  t.equal(await patient, 'patient')
})

test('does once what many ask for when it has not begun, and again for who asks later', async t => {
  const queue = createSerialQueue(() => 0)
  let times = 0
  let finish = () => {}
  const task = () => {
    times++
    return new Promise<void>(resolve => {
      finish = resolve
    })
  }
  const first = queue.share(task)
  await turn()
  const many = Array.from({ length: 100 }, () => queue.share(task))
  t.equal(new Set(many).size, 1)
  t.equal(times, 1, 'it waits for the one that runs')
  finish()
  await first
  await turn()
  t.equal(times, 2)
  finish()
  await Promise.all(many)
  t.equal(times, 2)
})

/** The fleet's counters on a real Redis: what an exchange writes and gives, and that no fault changes a sum. */
import { type Test, test } from 'tap'
import { ReplicaGains } from '../../../src/domain/fleet/replica-gains.ts'
import { KIND_ROW, packTotals } from '../../../src/domain/fleet/totals.ts'
import { createFleetCounters } from '../../../src/io/redis/fleet-counters.ts'
import { openLink } from '../../../src/io/redis/link.ts'
import { type FaultProxy, startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { redisSettings } from '../../helpers/redis-state.ts'
import { seeded } from '../../helpers/seeded.ts'
import { silentLog } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

const SHAPE = { kind: 'arms', rows: 2 } as const

function linkTo(t: Test, port: number) {
  const link = openLink(redisSettings(port), silentLog)
  t.teardown(() => link.close())
  return link
}

/** Counters of a replica that is connected. */
async function countersOf(t: Test, port: number, replica: string, slotMs = 5_000) {
  const link = linkTo(t, port)
  await until(`${replica} is connected`, () => link.ready())
  return { link, counters: createFleetCounters(link, 'sluice', replica, slotMs) }
}

function text(calls: number): string {
  const words = new Float64Array(2 * KIND_ROW.size)
  words[0] = calls
  return packTotals({ label: 'now', era: 1, words, units: [], leftOut: 0, restarts: 0 }, SHAPE)
}

test('a slot has the last totals of every replica when it ended, and is given once', async t => {
  const redis = await startRedis(t)
  const [a, b] = [
    await countersOf(t, redis.port, 'a', 300),
    await countersOf(t, redis.port, 'b', 300)
  ]
  const first = await a.counters.exchange('fraud', 'v4', 'a1')
  t.equal(first?.length, 1, 'the one before is where it begins')
  await b.counters.exchange('fraud', 'v4', 'b1')
  let n = 1
  const seen = await until('a slot with both', async () => {
    n++
    await b.counters.exchange('fraud', 'v4', `b${n}`)
    const slots = (await a.counters.exchange('fraud', 'v4', `a${n}`)) ?? []
    return slots.find(({ totals }) => totals.size === 2)
  })
  t.match(seen.totals.get('a'), /^a\d+$/)
  t.match(seen.totals.get('b'), /^b\d+$/)
  const given: number[] = []
  await until('three more slots', async () => {
    for (const { slot } of (await a.counters.exchange('fraud', 'v4', 'a')) ?? []) given.push(slot)
    return given.length >= 3
  })
  t.strictSame(
    given,
    given.map((_, i) => seen.slot + 1 + i),
    'each once, in order'
  )
})

test('keys are the ones that state says, and are gone after 15 minutes', async t => {
  const redis = await startRedis(t)
  const { counters } = await countersOf(t, redis.port, 'a')
  await counters.exchange('fraud', 'v4', 'totals')
  const keys = await redis.cli('KEYS', '*')
  const [key] = Array.isArray(keys) ? keys : []
  const [seconds] = (await redis.cli('TIME')) as readonly string[]
  const slot = Math.floor(Number(seconds) / 5)
  t.ok(
    key === `sluice:{fraud}:c:v4:${slot}` || key === `sluice:{fraud}:c:v4:${slot - 1}`,
    String(key)
  )
  t.ok(Number(await redis.cli('TTL', String(key))) > 890)
})

test('seven slots are given at most when a replica was away for longer', async t => {
  const redis = await startRedis(t)
  const { counters } = await countersOf(t, redis.port, 'a', 50)
  await counters.exchange('fraud', 'v4', 'x')
  const start = Date.now()
  await until('20 slots have passed', () => Date.now() - start > 20 * 50)
  t.equal((await counters.exchange('fraud', 'v4', 'x'))?.length, 7)
})

test('reading begins anew when the time of the store went back', async t => {
  const redis = await startRedis(t)
  const link = linkTo(t, redis.port)
  await until('connected', () => link.ready())
  const ahead = createFleetCounters(link, 'sluice', 'a', 1)
  const before = await ahead.exchange('fraud', 'v4', 'x')
  const args: (readonly string[])[] = []
  const spying = {
    ...link,
    run: (
      script: Parameters<typeof link.run>[0],
      keys: readonly string[],
      given: readonly string[]
    ) => {
      const [replica = '', totals = '', last = '', slotMs = ''] = given
      args.push(given)
      const shifted = last === '-1' ? last : String(Number(last) + 1_000_000)
      return link.run(script, keys, [replica, totals, shifted, slotMs])
    }
  }
  const back = createFleetCounters(spying, 'sluice', 'b')
  await back.exchange('fraud', 'v4', 'x')
  const again = await back.exchange('fraud', 'v4', 'x')
  t.equal(args.length, 2)
  t.equal(again?.length, 1, 'as at the first time')
  t.ok((again?.[0]?.slot ?? Infinity) < (before?.[0]?.slot ?? 0))
})

test('an exchange is null, and never rejects, when the store is gone, stopped or full', async t => {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const { link, counters } = await countersOf(t, proxy.port, 'a')
  const exchange = () => counters.exchange('fraud', 'v4', 'x')
  t.ok(await exchange())
  proxy.swallowReplies()
  const open = exchange()
  t.equal(await exchange(), null, 'the one before is under way')
  t.equal(await open, null)
  t.equal(link.errors()['timeout'], 1)
  await proxy.pass()
  await until('back again', exchange)
  proxy.answer('-OOM command not allowed\r\n', ['EVALSHA'])
  await until('out of memory', async () => {
    t.equal(await exchange(), null)
    return link.errors()['out_of_memory']
  })
  await proxy.cut()
  t.equal(await exchange(), null)
})

test('an exchange is null when a reply is not one of the script', async t => {
  for (const reply of [null, 'OK', 5, [1], [[], 1], ['1', []], [1, 'a']]) {
    const link = { run: async () => reply, ready: () => true, count: () => t.fail('no fault') }
    const counters = createFleetCounters(link, 'sluice', 'a')
    t.equal(await counters.exchange('fraud', 'v4', 'x'), null)
  }
})

test('the script is known again when the server forgot it', async t => {
  const redis = await startRedis(t)
  const { counters } = await countersOf(t, redis.port, 'a')
  await counters.exchange('fraud', 'v4', 'x')
  await redis.cli('SCRIPT', 'FLUSH')
  t.ok(await counters.exchange('fraud', 'v4', 'x'))
})

const SCHEDULES = 1_000
const REPLICAS = 3
const BEATS = 12
const SLOT_MS = 1_000 // seven are kept, which a busy machine has to read in time

/** A fault of the connection for one beat; it passes with the next. */
function disturb(proxy: FaultProxy, random: () => number): void {
  const kind = Math.floor(random() * 6)
  if (kind === 0) proxy.swallowReplies()
  else if (kind === 1) proxy.swallowRequests()
  else if (kind === 2) proxy.stall()
  else if (kind === 3) proxy.cutAfterRequests(1 + Math.floor(random() * 200), { once: 'forwarded' })
  else if (kind === 4) proxy.cutAfterRequests(1 + Math.floor(random() * 200), { once: 'answered' })
}

test('sums are exact after the last message when 1,000 schedules lose, repeat and delay others', async t => {
  const redis = await startRedis(t)
  const random = seeded(20)
  const writers = await Promise.all(
    Array.from({ length: REPLICAS }, async (_, i) => {
      const proxy = await startFaultProxy(t, { to: redis.port })
      const { link, counters } = await countersOf(t, proxy.port, `writer-${i}`, SLOT_MS)
      return { proxy, link, counters, calls: new Float64Array(SCHEDULES) }
    })
  )
  const reader = await countersOf(t, redis.port, 'reader', SLOT_MS)
  const sums = new Float64Array(SCHEDULES)
  const seen = Array.from({ length: SCHEDULES }, () => new Set<string>())
  const gains = Array.from({ length: SCHEDULES }, () => new ReplicaGains(SHAPE))
  const all = Array.from({ length: SCHEDULES }, (_, i) => i)
  const read = () =>
    Promise.all(
      all.map(async i => {
        const slots = await reader.counters.exchange(`r${i}`, 'v4', text(0))
        for (const { slot, totals } of slots ?? []) {
          for (const replica of totals.keys()) seen[i]?.add(replica)
          for (const { words } of gains[i]?.read(slot, totals, 'now') ?? []) {
            sums[i] = (sums[i] ?? 0) + (words[0] ?? 0)
          }
        }
      })
    )
  const write = (which: (i: number) => boolean) =>
    writers.map(({ counters, calls }) =>
      Promise.all(all.filter(which).map(i => counters.exchange(`r${i}`, 'v4', text(calls[i] ?? 0))))
    )

  await until('the reader knows every replica', async () => {
    await Promise.all(write(i => (seen[i]?.size ?? 0) <= REPLICAS))
    await read()
    return seen.every(replicas => replicas.size === REPLICAS + 1)
  })
  for (let beat = 0; beat < BEATS; beat++) {
    for (const { proxy, calls } of writers) {
      for (let i = 0; i < SCHEDULES; i++) calls[i] = (calls[i] ?? 0) + Math.floor(random() * 20)
      await proxy.pass()
      if (random() < 0.6) disturb(proxy, random)
    }
    await Promise.all(write(() => random() < 0.5))
    await read()
  }
  for (const { proxy } of writers) await proxy.pass()
  for (const { counters, link, calls } of writers) {
    await until('connected again', () => link.ready())
    const open = new Set(all)
    await until('the last message is answered', async () => {
      await Promise.all(
        [...open].map(async i => {
          if (await counters.exchange(`r${i}`, 'v4', text(calls[i] ?? 0))) open.delete(i)
        })
      )
      await read()
      return open.size === 0
    })
  }
  const expected = all.map(i => writers.reduce((sum, { calls }) => sum + (calls[i] ?? 0), 0))
  await until('the last slot ended', async () => {
    await read()
    return all.every(i => (sums[i] ?? 0) >= (expected[i] ?? 0))
  })
  const end = Date.now() + 2 * SLOT_MS
  await until('two more slots ended', async () => {
    await read()
    return Date.now() > end
  })
  t.strictSame([...sums], expected)
  const lost = writers.reduce((sum, { link }) => sum + (link.errors()['timeout'] ?? 0), 0)
  t.ok(lost > 500, `${lost} calls without an answer`)
})

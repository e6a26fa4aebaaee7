/**
 * The faults of a chaos run. Each begins, holds for a random time, and leaves things as they were before it is
 * over; faults of different scopes may overlap. The name of a fault is what the result counts.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { FaultProxy } from '../helpers/fault-proxy.ts'
import type { RedisPair } from '../helpers/redis-pair.ts'
import { between, pick, type Random } from './chance.ts'
import type { Observer } from './observer.ts'
import type { ReplicaProcess } from './replica-process.ts'

export type World = {
  readonly replicas: readonly ReplicaProcess[]
  readonly proxies: readonly FaultProxy[] // each replica's way to the store
  readonly pair: RedisPair
  readonly observer: Observer
  readonly random: Random
}

/** `count` says that something happened, where a name alone does not. */
export type Fault = {
  readonly name: string
  readonly run: (world: World, on: number, count: (what: string) => void) => Promise<void>
}

const SHORT = [200, 2_500] as const
const LONG = [500, 5_000] as const

/** Faults of one replica, its process or its way to the store. `on` is its index. */
export const REPLICA_FAULTS: readonly Fault[] = [
  partition('cut', proxy => proxy.cut('refuse')),
  partition('reset', proxy => proxy.cut('reset')),
  partition('black hole', async proxy => proxy.blackHole()),
  way('stall', proxy => proxy.stall()),
  way('swallowed replies', proxy => proxy.swallowReplies()),
  way('swallowed requests', proxy => proxy.swallowRequests()),
  way('delay', (proxy, random) => proxy.delay(between([50, 900], random))),
  way('trickle', (proxy, random) => proxy.trickle(between([1, 4], random))),
  way('nonsense', (proxy, random) => proxy.nonsense(random() * 1e6)),
  way('lost reply', (proxy, random) => {
    const once = random() < 0.5 ? 'forwarded' : 'answered'
    proxy.cutAfterRequests(1 + Math.floor(random() * 6), { only: ['EVALSHA', 'EVAL'], once })
  }),
  way('half open', (proxy, random) => {
    if (random() < 0.5) proxy.loseServer()
    else proxy.loseClient()
  }),
  { name: 'crash', run: crash },
  { name: 'crash', run: crash },
  { name: 'crash and lost disk', run: crashAndWipe },
  {
    name: 'clock jump',
    async run({ replicas, random }, on) {
      const shiftMs = pick([3_600_000, -3_600_000, 90_000_000, 0], random)
      await replicas[on]?.ask({ ask: 'clock', shiftMs })
    }
  }
]

/** Faults of the servers, of which one is on at a time. */
export const STORE_FAULTS: readonly Fault[] = [
  { name: 'flush', run: ({ pair }) => pair.master().cli('FLUSHALL').then(noAnswer) },
  { name: 'flush', run: ({ pair }) => pair.master().cli('FLUSHALL').then(noAnswer) },
  {
    name: 'empty restart',
    async run({ pair, random }) {
      await pair.master().kill9()
      await delay(between([0, 1_500], random))
      await pair.master().restart({ empty: true })
    }
  },
  {
    name: 'restart with an old dump',
    async run({ pair, random }) {
      const dump = await pair.master().dump()
      await delay(between([300, 2_500], random))
      await pair.master().kill9()
      await delay(between([0, 800], random))
      await pair.master().restart({ dump })
    }
  },
  {
    name: 'stopped server',
    async run({ pair, random }) {
      pair.master().pause()
      await delay(between(LONG, random))
      pair.master().resume()
    }
  },
  { name: 'scripts lost', run: ({ pair }) => pair.master().cli('SCRIPT', 'FLUSH').then(noAnswer) },
  {
    name: 'subscribers cut',
    run: ({ pair }) => pair.master().cli('CLIENT', 'KILL', 'TYPE', 'pubsub').then(noAnswer)
  },
  { name: 'failover', run: failover },
  { name: 'failover', run: failover }
]

/** Faults of the ways of many replicas at once. */
export const NETWORK_FAULTS: readonly Fault[] = [
  {
    name: 'partition of many',
    async run({ proxies, random }, _on, count) {
      const cut = proxies.filter(() => random() < 0.5)
      const black = random() < 0.5
      for (const proxy of cut) {
        count('partition')
        if (black) proxy.blackHole()
        else await proxy.cut('refuse')
      }
      await delay(between(LONG, random))
      for (const proxy of cut) await proxy.pass()
    }
  }
]

/** A replica without a store for a while. */
function partition(name: string, begin: (proxy: FaultProxy) => Promise<void>): Fault {
  return {
    name,
    async run({ proxies, random }, on, count) {
      const proxy = proxies[on]
      if (!proxy) return
      count('partition')
      await begin(proxy)
      await delay(between(LONG, random))
      await proxy.pass()
    }
  }
}

/** A bad way between a replica and its store. */
function way(name: string, begin: (proxy: FaultProxy, random: Random) => void): Fault {
  return {
    name,
    async run({ proxies, random }, on) {
      const proxy = proxies[on]
      if (!proxy) return
      begin(proxy, random)
      await delay(between(SHORT, random))
      await proxy.pass()
    }
  }
}

async function crash({ replicas, observer, random }: World, on: number): Promise<void> {
  const replica = replicas[on]
  if (!replica?.running()) return
  await replica.kill9()
  observer.killed(on)
  await delay(between([0, 1_500], random))
  await replica.start()
}

/** The disk goes too, unless a rollback would go with it that nobody else holds. */
async function crashAndWipe(
  { replicas, observer, random }: World,
  on: number,
  count: (what: string) => void
): Promise<void> {
  const replica = replicas[on]
  if (!replica?.running()) return
  await replica.kill9()
  observer.killed(on)
  const others = replicas.filter(one => one.index !== on && one.running())
  if (
    observer.mayWipe(
      on,
      others.map(({ index }) => index)
    )
  ) {
    count('disk lost')
    await replica.wipe()
    observer.wiped(on)
  }
  await delay(between([0, 500], random))
  await replica.start()
}

/**
 * The replica that is promoted lacks the last writes, and for a while some routers write to the old master, some
 * to the new one; then all are on the new one and the old master drops what only it has.
 */
async function failover({ pair, proxies, random }: World): Promise<void> {
  pair.lag()
  await delay(between([200, 2_500], random))
  const old = pair.master()
  await pair.failover()
  const move = (proxy: FaultProxy) => {
    proxy.retarget(pair.master().port)
    proxy.resetAll()
  }
  const late = proxies.filter(proxy => {
    if (random() < 0.5) return true
    move(proxy)
    return false
  })
  await delay(between([200, 2_500], random))
  if (random() < 0.3) await old.kill9()
  for (const proxy of late) move(proxy)
  await pair.rejoin()
}

function noAnswer(): void {}

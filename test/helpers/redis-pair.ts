/**
 * A master and its replica with a fault proxy on the replication between them, for failovers that lose writes.
 *
 * Redis replicates behind the answer, so a replica that lags is promoted without what was acknowledged, and the
 * old master goes on taking writes until it joins again and drops them. Nothing here waits for the replica
 * unless the test says so.
 */
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { type Redis, type RedisOptions, startRedis, type Teardown } from './redis.ts'
import { until } from './until.ts'

export type RedisPair = {
  readonly master: () => Redis
  readonly replica: () => Redis // after a failover, until rejoin(), another master
  /** Between the replica and its master. */
  readonly link: FaultProxy
  /** Waits until the replica has all that the master had when this was called. */
  readonly caughtUp: () => Promise<void>
  /** The replica gets nothing from now on, and both keep the connection. */
  readonly lag: () => void
  readonly catchUp: () => Promise<void>
  /** The replica becomes a master as it is; the roles change, the old one still takes writes. */
  readonly failover: () => Promise<void>
  /** The old master starts when it is down, becomes the replica and loses what only it has. */
  readonly rejoin: () => Promise<void>
}

/** Starts both with the same options (no replicaOf, no port) and waits until the replica is in step. */
export async function startRedisPair(
  t: Teardown,
  options: Omit<RedisOptions, 'replicaOf' | 'port' | 'tls'> = {}
): Promise<RedisPair> {
  let master = await startRedis(t, options)
  const link = await startFaultProxy(t, { to: master.port })
  let replica = await startRedis(t, options)

  const follow = async () => {
    link.resetAll()
    link.retarget(master.port)
    await link.pass()
    await replica.cli('REPLICAOF', '127.0.0.1', link.port)
    await until(
      'the replica has a copy',
      async () => {
        const state = await replica.info('master_link_status')
        return state === 'up' && (await isKnown(master))
      },
      { every: 20 }
    )
  }
  const caughtUp = async () => {
    const wanted = Number(await master.info('master_repl_offset'))
    await until(
      `the replica is at ${wanted}`,
      async () => Number(await replica.info('slave_repl_offset')) >= wanted,
      { every: 10 }
    )
  }
  await follow()
  return {
    master: () => master,
    replica: () => replica,
    link,
    caughtUp,
    lag: () => link.stall(),
    catchUp: async () => {
      await link.pass()
      await caughtUp()
    },
    async failover() {
      await replica.cli('REPLICAOF', 'NO', 'ONE')
      const old = master
      master = replica
      replica = old
    },
    async rejoin() {
      if (!(await replica.cli('PING').then(Boolean, () => false))) await replica.restart()
      await follow()
    }
  }
}

/** The master counts a replica that is in step. */
async function isKnown(master: Redis): Promise<boolean> {
  return /state=online/.test(await master.info('slave0'))
}

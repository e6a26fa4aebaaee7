/**
 * A master, its replica and three sentinels that promote the replica when two of them miss the master.
 *
 * Times are as short as sentinels allow: down after one second, then an election. The servers' addresses are
 * real ones, so a client that follows the sentinels meets the servers themselves.
 */
import { rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { redisProgram } from '../../demo/redis-program.ts'
import { freePort } from './ports.ts'
import { type Redis, type RedisOptions, startRedis, type Teardown } from './redis.ts'
import { type ConnectionOptions, connectRedis } from './redis-connection.ts'
import { createRedisProcess, type RedisProcess } from './redis-process.ts'
import type { Reply, Word } from './resp.ts'
import { temporaryDirectory } from './sluice.ts'
import { until } from './until.ts'

export type SentinelOptions = Omit<RedisOptions, 'replicaOf' | 'port' | 'tls'> & {
  readonly sentinelPassword?: string // of their user default; no blank in it, they write it back unquoted
}

export type Sentinel = {
  readonly port: number
  readonly cli: (...words: readonly Word[]) => Promise<Reply>
  readonly kill9: () => Promise<void>
  readonly restart: () => Promise<void>
}

export type RedisSentinel = {
  readonly name: string // of the master at the sentinels
  readonly sentinels: readonly Sentinel[]
  readonly master: () => Redis
  readonly replica: () => Redis
  /** Kills the master and waits until the replica is one and every sentinel says so. */
  readonly failover: () => Promise<void>
  /** Starts the killed one as the replica and waits until the sentinels would promote it. */
  readonly rejoin: () => Promise<void>
}

const NAME = 'sluice'
const QUORUM = 2

/** Starts all five and waits until the sentinels know the servers and each other. */
export async function startSentinel(
  t: Teardown,
  options: SentinelOptions = {}
): Promise<RedisSentinel> {
  const { sentinelPassword, ...ofServers } = options
  let master = await startRedis(t, ofServers)
  let replica = await startRedis(t, { ...ofServers, replicaOf: master.port })
  await until('the replica has a copy', async () =>
    /state=online/.test(await master.info('slave0'))
  )
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => startOne(t, master.port, options.password, sentinelPassword))
  )

  const all = async (holds: (state: ReadonlyMap<string, string>) => boolean) => {
    const states = await Promise.all(
      sentinels.map(async one => pairs(await one.cli('SENTINEL', 'MASTER', NAME)))
    )
    return states.every(holds)
  }
  await until('the sentinels know all', () =>
    all(
      state =>
        state.get('flags') === 'master' &&
        state.get('num-slaves') === '1' &&
        state.get('num-other-sentinels') === '2'
    )
  )
  return {
    name: NAME,
    sentinels,
    master: () => master,
    replica: () => replica,
    async failover() {
      await master.kill9()
      const next = String(replica.port)
      await until(
        'the failover',
        async () =>
          (await replica.info('role')) === 'master' &&
          (await all(state => state.get('port') === next && state.get('flags') === 'master'))
      )
      const old = master
      master = replica
      replica = old
    },
    async rejoin() {
      await replica.restart()
      await replica.cli('REPLICAOF', '127.0.0.1', master.port)
      const port = String(replica.port)
      await until('the sentinels trust the replica', async () => {
        const replies = await Promise.all(
          sentinels.map(one => one.cli('SENTINEL', 'REPLICAS', NAME))
        )
        return replies.every(reply => {
          const known = Array.isArray(reply) ? reply.map(pairs) : []
          const state = known.find(one => one.get('port') === port)
          return state?.get('flags') === 'slave' && state.get('master-link-status') === 'ok'
        })
      })
    }
  }
}

async function startOne(
  t: Teardown,
  master: number,
  password: string | undefined,
  sentinelPassword: string | undefined
): Promise<Sentinel> {
  const program = await redisProgram()
  const directory = temporaryDirectory()
  const port = await freePort()
  const file = join(directory, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    'protected-mode no',
    `dir "${directory}"`,
    `sentinel monitor ${NAME} 127.0.0.1 ${master} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 2000`,
    `sentinel parallel-syncs ${NAME} 1`
  ]
  if (password !== undefined) lines.push(`sentinel auth-pass ${NAME} ${JSON.stringify(password)}`)
  if (sentinelPassword !== undefined) {
    const quoted = JSON.stringify(sentinelPassword)
    lines.push(`requirepass ${quoted}`, `sentinel sentinel-pass ${quoted}`)
  }
  await writeFile(file, `${lines.join('\n')}\n`)
  const access: ConnectionOptions = {
    port,
    ...(sentinelPassword === undefined ? {} : { password: sentinelPassword })
  }
  const process: RedisProcess = createRedisProcess({
    program,
    args: [file, '--sentinel'],
    directory,
    access
  })
  t.teardown(async () => {
    await process.end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  await process.begin()
  return {
    port,
    async cli(...words) {
      const connection = await connectRedis(access)
      try {
        return await connection.call(...words)
      } finally {
        connection.close()
      }
    },
    kill9: () => process.end('SIGKILL'),
    async restart() {
      await process.end('SIGKILL')
      await process.begin()
    }
  }
}

/** A reply of names and values in turn. */
function pairs(reply: Reply): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (!Array.isArray(reply)) return found
  for (let i = 0; i + 1 < reply.length; i += 2) found.set(String(reply[i]), String(reply[i + 1]))
  return found
}

/**
 * A Redis server for tests that only use one: the server of REDIS_URL when that is set, else one of their own.
 *
 * Such a test writes below its prefix alone and neither stops nor changes the server; whoever does starts a
 * server with startRedis. What is below the prefix is deleted when the test ends.
 */
import { randomBytes } from 'node:crypto'
import { type RedisOptions, startRedis, type Teardown } from './redis.ts'
import { type ConnectionOptions, connectRedis, type RedisConnection } from './redis-connection.ts'

export type SharedRedis = {
  readonly url: string // without user and password
  readonly username: string | null
  readonly password: string | null
  readonly prefix: string // unlike every other test's
  readonly connect: () => Promise<RedisConnection>
}

/** `options` are for an own server; a shared one is as it is. */
export async function sharedRedis(
  t: Teardown,
  options: RedisOptions = {},
  env: { readonly [name: string]: string | undefined } = process.env
): Promise<SharedRedis> {
  const prefix = `sluice-test-${randomBytes(6).toString('hex')}`
  if (!env['REDIS_URL']) {
    const { url, password, connect } = await startRedis(t, options)
    return { url, username: null, password, prefix, connect: () => connect() }
  }
  const url = new URL(env['REDIS_URL'])
  const username = decodeURIComponent(url.username) || null
  const password = decodeURIComponent(url.password) || null
  const database = url.pathname.slice(1)
  const access: ConnectionOptions = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 6379),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {})
  }
  const connections: RedisConnection[] = []
  const connect = async () => {
    const connection = await connectRedis(access)
    connections.push(connection)
    if (database !== '') await connection.call('SELECT', database)
    return connection
  }
  t.teardown(async () => {
    await deleteBelow(prefix, await connect())
    for (const one of connections) one.close()
  })
  url.username = ''
  url.password = ''
  return { url: url.href, username, password, prefix, connect }
}

async function deleteBelow(prefix: string, { call }: RedisConnection): Promise<void> {
  let cursor = '0'
  do {
    const reply = await call('SCAN', cursor, 'MATCH', `${prefix}:*`, 'COUNT', 1000)
    if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new Error('not a reply of SCAN')
    cursor = String(reply[0])
    for (const key of reply[1]) await call('DEL', String(key))
  } while (cursor !== '0')
}

/**
 * A real redis-server as a child process on a free port of the loopback, torn down with the test.
 *
 * Nothing is kept between restarts unless `appendOnly` is on or a dump is given, as with a server that lost its
 * disk. The helper never hides a fault: after kill9() or pause() a call fails until the test brings it back.
 */
import { rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { redisProgram } from '../../demo/redis-program.ts'
import { freePort } from './ports.ts'
import { accessOf, type RedisOptions, writeConfig } from './redis-config.ts'
import { type ConnectionOptions, connectRedis, type RedisConnection } from './redis-connection.ts'
import { createRedisProcess } from './redis-process.ts'
import type { Reply, Word } from './resp.ts'
import { temporaryDirectory } from './sluice.ts'

export type { RedisOptions } from './redis-config.ts'

/** What a tap test offers for tearing down. */
export type Teardown = { teardown(done: () => unknown): unknown }

export type RestartOptions = {
  readonly empty?: boolean // without what is on disk
  readonly dump?: Buffer // with the data of dump() instead; not with appendOnly
}

export type Redis = {
  readonly port: number
  readonly url: string // redis:// or rediss://, without a password
  readonly password: string | null
  readonly version: string // as 7.0.15
  readonly directory: string
  readonly pid: () => number
  readonly log: () => string
  /** One command as the user default, over a connection of the helper. Throws a ReplyError for `-…`. */
  readonly cli: (...words: readonly Word[]) => Promise<Reply>
  /** Another connection, as another user or for subscribing; closed with the test. */
  readonly connect: (as?: Partial<ConnectionOptions>) => Promise<RedisConnection>
  /** One field of INFO, '' when it is not there. */
  readonly info: (field: string) => Promise<string>
  readonly kill9: () => Promise<void>
  /** Ends it in order (SIGTERM). */
  readonly stop: () => Promise<void>
  /** Starts it again on its port; a running one is ended by kill -9 first. */
  readonly restart: (options?: RestartOptions) => Promise<void>
  /** SIGSTOP: it accepts connections and answers nothing. */
  readonly pause: () => void
  readonly resume: () => void
  /** The data of this moment, for a restart with older data. */
  readonly dump: () => Promise<Buffer>
}

const DATA = ['dump.rdb', 'appendonly.aof', 'appendonlydir', 'nodes.conf']

/** Starts a server and waits for its PONG. Throws with the server's output when it does not start. */
export async function startRedis(t: Teardown, options: RedisOptions = {}): Promise<Redis> {
  const program = await redisProgram()
  const directory = temporaryDirectory()
  const port = options.port ?? (await freePort())
  const args = [await writeConfig(directory, port, program.version, options)]
  const access = await accessOf(options, port)
  const server = createRedisProcess({ program, args, directory, access })
  t.teardown(async () => {
    await server.end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  await server.begin()

  const connections: RedisConnection[] = []
  t.teardown(() => {
    for (const one of connections) one.close()
  })
  const connect = async (as: Partial<ConnectionOptions> = {}) => {
    const connection = await connectRedis({ ...access, ...as })
    connections.push(connection)
    return connection
  }
  let own: RedisConnection | null = null
  const cli = async (...words: readonly Word[]) => {
    if (own === null || own.closed()) own = await connect()
    return own.call(...words)
  }
  return {
    port,
    url: `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    password: options.password ?? null,
    version: program.version,
    directory,
    pid: server.pid,
    log: server.log,
    cli,
    connect,
    async info(field) {
      const text = String(await cli('INFO', 'everything'))
      return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1] ?? ''
    },
    kill9: () => server.end('SIGKILL'),
    stop: () => server.end('SIGTERM'),
    async restart({ empty = false, dump } = {}) {
      if (dump !== undefined && options.appendOnly) {
        throw new Error('A server with appendOnly reads its log, not a dump: start it without.')
      }
      await server.end('SIGKILL')
      for (const name of empty || dump !== undefined ? DATA : []) {
        rmSync(join(directory, name), { recursive: true, force: true })
      }
      if (dump !== undefined) await writeFile(join(directory, 'dump.rdb'), dump)
      await server.begin()
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    async dump() {
      await cli('SAVE')
      const bytes = await readFile(join(directory, 'dump.rdb'))
      rmSync(join(directory, 'dump.rdb'))
      return bytes
    }
  }
}

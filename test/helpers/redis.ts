/**
 * A real redis-server as a child process on a free port of the loopback, torn down with the test.
 *
 * Nothing is kept between restarts unless `appendOnly` is on or a dump is given, as with a server that lost its
 * disk. The helper never hides a fault: after kill9() or pause() a call fails until the test brings it back.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { type ConnectionOptions, connectRedis, type RedisConnection } from './redis-connection.ts'
import { type RedisProgram, type RunningRedis, redisProgram } from './redis-program.ts'
import type { Reply, Word } from './resp.ts'
import { ROOT, temporaryDirectory } from './sluice.ts'
import { until } from './until.ts'

/** What a tap test offers for tearing down. */
export type Teardown = { teardown(done: () => unknown): unknown }

export type RedisOptions = {
  readonly config?: readonly string[] // more lines of redis.conf
  readonly password?: string // of the user default
  readonly users?: string // text of an ACL file
  readonly tls?: 'server' | 'mutual' // certificates of test/fixtures/tls; mutual asks for the client's
  readonly appendOnly?: boolean // every write is on disk before its answer
  readonly replicaOf?: number // port of the master, or of a proxy before it
  readonly port?: number // else a free one
}

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

const TLS = join(ROOT, 'test/fixtures/tls')
const STARTED_WITHIN = 20_000
const DATA = ['dump.rdb', 'appendonly.aof', 'appendonlydir', 'nodes.conf']

/** Starts a server and waits for its PONG. Throws with the server's output when it does not start. */
export async function startRedis(t: Teardown, options: RedisOptions = {}): Promise<Redis> {
  const program = await redisProgram()
  const directory = temporaryDirectory()
  const port = options.port ?? (await freePort())
  const server = await createServer(program, directory, port, options)
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
    const connection = await connectRedis({ ...server.access, ...as })
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
      if (empty || dump !== undefined) server.forget()
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

type Server = {
  readonly access: ConnectionOptions
  readonly begin: () => Promise<void>
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
  readonly signal: RunningRedis['signal']
  readonly forget: () => void
  readonly pid: () => number
  readonly log: () => string
}

/** The life of one server: its process may change, its port and directory stay. */
async function createServer(
  program: RedisProgram,
  directory: string,
  port: number,
  options: RedisOptions
): Promise<Server> {
  const file = join(directory, 'redis.conf')
  await writeFile(join(directory, 'users.acl'), usersText(options))
  await writeFile(file, configLines(options, port, directory, program.version).join('\n'))
  const access = await accessOf(options, port)
  let running: RunningRedis | null = null
  let output = ''

  const alive = () =>
    running !== null && running.child.exitCode === null && running.child.signalCode === null
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (running === null || !alive()) return
    const gone = new Promise(resolve => running?.child.once('close', resolve))
    running.signal(signal)
    await gone
  }
  const launch = () => {
    running = program.start([file], directory)
    const { child } = running
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', error => {
      output += `${error.message}\n`
    })
  }
  return {
    access,
    end,
    async begin() {
      let from = output.length
      launch()
      const failed = (why: unknown) =>
        new Error(`${program.from} did not start (${String(why)}):\n${output.slice(from)}`)
      const started = await until(
        `redis-server on port ${port} answers`,
        async () => {
          if (alive()) return answers(access, directory)
          // The port of a server that was just killed may be taken for a moment: try again.
          if (!/already in use/i.test(output.slice(from))) return 'ended'
          from = output.length
          launch()
          return false
        },
        { within: STARTED_WITHIN, every: 10 }
      ).catch((error: unknown) => error)
      if (started === true) return
      await end('SIGKILL')
      throw failed(started)
    },
    signal: signal => running?.signal(signal),
    forget() {
      for (const name of DATA) rmSync(join(directory, name), { recursive: true, force: true })
    },
    pid: () => running?.child.pid ?? 0,
    log: () => output
  }
}

function configLines(
  options: RedisOptions,
  port: number,
  directory: string,
  version: string
): readonly string[] {
  const { tls, password, replicaOf, appendOnly = false } = options
  const lines = [
    'bind 127.0.0.1',
    'protected-mode no',
    'daemonize no',
    `dir "${directory}"`,
    `aclfile "${join(directory, 'users.acl')}"`,
    'save ""',
    `appendonly ${appendOnly ? 'yes' : 'no'}`,
    'appendfsync always',
    // A replica that lost its master asks again at once, and a full copy starts without waiting for others.
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    'repl-ping-replica-period 1'
  ]
  if (Number(version.split('.')[0]) >= 7) lines.push('enable-debug-command local')
  if (tls === undefined) lines.push(`port ${port}`)
  else {
    lines.push(
      'port 0',
      `tls-port ${port}`,
      `tls-cert-file "${join(TLS, 'model.pem')}"`,
      `tls-key-file "${join(TLS, 'model-key.pem')}"`,
      `tls-ca-cert-file "${join(TLS, 'ca.pem')}"`,
      `tls-auth-clients ${tls === 'mutual' ? 'yes' : 'no'}`
    )
  }
  if (replicaOf !== undefined) lines.push(`replicaof 127.0.0.1 ${replicaOf}`)
  if (password !== undefined) lines.push(`masterauth ${JSON.stringify(password)}`)
  return [...lines, ...(options.config ?? []), '']
}

/** The ACL file: the given users, and a user default that may do everything unless they say otherwise. */
function usersText({ users = '', password }: RedisOptions): string {
  if (/^user default /m.test(users)) return users
  const secret =
    password === undefined ? 'nopass' : `#${createHash('sha256').update(password).digest('hex')}`
  return `user default on ${secret} ~* &* +@all\n${users}`
}

async function accessOf(options: RedisOptions, port: number): Promise<ConnectionOptions> {
  const pem = (name: string) => readFile(join(TLS, name), 'utf8')
  const password = options.password === undefined ? {} : { password: options.password }
  if (options.tls === undefined) return { port, ...password }
  const client =
    options.tls === 'mutual'
      ? { cert: await pem('client.pem'), key: await pem('client-key.pem') }
      : {}
  return { port, ...password, tls: { ca: await pem('ca.pem'), ...client } }
}

/** It is the server of this directory and has read its data; a user who may not ask that has one who runs. */
async function answers(access: ConnectionOptions, directory: string): Promise<boolean> {
  const connection = await connectRedis({ ...access, within: 1_000 })
  try {
    const info = String(await connection.call('INFO'))
    return info.includes(directory) && info.includes('loading:0')
  } catch (error) {
    return /^(NOPERM|NOAUTH|WRONGPASS)/.test(error instanceof Error ? error.message : '')
  } finally {
    connection.close()
  }
}

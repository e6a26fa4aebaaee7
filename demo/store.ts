/**
 * The Redis of the fleet's demo: a real redis-server that keeps nothing on disk, so that one that is killed comes
 * back empty. What routers wrote is read here as any other client would read it, and never written.
 */
import { realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { RouteDocument } from '../src/domain/document.ts'
import { routeKeys } from '../src/io/redis/scripts.ts'
import { type RunningRedis, redisProgram } from './redis-program.ts'
import { ROUTE } from './router.ts'

export type Store = {
  readonly url: string
  readonly program: string // version, and where it was found
  /** kill -9, and waits for its end. */
  readonly kill: () => Promise<void>
  /** Starts it again on its port, and waits until it answers. */
  readonly start: () => Promise<void>
  /** The document that it has of the route; null where it has none. Rejects when it does not answer. */
  readonly document: () => Promise<RouteDocument | null>
  /** Ids of the routers that told of themselves. */
  readonly replicas: () => Promise<readonly string[]>
  /** Resolves when it ends without being asked. */
  readonly gone: Promise<string>
  readonly stop: () => Promise<void>
}

const PREFIX = 'sluice' // what routers use unless they are told otherwise
const STARTED_WITHIN = 60_000 // ms
const ANSWERS_WITHIN = 10_000 // ms; one that is gone refuses at once

/** Finds a redis-server and starts it in `directory`. Throws when there is none, with what to do. */
export async function startStore(directory: string): Promise<Store> {
  const program = await redisProgram()
  const port = await freePort()
  const keys = routeKeys(PREFIX, ROUTE)
  const gone = Promise.withResolvers<string>()
  const lines = [
    ['--port', `${port}`],
    ['--bind', '127.0.0.1'],
    ['--dir', directory],
    ['--save', ''],
    ['--appendonly', 'no'],
    ['--set-proc-title', 'no'] // ps goes on showing whose it is
  ]
  let running: RunningRedis | null = null
  let output = ''
  let stopped = false

  const launch = (): RunningRedis => {
    if (stopped) throw new Error('redis-server was stopped for good')
    const started = program.start(lines.flat(), directory)
    running = started
    for (const stream of [started.child.stdout, started.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-10_000)
      })
    }
    started.child.on('error', error => {
      output += `${error.message}\n`
    })
    return started
  }
  const kill = async () => {
    const asked = running
    running = null
    if (asked === null || hasEnded(asked)) return
    const ended = new Promise(resolve => asked.child.once('close', resolve))
    asked.signal('SIGKILL')
    await ended
  }
  const start = async () => {
    const deadline = performance.now() + STARTED_WITHIN
    let server = launch()
    while (!(await isOurs(port, directory))) {
      if (performance.now() > deadline) throw new Error(`redis-server did not start:\n${output}`)
      if (hasEnded(server)) server = launch() // its port may be taken for a moment after a kill
      await delay(20)
    }
    server.child.once('close', () => {
      if (running === server) gone.resolve(`redis-server ended by itself:\n${output}`)
    })
  }
  const stop = () => {
    stopped = true // also for a start that is under way
    return kill()
  }
  await start().catch(async error => {
    await stop()
    throw error
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    program: `${program.version}, ${program.from}`,
    kill,
    start,
    document: () =>
      ask(port, async client => {
        const text = await client.get(keys.doc)
        return text === null ? null : (JSON.parse(text) as RouteDocument) // a router checked it
      }),
    replicas: () => ask(port, client => client.hkeys(keys.seen)),
    gone: gone.promise,
    stop
  }
}

/** It answers, and works in this directory: whoever else has the port is not ours. */
async function isOurs(port: number, directory: string): Promise<boolean> {
  try {
    const reply = await ask(port, client => client.config('GET', 'dir'))
    return Array.isArray(reply) && reply[1] === realpathSync(directory)
  } catch {
    return false
  }
}

/** One question over a connection of its own: nothing here tries again behind our back. */
async function ask<Reply>(
  port: number,
  question: (client: Redis) => Promise<Reply>
): Promise<Reply> {
  const client = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    connectTimeout: ANSWERS_WITHIN,
    commandTimeout: ANSWERS_WITHIN,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null
  })
  client.on('error', () => {}) // the call that it belongs to rejects
  try {
    await client.connect()
    return await question(client)
  } finally {
    client.disconnect()
  }
}

function hasEnded({ child }: RunningRedis): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined
}

/** A port that was free a moment ago; the kernel does not give it out again soon. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

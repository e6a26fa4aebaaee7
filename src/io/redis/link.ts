/**
 * The connection to Redis: one for commands and one for hints, alone, behind sentinels or in a cluster.
 *
 * Nothing waits and nothing is repeated: a call that cannot be sent fails at once, one that is not answered in
 * COMMAND_MS fails, a connection that is silent for SILENT_MS with calls open is cut. The client's own queues and
 * resending are off, because a change that runs late can undo a newer one.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisSettings } from '../../config/config.ts'
import type { Log } from '../../ports.ts'
import { faultOf } from './fault.ts'
import type { Script } from './scripts.ts'

const COMMAND_MS = 500
const SILENT_MS = 3_000
const CONNECT_MS = 1_000
const KEEP_ALIVE_MS = 10_000
const RETRY_LEAST_MS = 100
const RETRY_MOST_MS = 1_500 // replicas agree again within 2 s of the end of a fault

export type RedisLink = {
  /** Runs a script by its digest, and by its text where the server does not know it. Rejects with the client's error. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** One plain command; `key` decides the node of a cluster. */
  command(name: string, key: string, ...args: readonly string[]): Promise<unknown>
  ready(): boolean
  /** Called after every connection that is ready, the first too. */
  onReady(listener: () => void): void
  onHint(channel: string, listener: (hint: string) => void): void
  /** Faults of calls and connections so far, by reason. */
  errors(): Readonly<Record<string, number>>
  count(error: unknown): void
  /** Counts a fault that no call had, under a word of its own. */
  note(reason: string): void
  close(): void
}

/** Begins to connect at once, and goes on until it is closed. Never throws. */
export function openLink(settings: RedisSettings, log: Log): RedisLink {
  const client = clientOf(settings)
  const errors = new Map<string, number>()
  let told = ''

  function note(reason: string): void {
    errors.set(reason, (errors.get(reason) ?? 0) + 1)
  }

  function count(error: unknown): void {
    const { reason, message, detail } = faultOf(error)
    note(reason)
    log.debug({ reason, detail }, 'a call to the shared store failed')
    if (told === reason) return
    told = reason
    log.warn(
      { reason },
      `the shared store cannot be used: ${message}. Traffic goes on with what is known`
    )
  }

  client.on('error', count)
  client.on('ready', () => {
    if (told !== '') log.info({}, 'the shared store is usable again')
    told = ''
  })
  client.connect().catch(() => undefined) // told by the listener; the client goes on trying
  const hints: Redis[] = []

  return {
    async run(script, keys, args) {
      try {
        return await client.evalsha(script.sha, keys.length, ...keys, ...args)
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
        return client.eval(script.lua, keys.length, ...keys, ...args)
      }
    },
    command: (name, key, ...args) => client.call(name, key, ...args),
    ready: () => client.status === 'ready',
    onReady(listener) {
      client.on('ready', listener)
      if (client.status === 'ready') listener()
    },
    onHint(channel, listener) {
      // A cluster keeps a connection for hints by itself; a server alone needs another one.
      const subscriber = client instanceof Cluster ? client : client.duplicate()
      if (subscriber instanceof Redis) hints.push(subscriber)
      subscriber.on('message', (_channel: string, hint: string) => listener(hint))
      subscriber.on('error', () => undefined) // the poll is the truth; the other connection tells
      const subscribe = () => {
        subscriber.subscribe(channel).catch(() => undefined)
      }
      subscriber.on('ready', subscribe)
      if (subscriber.status === 'ready') subscribe()
      if (subscriber instanceof Redis) subscriber.connect().catch(() => undefined)
    },
    errors: () => Object.fromEntries(errors),
    count,
    note,
    close() {
      for (const subscriber of hints) subscriber.disconnect()
      client.disconnect()
    }
  }
}

/** Options for one server, as the checks at start use them too. */
export function connectionOptions(settings: RedisSettings) {
  const { tls } = settings
  return {
    ...(settings.username === null ? {} : { username: settings.username }),
    ...(settings.password === null ? {} : { password: settings.password }),
    db: settings.database,
    lazyConnect: true,
    connectionName: 'sluice',
    disableClientInfo: true, // CLIENT SETINFO is one right more, and Redis 7.0 has none such
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    socketTimeout: SILENT_MS,
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: backOff,
    reconnectOnError: error => (error.message.startsWith('READONLY') ? 1 : false),
    ...(tls
      ? {
          tls: {
            rejectUnauthorized: true,
            ...(tls.ca === null ? {} : { ca: tls.ca }),
            ...(tls.cert === null ? {} : { cert: tls.cert }),
            ...(tls.key === null ? {} : { key: tls.key }),
            ...(tls.serverName === null ? {} : { servername: tls.serverName })
          }
        }
      : {})
  } satisfies RedisOptions
}

function clientOf(settings: RedisSettings): Redis | Cluster {
  const options = connectionOptions(settings)
  const { nodes, sentinel } = settings
  if (settings.mode === 'cluster') {
    const { retryStrategy: _, enableOfflineQueue: __, ...redisOptions } = options
    return new Cluster([...nodes], {
      redisOptions,
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: backOff,
      maxRedirections: 4,
      slotsRefreshTimeout: CONNECT_MS,
      slotsRefreshInterval: KEEP_ALIVE_MS
    })
  }
  if (settings.mode === 'sentinel' && sentinel) {
    return new Redis({
      ...options,
      sentinels: [...nodes],
      name: sentinel.master,
      ...(sentinel.username === null ? {} : { sentinelUsername: sentinel.username }),
      ...(sentinel.password === null ? {} : { sentinelPassword: sentinel.password }),
      sentinelRetryStrategy: backOff,
      enableTLSForSentinelMode: settings.tls !== null,
      ...('tls' in options && options.tls ? { sentinelTLS: options.tls } : {})
    })
  }
  const [node] = nodes
  return new Redis({ ...options, host: node?.host ?? '', port: node?.port ?? 0 })
}

/** 100 ms doubling to 1.5 s, the upper half of it at random. */
function backOff(times: number): number {
  const most = Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** Math.min(times - 1, 10))
  return most / 2 + Math.random() * (most / 2)
}

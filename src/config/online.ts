/**
 * Does every upstream of a configuration answer its door: name, TCP, and TLS where the URL says https.
 *
 * Exports: `checkOnline`, `OnlineProblem`.
 *
 * Nothing is sent over a connection. Each address of a name is tried, a few at once, each with a deadline; one
 * that is a listener of this router is a loop, whoever listens there now.
 */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TlsSettings } from '../domain/snapshot.ts'
import type { Config, UpstreamConfig } from './config.ts'
import { listenerAt, type OwnListener } from './own-listeners.ts'

export type OnlineProblem = {
  readonly path: string // routes.fraud.variants.v3.upstreams[0], state.redis or events.kafka
  readonly upstream: string // origin, or URLs of the store or addresses of brokers, without a password
  readonly address: string | null // ip:port; null where the name has none
  readonly message: string
}

const DEADLINE_MS = 5_000
const AT_ONCE = 16

/** Problems in the order of the file; empty when every address of every upstream accepted. */
export async function checkOnline(
  config: Config,
  deadlineMs = DEADLINE_MS
): Promise<readonly OnlineProblem[]> {
  const listeners = listenersOf(config)
  const tasks = config.routes.flatMap(route =>
    route.variants.flatMap(variant =>
      variant.upstreams.map(
        (upstream, i) => () =>
          checkUpstream(`routes.${route.name}.variants.${variant.name}.upstreams[${i}]`, upstream, {
            tls: variant.tls,
            deadlineMs,
            listeners
          })
      )
    )
  )
  const results: (readonly OnlineProblem[])[] = new Array(tasks.length).fill([])
  let next = 0
  async function work(): Promise<void> {
    for (let i = next++; i < tasks.length; i = next++) results[i] = (await tasks[i]?.()) ?? []
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, tasks.length) }, work))
  return results.flat()
}

type Looking = {
  readonly tls: TlsSettings | null
  readonly deadlineMs: number
  readonly listeners: readonly OwnListener[]
}

function listenersOf({ listen, admin, telemetry }: Config): readonly OwnListener[] {
  return [
    { by: 'listen', ...listen },
    { by: 'admin.listen', ...admin.listen },
    ...(telemetry ? [{ by: 'telemetry.listen', ...telemetry.listen }] : [])
  ]
}

async function checkUpstream(
  path: string,
  upstream: UpstreamConfig,
  { tls, deadlineMs, listeners }: Looking
): Promise<readonly OnlineProblem[]> {
  let addresses: readonly LookupAddress[]
  try {
    addresses = await within(lookup(upstream.hostname, { all: true }), deadlineMs)
  } catch (error) {
    const message = `the name ${upstream.hostname} cannot be resolved (${causeOf(error)})`
    return [{ path, upstream: upstream.url, address: null, message }]
  }
  const tries = addresses.map(async ({ address, family }): Promise<OnlineProblem[]> => {
    const shown = `${family === 6 ? `[${address}]` : address}:${upstream.port}`
    const own = listenerAt({ hostname: address, port: upstream.port }, listeners)
    const fault =
      own === null
        ? await tryAddress(address, upstream, tls, deadlineMs)
        : `is ${own.by} of this router, so requests would go round in it`
    if (fault === null) return []
    const message = `${shown} ${fault}`
    return [{ path, upstream: upstream.url, address: shown, message }]
  })
  return (await Promise.all(tries)).flat()
}

/** Connects and closes. Null when the connection, and TLS where asked for, was made in time. */
function tryAddress(
  host: string,
  upstream: UpstreamConfig,
  tls: TlsSettings | null,
  deadlineMs: number
): Promise<string | null> {
  return new Promise(resolve => {
    let socket: Socket
    const end = (fault: string | null): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(fault)
    }
    const timer = setTimeout(() => {
      end(`did not accept a ${upstream.secure ? 'TLS ' : ''}connection in ${deadlineMs} ms`)
    }, deadlineMs)
    try {
      socket = upstream.secure
        ? connectTls({ host, port: upstream.port, ...tlsOptions(upstream, tls) }, () => end(null))
        : connectTcp({ host, port: upstream.port }, () => end(null))
      socket.on('error', error => {
        end(`does not accept ${upstream.secure ? 'TLS ' : ''}connections (${causeOf(error)})`)
      })
    } catch (error) {
      clearTimeout(timer)
      resolve(`cannot be connected to (${causeOf(error)})`)
    }
  })
}

function tlsOptions(upstream: UpstreamConfig, tls: TlsSettings | null) {
  const name = tls?.serverName ?? upstream.hostname
  return {
    rejectUnauthorized: tls?.verify ?? true,
    ...(/^[\d.]+$|:/.test(name) ? {} : { servername: name }),
    ...(tls?.ca ? { ca: tls.ca } : {}),
    ...(tls?.cert ? { cert: tls.cert } : {}),
    ...(tls?.key ? { key: tls.key } : {})
  }
}

async function within<T>(promise: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error ? String(error.code) : error.message
}

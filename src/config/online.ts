/**
 * Does every upstream of a configuration answer its door: name, TCP, and TLS where the URL says https.
 *
 * Exports: `checkOnline`, `OnlineProblem`.
 *
 * Nothing is sent over a connection. Each address of a name is tried, a few at once, each with a deadline.
 */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TlsSettings } from '../domain/snapshot.ts'
import type { Config, UpstreamConfig } from './config.ts'

export type OnlineProblem = {
  readonly path: string // routes.fraud.variants.v3.upstreams[0], or state.redis
  readonly upstream: string // origin, or the URLs of the store without a password
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
  const tasks = config.routes.flatMap(route =>
    route.variants.flatMap(variant =>
      variant.upstreams.map(
        (upstream, i) => () =>
          checkUpstream(
            `routes.${route.name}.variants.${variant.name}.upstreams[${i}]`,
            upstream,
            variant.tls,
            deadlineMs
          )
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

async function checkUpstream(
  path: string,
  upstream: UpstreamConfig,
  tls: TlsSettings | null,
  deadlineMs: number
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
    const fault = await tryAddress(address, upstream, tls, deadlineMs)
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

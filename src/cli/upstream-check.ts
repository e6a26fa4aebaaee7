/**
 * Connects once to every upstream of a configuration, as `sluice check --online` promises: TCP, and for https
 * the TLS handshake with the certificates of the variant. No request is sent.
 */
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import type { RouteConfig, UpstreamConfig, VariantConfig } from '../config/config.ts'

const TIMEOUT_MS = 3_000

export type Unreachable = {
  readonly route: string
  readonly variant: string
  readonly url: string
  readonly reason: string
}

/** All that do not accept, in the order of the file; all are tried at the same time. */
export async function findUnreachable(
  routes: readonly RouteConfig[]
): Promise<readonly Unreachable[]> {
  const tries = routes.flatMap(route =>
    route.variants.flatMap(variant =>
      variant.upstreams.map(async upstream => {
        const reason = await connectFault(upstream, variant.tls)
        const at = { route: route.name, variant: variant.name, url: upstream.url }
        return reason === null ? [] : [{ ...at, reason }]
      })
    )
  )
  return (await Promise.all(tries)).flat()
}

/** Why a connection cannot be made; null when it can. */
async function connectFault(
  upstream: UpstreamConfig,
  settings: VariantConfig['tls']
): Promise<string | null> {
  const { hostname: host, port, secure } = upstream
  const socket = secure
    ? tls.connect({ host, port, ...tlsOptions(host, settings) })
    : net.connect({ host, port })
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    await once(socket, secure ? 'secureConnect' : 'connect', { signal })
    return null
  } catch (error) {
    return reasonOf(error)
  } finally {
    socket.destroy()
  }
}

function tlsOptions(host: string, settings: VariantConfig['tls']): tls.ConnectionOptions {
  const name = settings?.serverName ?? host
  return {
    rejectUnauthorized: settings?.verify ?? true,
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    ...(settings?.ca ? { ca: settings.ca } : {}),
    ...(settings?.cert ? { cert: settings.cert } : {}),
    ...(settings?.key ? { key: settings.key } : {})
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'AbortError') return `no connection in ${TIMEOUT_MS / 1000} s`
  return 'code' in error ? String(error.code) : error.message
}

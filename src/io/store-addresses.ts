/**
 * Where our own stores are, by name and by every address that the names have, so that no upstream that comes
 * through the API can lead there.
 */
import type { Resolver } from '../ports.ts'

export type StoreAddress = { readonly host: string; readonly port: number }

const REFRESH_MS = 30_000

export type StoreAddresses = {
  readonly all: () => readonly StoreAddress[]
  readonly stop: () => void
}

/** Watches the names of `nodes` until it is stopped; a name that does not resolve keeps its last addresses. */
export function watchStores(nodes: readonly StoreAddress[], resolver: Resolver): StoreAddresses {
  const found = new Map<StoreAddress, readonly string[]>()
  const stops = nodes.map(node =>
    resolver.watch(node.host, REFRESH_MS, answer => {
      if ('ips' in answer) found.set(node, answer.ips)
    })
  )
  return {
    all: () =>
      nodes.flatMap(node => [node, ...(found.get(node) ?? []).map(host => ({ ...node, host }))]),
    stop() {
      for (const stop of stops) stop()
    }
  }
}

/**
 * The live routes and the one way by which a change of theirs reaches the data threads: `publish`.
 * Holds no timer and waits for nothing.
 */
import type { RouteConfig } from '../config/config.ts'
import type { RouteDocument } from '../domain/document.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import {
  type Held,
  type LiveRoute,
  liveRoute,
  type StalePolicy,
  withConfig,
  withDocument,
  withLatch,
  withoutQuarantine,
  withQuarantine,
  withStale
} from './live-route.ts'

export type Roster = {
  all(): readonly LiveRoute[]
  get(name: string): LiveRoute | null
  /** Adds routes, changes their configuration and drops those that are not named any more. */
  configure(configs: readonly RouteConfig[], document: (route: string) => RouteDocument): void
  setDocument(document: RouteDocument): void
  latch(route: string, variant: string): void
  quarantine(route: string, variant: string, held: Held): void
  release(route: string, variant: string): void
  setStale(route: string, stale: StalePolicy | null): void
  /** Builds the snapshot of now, hands it out, and returns its sequence. */
  publish(): number
  current(): Snapshot
}

export function createRoster(
  build: (sequence: number, routes: readonly LiveRoute[]) => Snapshot,
  post: (snapshot: Snapshot) => void
): Roster {
  const routes = new Map<string, LiveRoute>()
  let sequence = 0
  let snapshot: Snapshot | null = null

  function change(name: string, next: (route: LiveRoute) => LiveRoute): void {
    const route = routes.get(name)
    if (route) routes.set(name, next(route))
  }

  function publish(): number {
    sequence++
    snapshot = build(sequence, [...routes.values()])
    post(snapshot)
    return sequence
  }

  return {
    all: () => [...routes.values()],
    get: name => routes.get(name) ?? null,
    configure(configs, document) {
      const named = new Set(configs.map(config => config.name))
      for (const name of [...routes.keys()]) if (!named.has(name)) routes.delete(name)
      for (const config of configs) {
        const known = routes.get(config.name)
        const next = known
          ? withConfig(known, config, 1)
          : liveRoute(config, document(config.name), 1)
        routes.set(config.name, next)
      }
    },
    setDocument: document => change(document.route, route => withDocument(route, document)),
    latch: (name, variant) => change(name, route => withLatch(route, variant)),
    quarantine: (name, variant, held) =>
      change(name, route => withQuarantine(route, variant, held)),
    release: (name, variant) => change(name, route => withoutQuarantine(route, variant)),
    setStale: (name, stale) => change(name, route => withStale(route, stale)),
    publish,
    current: () => snapshot ?? build(sequence, [...routes.values()])
  }
}

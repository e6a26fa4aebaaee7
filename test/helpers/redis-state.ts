/**
 * The Redis driver of the state over a server of a test: settings, and stores that are closed with the test.
 */
import type { RedisSettings } from '../../src/config/config.ts'
import type { RouteDocument } from '../../src/domain/document.ts'
import { createRedisState, type RedisStateOptions } from '../../src/io/redis/state.ts'
import type { StateStore } from '../../src/ports.ts'
import { temporaryDirectory } from './sluice.ts'
import { first } from './state-documents.ts'
import { silentLog, systemClock } from './state-process.ts'

/** What a tap test offers for tearing down. */
type Teardown = { teardown(done: () => unknown): unknown }

export function redisSettings(port: number, more: Partial<RedisSettings> = {}): RedisSettings {
  return {
    mode: 'standalone',
    nodes: [{ host: '127.0.0.1', port }],
    database: 0,
    username: null,
    password: null,
    sentinel: null,
    tls: null,
    prefix: 'sluice',
    ...more
  }
}

export type OpenOptions = Partial<RedisStateOptions> & {
  readonly routes?: readonly string[]
  readonly first?: (route: string) => RouteDocument
}

/** An open store with a directory of its own; closed with the test. */
export async function openRedisState(
  t: Teardown,
  settings: RedisSettings,
  options: OpenOptions = {}
): Promise<StateStore> {
  const { routes = ['fraud'], first: document = route => first(route), ...rest } = options
  const store = createRedisState({
    settings,
    directory: temporaryDirectory(t),
    clock: systemClock,
    log: silentLog,
    ...rest
  })
  t.teardown(() => store.close())
  await store.open(routes, document)
  return store
}

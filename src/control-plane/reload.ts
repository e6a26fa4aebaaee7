/**
 * The running configuration and its replacement: load, check, plan, swap, all or nothing. A refused file
 * leaves the old one running and is said loudly; weights and rollbacks survive, because they are state.
 */
import type { Config, RouteConfig } from '../config/config.ts'
import { redactConfig } from '../config/redact.ts'
import { planReload } from '../config/reload.ts'
import type { RouteDocument } from '../domain/document.ts'
import { firstDocument } from '../domain/operations.ts'
import { type ErrorCode, fail, SluiceError } from '../errors.ts'
import type { Actor, Clock, Control, Log, StateStore } from '../ports.ts'
import type { Roster } from './roster.ts'
import type { Upstreams } from './upstreams.ts'
import { weightsOf } from './view.ts'

export type ReloadResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] }

export type ReloadOptions = {
  readonly config: Config
  readonly load: () => Promise<ReloadResult>
  readonly roster: Roster
  readonly store: StateStore
  readonly upstreams: Pick<Upstreams, 'configure'>
  readonly clock: Clock
  readonly log: Log
  readonly newId: (prefix: string) => string
}

export type Reload = {
  config(): Config
  /** Puts the first configuration into force. The store is open. */
  begin(): void
  run(actor: Actor): ReturnType<Control['reload']>
  describe(): ReturnType<Control['config']>
  lastSucceeded(): boolean
  /** Wall clock of the last success, ms. */
  lastSuccessMs(): number
}

export function createReload(options: ReloadOptions): Reload {
  const { roster, store, upstreams, log, clock } = options
  let running = options.config
  let succeeded = true
  let successMs = clock.wall().getTime()
  let queue: Promise<unknown> = Promise.resolve()

  function apply(config: Config): void {
    running = config
    roster.configure(config.routes, name => documentOf(store, config, name))
    upstreams.configure(roster.all())
    roster.publish()
  }

  function refuse(problems: readonly string[]): never {
    succeeded = false
    for (const problem of problems)
      log.error({ problem }, 'reload refused; the old configuration keeps running')
    throw fail('SLC_RELOAD_REFUSED', [problems.join('; ')], { problems })
  }

  async function once(actor: Actor): ReturnType<Control['reload']> {
    const loaded = await options.load()
    if (!loaded.ok) refuse(loaded.problems)
    const { config } = loaded
    const plan = planReload(running, config, weighted(roster))
    if (plan.refusals.length > 0) refuse(plan.refusals)
    try {
      for (const route of config.routes) {
        await store.ensure(route.name, () => firstOf(config, route, clock, options.newId))
      }
    } catch (error) {
      refuse([error instanceof SluiceError ? error.message : String(error)])
    }
    apply(config)
    succeeded = true
    successMs = clock.wall().getTime()
    const changed = [...plan.added, ...plan.changed, ...plan.removed]
    const warnings = [...loaded.warnings, ...plan.warnings]
    for (const warning of warnings) log.warn({ warning }, 'configuration warning')
    log.info({ changed, by: actor.id }, 'configuration reloaded')
    const unwritten = await written(actor, changed)
    return { changed, warnings: unwritten === null ? warnings : [...warnings, unwritten] }
  }

  /** The entry of a reload that is in force already: where it cannot be kept, that is said and nothing more. */
  async function written(actor: Actor, changed: readonly string[]): Promise<string | null> {
    try {
      await store.audit({
        type: 'config',
        route: null,
        variant: null,
        by: actor.id,
        reason: actor.reason,
        requestId: actor.requestId,
        before: null,
        after: { changed },
        evidence: null,
        revision: null
      })
      return null
    } catch (error) {
      log.error({ err: error, by: actor.id }, 'a reload is in force without its audit entry')
      const why = error instanceof SluiceError ? error.args[0] : String(error)
      return `The reload is in force, and its audit entry is missing: ${why}`
    }
  }

  return {
    config: () => running,
    begin: () => apply(running),
    /** Reloads are done one after the other. */
    run(actor) {
      const result = queue.then(() => once(actor))
      queue = result.catch(() => undefined)
      return result
    },
    describe: () => ({ config: redactConfig(running), drift: driftOf(running, roster) }),
    lastSucceeded: () => succeeded,
    lastSuccessMs: () => successMs
  }
}

/** The document of a route without state, as `state.firstStart` says. */
export function firstOf(
  config: Config,
  route: RouteConfig,
  clock: Clock,
  newId: (prefix: string) => string
): RouteDocument {
  const championOnly = Object.fromEntries(
    route.variants.map(({ name }) => [name, name === route.champion ? 100 : 0])
  )
  return firstDocument({
    route: route.name,
    salt: route.salt,
    champion: route.champion,
    weights: config.state.firstStart === 'weights' ? route.initialWeights : championOnly,
    by: 'config',
    at: clock.wall().toISOString(),
    newId: () => newId('ro')
  })
}

function documentOf(store: StateStore, config: Config, name: string): RouteDocument {
  const document = store.read(name)
  const code: ErrorCode = 'SLC_STATE_CORRUPT'
  if (!document) throw fail(code, [name, `the store has no document; configuration ${config.file}`])
  return document
}

/** Variants with weight, by route. */
function weighted(roster: Roster): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    roster.all().map(route => {
      return [route.config.name, Object.keys(sorted(weightsOf(route)))]
    })
  )
}

function driftOf(config: Config, roster: Roster): ReturnType<Control['config']>['drift'] {
  return config.routes.flatMap(file => {
    const route = roster.get(file.name)
    if (!route) return []
    const weights = weightsOf(route)
    const { champion, registry } = route.document
    const drift = [
      { what: 'champion', file: file.champion, store: champion },
      { what: 'weights', file: sorted(file.initialWeights), store: sorted(weights) },
      { what: 'salt', file: file.salt, store: route.document.salt },
      ...file.variants.flatMap(({ name, upstreams }) => {
        const entry = Object.hasOwn(registry, name) ? registry[name] : undefined
        const urls = upstreams.map(({ url }) => url)
        return entry ? [{ what: `upstreams of ${name}`, file: urls, store: entry.upstreams }] : []
      })
    ]
    return drift
      .filter(each => JSON.stringify(each.file) !== JSON.stringify(each.store))
      .map(each => ({ route: file.name, ...each }))
  })
}

function sorted(weights: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(weights)
      .filter(([, w]) => w > 0)
      .sort()
  )
}

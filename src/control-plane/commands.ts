/**
 * What an operator asks of a route: weights, rollback, clear, pause, resume, variants. Each becomes one
 * operation of the store; nothing is applied to traffic before the store has accepted it, but for a rollback,
 * which acts at once. An answer is given when the data threads work on it and the other replicas do, or after
 * a second, so that it can say how many do.
 */
import { challengerOf, type RouteDocument, revisionOf } from '../domain/document.ts'
import { type Author, applyOperation, type Operation, type Refusal } from '../domain/operations.ts'
import { NAME } from '../domain/route.ts'
import { fail, type SluiceError } from '../errors.ts'
import type {
  Actor,
  Clock,
  Control,
  RollbackAnswer,
  RouteView,
  ShadowView,
  StateStore
} from '../ports.ts'
import { hasTraffic, isRolledBack, type LiveRoute, variantsOf } from './live-route.ts'
import { movesBetween } from './moves.ts'
import type { Quarantines } from './quarantine.ts'
import type { Roster } from './roster.ts'
import type { Shadows } from './shadows.ts'

export type CommandsOptions = {
  readonly roster: Roster
  readonly store: StateStore
  readonly clock: Clock
  readonly newId: (prefix: string) => string
  readonly view: (route: LiveRoute) => RouteView
  readonly quarantines: Pick<Quarantines, 'resume'>
  /** Resolves when the data threads work on the present snapshot, or after a limit; how many do. */
  readonly applied: () => Promise<{ readonly threads: number; readonly of: number }>
  readonly shadowView: Shadows['view']
  readonly lastSent: (route: LiveRoute, variants: readonly string[]) => string | null
  /** Throws when an upstream may not be given through the API. */
  readonly checkUpstream: (url: string) => Promise<void>
}

export type Commands = Pick<
  Control,
  | 'weights'
  | 'planWeights'
  | 'rollback'
  | 'rollbackModel'
  | 'clear'
  | 'pause'
  | 'resume'
  | 'putVariant'
  | 'deleteVariant'
  | 'shadow'
  | 'setShadow'
>

export function createCommands(options: CommandsOptions): Commands {
  const { roster, store } = options

  function routeOf(name: string): LiveRoute {
    const route = roster.get(name)
    if (!route) throw fail('SLC_ADMIN_NOT_FOUND', [`route ${name}`])
    return route
  }

  function author(actor: Actor): Author {
    const at = options.clock.wall().toISOString()
    return { by: actor.id, at, reason: actor.reason, requestId: actor.requestId }
  }

  async function change(name: string, operation: Operation, actor: Actor): Promise<RouteView> {
    const result = await store.write(name, operation, author(actor))
    if (result.status === 'refused') throw refusalError(result.refusal, options.view(routeOf(name)))
    await inForce(name)
    return options.view(routeOf(name))
  }

  /** The data threads of this process, and the replicas that can be reached, at the same time. */
  async function inForce(name: string): Promise<void> {
    await Promise.all([options.applied(), store.spread(name, SPREAD_LIMIT_MS)])
  }

  /** Quarantines end on this replica; where nothing is paused there is no document to change. */
  async function resume(name: string, variant: string | null, actor: Actor): Promise<RouteView> {
    const route = routeOf(name)
    const variants = pausable(route, variant)
    const held = variants.filter(each => route.quarantined.has(each))
    for (const each of held) await options.quarantines.resume(route, each, actor)
    const paused = variants.some(each => challengerOf(route.document, each)?.paused)
    if (held.length === 0 || paused) {
      return change(name, { kind: 'resume', variants, reason: actor.reason }, actor)
    }
    await options.applied()
    return options.view(routeOf(name))
  }

  /** The challengers that a call without a variant means, or the one that it names. */
  function challengersOf(route: LiveRoute, variant: string | null): readonly string[] {
    const { champion } = route.document
    const names = variantsOf(route).map(({ name }) => name)
    if (variant === null) {
      const out = (name: string) => hasTraffic(route, name) || isRolledBack(route, name)
      return names.filter(name => name !== champion && out(name))
    }
    requireVariant(route, variant)
    if (variant === champion) {
      throw fail('SLC_ADMIN_MEANING', [
        `${variant} is the champion, and there is nothing to fall back to`
      ])
    }
    return [variant]
  }

  async function rollback(
    name: string,
    variant: string | null,
    actor: Actor
  ): Promise<RollbackAnswer> {
    const route = routeOf(name)
    const variants = challengersOf(route, variant)
    const before = route.document
    for (const each of variants) roster.latch(name, each)
    if (variants.length > 0) roster.publish()
    const lastChallengerRequest = options.lastSent(route, variants)
    const result = await store.write(
      name,
      {
        kind: 'rollback',
        variants,
        id: options.newId('rb'),
        trigger: 'operator',
        reason: actor.reason,
        evidence: null
      },
      author(actor)
    )
    if (result.status === 'refused') throw refusalError(result.refusal, options.view(route))
    await (result.scope === 'fleet' ? inForce(name) : options.applied())
    const view = options.view(routeOf(name))
    return {
      route: name,
      scope: result.scope,
      rollbacks: rollbacksOf(result.document, variants, before),
      lastChallengerRequest,
      replicas: view.replicas,
      document: result.document
    }
  }

  function requireShadow({ config }: LiveRoute, name: string): void {
    if (config.shadows.some(shadow => shadow.name === name)) return
    throw fail('SLC_ADMIN_NOT_FOUND', [`shadow ${name} of route ${config.name}`])
  }

  /** How a shadow stands when the data threads work with what is decided. */
  async function shadowOf(name: string, shadow: string): Promise<ShadowView> {
    requireShadow(routeOf(name), shadow)
    const view = await options.shadowView(routeOf(name), shadow, await options.applied())
    if (view === null) throw fail('SLC_ADMIN_NOT_FOUND', [`shadow ${shadow} of route ${name}`])
    return view
  }

  return {
    shadow: shadowOf,

    async setShadow(name, expect, shadow, on, actor) {
      requireShadow(routeOf(name), shadow)
      await change(name, { kind: 'shadow', expect, name: shadow, on }, actor)
      return shadowOf(name, shadow)
    },

    weights: (name, expect, weights, actor) =>
      change(name, weightsOperation(routeOf(name), expect, weights), actor),

    planWeights(name, expect, weights) {
      const route = routeOf(name)
      const operation = weightsOperation(route, expect, weights)
      const applied = applyOperation(route.document, operation, DRY, DRY_MEANS)
      if (applied.status === 'refused') throw refusalError(applied.refusal, options.view(route))
      return { weights, moves: movesBetween(route.document, applied.document) }
    },

    rollback,

    async rollbackModel(modelVersion, actor) {
      const meant = roster.all().flatMap(route =>
        variantsOf(route)
          .filter(({ name, model }) => {
            const challenger = name !== route.document.champion && model.version === modelVersion
            return challenger && (hasTraffic(route, name) || isRolledBack(route, name))
          })
          .map(({ name }) => [route.config.name, name] as const)
      )
      return Promise.all(meant.map(([route, variant]) => rollback(route, variant, actor)))
    },

    clear: (name, expect, id, actor) =>
      change(name, { kind: 'clear', expect, rollback: id, rolloutId: options.newId('ro') }, actor),

    pause: (name, variant, actor) =>
      change(
        name,
        { kind: 'pause', variants: pausable(routeOf(name), variant), reason: actor.reason },
        actor
      ),

    resume,

    async putVariant(name, expect, variant, upstreams, model, actor) {
      const route = routeOf(name)
      if (!NAME.test(variant)) throw fail('SLC_ADMIN_NAME', [JSON.stringify(variant)])
      for (const url of upstreams) await options.checkUpstream(url)
      const known = variantsOf(route).find(candidate => candidate.name === variant)
      const entry = { upstreams, model }
      const settings = known?.settings
      const configured = settings ? { configured: { model: settings.model } } : {}
      return change(name, { kind: 'variant', expect, name: variant, entry, ...configured }, actor)
    },

    async deleteVariant(name, expect, variant, actor) {
      const route = routeOf(name)
      requireVariant(route, variant)
      if (route.config.variants.some(candidate => candidate.name === variant)) {
        throw fail('SLC_ADMIN_MEANING', [
          `${variant} stands in the configuration file; remove it there and reload`
        ])
      }
      return change(name, { kind: 'remove-variant', expect, name: variant }, actor)
    }
  }
}

const SPREAD_LIMIT_MS = 1_000
const DRY: Author = { by: '', at: '', reason: '', requestId: '' }
const DRY_MEANS = { sha256: () => '', newId: () => '' }

function weightsOperation(
  route: LiveRoute,
  expect: string,
  weights: Readonly<Record<string, number>>
): Operation {
  return { kind: 'weights', expect, weights, known: variantsOf(route).map(({ name }) => name) }
}

function requireVariant(route: LiveRoute, variant: string): void {
  if (!NAME.test(variant)) throw fail('SLC_ADMIN_NAME', [JSON.stringify(variant.slice(0, 80))])
  if (!variantsOf(route).some(({ name }) => name === variant)) {
    throw fail('SLC_ADMIN_MEANING', [`route ${route.config.name} has no variant ${variant}`])
  }
}

function pausable(route: LiveRoute, variant: string | null): readonly string[] {
  const { champion } = route.document
  if (variant === null) {
    return variantsOf(route)
      .map(({ name }) => name)
      .filter(name => name !== champion)
  }
  requireVariant(route, variant)
  if (variant === champion) {
    throw fail('SLC_ADMIN_MEANING', [`${variant} is the champion; only challengers can be paused`])
  }
  return [variant]
}

function rollbacksOf(
  document: RouteDocument,
  variants: readonly string[],
  before: RouteDocument
): RollbackAnswer['rollbacks'] {
  return variants.flatMap(variant => {
    const entry =
      challengerOf(document, variant)?.rollback ?? challengerOf(before, variant)?.rollback
    return entry ? [{ variant, id: entry.id }] : []
  })
}

function refusalError(refusal: Refusal, view: RouteView): SluiceError {
  const details = { document: view }
  switch (refusal.code) {
    case 'stale':
      return fail('SLC_STALE', [revisionOf(view)], details)
    case 'rolled-back':
      return fail('SLC_ROLLED_BACK', [refusal.variant, view.route, refusal.rollback], details)
    case 'paused':
      return fail('SLC_PAUSED', [refusal.variant, view.route, refusal.variant], details)
    case 'not-enough-champion':
      return fail('SLC_NOT_ENOUGH_CHAMPION', [refusal.variant], details)
    case 'unknown-rollback':
      return fail('SLC_UNKNOWN_ROLLBACK', [refusal.rollback], details)
    case 'has-weight':
      return fail('SLC_HAS_WEIGHT', [refusal.variant], details)
    case 'model-differs':
      return fail('SLC_MODEL_IMMUTABLE', [refusal.variant], details)
    case 'unknown-variant':
      return fail(
        'SLC_ADMIN_MEANING',
        [`there is no variant ${refusal.variant} to change`],
        details
      )
    case 'bad-weights':
      return fail('SLC_ADMIN_MEANING', [refusal.reason], details)
    case 'is-champion':
      return fail('SLC_ADMIN_MEANING', [`${refusal.variant} is the champion`], details)
    default:
      return refusal satisfies never
  }
}

/**
 * What each kind of operation changes in a route's document, and why it may not (operation.ts has the kinds).
 *
 * Raises are refused while a challenger is rolled back or paused; lowering never is. A rollback that stands is
 * kept by every other change, and only `clear`, naming it, ends it.
 */
import { canonicalJson } from './canonical-json.ts'
import {
  bucketsOf,
  type Challenger,
  challengerOf,
  isShadowOn,
  ledgerOf,
  type RouteDocument,
  registeredOf
} from './document.ts'
import type { Author, Means, Operation, Refusal } from './operation.ts'
import { type Ledger, type Ranges, reallocate, sizeOf } from './ranges.ts'
import { NAME } from './route.ts'

/** What an operation changes; fields that it leaves alone are left out. `raisesEpoch` makes it outrank. */
export type Change = {
  readonly fields: Partial<Pick<RouteDocument, 'challengers' | 'registry' | 'shadows'>>
  readonly raisesEpoch: boolean
}

/** null = it is so already. */
type Outcome = Change | Refusal | null

type Kind<K extends Operation['kind']> = Extract<Operation, { readonly kind: K }>

/** What `operation` changes in `document`, why it may not, or null when it is so already. */
export function changeOf(
  document: RouteDocument,
  operation: Operation,
  author: Author,
  means: Means
): Outcome {
  switch (operation.kind) {
    case 'weights':
      return changeWeights(document, operation, means.newId)
    case 'rollback':
      return rollBack(document, operation, author)
    case 'clear':
      return clear(document, operation)
    case 'pause':
      return pause(document, operation, author, means.newId)
    case 'resume':
      return resume(document, operation)
    case 'variant':
      return putVariant(document, operation)
    case 'remove-variant':
      return removeVariant(document, operation)
    case 'shadow':
      return switchShadow(document, operation)
  }
}

/** A change to `weights` in percent; a challenger without an entry gets one with a new id. */
export function changeWeights(
  document: RouteDocument,
  asked: Pick<Kind<'weights'>, 'weights' | 'known'>,
  newId: () => string
): Outcome {
  const unknown = Object.keys(asked.weights).find(name => !isKnown(document, name, asked))
  if (unknown !== undefined) return { code: 'unknown-variant', variant: unknown }
  const targets = targetsOf(document.champion, asked.weights)
  if ('code' in targets) return targets
  const ledger = ledgerOf(document)
  const latched = firstLatched(document, targets)
  if (latched !== null) return latched
  const moved = reallocate(ledger, targets)
  if (!moved.ok) return { code: 'not-enough-champion', variant: moved.variant }
  const changed = Object.entries(moved.ledger).filter(
    ([name, ranges]) => sizeOf(ranges) !== sizeOf(rangesIn(ledger, name))
  )
  if (changed.length === 0) return null
  const entries = changed.map(([name, ranges]): [string, Challenger] => [
    name,
    { ...(challengerOf(document, name) ?? newChallenger(newId())), ranges }
  ])
  return withChallengers(document, entries, false)
}

/** Buckets by challenger. The champion may be named, but what it gets is what the others leave. */
function targetsOf(
  champion: string,
  weights: Readonly<Record<string, number>>
): ReadonlyMap<string, number> | Refusal {
  const targets = new Map<string, number>()
  let sum = 0
  for (const [name, percent] of Object.entries(weights)) {
    const buckets = bucketsOf(percent)
    if (buckets === null) {
      return badWeights(`the weight of ${name} is not 0 to 100 with at most two decimals`)
    }
    sum += buckets
    if (name !== champion) targets.set(name, buckets)
  }
  const named = Object.hasOwn(weights, champion)
  if (sum > 10_000) return badWeights(`the weights sum to ${sum / 100}, more than 100`)
  if (named && sum < 10_000) return badWeights(`the weights sum to ${sum / 100}, not to 100`)
  return targets
}

/** The first challenger, by name, that would rise and may not. Lowering is always allowed. */
function firstLatched(
  document: RouteDocument,
  targets: ReadonlyMap<string, number>
): Refusal | null {
  const rising = [...targets.keys()].sort().filter(name => {
    const ranges = challengerOf(document, name)?.ranges ?? []
    return (targets.get(name) ?? 0) > sizeOf(ranges)
  })
  for (const variant of rising) {
    const rollback = challengerOf(document, variant)?.rollback ?? null
    if (rollback !== null) return { code: 'rolled-back', variant, rollback: rollback.id }
  }
  const paused = rising.find(variant => (challengerOf(document, variant)?.paused ?? null) !== null)
  return paused === undefined ? null : { code: 'paused', variant: paused }
}

/** A challenger that is rolled back already keeps the rollback that it has. */
function rollBack(document: RouteDocument, asked: Kind<'rollback'>, author: Author): Outcome {
  const wrong = notChallenger(document, asked.variants)
  if (wrong !== null) return wrong
  const standing = [...new Set(asked.variants)].filter(
    name =>
      (challengerOf(document, name)?.rollback ?? null) === null && isRunMeant(document, asked, name)
  )
  if (standing.length === 0) return null
  const entries = standing.map((name): [string, Challenger] => {
    const id = asked.variants.length === 1 ? asked.id : `${asked.id}.${name}`
    const before = challengerOf(document, name) ?? newChallenger(id)
    const { trigger, reason, evidence } = asked
    const rollback = { id, trigger, by: author.by, at: author.at, reason, evidence }
    return [name, { ...before, ranges: [], rollback }]
  })
  return withChallengers(document, entries, true)
}

/** A rollback that names runs is about these alone, and a challenger that is gone has none. */
function isRunMeant(document: RouteDocument, { runs }: Kind<'rollback'>, variant: string): boolean {
  if (runs === undefined || !Object.hasOwn(runs, variant)) return true
  return challengerOf(document, variant)?.rolloutId === runs[variant]
}

/**
 * Ends the rollback of that id. The challenger begins a new run: a pause that a trigger put on the old one ends
 * with it, a pause by a person stays.
 */
function clear(document: RouteDocument, asked: Kind<'clear'>): Outcome {
  const found = Object.entries(document.challengers).find(
    ([, challenger]) => challenger.rollback?.id === asked.rollback
  )
  if (found === undefined) return { code: 'unknown-rollback', rollback: asked.rollback }
  const [name, challenger] = found
  const paused = challenger.paused?.by.startsWith('trigger:') ? null : challenger.paused
  const cleared = { ...challenger, rolloutId: asked.rolloutId, rollback: null, paused }
  return withChallengers(document, [[name, cleared]], true)
}

/** One that is paused already keeps the pause that it has. */
function pause(
  document: RouteDocument,
  asked: Kind<'pause'>,
  author: Author,
  newId: () => string
): Outcome {
  const wrong = notChallenger(document, asked.variants)
  if (wrong !== null) return wrong
  const paused = { by: author.by, at: author.at, reason: asked.reason }
  const entries = [...new Set(asked.variants)]
    .map((name): [string, Challenger] => [
      name,
      challengerOf(document, name) ?? newChallenger(newId())
    ])
    .filter(([, challenger]) => challenger.paused === null)
    .map(([name, challenger]): [string, Challenger] => [name, { ...challenger, paused }])
  return entries.length === 0 ? null : withChallengers(document, entries, false)
}

function resume(document: RouteDocument, asked: Kind<'resume'>): Outcome {
  const wrong = notChallenger(document, asked.variants)
  if (wrong !== null) return wrong
  const entries = Object.entries(document.challengers)
    .filter(([name, challenger]) => asked.variants.includes(name) && challenger.paused !== null)
    .map(([name, challenger]): [string, Challenger] => [name, { ...challenger, paused: null }])
  return entries.length === 0 ? null : withChallengers(document, entries, false)
}

/** The addresses of a variant may change at any time, its model never. */
function putVariant(document: RouteDocument, asked: Kind<'variant'>): Outcome {
  if (!NAME.test(asked.name)) return { code: 'unknown-variant', variant: asked.name }
  const before = registeredOf(document, asked.name) ?? asked.configured ?? null
  const model = asked.entry.model ?? before?.model ?? null
  if (before !== null && canonicalJson(model) !== canonicalJson(before.model)) {
    return { code: 'model-differs', variant: asked.name }
  }
  const entry = { upstreams: asked.entry.upstreams, model }
  if (canonicalJson(entry) === canonicalJson(registeredOf(document, asked.name))) return null
  const registry = { ...document.registry, [asked.name]: entry }
  return { fields: { registry }, raisesEpoch: false }
}

/**
 * Takes a variant out of the document. What is left of one that is rolled back is its rollback: adding the
 * name again must not undo it.
 */
function removeVariant(document: RouteDocument, asked: Kind<'remove-variant'>): Outcome {
  const { name } = asked
  if (name === document.champion) return { code: 'is-champion', variant: name }
  const challenger = challengerOf(document, name)
  const registered = registeredOf(document, name) !== null
  if (challenger === null && !registered) return { code: 'unknown-variant', variant: name }
  if (challenger !== null && challenger.ranges.length > 0) {
    return { code: 'has-weight', variant: name }
  }
  const latched = challenger !== null && challenger.rollback !== null
  if (latched && !registered) return null
  const challengers = latched ? document.challengers : without(document.challengers, name)
  return {
    fields: { challengers, registry: without(document.registry, name) },
    raisesEpoch: false
  }
}

/** Which route has the shadow is the caller's knowledge: the document has only what was switched. */
function switchShadow(document: RouteDocument, { name, on }: Kind<'shadow'>): Outcome {
  if (isShadowOn(document, name) === on) return null
  return { fields: { shadows: { ...document.shadows, [name]: { on } } }, raisesEpoch: false }
}

function withChallengers(
  document: RouteDocument,
  entries: readonly (readonly [string, Challenger])[],
  raisesEpoch: boolean
): Change {
  const challengers = { ...document.challengers, ...Object.fromEntries(entries) }
  return { fields: { challengers }, raisesEpoch }
}

function notChallenger(document: RouteDocument, variants: readonly string[]): Refusal | null {
  for (const variant of variants) {
    if (variant === document.champion) return { code: 'is-champion', variant }
    if (!NAME.test(variant)) return { code: 'unknown-variant', variant }
  }
  return null
}

/** A challenger that the configuration has no more may still be named with 0, as answers name it. */
function isKnown(
  document: RouteDocument,
  name: string,
  asked: Pick<Kind<'weights'>, 'weights' | 'known'>
): boolean {
  if (asked.known === undefined) return NAME.test(name)
  if (name === document.champion || asked.known.includes(name)) return true
  if (registeredOf(document, name) !== null) return true
  return asked.weights[name] === 0 && challengerOf(document, name) !== null
}

/** A challenger without weight at the beginning of a run. */
export function newChallenger(rolloutId: string): Challenger {
  return { rolloutId, ranges: [], paused: null, rollback: null }
}

function rangesIn(ledger: Ledger, name: string): Ranges {
  return Object.hasOwn(ledger, name) ? (ledger[name] ?? []) : []
}

function without<Value>(
  members: Readonly<Record<string, Value>>,
  name: string
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(members).filter(([member]) => member !== name))
}

function badWeights(reason: string): Refusal {
  return { code: 'bad-weights', reason }
}

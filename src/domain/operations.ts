/**
 * Operations on a route's document, as plain values: what a store accepts and how the document changes.
 * Every driver of `StateStore` gives the same answers (test/helpers/state-conformance.ts).
 *
 * Changes of weights are compare-and-set on the revision. A rollback needs none: it is a join, so it holds
 * whatever happened meanwhile, and it raises the epoch, as its clearing does, so that no chain of weight
 * changes elsewhere can outrun it (state.md). Nothing here ever raises a weight that nobody asked to raise.
 */
import { canonicalJson } from './canonical-json.ts'
import { type Change, changeOf, changeWeights, newChallenger } from './changes.ts'
import { phaseOf, type RouteDocument, revisionOf } from './document.ts'
import type { Author, Means, Operation, Refusal } from './operation.ts'

export type { Author, Means, Operation, Refusal }

export type Applied =
  | { readonly status: 'changed'; readonly document: RouteDocument }
  | { readonly status: 'same'; readonly document: RouteDocument } // repeat of what is already so: success
  | { readonly status: 'refused'; readonly refusal: Refusal; readonly document: RouteDocument }

/**
 * The document after an operation, or why it is refused. The document itself is never touched. A refusal is
 * found in this order: stale, names, meaning, rolled-back, paused, what the champion has.
 */
export function applyOperation(
  document: RouteDocument,
  operation: Operation,
  author: Author,
  means: Means
): Applied {
  if ('expect' in operation && operation.expect !== revisionOf(document)) {
    return refused(document, { code: 'stale' })
  }
  const change = changeOf(document, operation, author, means)
  if (change === null) return { status: 'same', document }
  if ('code' in change) return refused(document, change)
  return { status: 'changed', document: succeed(document, change, author, means) }
}

/** What a route starts with. `weights` has every variant that is known, in percent, those at 0 too. */
export type FirstState = {
  readonly route: string
  readonly salt: string
  readonly champion: string
  readonly weights: Readonly<Record<string, number>>
  readonly by: string
  readonly at: string
  readonly newId: () => string
}

/** Epoch 1, revision 1 of a route. Throws RangeError when the weights are none; the configuration checks them. */
export function firstDocument(first: FirstState): RouteDocument {
  const ids = Object.keys(first.weights).filter(name => name !== first.champion)
  const challengers = Object.fromEntries(ids.map(name => [name, newChallenger(first.newId())]))
  const empty: RouteDocument = {
    schema: 1,
    route: first.route,
    epoch: 1,
    revision: 1,
    salt: first.salt,
    phase: 'steady',
    champion: first.champion,
    challengers,
    rollout: null,
    registry: {},
    shadows: {},
    by: first.by,
    at: first.at,
    previous: ''
  }
  const change = changeWeights(empty, { weights: first.weights }, first.newId)
  if (change === null) return empty
  if ('code' in change) throw new RangeError(`weights of route ${first.route}: ${change.code}`)
  return { ...empty, ...change.fields }
}

function succeed(
  document: RouteDocument,
  change: Change,
  author: Author,
  means: Means
): RouteDocument {
  const challengers = change.fields.challengers ?? document.challengers
  return {
    ...document,
    ...change.fields,
    epoch: document.epoch + (change.raisesEpoch ? 1 : 0),
    revision: document.revision + 1,
    phase: phaseOf(challengers),
    by: author.by,
    at: author.at,
    previous: means.sha256(canonicalJson(document))
  }
}

function refused(document: RouteDocument, refusal: Refusal): Applied {
  return { status: 'refused', refusal, document }
}

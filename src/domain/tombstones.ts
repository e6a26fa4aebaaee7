/**
 * Rollbacks that hold whatever a store says (state.md): each is about one run of a challenger, and a document in
 * which that run is not rolled back is read as if it were.
 *
 * A tombstone is the operation itself with its author, so that it can be made again as it was decided, and the
 * runs that it is about. It ends when the challengers have other runs and DAY_MS passed.
 */
import { challengerOf, type RouteDocument } from './document.ts'
import { type Author, applyOperation, type Means, type Operation } from './operations.ts'

export type Tombstone = {
  readonly operation: Extract<Operation, { readonly kind: 'rollback' }>
  readonly author: Author
}

const DAY_MS = 86_400_000

/**
 * A rollback, bound to the runs that its challengers have in `document` where it names none itself. A variant
 * that is no challenger there has no run yet: the tombstone is about whatever run it turns out to have.
 */
export function tombstoneOf(
  document: RouteDocument,
  operation: Tombstone['operation'],
  author: Author
): Tombstone {
  const { variants, runs: named = {} } = operation
  const runs = variants.flatMap(variant => {
    const present = challengerOf(document, variant)?.rolloutId
    const run = Object.hasOwn(named, variant) ? named[variant] : present
    return run === undefined ? [] : [[variant, run] as const]
  })
  return { operation: { ...operation, runs: Object.fromEntries(runs) }, author }
}

/** A rollback that was decided while no document was known, so that nobody knew the runs. */
export function unboundTombstone(operation: Tombstone['operation'], author: Author): Tombstone {
  return { operation: { ...operation, runs: {} }, author }
}

export function isBound({ operation: { variants, runs = {} } }: Tombstone): boolean {
  return variants.every(variant => Object.hasOwn(runs, variant))
}

/** Bound to the runs of `document`, those included that the rollback itself begins. */
export function bind(tombstone: Tombstone, document: RouteDocument, means: Means): Tombstone {
  if (isBound(tombstone)) return tombstone
  const { operation, author } = tombstone
  return tombstoneOf(applyOperation(document, operation, author, means).document, operation, author)
}

/** Those that are still to be bound, without the ones of which a bound one is there too. */
export function withoutBoundTwins(tombstones: readonly Tombstone[]): readonly Tombstone[] {
  const bound = new Set(tombstones.filter(isBound).map(({ operation }) => operation.id))
  return tombstones.filter(each => isBound(each) || !bound.has(each.operation.id))
}

/** The rollbacks that a document has, as tombstones of their runs. */
export function tombstonesOf(document: RouteDocument): readonly Tombstone[] {
  return Object.entries(document.challengers).flatMap(([variant, { rollback, rolloutId }]) => {
    if (rollback === null) return []
    const { id, trigger, by, at, reason, evidence } = rollback
    const runs = { [variant]: rolloutId }
    return {
      operation: { kind: 'rollback', variants: [variant], id, trigger, reason, evidence, runs },
      author: { by, at, reason, requestId: id }
    }
  })
}

/** The document with every tombstone in force; the same object when they all are. */
export function withTombstones(
  document: RouteDocument,
  tombstones: readonly Tombstone[],
  means: Means
): RouteDocument {
  return tombstones.reduce((present, tombstone) => {
    if (!concerns(tombstone, present)) return present
    return applyOperation(present, tombstone.operation, tombstone.author, means).document
  }, document)
}

/** The first tombstone that a document lacks; null when it has them all. */
export function firstMissing(
  document: RouteDocument,
  tombstones: readonly Tombstone[],
  means: Means
): Tombstone | null {
  return (
    tombstones.find(tombstone => {
      if (!concerns(tombstone, document)) return false
      const { operation, author } = tombstone
      return applyOperation(document, operation, author, means).status === 'changed'
    }) ?? null
  )
}

/** Whether a tombstone says the same about a variant's run as one that is there. */
export function isKnown(tombstone: Tombstone, tombstones: readonly Tombstone[]): boolean {
  const { variants, runs = {} } = tombstone.operation
  return variants.every(variant =>
    tombstones.some(({ operation }) => {
      if (!operation.variants.includes(variant)) return false
      return Object.hasOwn(runs, variant) && operation.runs?.[variant] === runs[variant]
    })
  )
}

/** Whether every run that it is about is over, for a day. `now` in ms of the wall clock. */
export function isSpent(
  { operation, author }: Tombstone,
  document: RouteDocument,
  now: number
): boolean {
  if (now - Date.parse(author.at) < DAY_MS) return false
  const { runs = {} } = operation
  return operation.variants.every(variant => {
    return challengerOf(document, variant)?.rolloutId !== runs[variant]
  })
}

/** Whether a document has one of its runs, or may have. Nearly all of a long list are about runs that are over. */
function concerns({ operation }: Tombstone, document: RouteDocument): boolean {
  const { variants, runs = {} } = operation
  return variants.some(variant => {
    if (!Object.hasOwn(runs, variant)) return true
    return challengerOf(document, variant)?.rolloutId === runs[variant]
  })
}

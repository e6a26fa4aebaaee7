/**
 * What the audit log still knows of a document that was lost: carried over to the older one that took its place.
 *
 * Only what takes traffic away is carried over: rollbacks (and their clearing), pauses, lower weights; and the
 * switches of shadows, which move no user. A raise is not, since weights rise only by what is confirmed to be the
 * state. The result outranks everything that was known before, so that no revision ever names two routing states.
 */
import { challengerOf, isLater, isShadowOn, type RouteDocument, weightsOf } from './document.ts'
import { type Author, applyOperation, type Means, type Operation } from './operations.ts'

/** The part of a document that an audit entry has of the time before and after a change. */
export type Summary = {
  readonly weights: Readonly<Record<string, number>>
  readonly phase: string
  readonly rolledBack: Readonly<Record<string, { readonly id: string; readonly trigger: string }>>
  readonly paused: readonly string[]
  readonly shadows?: RouteDocument['shadows'] // those that were switched; entries of before there were any have none
}

/** One accepted change as the audit log has it. */
export type Happened = {
  readonly by: string
  readonly at: string
  readonly reason: string
  readonly requestId: string
  readonly evidence: Readonly<Record<string, unknown>> | null
  readonly revision: string // of the document after
  readonly before: Summary
  readonly after: Summary
}

export function summaryOf(document: RouteDocument): Summary {
  const rolledBack: [string, { id: string; trigger: string }][] = []
  const paused: string[] = []
  for (const [name, challenger] of Object.entries(document.challengers)) {
    const { rollback } = challenger
    if (rollback !== null) rolledBack.push([name, { id: rollback.id, trigger: rollback.trigger }])
    if (challenger.paused !== null) paused.push(name)
  }
  return {
    weights: weightsOf(document),
    phase: document.phase,
    rolledBack: Object.fromEntries(rolledBack),
    paused: paused.sort(),
    shadows: document.shadows
  }
}

/**
 * The document to go on with. `happened` are the changes of this route that are later than `document`, in the
 * order in which they happened.
 */
export function recover(
  document: RouteDocument,
  happened: readonly Happened[],
  author: Author,
  means: Means
): RouteDocument {
  let recovered = document
  let highest = { epoch: document.epoch, revision: document.revision }
  for (const change of happened) {
    recovered = carryOver(recovered, change, means)
    const known = parseRevision(change.revision)
    if (known !== null && isLater(known, highest)) highest = known
  }
  return {
    ...recovered,
    epoch: Math.max(highest.epoch, recovered.epoch) + 1,
    revision: Math.max(highest.revision, recovered.revision) + 1,
    by: author.by,
    at: author.at
  }
}

/**
 * The document after a change that is in the log and not in the document: a rollback, which must hold. null for
 * any other change.
 */
export function redo(
  document: RouteDocument,
  change: Happened,
  means: Means
): RouteDocument | null {
  const latched = missing(change.after.rolledBack, change.before.rolledBack)
  const first = latched[0]
  if (first === undefined) return null
  const [name, { id, trigger }] = first
  const { reason, evidence } = change
  const several = latched.length > 1 && id.endsWith(`.${name}`)
  const operation: Operation = {
    kind: 'rollback',
    variants: latched.map(([variant]) => variant),
    id: several ? id.slice(0, -name.length - 1) : id,
    trigger,
    reason,
    evidence
  }
  return applyOperation(document, operation, change, means).document
}

/** Epoch and revision of `<epoch>-<revision>`; null when it is none. */
export function parseRevision(
  text: string
): { readonly epoch: number; readonly revision: number } | null {
  const [epoch = 0, revision = 0, ...more] = text.split('-').map(Number)
  const whole = Number.isSafeInteger(epoch) && Number.isSafeInteger(revision)
  return whole && epoch >= 1 && revision >= 1 && more.length === 0 ? { epoch, revision } : null
}

function carryOver(document: RouteDocument, change: Happened, means: Means): RouteDocument {
  const author = {
    by: change.by,
    at: change.at,
    reason: change.reason,
    requestId: change.requestId
  }
  const { before, after } = change
  const operations: Operation[] = []
  for (const [variant, rollback] of missing(after.rolledBack, before.rolledBack)) {
    const { evidence, reason } = change
    operations.push({ kind: 'rollback', variants: [variant], ...rollback, reason, evidence })
  }
  for (const [, { id: rollback }] of missing(before.rolledBack, after.rolledBack)) {
    operations.push({ kind: 'clear', expect: '', rollback, rolloutId: means.newId() })
  }
  const { reason } = change
  const variants = after.paused.filter(name => !before.paused.includes(name))
  const resumed = before.paused.filter(name => !after.paused.includes(name))
  operations.push({ kind: 'pause', variants, reason })
  operations.push({ kind: 'resume', variants: resumed, reason })
  for (const [name, { on }] of Object.entries(after.shadows ?? {})) {
    const was = isShadowOn({ shadows: before.shadows ?? {} }, name)
    if (on !== was) operations.push({ kind: 'shadow', expect: '', name, on })
  }
  operations.push({ kind: 'weights', expect: '', weights: lowered(document, after) })
  return operations.reduce((present, operation) => {
    const current = `${present.epoch}-${present.revision}`
    const bound = 'expect' in operation ? { ...operation, expect: current } : operation
    return applyOperation(present, bound, author, means).document
  }, document)
}

/** Weights of the challengers, none higher than it is now. */
function lowered(document: RouteDocument, after: Summary): Readonly<Record<string, number>> {
  const now = Object.entries(weightsOf(document)).filter(([name]) => challengerOf(document, name))
  return Object.fromEntries(
    now.map(([name, weight]) => {
      const then = Object.hasOwn(after.weights, name) ? (after.weights[name] ?? 0) : 0
      return [name, Math.min(weight, then)]
    })
  )
}

/** Members of `these` that `those` have not, or have with another id. */
function missing<Value extends { readonly id: string }>(
  these: Readonly<Record<string, Value>>,
  those: Readonly<Record<string, Value>>
): readonly (readonly [string, Value])[] {
  return Object.entries(these).filter(
    ([name, value]) => !Object.hasOwn(those, name) || those[name]?.id !== value.id
  )
}

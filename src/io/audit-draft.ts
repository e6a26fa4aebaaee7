/**
 * What the audit log says of a change of a route's document. The same in every driver.
 */
import { type RouteDocument, revisionOf } from '../domain/document.ts'
import type { Author, Operation } from '../domain/operations.ts'
import { summaryOf } from '../domain/recovery.ts'
import type { AuditDraft } from '../ports.ts'

/** The audit entry of a change of `before` to `after`, but for its place in the log. */
export function draftOf(
  before: RouteDocument,
  after: RouteDocument,
  operation: Operation,
  author: Author
): AuditDraft {
  return {
    type: operation.kind === 'remove-variant' ? 'variant' : operation.kind,
    route: after.route,
    variant: variantOf(before, operation),
    by: author.by,
    reason: 'reason' in operation ? operation.reason : author.reason,
    requestId: author.requestId,
    before: summaryOf(before),
    after: summaryOf(after),
    evidence: 'evidence' in operation ? (operation.evidence ?? null) : null,
    revision: revisionOf(after)
  }
}

/** The one variant that an operation is about; null when there are several. */
function variantOf(document: RouteDocument, operation: Operation): string | null {
  switch (operation.kind) {
    case 'weights':
    case 'shadow':
      return null
    case 'clear':
      return (
        Object.entries(document.challengers).find(
          ([, { rollback }]) => rollback?.id === operation.rollback
        )?.[0] ?? null
      )
    case 'variant':
    case 'remove-variant':
      return operation.name
    default:
      return operation.variants.length === 1 ? (operation.variants[0] ?? null) : null
  }
}

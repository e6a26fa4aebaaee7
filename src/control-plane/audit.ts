/**
 * Writing down what changed no document. An entry that cannot be written is told to the log; nothing waits for it.
 */
import type { AuditDraft, Log, StateStore } from '../ports.ts'

export type WriteDown = (draft: AuditDraft) => void

export function createWriteDown(store: Pick<StateStore, 'audit'>, log: Log): WriteDown {
  return draft => {
    store.audit(draft).catch((error: unknown) => {
      log.error({ route: draft.route, err: error }, 'an audit entry could not be written')
    })
  }
}

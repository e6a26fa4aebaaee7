/**
 * Carrying out what a trigger decided. A rollback acts on this process in the same tick, then goes to the
 * store until it is durable; a pause refuses raises and leaves traffic alone; everything is logged and
 * audited with its evidence. Effects never throw: a store that fails is told to the log and tried again.
 */

import { challengerOf } from '../domain/document.ts'
import type { Author, Operation } from '../domain/operations.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import type { AuditDraft, Clock, Log, StateStore } from '../ports.ts'
import type { LiveRoute } from './live-route.ts'
import type { Roster } from './roster.ts'

export type EffectsOptions = {
  readonly roster: Roster
  readonly store: StateStore
  readonly clock: Clock
  readonly log: Log
  readonly newId: (prefix: string) => string
}

const RETRY_MS = 1_000

export type Effects = {
  act(route: LiveRoute, decision: TriggerDecision): void
  /** Rollbacks so far per `route/trigger` (or `route/operator`), for the metrics; dry runs do not count. */
  readonly rollbacks: ReadonlyMap<string, number>
}

export function createEffects(options: EffectsOptions): Effects {
  const { roster, store, log } = options
  const rollbacks = new Map<string, number>()
  store.onAudit(({ type, route, by }) => {
    if (type !== 'rollback') return
    const key = `${route}/${by.startsWith('trigger:') ? by.slice('trigger:'.length) : 'operator'}`
    rollbacks.set(key, (rollbacks.get(key) ?? 0) + 1)
  })

  function author(decision: TriggerDecision, id: string): Author {
    return {
      by: `trigger:${decision.trigger}`,
      at: options.clock.wall().toISOString(),
      reason: decision.sentence,
      requestId: id
    }
  }

  function write(route: string, operation: Operation, by: Author): void {
    store.write(route, operation, by).catch((error: unknown) => {
      log.error({ route, operation: operation.kind, err: error }, 'the store refused; trying again')
      setTimeout(() => write(route, operation, by), RETRY_MS).unref()
    })
  }

  function audit(draft: AuditDraft): void {
    store.audit(draft).catch((error: unknown) => {
      log.error({ route: draft.route, err: error }, 'an audit entry could not be written')
    })
  }

  function rollBack(route: LiveRoute, decision: TriggerDecision): void {
    const { name } = route.config
    const { variant, trigger, sentence: reason, evidence } = decision
    roster.latch(name, variant)
    roster.publish()
    const id = options.newId('rb')
    log.warn({ route: name, variant, trigger, rollback: id, evidence }, reason)
    const operation: Operation = {
      kind: 'rollback',
      variants: [variant],
      id,
      trigger,
      reason,
      evidence
    }
    write(name, operation, author(decision, id))
  }

  function pause(route: LiveRoute, decision: TriggerDecision): void {
    const { name } = route.config
    const { variant, trigger, sentence: reason, evidence } = decision
    if (challengerOf(route.document, variant)?.paused) return
    const id = options.newId('pause')
    log.warn({ route: name, variant, trigger, evidence }, reason)
    write(name, { kind: 'pause', variants: [variant], reason, evidence }, author(decision, id))
  }

  function report(route: LiveRoute, decision: TriggerDecision): void {
    const { name } = route.config
    const { variant, trigger, sentence: reason, evidence, action, dryRun } = decision
    log.warn({ route: name, variant, trigger, action, dryRun, evidence }, reason)
    audit({
      type: 'trigger',
      route: name,
      variant,
      by: `trigger:${trigger}`,
      reason,
      requestId: options.newId('trigger'),
      before: null,
      after: { action, dryRun },
      evidence,
      revision: null
    })
  }

  return {
    rollbacks,
    act(route, decision) {
      if (decision.dryRun || decision.action === 'notify') report(route, decision)
      else if (decision.action === 'rollback') rollBack(route, decision)
      else pause(route, decision)
    }
  }
}

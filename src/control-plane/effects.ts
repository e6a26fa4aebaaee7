/**
 * Carrying out what a trigger decided. A rollback acts on this process in the same tick, then goes to the
 * store until it is durable; where other replicas have not said the same, an own alarm is a quarantine instead
 * (quarantine.ts). A pause refuses raises and leaves traffic alone. Everything is logged and audited with its
 * evidence. Effects never throw: a store that fails is told to the log and tried again.
 */

import { challengerOf } from '../domain/document.ts'
import type { Author, Operation } from '../domain/operations.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import type { Clock, Log, StateStore } from '../ports.ts'
import type { WriteDown } from './audit.ts'
import { createInsistence } from './insistence.ts'
import { isRolledBack, type LiveRoute, runOf } from './live-route.ts'
import type { Quarantines } from './quarantine.ts'
import type { Replicas } from './replicas.ts'
import type { Roster } from './roster.ts'

export type EffectsOptions = {
  readonly roster: Roster
  readonly store: Pick<StateStore, 'write' | 'onAudit'>
  readonly clock: Clock
  readonly log: Log
  readonly newId: (prefix: string) => string
  readonly writeDown: WriteDown
  readonly replicas: Replicas
  readonly quarantines: Pick<Quarantines, 'begin'>
}

export type Effects = {
  /** A decision whose evidence has `scope: 'fleet'` is of all replicas; any other is of this one. */
  act(route: LiveRoute, decision: TriggerDecision): void
  /**
   * Rollbacks that this replica made so far, per `route/trigger` (or `route/operator`), for the metrics; dry runs
   * do not count.
   */
  readonly rollbacks: ReadonlyMap<string, number>
  stop(): void
}

export function createEffects(options: EffectsOptions): Effects {
  const { roster, store, log, writeDown } = options
  const rollbacks = new Map<string, number>()
  const insistence = createInsistence(store, log)
  store.onAudit(({ type, route, by }, origin) => {
    if (type !== 'rollback' || origin !== 'own') return
    const key = `${route}/${by.startsWith('trigger:') ? by.slice('trigger:'.length) : 'operator'}`
    rollbacks.set(key, (rollbacks.get(key) ?? 0) + 1)
  })

  function write(route: LiveRoute, variant: string, operation: Operation, author: Author): void {
    const { name } = route.config
    const run = runOf(route.document, variant)
    const wanted = () => {
      const now = roster.get(name)
      if (now === null || runOf(now.document, variant) !== run) return false
      const challenger = challengerOf(now.document, variant)
      return operation.kind !== 'pause' || (challenger !== null && isPlain(challenger))
    }
    insistence.insist({ route: name, variant, run, operation, author, wanted })
  }

  function author(decision: TriggerDecision, id: string): Author {
    return {
      by: `trigger:${decision.trigger}`,
      at: options.clock.wall().toISOString(),
      reason: decision.sentence,
      requestId: id
    }
  }

  function rollBack(route: LiveRoute, decision: TriggerDecision): void {
    const { name } = route.config
    const { variant, trigger, sentence: reason, evidence } = decision
    const now = roster.get(name)
    if (now === null || isRolledBack(now, variant)) return
    roster.latch(name, variant)
    roster.publish()
    const id = options.newId('rb')
    log.warn({ route: name, variant, trigger, rollback: id, evidence }, reason)
    const run = runOf(route.document, variant)
    const operation: Operation = {
      kind: 'rollback',
      variants: [variant],
      id,
      trigger,
      reason,
      evidence,
      ...(run === '' ? {} : { runs: { [variant]: run } })
    }
    write(route, variant, operation, author(decision, id))
  }

  function takeOut(route: LiveRoute, decision: TriggerDecision): void {
    const ofFleet = decision.evidence['scope'] === 'fleet'
    if (ofFleet || options.replicas.of(route.config.name).alone) rollBack(route, decision)
    else options.quarantines.begin(route, decision)
  }

  function pause(route: LiveRoute, decision: TriggerDecision): void {
    const { variant, trigger, sentence: reason, evidence } = decision
    if (challengerOf(route.document, variant)?.paused) return
    const id = options.newId('pause')
    log.warn({ route: route.config.name, variant, trigger, evidence }, reason)
    const operation: Operation = { kind: 'pause', variants: [variant], reason, evidence }
    write(route, variant, operation, author(decision, id))
  }

  function report(route: LiveRoute, decision: TriggerDecision): void {
    const { name } = route.config
    const { variant, trigger, sentence: reason, evidence, action, dryRun } = decision
    log.warn({ route: name, variant, trigger, action, dryRun, evidence }, reason)
    writeDown({
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
      else if (decision.action === 'rollback') takeOut(route, decision)
      else pause(route, decision)
    },
    stop: () => insistence.stop()
  }
}

/** Neither paused nor rolled back. */
function isPlain(challenger: { readonly paused: unknown; readonly rollback: unknown }): boolean {
  return challenger.paused === null && challenger.rollback === null
}

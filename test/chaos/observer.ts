/**
 * What the replicas of a run show and tell, in one place: the mirror of their documents, and the watches that
 * judge them (state.md, I1, I2, I6, I7).
 */
import { canonicalJson } from '../../src/domain/canonical-json.ts'
import { isLater, type RouteDocument } from '../../src/domain/document.ts'
import { digestOf } from '../../src/io/redis/remote-route.ts'
import type { AuditEntry, WriteResult } from '../../src/ports.ts'
import { createAuditWatch } from './audit-watch.ts'
import { createRaiseWatch } from './raise-watch.ts'
import type { ReplicaAnswer, ReplicaAsk, ReplicaTold } from './replica.ts'
import { createRollbackWatch, type Violation } from './rollback-watch.ts'

export type Observer = {
  hear(replica: number, line: ReplicaTold): void
  asked(replica: number, requestId: string, asked: ReplicaAsk): void
  answered(
    replica: number,
    requestId: string,
    asked: ReplicaAsk,
    answer: ReplicaAnswer | null
  ): void
  killed(replica: number): void
  wiped(replica: number): void
  /** Whether a replica's disk may go: others hold its rollbacks. */
  mayWipe(replica: number, others: readonly number[]): boolean
  /** The document that a replica shows. */
  shown(replica: number, route: string): RouteDocument | null
  /** Null when all replicas show what the store has; else how they differ. */
  difference(replicas: readonly number[], stored: readonly RouteDocument[]): string | null
  /** Answered requests that have not their audit entries yet. */
  untold(): readonly string[]
  /** All that was told before has to be heard. */
  atRest(stored: readonly RouteDocument[], streams: readonly (readonly AuditEntry[])[]): void
  violate(violation: Violation): void
  readonly violations: readonly Violation[]
  counts(): ReturnType<ReturnType<typeof createAuditWatch>['counts']> & { readonly runs: number }
}

/** With `documentsAlone` nothing is asked of weights and audit entries: the control has none. */
export function createObserver({ documentsAlone }: { readonly documentsAlone: boolean }): Observer {
  const violations: Violation[] = []
  const mirror = new Map<string, RouteDocument>()
  const violate = (violation: Violation) => {
    violations.push(violation)
  }
  const newest = new Map<string, RouteDocument>() // that a replica showed since its start
  const before = new Map<string, RouteDocument>() // what was shown when a request was made
  const confirmed = new Set<string>() // digests of documents that a store had
  const rollbacks = createRollbackWatch(violate)
  const raises = createRaiseWatch(violate)
  const audits = createAuditWatch(violate)

  /**
   * A replica goes forward for as long as it runs; after a crash it may begin with an older snapshot. Judged is
   * what a store confirmed: a rollback that only this replica has makes a revision of its own until then.
   */
  function checkOrder(replica: number, document: RouteDocument): void {
    if (!confirmed.has(digestOf(canonicalJson(document)))) return
    const at = `${replica} ${document.route}`
    const before = newest.get(at)
    newest.set(at, document)
    if (before === undefined || !isLater(before, document)) return
    const what = `replica ${replica} went back from ${revision(before)} to ${revision(document)}`
    violate({ invariant: 'I2', what: `${what} of ${document.route}` })
  }

  function show(replica: number, document: RouteDocument, at: number): void {
    checkOrder(replica, document)
    mirror.set(`${replica} ${document.route}`, document)
    rollbacks.shown(replica, document, at)
    audits.shown(document)
    if (!documentsAlone) raises.shown(replica, document, at)
  }

  return {
    violations,
    violate,
    hear(replica, line) {
      if (line.told === 'opened') for (const each of line.documents) show(replica, each, line.at)
      else if (line.told === 'document') {
        checkOrder(replica, line.document)
        show(replica, line.document, line.at)
      } else if (line.told === 'audit') audits.told(replica, line.entry, line.origin)
      else if (line.told === 'confirmed') {
        confirmed.add(line.digest)
        raises.confirmed(line.digest, line.at)
      } else if (line.told === 'sent') {
        const document = line.document as RouteDocument // the driver sent it, and reads it again
        raises.sent(line.digest, document, line.entry?.requestId ?? null)
      }
    },
    asked(replica, requestId, asked) {
      audits.asked(replica, requestId, asked)
      if (asked.ask !== 'write') return
      const document = mirror.get(`${replica} ${asked.route}`)
      if (document) before.set(requestId, document)
      if (asked.operation.kind === 'weights') raises.asked(requestId, asked.operation.weights)
    },
    answered(replica, requestId, asked, answer) {
      audits.answered(requestId, answer)
      const document = before.get(requestId)
      before.delete(requestId)
      if (!answer?.ok || asked.ask !== 'write' || asked.operation.kind !== 'rollback') return
      const result = answer.value as WriteResult // the child's
      if (document) rollbacks.acknowledged(replica, result, asked.operation.variants, document)
    },
    killed(replica) {
      rollbacks.killed(replica, now())
      for (const at of newest.keys()) if (at.startsWith(`${replica} `)) newest.delete(at)
    },
    wiped(replica) {
      rollbacks.wiped(replica)
      audits.wiped(replica)
    },
    mayWipe: (replica, others) => rollbacks.isHeldByOthers(replica, others, now()),
    shown: (replica, route) => mirror.get(`${replica} ${route}`) ?? null,
    difference(replicas, stored) {
      for (const document of stored) {
        const text = canonicalJson(document)
        const other = replicas.find(replica => {
          const shown = mirror.get(`${replica} ${document.route}`)
          return shown === undefined || canonicalJson(shown) !== text
        })
        if (other === undefined) continue
        const shown = mirror.get(`${other} ${document.route}`)
        return `replica ${other} shows ${revision(shown)} of ${document.route}, the store has ${revision(document)}`
      }
      return null
    },
    untold: () => (documentsAlone ? [] : audits.wrong()),
    atRest(stored, streams) {
      for (const document of stored) rollbacks.atRest('the store', document)
      for (const [where, document] of mirror) {
        rollbacks.atRest(`replica ${where.split(' ')[0]}`, document)
      }
      if (documentsAlone) return
      raises.settle()
      audits.settle(streams)
    },
    counts: () => ({ ...audits.counts(), runs: rollbacks.runs() })
  }
}

function revision(document: RouteDocument | undefined): string {
  return document === undefined ? 'nothing' : `${document.epoch}-${document.revision}`
}

function now(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

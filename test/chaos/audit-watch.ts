/**
 * I7: every accepted change has exactly one audit entry, and a refused one has none.
 *
 * Entries are known by the request that they tell of. A change of weights is sent once, so it has one entry in
 * all stores together. A note is sent again to a store that has not got it, and a rollback is made again in a
 * document that lacks it: never two in one stream, but for a rollback where a document of another history was
 * put back between them. An answer that says "unknown", or that a crash swallowed, may mean one entry or none.
 */
import type { RouteDocument } from '../../src/domain/document.ts'
import type { AuditEntry, WriteResult } from '../../src/ports.ts'
import type { ReplicaAnswer, ReplicaAsk } from './replica.ts'
import { runsOf, type Violation } from './rollback-watch.ts'

export type AuditWatch = {
  asked(replica: number, requestId: string, asked: ReplicaAsk): void
  answered(requestId: string, answer: ReplicaAnswer | null): void
  told(replica: number, entry: AuditEntry, origin: 'own' | 'fleet'): void
  shown(document: RouteDocument): void
  /** What the replica had not sent on is gone. */
  wiped(replica: number): void
  /** Requests that are answered and have not the entries that they should have, in words. */
  wrong(): readonly string[]
  /** Judges all requests that are answered. `streams` are the entries that the store has now. */
  settle(streams: readonly (readonly AuditEntry[])[]): void
  /** Accepted changes, and documents that were put back. */
  counts(): { readonly accepted: number; readonly refused: number; readonly reasserted: number }
}

type Kind = 'rollback' | 'change' | 'note'
type Outcome = 'accepted' | 'nothing' | 'unknown'
type Request = {
  readonly kind: Kind
  readonly replica: number
  readonly variants: readonly string[] // of a rollback
  runs: readonly string[] // that it took out, once it is answered
  outcome: Outcome | null
}

const REASSERTION = /^reassert-/

export function createAuditWatch(violate: (violation: Violation) => void): AuditWatch {
  const requests = new Map<string, Request>()
  const entries = new Map<string, Set<string>>() // digests by request, whoever told or kept them
  const own = new Map<string, number>() // how often a digest was told by a writer
  const rollbacks = new Map<string, Set<string>>() // requests by run
  const total = { accepted: 0, refused: 0, reasserted: 0 }

  function know({ requestId, sha256 }: AuditEntry): void {
    entries.set(requestId, (entries.get(requestId) ?? new Set()).add(sha256))
  }

  function digestsOf(requestId: string): readonly string[] {
    return [...(entries.get(requestId) ?? [])]
  }

  /** What is wrong about a request; null when nothing is. */
  function wrongAbout(requestId: string, { kind, outcome, runs }: Request): string | null {
    const digests = digestsOf(requestId)
    const times = digests.map(digest => own.get(digest) ?? 0)
    const facts = `${kind} ${requestId} has ${digests.length} entries, told as own [${times}]`
    if (outcome === 'nothing' && digests.length > 0) return `${facts}, and changed nothing`
    if (outcome === 'unknown' && kind === 'change' && digests.length > 1) return facts
    if (outcome !== 'accepted') return null
    if (kind === 'note') return digests.length > 0 ? null : facts
    if (kind === 'change') return digests.length === 1 && times[0] === 1 ? null : facts
    const untold = runs.find(run => {
      return ![...(rollbacks.get(run) ?? [])].some(id => digestsOf(id).length > 0)
    })
    return untold === undefined ? null : `${facts}, and nobody told of ${untold}`
  }

  function answered(): readonly (readonly [string, Request])[] {
    return [...requests].filter(([, { outcome }]) => outcome !== null)
  }

  return {
    asked(replica, requestId, asked) {
      const operation = asked.ask === 'write' ? asked.operation : null
      const variants = operation?.kind === 'rollback' ? operation.variants : []
      const kind = asked.ask === 'audit' ? 'note' : variants.length > 0 ? 'rollback' : 'change'
      requests.set(requestId, { kind, replica, variants, runs: [], outcome: null })
    },
    answered(requestId, answer) {
      const request = requests.get(requestId)
      if (!request) return
      const result = resultOf(request.kind, answer)
      request.outcome = outcomeOf(request.kind, answer, result)
      if (result) {
        const taken = runsOf(result.document).filter(({ variant, rolledBack }) => {
          return rolledBack && request.variants.includes(variant)
        })
        request.runs = taken.map(({ run }) => run)
      }
      if (request.outcome === 'accepted') total.accepted++
      if (request.outcome === 'nothing') total.refused++
    },
    told(replica, entry, origin) {
      know(entry)
      if (origin === 'fleet') return
      if (REASSERTION.test(entry.requestId)) total.reasserted++
      const times = (own.get(entry.sha256) ?? 0) + 1
      own.set(entry.sha256, times)
      if (times === 1) return
      const what = `entry ${entry.requestId} was told as an own one ${times} times (by ${replica})`
      violate({ invariant: 'I7', what })
    },
    shown(document) {
      for (const [variant, { rolloutId, rollback }] of Object.entries(document.challengers)) {
        if (rollback === null) continue
        const id = rollback.id.replace(new RegExp(`\\.${variant}$`), '')
        const run = `${document.route}/${variant}/${rolloutId}`
        rollbacks.set(run, (rollbacks.get(run) ?? new Set()).add(id))
      }
    },
    wiped(replica) {
      for (const [requestId, request] of requests) {
        const lost = request.replica === replica && digestsOf(requestId).length === 0
        if (lost && request.outcome === 'accepted') request.outcome = 'unknown'
      }
    },
    wrong: () => answered().flatMap(([id, request]) => wrongAbout(id, request) ?? []),
    settle(streams) {
      for (const stream of streams) {
        const seen = new Map<string, AuditEntry>() // rollbacks since a document was put back
        for (const entry of stream) {
          know(entry)
          const { requestId } = entry
          const first = seen.get(requestId)
          if (!REASSERTION.test(requestId)) seen.set(requestId, entry)
          else for (const [id, { type }] of seen) if (type === 'rollback') seen.delete(id)
          if (first === undefined) continue
          const revisions = `${first.revision} and ${entry.revision}`
          const what = `the stream has two entries of ${entry.type} ${requestId}: ${revisions}`
          violate({ invariant: 'I7', what })
        }
      }
      for (const [requestId, request] of answered()) {
        const what = wrongAbout(requestId, request)
        if (what !== null) violate({ invariant: 'I7', what })
        requests.delete(requestId)
      }
    },
    counts: () => total
  }
}

/** Null where there is no answer, and for notes. */
function resultOf(kind: Kind, answer: ReplicaAnswer | null): WriteResult | null {
  return answer?.ok && kind !== 'note' ? (answer.value as WriteResult) : null // the child's
}

/** A rollback that was there already may still have taken out what the store had instead. */
function outcomeOf(kind: Kind, answer: ReplicaAnswer | null, result: WriteResult | null): Outcome {
  if (answer === null || !answer.ok) return 'unknown'
  if (result === null || result.status === 'changed') return 'accepted'
  return kind === 'rollback' && result.status === 'same' ? 'unknown' : 'nothing'
}

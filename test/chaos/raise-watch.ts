/**
 * I6: no replica gives a run of a challenger a weight that a store had not confirmed before.
 *
 * A weight is granted by a change of weights that an operator asked for, as it was sent to a store, from the
 * moment at which some replica knew that a store had it. Documents that come to the store for another reason (a
 * rollback, a reassertion) grant nothing: their weights must have been granted before.
 */
import { bucketsOf, type RouteDocument } from '../../src/domain/document.ts'
import { runsOf, type Violation } from './rollback-watch.ts'

export type RaiseWatch = {
  asked(requestId: string, weights: Readonly<Record<string, number>>): void
  sent(digest: string, document: RouteDocument, requestId: string | null): void
  confirmed(digest: string, at: number): void
  shown(replica: number, document: RouteDocument, at: number): void
  /** Judges what was shown since the last time; all that was told before has to be heard. */
  settle(): void
}

export function createRaiseWatch(violate: (violation: Violation) => void): RaiseWatch {
  const asked = new Map<string, Readonly<Record<string, number>>>() // by request
  const granting = new Map<string, Set<string>>() // digests by run and buckets
  const confirmedAt = new Map<string, number>() // by digest, the first time
  let shown: { readonly replica: number; readonly document: RouteDocument; readonly at: number }[] =
    []

  function isGranted(grant: string, at: number): boolean {
    const digests = granting.get(grant) ?? new Set<string>()
    return [...digests].some(digest => (confirmedAt.get(digest) ?? Number.POSITIVE_INFINITY) <= at)
  }

  return {
    asked(requestId, weights) {
      asked.set(requestId, weights)
    },
    sent(digest, document, requestId) {
      const weights = requestId === null ? undefined : asked.get(requestId)
      if (weights === undefined) return
      for (const { variant, run, buckets } of runsOf(document)) {
        if (buckets === bucketsOf(weights[variant] ?? 0)) {
          const grant = `${run} ${buckets}`
          granting.set(grant, (granting.get(grant) ?? new Set()).add(digest))
        } else {
          const what = `request ${requestId} asked for ${weights[variant] ?? 0} of ${variant}`
          violate({ invariant: 'I6', what: `${what}, and ${buckets / 100} was sent` })
        }
      }
    },
    confirmed(digest, at) {
      confirmedAt.set(digest, Math.min(at, confirmedAt.get(digest) ?? at))
    },
    shown(replica, document, at) {
      shown.push({ replica, document, at })
    },
    settle() {
      for (const { replica, document, at } of shown) {
        for (const { run, buckets } of runsOf(document)) {
          if (buckets === 0 || isGranted(`${run} ${buckets}`, at)) continue
          const revision = `${document.epoch}-${document.revision}`
          const what = `replica ${replica} gave ${run} the weight ${buckets / 100} in ${revision}`
          violate({ invariant: 'I6', what: `${what}, which no store had confirmed` })
        }
      }
      shown = []
    }
  }
}

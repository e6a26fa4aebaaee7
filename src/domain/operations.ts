/**
 * Operations on a route's document, as plain values: what a store accepts and how the document changes.
 * Every driver of `StateStore` gives the same answers (test/helpers/state-conformance.ts).
 */
import type { RegistryEntry, RouteDocument } from './document.ts'

export type Operation =
  | {
      readonly kind: 'weights'
      readonly expect: string
      readonly weights: Readonly<Record<string, number>>
    } // percent, ≤ 2 decimals; left out = 0
  | {
      readonly kind: 'rollback'
      readonly variants: readonly string[]
      readonly id: string
      readonly trigger: string
      readonly reason: string
      readonly evidence: Readonly<Record<string, unknown>> | null
    }
  | {
      readonly kind: 'clear'
      readonly expect: string
      readonly rollback: string
      readonly rolloutId: string
    } // the challenger gets this new rolloutId
  | { readonly kind: 'pause'; readonly variants: readonly string[]; readonly reason: string }
  | { readonly kind: 'resume'; readonly variants: readonly string[]; readonly reason: string }
  | {
      readonly kind: 'variant'
      readonly expect: string
      readonly name: string
      readonly entry: RegistryEntry
    } // add, or change upstreams
  | { readonly kind: 'remove-variant'; readonly expect: string; readonly name: string }

/** Who did it and when; goes into the document and into the audit entry. */
export type Author = {
  readonly by: string
  readonly at: string
  readonly reason: string
  readonly requestId: string
}

export type Refusal =
  | { readonly code: 'stale' } // `expect` is not the document's revision
  | { readonly code: 'rolled-back'; readonly variant: string; readonly rollback: string } // a raise of a rolled-back challenger
  | { readonly code: 'paused'; readonly variant: string }
  | { readonly code: 'not-enough-champion'; readonly variant: string } // growth takes only what the champion owned before
  | { readonly code: 'unknown-rollback'; readonly rollback: string }
  | { readonly code: 'has-weight'; readonly variant: string }
  | { readonly code: 'unknown-variant'; readonly variant: string }
  | { readonly code: 'model-differs'; readonly variant: string } // a variant's model is immutable
  | { readonly code: 'is-champion'; readonly variant: string }

export type Applied =
  | { readonly status: 'changed'; readonly document: RouteDocument }
  | { readonly status: 'same'; readonly document: RouteDocument } // repeat of what is already so: success
  | { readonly status: 'refused'; readonly refusal: Refusal; readonly document: RouteDocument }

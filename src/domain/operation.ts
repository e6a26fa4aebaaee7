/**
 * The operations on a route's document, who makes them, and why one may be refused (operations.ts applies them).
 */
import type { RegistryEntry } from './document.ts'
import type { Model } from './route.ts'

export type Operation =
  | {
      readonly kind: 'weights'
      readonly expect: string
      readonly weights: Readonly<Record<string, number>> // percent, ≤ 2 decimals; left out = 0, the champion has the rest
      readonly known?: readonly string[] // variants of the configuration; left out: the caller has checked the names
    }
  | {
      readonly kind: 'rollback'
      readonly variants: readonly string[]
      readonly id: string
      readonly trigger: string
      readonly reason: string
      readonly evidence: Readonly<Record<string, unknown>> | null
      /** Rollout ids that it is about, by variant: a challenger with another one is left alone. */
      readonly runs?: Readonly<Record<string, string>>
    }
  | {
      readonly kind: 'clear'
      readonly expect: string
      readonly rollback: string
      readonly rolloutId: string
    } // the challenger gets this new rolloutId
  | {
      readonly kind: 'pause'
      readonly variants: readonly string[]
      readonly reason: string
      readonly evidence?: Readonly<Record<string, unknown>> | null // of a trigger; goes into the audit entry
    }
  | { readonly kind: 'resume'; readonly variants: readonly string[]; readonly reason: string }
  | {
      readonly kind: 'variant'
      readonly expect: string
      readonly name: string
      readonly entry: RegistryEntry // a null model keeps the one that the variant has
      readonly configured?: { readonly model: Model | null } // the variant as the configuration has it
    } // add, or change upstreams
  | { readonly kind: 'remove-variant'; readonly expect: string; readonly name: string }
  | {
      readonly kind: 'shadow'
      readonly expect: string
      readonly name: string // of the configuration; the caller has checked it
      readonly on: boolean
    }

/** What a change needs and plain values cannot have. Ids are random; the digest is SHA-256 in hex of UTF-8. */
export type Means = {
  readonly sha256: (text: string) => string
  readonly newId: () => string
}

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
  | { readonly code: 'bad-weights'; readonly reason: string } // not 0..100 with two decimals, or the sum is not 100

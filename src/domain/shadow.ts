/**
 * What a shadow is: a variant that gets copies of requests and whose answers go to nobody; which requests are
 * copied, and why one is not.
 *
 * Every request of a route that the champion answers as a prediction call is considered for each of its shadows,
 * and ends as exactly one of: a drop with its reason, or an outcome of the copy. The sums agree.
 */
import type { Outcome } from './counts.ts'

/** Why a request was not copied, or its copy was lost; in the order of the counters. */
export const SHADOW_DROPS = [
  'sampled_out',
  'off', // switched off, or the router is ending
  'live', // its variant has weight
  'method', // not among the shadow's methods, or an upgrade
  'size', // the body is larger than maxBody
  'credit', // too many bytes of copies are under way
  'concurrency', // the shadow answers too slowly for its limit of copies at once
  'unreachable', // no address of the shadow could be connected to a moment ago
  'incomplete', // the client left before its request was whole
  'lost' // the shadow process, or the data thread, ended with it
] as const
export type ShadowDrop = (typeof SHADOW_DROPS)[number]

/** Why a shadow that is on takes no copies for a while. */
export type ShadowClosed = Extract<ShadowDrop, 'concurrency' | 'unreachable'>

/** How a copy can end. `client_gone` and `shed` are no outcomes of copies. */
export type CopyOutcome = Exclude<Outcome, 'client_gone' | 'shed'>

/** A shadow as the configuration has it. Times in ms, sizes in bytes, shares in plain percent. */
export type ShadowSettings = {
  readonly name: string
  readonly variant: string
  readonly percent: number // of the units or requests, at most two decimals
  readonly sample: 'unit' | 'request'
  readonly timeout: number // for the whole answer
  readonly concurrency: number // copies at once
  readonly maxBody: number // of a copied request, and of a captured answer
  readonly methods: readonly string[]
  readonly keepHeaders: readonly string[] // credentials that stay in the copy, lower case
  readonly rewriteModel: string | null
  readonly compare: boolean
  readonly ignore: readonly string[] // JSON Pointers that are not compared
  readonly tolerance: { readonly relative: number } // of numbers
  readonly noise: number // percent of copies that the champion gets a second time
  readonly capture: boolean // bodies in events and exemplars
  readonly redact: readonly string[] // JSON Pointers removed from captured bodies
  readonly whileLive: boolean // go on while the variant has weight
}

/** A shadow as a data thread sees it. */
export type ShadowTap = {
  readonly slot: number // of its counters, for the life of the process
  readonly name: string
  readonly state: 'on' | 'off' | 'live'
  readonly buckets: number // 0..10000: units below are copied
  readonly sample: 'unit' | 'request'
  readonly salt: string // shadow.<name>
  readonly maxBody: number
  readonly methods: readonly string[]
}

/** Salt of the cohort of a shadow. */
export function shadowSalt(name: string): string {
  return `shadow.${name}`
}

/** Most shadows of a process over its life. */
export const SHADOW_SLOTS = 1024

/**
 * Words of one slot in a thread's region of shadow counters; drops and outcomes follow in the closed order. `sent` are
 * copies that a data thread handed over: the shadow process counts how they end.
 */
export const SHADOW_AT = { considered: 0, sent: 1, drops: 2, outcomes: 16, size: 32 } as const
export const SHADOW_REGION_BYTES = SHADOW_SLOTS * SHADOW_AT.size * 4

/** Counts one more in a `word` of a slot. `words` is the region of the calling thread, who alone writes it. */
export function countShadow(words: Uint32Array, slot: number, word: number): void {
  const at = slot * SHADOW_AT.size + word
  words[at] = (words[at] ?? 0) + 1
}

export function countShadowDrop(words: Uint32Array, slot: number, why: ShadowDrop): void {
  countShadow(words, slot, SHADOW_AT.drops + SHADOW_DROPS.indexOf(why))
}

/** Fields that carry credentials, in lower case: they leave a copy unless the shadow keeps them. */
export const CREDENTIALS: readonly string[] = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'x-api-key'
]

/**
 * What a route is: its names, its units and its protocol. Configuration gives these values and they do not
 * change while the process runs, but for a reload; what changes (weights, rollbacks) is in document.ts.
 */
import type { BodyUnitSource } from './payload/unit-scan.ts'

export const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
export const SALT = /^[A-Za-z0-9._-]{1,200}$/
export const MAX_VARIANTS = 32
export const MAX_UNIT_BYTES = 256

export const PROTOCOLS = [
  'open-inference',
  'kserve-v1',
  'openai',
  'anthropic',
  'mlflow',
  'json',
  'opaque'
] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** Where a unit comes from; a route's list is tried in order and the first that is present wins. */
export type UnitSource =
  | { readonly header: string } // lower case
  | { readonly cookie: string }
  | { readonly query: string }
  | { readonly jwt: string } // claim of the bearer token; read, not verified
  | { readonly setCookie: { readonly name: string; readonly maxAge: number } } // seconds
  | { readonly clientIp: true }
  | { readonly request: 'random' }
  | BodyUnitSource

/** A condition on one value. Never a regular expression. */
export type ValueTest =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly in: readonly string[] }
  | { readonly present: boolean }

/** A condition of an override; header names are lower case. */
export type Condition =
  | { readonly header: { readonly name: string } & ValueTest }
  | { readonly query: { readonly name: string } & ValueTest }
  | { readonly cookie: { readonly name: string } & ValueTest }
  | { readonly unit: ValueTest }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }

export type Override = {
  readonly name: string
  readonly when: Condition
  readonly from: 'any' | 'trusted'
} & ({ readonly variant: string } | { readonly split: Readonly<Record<string, number>> })

export type RouteMatch = {
  readonly hosts: readonly string[] // empty = any; lower case, no port
  readonly paths: readonly string[] // trailing slash = prefix, otherwise exact
  readonly headers: Readonly<Record<string, ValueTest>>
  readonly query: Readonly<Record<string, ValueTest>>
}

/** Model of a variant; immutable under a variant's name. */
export type Model = { readonly name?: string; readonly version?: string; readonly digest?: string }

/**
 * Documents, authors and operations for tests of the state: short to write, different in each call where ids are.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type RouteDocument, revisionOf } from '../../src/domain/document.ts'
import {
  type Author,
  firstDocument,
  type Means,
  type Operation
} from '../../src/domain/operations.ts'

export const means: Means = {
  sha256: text => createHash('sha256').update(text).digest('hex'),
  newId: () => randomUUID()
}

export function author(by = 'ops', reason = 'because'): Author {
  return { by, at: new Date().toISOString(), reason, requestId: randomUUID() }
}

/** Route with champion v3 and the challengers of `weights`. */
export function first(
  route: string,
  weights: Readonly<Record<string, number>> = { v3: 95, v4: 5 }
): RouteDocument {
  return firstDocument({
    route,
    salt: `${route}.0`,
    champion: 'v3',
    weights,
    by: 'config',
    at: '2026-01-01T00:00:00.000Z',
    newId: () => randomUUID()
  })
}

export function weights(
  on: RouteDocument | string,
  map: Readonly<Record<string, number>>
): Operation {
  return { kind: 'weights', expect: typeof on === 'string' ? on : revisionOf(on), weights: map }
}

export function rollback(...variants: readonly string[]): Operation {
  return {
    kind: 'rollback',
    variants,
    id: `rb-${randomUUID()}`,
    trigger: 'operator',
    reason: 'it is bad',
    evidence: null
  }
}

export function clear(on: RouteDocument, variant: string): Operation {
  return {
    kind: 'clear',
    expect: revisionOf(on),
    rollback: rollbackId(on, variant),
    rolloutId: randomUUID()
  }
}

export function shadow(on: RouteDocument | string, name: string, to: 'on' | 'off'): Operation {
  const expect = typeof on === 'string' ? on : revisionOf(on)
  return { kind: 'shadow', expect, name, on: to === 'on' }
}

export function rollbackId(on: RouteDocument, variant: string): string {
  return on.challengers[variant]?.rollback?.id ?? 'none'
}

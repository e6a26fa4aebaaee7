/**
 * Sides of a comparison for tests: an answer with status 200 and a body.
 */
import { compareAnswers } from '../../src/domain/compare/compare.ts'
import type {
  ComparedSide,
  CompareSettings,
  Comparison,
  FieldResult
} from '../../src/domain/compare/comparison.ts'
import type { Protocol } from '../../src/domain/route.ts'

export const SETTINGS: CompareSettings = {
  protocol: 'json',
  predictions: [],
  ignore: [],
  relative: 0.01
}

/** An answer; values are sent as JSON, texts and bytes as they are. */
export function answer(body: unknown, changes: Partial<ComparedSide> = {}): ComparedSide {
  return {
    status: 200,
    outcome: 'ok',
    contentType: 'application/json',
    inferenceHeaderLength: null,
    body: bytesOf(body),
    refusal: null,
    ...changes
  }
}

/** Events of a stream; values are sent as JSON. */
export function events(...data: readonly unknown[]): ComparedSide {
  const lines = data.map(
    each => `data: ${typeof each === 'string' ? each : JSON.stringify(each)}\n\n`
  )
  return answer(lines.join(''), { contentType: 'text/event-stream' })
}

/** Compares two bodies of a protocol. */
export function compareBodies(
  primary: unknown,
  shadow: unknown,
  changes: Partial<CompareSettings> = {}
): Comparison {
  return compareAnswers(sideOf(primary), sideOf(shadow), { ...SETTINGS, ...changes })
}

/** The fields of the bodies that differ, each as `field kind`. */
export function differences(comparison: Comparison): readonly string[] {
  return comparison.fields
    .filter(({ difference }) => difference !== null)
    .map(({ field, difference }) => `${field} ${difference}`)
}

export function fieldOf(comparison: Comparison, name: string): FieldResult | undefined {
  return comparison.fields.find(({ field }) => field === name)
}

export const OF_PROTOCOL = (protocol: Protocol): CompareSettings => ({ ...SETTINGS, protocol })

function sideOf(value: unknown): ComparedSide {
  return isSide(value) ? value : answer(value)
}

function isSide(value: unknown): value is ComparedSide {
  return typeof value === 'object' && value !== null && 'outcome' in value && 'refusal' in value
}

function bytesOf(body: unknown): Uint8Array | null {
  if (body === null) return null
  if (body instanceof Uint8Array) return body
  return new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
}

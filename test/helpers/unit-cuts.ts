/** Units that a scan has to find, held against it at every cut of the bytes. */
import type { ScanState } from '../../src/domain/payload/unit-place.ts'
import {
  type BodyFacts,
  type BodyUnitSource,
  unitScan
} from '../../src/domain/payload/unit-scan.ts'

export const JSON_FACTS: BodyFacts = {
  contentType: 'application/json',
  contentEncoding: null,
  inferenceHeaderLength: null
}

export type UnitCase = {
  readonly what: string
  readonly sources: readonly BodyUnitSource[]
  readonly body: string | Uint8Array
  readonly facts?: Partial<BodyFacts>
  readonly unit: string | null // null: absent
  readonly raw?: boolean // the unit is bytes as latin1
}

/** What a tap test offers for a comparison. */
type Sameness = { same(found: unknown, wanted: unknown, what: string): unknown }

/** One assertion a case: the same unit at every cut. */
export function findsUnits(t: Sameness, cases: readonly UnitCase[]): void {
  for (const { what, sources, body, facts, unit, raw } of cases) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const wanted: ScanState =
      unit === null ? { kind: 'absent' } : { kind: 'found', text: raw ? unit : bytesOf(unit) }
    everyCut(t, what, sources, bytes, { ...JSON_FACTS, ...facts }, wanted)
  }
}

/** One piece, two pieces at every place (of long bodies, at some), byte by byte. */
export function everyCut(
  t: Sameness,
  what: string,
  sources: readonly BodyUnitSource[],
  bytes: Uint8Array,
  facts: BodyFacts,
  wanted: ScanState
): void {
  const step = bytes.length > 2000 ? 997 : 1
  const outcomes = new Set<string>()
  for (let at = 0; at <= bytes.length; at += step) {
    outcomes.add(
      JSON.stringify(scanned(sources, facts, [bytes.subarray(0, at), bytes.subarray(at)]))
    )
  }
  const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  outcomes.add(JSON.stringify(scanned(sources, facts, single)))
  t.same([...outcomes], [JSON.stringify(wanted)], what)
}

/** The UTF-8 of a text as latin1. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function scanned(
  sources: readonly BodyUnitSource[],
  facts: BodyFacts,
  pieces: readonly Uint8Array[]
): ScanState {
  const scan = unitScan(sources, facts)
  for (const piece of pieces) {
    const state = scan.push(piece)
    if (state.kind !== 'open') return state
  }
  return scan.end()
}

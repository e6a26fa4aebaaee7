/**
 * The figures on which a trigger took a challenger out, from the evidence of its rollback: what its line in the
 * table of triggers said at that moment. They stay for as long as the rollback is in force.
 *
 * Evidence is a record of unknown shape (it may be of another version): what is not there is not shown, and a
 * rollback without figures (an operator's, a quorum's that nobody here was part of) has none.
 */
import type { RouteView } from '../ports.ts'

export type Figures = {
  readonly variant: string
  readonly trigger: string
  readonly evidence: number | null
  readonly threshold: number | null
  readonly failed: number | null
  readonly of: number | null
  readonly ratio: number | null
  readonly phi: number | null
  readonly since: string // ISO 8601
  readonly champion: { readonly failed: number; readonly of: number } | null
}

/** Of every challenger of the route that a trigger rolled back. */
export function decidedFigures(view: RouteView): readonly Figures[] {
  return Object.entries(view.challengers).flatMap(([variant, { rollback }]) => {
    const evidence = objectOf(rollback?.evidence)
    if (rollback === null || evidence === null) return []
    const own = objectOf(evidence['own']) // a quorum's, where this replica was part of it
    const figures = figuresOf(own ?? evidence)
    if (figures === null) return []
    const { windowMs, ...shown } = figures
    const since = earlier(rollback.at, windowMs)
    return [{ ...shown, variant, trigger: rollback.trigger, since }]
  })
}

type Read = Omit<Figures, 'variant' | 'trigger' | 'since'> & { readonly windowMs: number }
type Unknown = Readonly<Record<string, unknown>>

function figuresOf(evidence: Unknown): Read | null {
  const challenger = objectOf(evidence['challenger'])
  if (challenger !== null) return ofCounts(evidence, challenger)
  const waitedMs = numberOf(evidence['waitedMs'])
  const limitMs = numberOf(evidence['limitMs'])
  if (waitedMs === null || limitMs === null) return null
  const pending = numberOf(evidence['pending'])
  return {
    evidence: waitedMs / 1000,
    threshold: limitMs / 1000,
    failed: pending,
    of: pending,
    ratio: null,
    phi: null,
    windowMs: waitedMs,
    champion: null
  }
}

/** Triggers that count; gross has failures against their limit, the others logarithms of evidence. */
function ofCounts(evidence: Unknown, challenger: Unknown): Read {
  const failed = numberOf(challenger['failures'])
  const champion = objectOf(evidence['champion'])
  const championFailed = numberOf(champion?.['failures'])
  const championOf = numberOf(champion?.['requests'])
  const limit = numberOf(evidence['limit'])
  return {
    evidence: limit === null ? logEvidence(evidence) : failed,
    threshold: limit ?? numberOf(evidence['threshold']),
    failed,
    of: numberOf(challenger['requests']),
    ratio: numberOf(evidence['ratio']),
    phi: numberOf(evidence['phi']),
    windowMs: numberOf(evidence['windowMs']) ?? 0,
    champion:
      championFailed === null || championOf === null
        ? null
        : { failed: championFailed, of: championOf }
  }
}

/** The evidence of the test that decided. */
function logEvidence({ logEvidence: tests, test }: Unknown): number | null {
  const byTest = objectOf(tests)
  const above = numberOf(byTest?.['above'])
  if (test === 'strong-ratio') return numberOf(byTest?.['strongRatio']) ?? above
  const share = numberOf(byTest?.['share'])
  return test === 'share' && share !== null ? Math.min(above ?? share, share) : above
}

/** That many ms before an ISO time; one that cannot be read stays as it is. */
function earlier(iso: string, ms: number): string {
  const at = Date.parse(iso) - ms
  return Number.isNaN(at) ? iso : new Date(at).toISOString()
}

function objectOf(value: unknown): Unknown | null {
  // A border: JSON of the API, of which every member is read as unknown.
  return typeof value === 'object' && value !== null ? (value as Unknown) : null
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

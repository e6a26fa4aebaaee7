/**
 * What an alarm of the fleet says to people: the evidence of a trigger, and what each replica counted of it.
 */
import type { StratumCounts } from '../trigger/trigger.ts'
import type { Evidence } from '../trigger/verdict.ts'

const MOST = 20 // replicas that are named; a document has no place for hundreds

/** `counts` by replica since the reset of the detectors. */
export function fleetEvidence(
  evidence: Evidence,
  counts: ReadonlyMap<string, StratumCounts>,
  leftOut: number
): Evidence {
  const byFailures = [...counts].sort(([, a], [, b]) => b.xc - a.xc)
  return {
    ...evidence,
    scope: 'fleet',
    replicas: {
      contributed: counts.size,
      leftOut,
      counts: Object.fromEntries(
        byFailures.slice(0, MOST).map(([replica, { nc, xc, nb, xb }]) => [
          replica,
          {
            challenger: { requests: nc, failures: xc },
            champion: { requests: nb, failures: xb }
          }
        ])
      )
    }
  }
}

export function fleetSentence(sentence: string, replicas: number): string {
  return `Over ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}: ${sentence}`
}

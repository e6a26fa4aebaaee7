/**
 * A quorum as the decision to roll back, in plain words: which replicas have the challenger out, and what each said.
 *
 * What other replicas said comes from the store, so it is shortened, and only the oldest of many are named.
 */
import { TRIGGERS } from '../domain/trigger-settings.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import type { Quorum, Vote } from './quorum.ts'

const NAMED = 5
const KEPT = 20
const SENTENCE = 300

/** `own`: the evidence of this replica's alarm; null where it has the challenger in. */
export function fleetDecision(
  variant: string,
  quorum: Quorum,
  own: Readonly<Record<string, unknown>> | null
): TriggerDecision {
  const { cause, votes, replicas, calls } = quorum
  const known = votes.flatMap(({ quarantine }) =>
    TRIGGERS.filter(trigger => trigger === quarantine.trigger)
  )
  return {
    variant,
    trigger: known[0] ?? 'gross', // a later version may have triggers that are not known here
    action: 'rollback',
    dryRun: false,
    sentence: `${headOf(variant, quorum)} ${said(votes)}`,
    evidence: {
      scope: 'fleet',
      test: 'quorum',
      cause,
      replicas,
      calls,
      out: votes.slice(0, KEPT).map(({ replica, calls: of, quarantine }) => {
        const { trigger, reason, at } = quarantine
        return { replica, trigger, reason: short(reason), at, calls: of }
      }),
      own
    }
  }
}

function headOf(variant: string, { cause, votes, replicas, calls }: Quorum): string {
  if (cause === 'alone') return `${variant} is out on the only replica.`
  const head = `${variant} is out on ${votes.length} of ${replicas} replicas`
  if (cause === 'replicas') return `${head}.`
  const theirs = votes.reduce((sum, vote) => sum + vote.calls, 0)
  return `${head}, which got ${theirs} of its last ${calls} calls.`
}

function said(votes: readonly Vote[]): string {
  const named = votes
    .slice(0, NAMED)
    .map(({ replica, quarantine }) => `${replica}: ${short(quarantine.reason)}`)
  const more = votes.length - named.length
  return more > 0 ? `${named.join(' ')} And ${more} more.` : named.join(' ')
}

function short(text: string): string {
  return text.length > SENTENCE ? `${text.slice(0, SENTENCE)}…` : text
}

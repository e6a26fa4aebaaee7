/**
 * When a challenger that is out on some replicas is out for the fleet (triggers.md, acting): two replicas have it
 * out, or those that have it out got at least 30 % of its calls, or the one that has it out is alone.
 *
 * Pure, and every replica asks it for itself, also one that has the challenger in: there is no leader, because a
 * rollback is a join. Only what is said of the same run of the challenger counts.
 */
import type { Quarantine, Replica } from '../ports.ts'
import type { Company } from './replicas.ts'

const TWO = 2
const SHARE = 0.3

/** What this replica tells of itself. */
export type Own = Pick<Replica, 'id' | 'calls' | 'out'>

/** A replica that has the challenger out. */
export type Vote = {
  readonly replica: string
  readonly calls: number
  readonly quarantine: Quarantine
}

export type Quorum = {
  readonly cause: 'replicas' | 'share' | 'alone'
  readonly votes: readonly Vote[] // oldest first
  readonly replicas: number
  readonly calls: number // of the challenger, on all replicas
}

/** Null while it is undecided, and always while the store does not answer: then nobody can be counted. */
export function quorumOf(
  variant: string,
  rolloutId: string,
  own: Own,
  company: Company
): Quorum | null {
  if (!company.reachable) return null
  const votes = [own, ...company.others]
    .flatMap(replica => voteOf(replica, variant, rolloutId))
    .sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
  if (votes.length === 0) return null
  const all = [own, ...company.remembered]
  const calls = sum(all.map(replica => callsOf(replica, variant)))
  const found = { votes, replicas: all.length, calls }
  if (votes.length >= TWO) return { cause: 'replicas', ...found }
  if (company.alone) return { cause: 'alone', ...found }
  const theirs = sum(votes.map(vote => vote.calls))
  return calls > 0 && theirs >= SHARE * calls ? { cause: 'share', ...found } : null
}

function voteOf(replica: Own, variant: string, rolloutId: string): readonly Vote[] {
  const quarantine = Object.hasOwn(replica.out, variant) ? replica.out[variant] : undefined
  if (quarantine === undefined || quarantine.rolloutId !== rolloutId) return []
  return [{ replica: replica.id, calls: callsOf(replica, variant), quarantine }]
}

function callsOf({ calls }: Own, variant: string): number {
  return Object.hasOwn(calls, variant) ? (calls[variant] ?? 0) : 0
}

function orderOf({ quarantine, replica }: Vote): string {
  return `${quarantine.at} ${replica}`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0)
}

/**
 * Which replicas share a route, as far as this one can tell.
 *
 * The store's list is believed only while the store answers, and one that left it is remembered for a while, so
 * that neither a store that lost its list nor a replica that comes and goes looks like a fleet that shrank. The
 * memory does not age while the store is away, or while this process stood still.
 */
import { TICK_MS } from '../domain/counts.ts'
import type { Replica, StateStore } from '../ports.ts'

export type Company = {
  /** The store answered lately, so that the others can be counted. */
  readonly reachable: boolean
  /** Nobody else has been there for a while. */
  readonly alone: boolean
  /** The others that are there now. */
  readonly others: readonly Replica[]
  /** The others that were there a moment ago, those of now among them. */
  readonly remembered: readonly Replica[]
  /** The most that were there at one time in the last minute, this one among them. */
  readonly most: number
}

export type Replicas = {
  /** Looks at the list again; once a tick. */
  observe(route: string): Company
  /** What the last look saw. */
  of(route: string): Company
}

const REACHABLE_MS = 3_000 // the store is asked each second
const REMEMBERED_MS = 10_000 // longer than a client of the store needs to connect again
const MOST_MS = 60_000

type Memory = {
  lookedAt: number
  age: number // ms that passed while the store answered
  readonly seen: Map<string, { readonly replica: Replica; readonly age: number }>
  most: { readonly count: number; readonly age: number }
  company: Company
}

const NOBODY: Company = { reachable: false, alone: false, others: [], remembered: [], most: 1 }

export function createReplicas(
  store: Pick<StateStore, 'replicas' | 'ageMs' | 'source'>,
  now: () => number
): Replicas {
  const memories = new Map<string, Memory>()

  function observe(route: string): Company {
    const memory = memories.get(route) ?? remember(now())
    memories.set(route, memory)
    const reachable = isReachable(store, route)
    const passed = Math.min(now() - memory.lookedAt, 2 * TICK_MS)
    memory.lookedAt = now()
    memory.company = reachable
      ? look(memory, store.replicas(route).slice(1), passed)
      : { ...memory.company, reachable: false, alone: false, others: [] }
    return memory.company
  }

  return { observe, of: route => memories.get(route)?.company ?? observe(route) }
}

function remember(now: number): Memory {
  return {
    lookedAt: now,
    age: 0,
    seen: new Map(),
    most: { count: 1, age: 0 },
    company: NOBODY
  }
}

/** A store that nobody shares has no age. One that never answered in this process is not there. */
function isReachable(store: Pick<StateStore, 'ageMs' | 'source'>, route: string): boolean {
  const age = store.ageMs(route)
  return age === 0 || (age < REACHABLE_MS && store.source(route) === 'store')
}

function look(memory: Memory, others: readonly Replica[], passed: number): Company {
  memory.age += passed
  const { age, seen } = memory
  for (const replica of others) seen.set(replica.id, { replica, age })
  for (const [id, one] of seen) if (age - one.age > REMEMBERED_MS) seen.delete(id)
  const count = others.length + 1
  if (count >= memory.most.count || age - memory.most.age > MOST_MS) memory.most = { count, age }
  return {
    reachable: true,
    alone: seen.size === 0,
    others,
    remembered: [...seen.values()].map(({ replica }) => replica),
    most: memory.most.count
  }
}

/**
 * Which fault comes when: one after the other or two and more at once, never two on the same replica or two on
 * the servers, and never a network fault of many beside one of a single replica.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { between, pick } from './chance.ts'
import { type Fault, NETWORK_FAULTS, REPLICA_FAULTS, STORE_FAULTS, type World } from './faults.ts'

export type Schedule = {
  /** Begins; `stop` resolves when the last fault is over. It rejects when a fault could not be made. */
  start(): { stop(): Promise<void> }
  /** How often each fault was made, by name. */
  counts(): Readonly<Record<string, number>>
}

const GAP_MS = [50, 400] as const
const AT_ONCE = 4

export function createSchedule(world: World): Schedule {
  const { random, replicas } = world
  const total = new Map<string, number>()
  const busy = new Set<string>()
  const open = new Set<Promise<void>>()
  let failure: unknown = null

  const count = (what: string) => {
    total.set(what, (total.get(what) ?? 0) + 1)
  }

  function begin(fault: Fault, on: number, scopes: readonly string[]): void {
    if (scopes.some(scope => busy.has(scope))) return
    for (const scope of scopes) busy.add(scope)
    count(fault.name)
    const done = fault
      .run(world, on, count)
      .catch((error: unknown) => {
        failure ??= new Error(`the fault "${fault.name}" could not be made`, { cause: error })
      })
      .finally(() => {
        for (const scope of scopes) busy.delete(scope)
        open.delete(done)
      })
    open.add(done)
  }

  function step(): void {
    if (open.size >= AT_ONCE) return
    const chance = random()
    const all = replicas.map(({ index }) => `replica ${index}`)
    const { index } = pick(replicas, random)
    if (chance < 0.3) begin(pick(STORE_FAULTS, random), 0, ['store'])
    else if (chance < 0.36) begin(pick(NETWORK_FAULTS, random), 0, all)
    else begin(pick(REPLICA_FAULTS, random), index, [`replica ${index}`])
  }

  return {
    start() {
      let going = true
      const loop = (async () => {
        while (going) {
          await delay(between(GAP_MS, random))
          if (going) step()
        }
      })()
      return {
        async stop() {
          going = false
          await loop
          while (open.size > 0) await Promise.all(open)
          if (failure !== null) throw failure
        }
      }
    },
    counts: () => Object.fromEntries([...total].sort())
  }
}

/**
 * Operators and triggers of a chaos run: they look at what a random replica shows and ask that replica for
 * something, as people, scripts and triggers do. Raises outnumber everything, so that there is something to
 * roll back; what is rolled back is cleared again sooner or later.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type RouteDocument, revisionOf } from '../../src/domain/document.ts'
import type { Operation } from '../../src/domain/operations.ts'
import { between, pick, type Random } from './chance.ts'
import type { Observer } from './observer.ts'
import type { ReplicaAsk } from './replica.ts'
import type { ReplicaProcess } from './replica-process.ts'

export type Operators = {
  /** Begins to ask; `stop` resolves when the last question is answered. */
  start(): { stop(): Promise<void> }
  /** Questions so far, and those for a rollback among them. */
  counts(): { readonly decisions: number; readonly rollbacks: number }
}

export type OperatorOptions = {
  readonly replicas: readonly ReplicaProcess[]
  readonly routes: readonly string[]
  readonly observer: Observer
  readonly random: Random
}

const PAUSE_MS = [15, 90] as const
const OPEN_MOST = 4 // questions of one replica

export function createOperators({
  replicas,
  routes,
  observer,
  random
}: OperatorOptions): Operators {
  const total = { decisions: 0, rollbacks: 0 }
  const open = new Set<Promise<void>>()

  function step(): void {
    const replica = pick(replicas, random)
    const route = pick(routes, random)
    const document = observer.shown(replica.index, route)
    if (document === null || !replica.running() || replica.open() >= OPEN_MOST) return
    const requestId = randomUUID()
    const asked = questionOf(document, requestId)
    if (asked === null) return
    total.decisions++
    if (asked.ask === 'write' && asked.operation.kind === 'rollback') total.rollbacks++
    observer.asked(replica.index, requestId, asked)
    const done = replica.ask(asked).then(answer => {
      observer.answered(replica.index, requestId, asked, answer)
      open.delete(done)
    })
    open.add(done)
  }

  function questionOf(document: RouteDocument, requestId: string): ReplicaAsk | null {
    const { route } = document
    if (random() < 0.03) return { ask: 'audit', draft: noteOf(route, requestId) }
    const operation = operationOf(document, requestId, random)
    if (operation === null) return null
    const author = { by: 'ops', at: new Date().toISOString(), reason: 'chaos', requestId }
    return { ask: 'write', route, operation, author }
  }

  return {
    start() {
      let going = true
      const loop = (async () => {
        while (going) {
          await delay(between(PAUSE_MS, random))
          step()
        }
      })()
      return {
        async stop() {
          going = false
          await loop
          await Promise.all(open)
        }
      }
    },
    counts: () => total
  }
}

/** Null where nothing sensible can be asked. A rollback's id is its request's, so that both can be found again. */
function operationOf(document: RouteDocument, requestId: string, random: Random): Operation | null {
  const names = Object.keys(document.challengers)
  const variant = pick(names, random)
  const challenger = document.challengers[variant]
  if (challenger === undefined) return null
  const expect = revisionOf(document)
  const chance = random()
  const { rollback, rolloutId, paused } = challenger
  if (rollback !== null && chance < 0.5) {
    return { kind: 'clear', expect, rollback: rollback.id, rolloutId: randomUUID() }
  }
  const rest = { id: requestId, reason: 'it is bad', evidence: null }
  if (chance < 0.06) return { kind: 'rollback', variants: [variant], trigger: 'operator', ...rest }
  if (chance < 0.12) {
    const runs = { [variant]: rolloutId }
    return { kind: 'rollback', variants: [variant], trigger: 'gross_errors', runs, ...rest }
  }
  if (chance < 0.14) return { kind: 'rollback', variants: names, trigger: 'operator', ...rest }
  if (chance < 0.2) return { kind: 'pause', variants: [variant], reason: 'wait' }
  if (paused !== null && chance < 0.7) {
    return { kind: 'resume', variants: [variant], reason: 'go on' }
  }
  const share = 9_000 / names.length
  const weights = Object.fromEntries(
    names.map(name => {
      const free = document.challengers[name]?.rollback === null
      return [name, free ? Math.floor(random() * share) / 100 : 0]
    })
  )
  return { kind: 'weights', expect, weights }
}

function noteOf(route: string, requestId: string) {
  const before = null
  const what = { type: 'config', variant: null, by: 'ops', reason: 'note' } as const
  return { ...what, route, requestId, before, after: null, evidence: null, revision: null }
}

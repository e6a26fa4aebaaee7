/** Replicas of a route with a challenger, one of which may alarm alone. */
import type { Test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { challengerOf } from '../../src/domain/document.ts'
import type { TriggerDecision } from '../../src/domain/watch.ts'
import { configOf } from './config-file.ts'
import { type MemoryFleet, memoryFleet } from './memory-fleet.ts'
import { deadFor, pass, ROUTE, startReplica, type TestReplica } from './replica.ts'

export const CHECKED = '{ url: "http://v4.test:8000" }], health: { path: /ready, interval: 1s } }'
export const PLAIN = '{ url: "http://v4.test:8000" }] }'

export function fileOf(challenger = CHECKED, more = ''): string {
  return `routes:
  fraud:
    hashOn: [{ header: x-user-id }]
    variants:
      v3: { upstreams: ["http://v3.test:8000"] }
      v4: { upstreams: [${challenger}
    champion: v3
    initialWeights: { v3: 90, v4: 10 }
${more}`
}

export type Scene = { readonly fleet: MemoryFleet; readonly replicas: readonly TestReplica[] }

/** Replicas a, b, c, … after 20 s of ordinary traffic. */
export async function scene(t: Test, count: number, text = fileOf()): Promise<Scene> {
  const config: Config = await configOf(t, text)
  const fleet = memoryFleet([ROUTE])
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, count)
  const replicas = ids.map(id => startReplica(fleet, id, config))
  t.teardown(() => {
    for (const { acting } of replicas) acting.stop()
  })
  pass(fleet, replicas, 20_000)
  return { fleet, replicas }
}

export function at(replicas: readonly TestReplica[], index: number): TestReplica {
  const replica = replicas[index]
  if (replica === undefined) throw new Error(`no replica ${index}`)
  return replica
}

export function outOn(replicas: readonly TestReplica[]): string {
  return replicas
    .filter(replica => !replica.isIn('v4'))
    .map(({ id }) => id)
    .join('')
}

/** The challenger is dead for one replica until it is out there. */
export function alarm({ fleet, replicas }: Scene, id: string): void {
  for (let i = 0; i < 40 && !outOn(replicas).includes(id); i++) {
    pass(fleet, replicas, 250, deadFor(id))
  }
}

export function rollbackOf(fleet: MemoryFleet) {
  return challengerOf(fleet.document(ROUTE), 'v4')?.rollback ?? null
}

export const decision: TriggerDecision = {
  variant: 'v4',
  trigger: 'latency',
  action: 'rollback',
  dryRun: false,
  sentence: 'It is slow.',
  evidence: { test: 'share' }
}

/**
 * One replica of a chaos run: a process with the state core of a router, its directory and its connection.
 *
 * It does what the lines of its input ask and tells on its output what it shows, what its store confirmed and
 * which audit entries it tells, each with a time that all processes of the machine share. A line is written
 * before the work goes on, so a kill -9 loses none of what was shown.
 *
 * Argument: a `ReplicaSettings` as JSON.
 */
import { createInterface } from 'node:readline'
import type { RouteDocument } from '../../src/domain/document.ts'
import { type Author, firstDocument, type Operation } from '../../src/domain/operations.ts'
import { SluiceError } from '../../src/errors.ts'
import { openLink } from '../../src/io/redis/link.ts'
import { createRedisState } from '../../src/io/redis/state.ts'
import type { AuditDraft, AuditEntry, Clock, StateStore, WriteResult } from '../../src/ports.ts'
import { redisSettings } from '../helpers/redis-state.ts'
import { means } from '../helpers/state-documents.ts'
import { silentLog } from '../helpers/state-process.ts'
import { createPlainStore } from './plain-store.ts'
import { type LinkTold, recordingLink } from './recording-link.ts'

export type ReplicaSettings = {
  readonly port: number
  readonly directory: string
  readonly routes: readonly string[]
  readonly challengers: readonly string[]
  readonly control: boolean // plain SET and GET instead of the driver
}

export type ReplicaAsk =
  | {
      readonly ask: 'write'
      readonly route: string
      readonly operation: Operation
      readonly author: Author
    }
  | { readonly ask: 'audit'; readonly draft: AuditDraft }
  | { readonly ask: 'unsettled' }
  | { readonly ask: 'clock'; readonly shiftMs: number } // the wall clock, from now on
  | { readonly ask: 'close' }

export type ReplicaAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

export type ReplicaTold = { readonly at: number } & ( // µs of the machine's monotonic clock
  | { readonly told: 'opened'; readonly documents: readonly RouteDocument[] }
  | { readonly told: 'document'; readonly document: RouteDocument }
  | { readonly told: 'audit'; readonly origin: 'own' | 'fleet'; readonly entry: AuditEntry }
  | { readonly told: 'answer'; readonly id: number; readonly answer: ReplicaAnswer }
  | LinkTold
)

/** What both stores of a replica can do. */
export type ChaosStore = Pick<StateStore, 'read' | 'onDocument' | 'onAudit' | 'close'> & {
  open(routes: readonly string[], first: (route: string) => RouteDocument): Promise<unknown>
  write(route: string, operation: Operation, author: Author): Promise<WriteResult>
  audit(draft: AuditDraft): Promise<unknown>
  unsettled(): readonly string[]
}

type Told = ReplicaTold extends infer Line
  ? Line extends unknown
    ? Omit<Line, 'at'>
    : never
  : never

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as ReplicaSettings) // our parent's

async function main(options: ReplicaSettings): Promise<void> {
  let shiftMs = 0
  const clock: Clock = {
    now: () => performance.now(),
    wall: () => new Date(Date.now() + shiftMs)
  }
  const settings = redisSettings(options.port)
  const link = recordingLink(openLink(settings, silentLog), tell)
  const { directory } = options
  const store: ChaosStore = options.control
    ? createPlainStore(link, settings.prefix, means)
    : createRedisState({ settings, link, directory, clock, log: silentLog })
  store.onDocument(document => tell({ told: 'document', document }))
  store.onAudit((entry, origin) => tell({ told: 'audit', origin, entry }))
  await store.open(options.routes, route => firstOf(route, options.challengers))
  const documents = options.routes.flatMap(route => store.read(route) ?? [])
  tell({ told: 'opened', documents })

  async function carryOut(asked: ReplicaAsk): Promise<unknown> {
    switch (asked.ask) {
      case 'write':
        return store.write(asked.route, asked.operation, asked.author)
      case 'audit':
        return store.audit(asked.draft)
      case 'unsettled':
        return store.unsettled()
      case 'clock':
        shiftMs = asked.shiftMs
        return null
      case 'close':
        return store.close()
    }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    const { id, ...asked } = JSON.parse(line) as ReplicaAsk & { readonly id: number } // our parent's
    answerOf(() => carryOut(asked)).then(
      answer => tell({ told: 'answer', id, answer }),
      () => process.exit(1)
    )
  }
  process.exit() // the parent is gone, or is done with us
}

/** The champion alone: after a total loss no challenger comes back by itself. */
function firstOf(route: string, challengers: readonly string[]): RouteDocument {
  return firstDocument({
    route,
    salt: `${route}.0`,
    champion: 'v3',
    weights: Object.fromEntries([['v3', 100], ...challengers.map(name => [name, 0] as const)]),
    by: 'config',
    at: new Date().toISOString(),
    newId: means.newId
  })
}

async function answerOf(task: () => Promise<unknown>): Promise<ReplicaAnswer> {
  try {
    return { ok: true, value: (await task()) ?? null }
  } catch (error) {
    const code = error instanceof SluiceError ? error.code : 'none'
    return { ok: false, code, message: String(error) }
  }
}

function tell(line: Told): void {
  const at = Number(process.hrtime.bigint() / 1000n)
  process.stdout.write(`${JSON.stringify({ at, ...line })}\n`)
}

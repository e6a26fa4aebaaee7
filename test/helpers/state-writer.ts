/**
 * A process of its own that changes the state of three routes without end, to be killed at any moment.
 *
 * Arguments: the directory and a seed. It writes one JSON line to stdout before a change that takes a rollback
 * back (`clearing`) and one after each change that was accepted (`accepted`), so that whoever reads it knows
 * what was promised when it died.
 */
import { writeSync } from 'node:fs'
import { type RouteDocument, revisionOf } from '../../src/domain/document.ts'
import type { Operation } from '../../src/domain/operations.ts'
import { createFileState } from '../../src/io/file-state.ts'
import { seeded } from './seeded.ts'
import { author, clear, first, rollback, rollbackId, weights } from './state-documents.ts'
import { silentLog, systemClock } from './state-process.ts'

export const WRITER_ROUTES = ['a', 'b', 'c']

/** One line of the writer's output. */
export type Said =
  | { readonly what: 'open' }
  | { readonly what: 'clearing'; readonly route: string; readonly rollback: string }
  | {
      readonly what: 'accepted'
      readonly kind: Operation['kind']
      readonly route: string
      readonly revision: string
      readonly rollback: string | null // that stands after it
    }

if (import.meta.main) await main(process.argv[2] ?? '', Number(process.argv[3]))

async function main(directory: string, seed: number): Promise<void> {
  const random = seeded(seed)
  const store = createFileState({
    directory,
    clock: systemClock,
    log: silentLog,
    rotateAuditAt: 20_000,
    keepAudit: 100_000
  })
  await store.open(WRITER_ROUTES, route => first(route, { v3: 90, v4: 10 }))
  say({ what: 'open' })
  const lanes = WRITER_ROUTES.map(async route => {
    for (;;) {
      const document = store.read(route)
      if (document === null) throw new Error(`route ${route} is gone`)
      const operation = nextOperation(document, random)
      if (operation.kind === 'clear') {
        say({ what: 'clearing', route, rollback: operation.rollback })
      }
      const result = await store.write(route, operation, author())
      if (result.status === 'refused') throw new Error(JSON.stringify(result.refusal))
      if (result.scope !== 'fleet') throw new Error('the disk takes everything here')
      if (result.status === 'changed') say(accepted(operation.kind, result.document))
    }
  })
  await Promise.all(lanes)
}

function nextOperation(document: RouteDocument, random: () => number): Operation {
  if (document.phase === 'rolled-back' && random() < 0.6) return clear(document, 'v4')
  if (random() < 0.5) return rollback('v4')
  const latched = document.phase === 'rolled-back'
  return weights(document, { v4: latched ? 0 : Math.floor(random() * 10_000) / 100 })
}

function accepted(kind: Operation['kind'], document: RouteDocument): Said {
  const id = rollbackId(document, 'v4')
  return {
    what: 'accepted',
    kind,
    route: document.route,
    revision: revisionOf(document),
    rollback: id === 'none' ? null : id
  }
}

/** Synchronous, so that a line that is said is in the pipe before the next change begins. */
function say(line: Said): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

/**
 * What a replica keeps on its own disk beside the shared store: a snapshot of each document, the rollbacks that
 * hold, and audit entries that the store did not take. The directory belongs to one process.
 *
 * A snapshot is written behind the store's answer and may be lost; a rollback is durable before it is answered.
 * What the disk refuses is told and tried again until it takes it.
 */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { RouteDocument } from '../../domain/document.ts'
import type { Tombstone } from '../../domain/tombstones.ts'
import { isSpent } from '../../domain/tombstones.ts'
import type { Log, StateWarning } from '../../ports.ts'
import { lockDirectory } from '../directory-lock.ts'
import { codeOf, diskFault, quoted } from '../disk-fault.ts'
import { loadDocument, saveDocument } from '../document-file.ts'
import { createJournal } from '../journal.ts'
import { makeDirectory } from '../make-directory.ts'
import { createReserve } from '../reserve.ts'
import type { DatedDraft } from './audit-log.ts'
import { createUnsent, type Unsent } from './unsent.ts'

export type Kept = {
  readonly warnings: readonly StateWarning[]
  /** The snapshot of a route, with what was wrong about it. */
  load(route: string): Promise<{
    readonly document: RouteDocument | null
    readonly warnings: readonly StateWarning[]
  }>
  /** Writes a snapshot soon; of several of one route the last. Never throws. */
  save(document: RouteDocument): void
  rollbacks(route: string): readonly Tombstone[]
  /** Makes a rollback durable, or resolves when the disk refused it for now. Never throws. */
  remember(route: string, tombstone: Tombstone): Promise<void>
  /** Audit entries that the store did not take. */
  readonly unsent: Unsent
  errors(): Readonly<Record<string, number>>
  close(): Promise<void>
}

const text = Type.String()
const rollbackRecord = Compile(
  Type.Object({
    route: text,
    operation: Type.Object({
      kind: Type.Literal('rollback'),
      variants: Type.Array(text),
      id: text,
      trigger: text,
      reason: text,
      evidence: Type.Union([Type.Null(), Type.Record(text, Type.Unknown())]),
      runs: Type.Optional(Type.Record(text, text))
    }),
    author: Type.Object({ by: text, at: text, reason: text, requestId: text })
  })
)

const RETRY_MS = 1_000

type Remembered = { readonly route: string; readonly tombstone: Tombstone }

/** Takes the directory. Throws SLC_STATE_LOCKED, or the system's error when it cannot be used. */
export async function openKept(directory: string, log: Log): Promise<Kept> {
  await makeDirectory(directory)
  const lock = await lockDirectory(directory)
  const reserve = createReserve(directory)
  const rollbackFile = createJournal(directory, 'rollbacks.ndjson', reserve)
  const entryFile = createJournal(directory, 'unsent.ndjson', reserve)
  const failures = { snapshot: 0, journal: 0 }
  const saving = new Map<string, RouteDocument>()
  const failed = new Map<string, RouteDocument>() // that the disk did not take
  let writing: Promise<void> | null = null
  let warnings: readonly StateWarning[]
  let remembered: readonly Remembered[]
  let unsent: Unsent
  let refused: readonly Remembered[] = [] // that the disk did not take
  let retry: NodeJS.Timeout | null = null
  let closed = false // then the directory may be another process's
  const open = new Set<Promise<void>>() // rollbacks that are being written
  try {
    const rollbacks = await rollbackFile.read()
    const entries = await entryFile.read()
    remembered = rollbacks.records.filter(isRollback).map(({ route, operation, author }) => {
      return { route, tombstone: { operation, author } }
    })
    unsent = createUnsent(entryFile, entries.records as readonly DatedDraft[]) // written by it alone
    const damaged = rollbacks.damaged + entries.damaged
    warnings = damaged === 0 ? [] : [repaired(damaged)]
    await reserve.hold()
  } catch (error) {
    await lock.release().catch(() => undefined)
    throw error
  }

  async function saveAll(): Promise<void> {
    for (const [route, document] of saving) {
      saving.delete(route)
      try {
        if (!(await lock.holds()))
          throw new Error(`another process has taken over ${quoted(directory)}`)
        await saveDocument(directory, document)
      } catch (error) {
        if (failures.snapshot++ === 0) {
          const why = diskFault(error, directory)
          log.error({ route, reason: codeOf(error) }, `a snapshot could not be written: ${why}`)
        }
        if (!saving.has(route)) failed.set(route, document)
        tryAgain()
      }
    }
  }

  /** What the disk refused, once more; the order of rollbacks does not matter. */
  function tryAgain(): void {
    if (closed) return
    retry ??= setTimeout(() => {
      retry = null
      for (const [route, document] of failed) if (!saving.has(route)) saving.set(route, document)
      failed.clear()
      void flush()
      const again = refused
      refused = []
      for (const each of again) void write(each)
    }, RETRY_MS).unref()
  }

  async function write(record: Remembered): Promise<void> {
    try {
      await rollbackFile.append(recordOf(record))
      await reserve.hold() // it may have been given up for this
    } catch (error) {
      const { route } = record
      failures.journal++
      if (refused.length === 0) {
        const facts = { route, reason: codeOf(error) }
        log.error(
          facts,
          `a rollback holds and is not durable yet, trying again: ${diskFault(error, directory)}`
        )
      }
      refused = [...refused, record]
      tryAgain()
    }
  }

  function flush(): Promise<void> {
    writing ??= saveAll().finally(() => {
      writing = null
      if (saving.size > 0) void flush()
    })
    return writing
  }

  return {
    warnings,
    async load(route) {
      const { document, faults } = await loadDocument(directory, route, Date.now())
      const warnings = faults.map(message => ({ route, reason: 'snapshot-unreadable', message }))
      const now = Date.now()
      const kept = remembered.filter(
        each => each.route !== route || document === null || !isSpent(each.tombstone, document, now)
      )
      if (kept.length < remembered.length) {
        remembered = kept
        await rollbackFile.rewrite(kept.map(recordOf))
      }
      return { document, warnings }
    },
    save(document) {
      if (closed) return
      saving.set(document.route, document)
      failed.delete(document.route)
      void flush()
    },
    rollbacks: route =>
      remembered.filter(each => each.route === route).map(({ tombstone }) => tombstone),
    remember(route, tombstone) {
      const record = { route, tombstone }
      remembered = [...remembered, record]
      if (closed) return Promise.resolve()
      const done = write(record).finally(() => open.delete(done))
      open.add(done)
      return done
    },
    unsent,
    errors: () => failures,
    async close() {
      closed = true
      if (retry !== null) clearTimeout(retry)
      do await Promise.all([flush(), ...open])
      while (writing !== null)
      await lock.release()
    }
  }
}

function recordOf({ route, tombstone }: Remembered) {
  return { route, ...tombstone }
}

function isRollback(record: unknown): record is { readonly route: string } & Tombstone {
  return rollbackRecord.Check(record)
}

function repaired(damaged: number): StateWarning {
  const message = `${damaged} lines that a crash cut were left out of the journals`
  return { route: null, reason: 'journal-repaired', message }
}

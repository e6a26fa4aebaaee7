/**
 * Reading the audit log: the present file `audit.ndjson` and the rotated ones, `audit-<last sequence>.ndjson`.
 *
 * Files are read in chunks from the end that an answer needs, a file whose name says that it is too old is not
 * opened, and lines that are no entries are passed over. Runs beside writing: an entry above `newest`, which is
 * being written, is left out.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditEntry } from '../ports.ts'
import { entryOf } from './audit-entry.ts'
import { codeOf } from './disk-fault.ts'
import { linesBackward, linesForward } from './line-file.ts'

export const AUDIT = 'audit.ndjson'

const ROTATED = /^audit-(\d{15})\.ndjson$/

/** Entries older than `since` after which a question stops: a clock that was set back hides nothing usual. */
const MOST_OLDER = 1_000

/** Most bytes that a question reads. */
export const MOST_READ = 64 * 1024 * 1024

export type AuditQuery = {
  readonly route?: string
  readonly since?: string
  readonly afterSequence?: number
  readonly limit: number
}

/** Newest first: the newest `limit` entries, or with `afterSequence` the `limit` that follow it. */
export async function queryAudit(
  directory: string,
  newest: number,
  query: AuditQuery
): Promise<readonly AuditEntry[]> {
  if (query.limit <= 0) return []
  return query.afterSequence === undefined
    ? newestFirst(entriesBackward(directory, newest, MOST_READ), query)
    : following(directory, newest, query.afterSequence, query)
}

/** Entries from sequence `newest` down, at most `mostRead` bytes of them. */
export async function* entriesBackward(
  directory: string,
  newest: number,
  mostRead = Number.POSITIVE_INFINITY
): AsyncGenerator<AuditEntry> {
  let below = newest + 1
  let read = 0
  for await (const { file } of filesBackward(directory)) {
    for await (const line of linesBackward(file, (await file.stat()).size)) {
      read += line.end - line.start
      if (read > mostRead) return
      const entry = entryOf(line.text)
      if (entry === null || entry.sequence >= below) continue
      below = entry.sequence
      yield entry
    }
  }
}

export function rotatedName(last: number): string {
  return `audit-${String(last).padStart(15, '0')}.ndjson`
}

/** Rotated files, the newest first, each with its last sequence. */
export async function rotatedFiles(
  directory: string
): Promise<readonly { readonly name: string; readonly last: number }[]> {
  const names = (await readdir(directory)).filter(name => ROTATED.test(name)).sort()
  return names.reverse().map(name => ({ name, last: Number(ROTATED.exec(name)?.[1] ?? 0) }))
}

/** A regular file for reading; null when there is nothing; else what stands in the way, in words. */
export async function openRegular(path: string): Promise<FileHandle | string | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if ((await file.stat()).isFile()) return file
    await file.close()
    return 'it is not a regular file'
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    if (codeOf(error) === 'ELOOP') return 'it is a symbolic link'
    if (codeOf(error) === 'ENXIO') return 'it is not a regular file'
    throw error
  }
}

async function newestFirst(
  entries: AsyncGenerator<AuditEntry>,
  query: AuditQuery
): Promise<readonly AuditEntry[]> {
  const found: AuditEntry[] = []
  const since = query.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(query.since)
  let older = 0
  for await (const entry of entries) {
    const old = Date.parse(entry.at) < since
    older = old ? older + 1 : 0
    if (older > MOST_OLDER) break
    if (old || !concerns(entry, query)) continue
    found.push(entry)
    if (found.length >= query.limit) break
  }
  return found
}

async function following(
  directory: string,
  newest: number,
  after: number,
  query: AuditQuery
): Promise<readonly AuditEntry[]> {
  const found: AuditEntry[] = []
  let reached = after
  for await (const { file } of filesForward(directory, after)) {
    for await (const line of linesForward(file, (await file.stat()).size)) {
      const entry = entryOf(line.text)
      if (entry === null || entry.sequence <= reached) continue
      if (entry.sequence > newest) break
      reached = entry.sequence
      if (!concerns(entry, query)) continue
      found.push(entry)
      if (found.length >= query.limit) return found.reverse()
    }
  }
  return found.reverse()
}

type Opened = { readonly file: FileHandle }

/**
 * The present file first. It is opened before the names are listed, so that a file that is rotated in between
 * is met twice and never missed; readers pass over what they have seen.
 */
async function* filesBackward(directory: string): AsyncGenerator<Opened> {
  const present = await openRegular(join(directory, AUDIT))
  const rotated = await rotatedFiles(directory)
  yield* using(present)
  for (const { name } of rotated) yield* using(await openRegular(join(directory, name)))
}

async function* filesForward(directory: string, after: number): AsyncGenerator<Opened> {
  const present = await openRegular(join(directory, AUDIT))
  const rotated = await rotatedFiles(directory)
  const wanted = rotated.filter(({ last }) => last > after).reverse()
  let reached = false
  try {
    for (const { name } of wanted) yield* using(await openRegular(join(directory, name)))
    reached = true
  } finally {
    if (!reached && present !== null && typeof present !== 'string') await present.close()
  }
  yield* using(present)
}

/** Closed when the reader goes on, or stops. */
async function* using(file: FileHandle | string | null): AsyncGenerator<Opened> {
  if (file === null || typeof file === 'string') return
  try {
    yield { file }
  } finally {
    await file.close()
  }
}

function concerns(entry: AuditEntry, query: AuditQuery): boolean {
  return query.route === undefined || entry.route === query.route
}

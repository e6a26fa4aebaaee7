/**
 * The audit log as a file: `audit.ndjson`, one entry a line, each with the SHA-256 of the one before.
 *
 * `append` resolves when the line is durable; a line that could not be written whole is cut off again, and one
 * that a crash left torn is cut off at the next start. `withdraw` takes the last line back, for a change that
 * did not come about. At a size the file becomes `audit-<its last sequence>.ndjson`; the oldest of these go.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../domain/canonical-json.ts'
import type { AuditEntry } from '../ports.ts'
import { codeOf, setAside, syncDirectory } from './durable-file.ts'
import { type Line, linesBackward, linesForward } from './line-file.ts'

const NAME = 'audit.ndjson'
const ROTATED = /^audit-(\d{15})\.ndjson$/

export type AuditOptions = {
  readonly directory: string
  readonly rotateAt: number // bytes
  readonly keep: number // rotated files
  readonly stamp: () => number // for names of what is moved aside
}

export type AuditQuery = {
  readonly route?: string
  readonly since?: string
  readonly afterSequence?: number
  readonly limit: number
}

export type AuditFile = {
  /** The last entry; null in an empty log. */
  readonly last: () => AuditEntry | null
  /** The entry that would be appended next. */
  next(fields: Omit<AuditEntry, 'sequence' | 'previous' | 'sha256'>): AuditEntry
  append(entry: AuditEntry): Promise<void>
  /** Takes the last entry back. Only right after it was appended or the log was opened. */
  withdraw(): Promise<void>
  /**
   * Newest first: the newest `limit` entries, or with `afterSequence` the `limit` that follow it. Looks at the
   * last 64 MiB at most, and past `since` only so far that a clock that was set back hides nothing usual.
   */
  query(query: AuditQuery): Promise<readonly AuditEntry[]>
  /** All entries, newest first. */
  backward(): AsyncGenerator<AuditEntry>
}

/** Most bytes that a question reads, and entries older than `since` after which it stops. */
const MOST_READ = 64 * 1024 * 1024
const MOST_OLDER = 1_000

/** Opens the log; `warnings` say what had to be cut off or moved aside. Throws the system's error. */
export async function openAuditFile(
  options: AuditOptions
): Promise<{ readonly audit: AuditFile; readonly warnings: readonly string[] }> {
  const { directory } = options
  const path = join(directory, NAME)
  const found = await findEnd(options)
  let last = found.last
  let lastStart = found.lastStart
  let size = found.size
  let torn = false
  let before: AuditEntry | null = null

  async function append(entry: AuditEntry): Promise<void> {
    const line = Buffer.from(lineOf(entry))
    if (torn) await cut(size)
    if (size > 0 && size + line.length > options.rotateAt) await rotate()
    const fresh = size === 0
    torn = true
    try {
      await writeEnd(path, line)
      if (fresh) await syncDirectory(directory)
      torn = false
    } catch (error) {
      await cut(size).catch(() => undefined)
      throw error
    }
    lastStart = size
    size += line.length
    before = last
    last = entry
  }

  async function withdraw(): Promise<void> {
    size = lastStart
    torn = true
    last = before ?? (await newest(directory, lastStart))
    await cut(size)
  }

  async function cut(length: number): Promise<void> {
    await truncate(path, length)
    torn = false
  }

  async function rotate(): Promise<void> {
    await rename(path, join(directory, rotatedName(last?.sequence ?? 0)))
    await syncDirectory(directory)
    size = 0
    const rotated = await rotatedFiles(directory)
    for (const { name } of rotated.slice(options.keep)) {
      await rm(join(directory, name), { force: true })
    }
  }

  const audit: AuditFile = {
    last: () => last,
    next: fields => chained(fields, last),
    append,
    withdraw,
    backward: () => entriesBackward(directory, last?.sequence ?? 0),
    query: query =>
      query.afterSequence === undefined
        ? newestFirst(entriesBackward(directory, last?.sequence ?? 0, MOST_READ), query)
        : following(directory, query.afterSequence, last?.sequence ?? 0, query)
  }
  return { audit, warnings: found.warnings }
}

/** Whether an entry's own digest holds. */
export function isIntact(entry: AuditEntry): boolean {
  const { sha256: claimed, ...rest } = entry
  return claimed === digest(canonicalJson(rest))
}

type End = {
  readonly last: AuditEntry | null
  readonly lastStart: number
  readonly size: number
  readonly warnings: readonly string[]
}

/** Finds the last entry. A torn line is cut off; a file with a last line that is wrong is moved aside. */
async function findEnd(options: AuditOptions): Promise<End> {
  const { directory } = options
  const path = join(directory, NAME)
  const file = await openSafely(path)
  if (file === null)
    return { last: await newest(directory, 0), lastStart: 0, size: 0, warnings: [] }
  if (typeof file === 'string') return startOver(options, file)
  try {
    const { size } = await file.stat()
    for await (const line of linesBackward(file, size)) {
      const entry = entryOf(line)
      if (entry === null) return await startOver(options, 'its last line is not an entry')
      if (line.end === size) return { last: entry, lastStart: line.start, size, warnings: [] }
      await truncate(path, line.end)
      const warnings = [
        `${NAME} ended in a torn line of ${size - line.end} bytes, which was cut off`
      ]
      return { last: entry, lastStart: line.start, size: line.end, warnings }
    }
    await truncate(path, 0)
    const warnings = size > 0 ? [`${NAME} had one torn line, which was cut off`] : []
    return { last: await newest(directory, 0), lastStart: 0, size: 0, warnings }
  } finally {
    await file.close()
  }
}

/** Goes on in a new file behind the last entry that can still be read; the old file is kept for a look. */
async function startOver(options: AuditOptions, reason: string): Promise<End> {
  const { directory } = options
  const path = join(directory, NAME)
  let last: AuditEntry | null = null
  for await (const entry of entriesBackward(directory, Number.MAX_SAFE_INTEGER)) {
    last = entry
    break
  }
  const regular = (await stat(path).catch(() => null))?.isFile() === true
  const held = last !== null && regular && (await newest(directory, 0))?.sequence !== last.sequence
  const aside = join(directory, rotatedName(last?.sequence ?? 0))
  const kept = held
    ? await rename(path, aside).then(() => aside)
    : await setAside(path, options.stamp())
  await syncDirectory(directory)
  const warnings = [`${NAME} could not be continued (${reason}) and is kept as ${kept}`]
  return { last, lastStart: 0, size: 0, warnings }
}

/** The last entry before byte `end` of the present file, or else of the rotated ones. */
async function newest(directory: string, end: number): Promise<AuditEntry | null> {
  const present = end > 0 ? await openSafely(join(directory, NAME)) : null
  if (present !== null && typeof present !== 'string') {
    try {
      for await (const line of linesBackward(present, end)) {
        const entry = entryOf(line)
        if (entry !== null) return entry
      }
    } finally {
      await present.close()
    }
  }
  for (const { name } of await rotatedFiles(directory)) {
    const file = await openSafely(join(directory, name))
    if (file === null || typeof file === 'string') continue
    try {
      for await (const line of linesBackward(file, (await file.stat()).size)) {
        const entry = entryOf(line)
        if (entry !== null) return entry
      }
    } finally {
      await file.close()
    }
  }
  return null
}

/** Entries up to sequence `newestSequence`, newest first. Lines that are no entries are passed over. */
async function* entriesBackward(
  directory: string,
  newestSequence: number,
  mostRead = Number.POSITIVE_INFINITY
): AsyncGenerator<AuditEntry> {
  let below = newestSequence + 1
  let read = 0
  const present = await openSafely(join(directory, NAME)) // opened before the listing: a rotation in between is seen twice, not never
  const names = (await rotatedFiles(directory)).map(({ name }) => name)
  const files = [async () => present, ...names.map(name => () => openSafely(join(directory, name)))]
  for (const openNext of files) {
    const file = await openNext()
    if (file === null || typeof file === 'string') continue
    try {
      for await (const line of linesBackward(file, (await file.stat()).size)) {
        read += line.end - line.start
        if (read > mostRead) return
        const entry = entryOf(line)
        if (entry === null || entry.sequence >= below) continue
        below = entry.sequence
        yield entry
      }
    } finally {
      await file.close()
    }
  }
}

async function newestFirst(
  entries: AsyncGenerator<AuditEntry>,
  query: AuditQuery
): Promise<readonly AuditEntry[]> {
  const found: AuditEntry[] = []
  let older = 0
  if (query.limit <= 0) return found
  for await (const entry of entries) {
    const old = query.since !== undefined && Date.parse(entry.at) < Date.parse(query.since)
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
  after: number,
  newestSequence: number,
  query: AuditQuery
): Promise<readonly AuditEntry[]> {
  const found: AuditEntry[] = []
  const present = await openSafely(join(directory, NAME))
  const rotated = (await rotatedFiles(directory)).filter(({ last }) => last > after).reverse()
  const files = [
    ...rotated.map(
      ({ name }) =>
        () =>
          openSafely(join(directory, name))
    ),
    async () => present
  ]
  let reached = after
  for (const openNext of files) {
    const file = await openNext()
    if (file === null || typeof file === 'string') continue
    try {
      for await (const line of linesForward(file, (await file.stat()).size)) {
        if (found.length >= query.limit) break
        const entry = entryOf(line)
        if (entry === null || entry.sequence <= reached) continue
        if (entry.sequence > newestSequence) break
        reached = entry.sequence
        if (concerns(entry, query)) found.push(entry)
      }
    } finally {
      await file.close()
    }
  }
  return found.reverse()
}

function concerns(entry: AuditEntry, query: AuditQuery): boolean {
  return query.route === undefined || entry.route === query.route
}

function chained(
  fields: Omit<AuditEntry, 'sequence' | 'previous' | 'sha256'>,
  last: AuditEntry | null
): AuditEntry {
  const sequence = (last?.sequence ?? 0) + 1
  const bare = { ...fields, sequence, previous: last?.sha256 ?? '' }
  const plain = JSON.parse(canonicalJson(bare)) as typeof bare // the same fields, as they will be read back
  return { ...plain, sha256: digest(canonicalJson(plain)) }
}

/** The entry that a line is; null when it is none or its digest does not hold. */
function entryOf(line: Line): AuditEntry | null {
  try {
    const entry = JSON.parse(line.text) as AuditEntry // written by us: the digest below says so
    const whole = typeof entry === 'object' && entry !== null && Number.isInteger(entry.sequence)
    return whole && isIntact(entry) ? entry : null
  } catch {
    return null
  }
}

function lineOf(entry: AuditEntry): string {
  return `${canonicalJson(entry)}\n`
}

function rotatedName(last: number): string {
  return `audit-${String(last).padStart(15, '0')}.ndjson`
}

/** Rotated files, the newest first. */
async function rotatedFiles(
  directory: string
): Promise<readonly { readonly name: string; readonly last: number }[]> {
  const names = (await readdir(directory)).filter(name => ROTATED.test(name)).sort()
  return names.reverse().map(name => ({ name, last: Number(ROTATED.exec(name)?.[1] ?? 0) }))
}

/** A regular file for reading; null when there is nothing; else what stands in the way. */
async function openSafely(path: string): Promise<FileHandle | string | null> {
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

async function writeEnd(path: string, line: Uint8Array): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  const file = await open(path, flags, 0o600)
  try {
    await file.writeFile(line)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Cuts a file durably; one that is not there is short enough. */
async function truncate(path: string, length: number): Promise<void> {
  try {
    const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW)
    try {
      await file.truncate(length)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

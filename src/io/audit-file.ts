/**
 * Writing the audit log: `audit.ndjson`, one entry a line, chained by SHA-256 (audit-entry.ts).
 *
 * `append` resolves when the line is durable; a line that could not be written whole is cut off again, and one
 * that a crash left torn is cut off at the next start. `withdraw` takes the last line back, for a change that
 * did not come about. At a size the file becomes `audit-<its last sequence>.ndjson`; the oldest of these go.
 */
import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditEntry } from '../ports.ts'
import { type AuditFields, chainEntry, entryOf, lineOf } from './audit-entry.ts'
import {
  AUDIT,
  type AuditQuery,
  entriesBackward,
  MOST_READ,
  openRegular,
  queryAudit,
  rotatedFiles,
  rotatedName
} from './audit-reading.ts'
import { codeOf, onPath, quoted } from './disk-fault.ts'
import { setAside, syncDirectory } from './durable-file.ts'
import { linesBackward } from './line-file.ts'

export type AuditOptions = {
  readonly directory: string
  readonly rotateAt: number // bytes
  readonly keep: number // rotated files
  readonly stamp: () => number // for names of what is moved aside
}

export type AuditFile = {
  /** The last entry; null in an empty log. */
  readonly last: () => AuditEntry | null
  /** The entry that would be appended next, or behind `after`. */
  next(fields: AuditFields, after?: AuditEntry): AuditEntry
  append(entry: AuditEntry): Promise<void>
  /** Takes the last entry back. Only right after it was appended or the log was opened. */
  withdraw(): Promise<void>
  query(query: AuditQuery): Promise<readonly AuditEntry[]>
  /** The newest 64 MiB of entries, newest first. */
  backward(): AsyncGenerator<AuditEntry>
}

/** Opens the log; `warnings` say what had to be cut off or moved aside. Throws the system's error. */
export async function openAuditFile(
  options: AuditOptions
): Promise<{ readonly audit: AuditFile; readonly warnings: readonly string[] }> {
  const { directory } = options
  const path = join(directory, AUDIT)
  const { warnings, ...end } = await findEnd(options)
  let { last, lastStart, size } = end
  let before: AuditEntry | null = null
  let torn = false

  async function append(entry: AuditEntry): Promise<void> {
    try {
      await appendLine(entry, lineOf(entry))
    } catch (error) {
      throw onPath(error, path)
    }
  }

  async function appendLine(entry: AuditEntry, line: Buffer): Promise<void> {
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
    last = before ?? (await newestEntry(directory, lastStart))
    before = null
    size = lastStart
    torn = true
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
    next: (fields, after) => chainEntry(fields, after ?? last),
    append,
    withdraw,
    query: query => queryAudit(directory, last?.sequence ?? 0, query),
    backward: () => entriesBackward(directory, last?.sequence ?? 0, MOST_READ)
  }
  return { audit, warnings }
}

type End = {
  readonly last: AuditEntry | null
  readonly lastStart: number // bytes
  readonly size: number // bytes
  readonly warnings: readonly string[]
}

/** Finds the last entry. A torn line is cut off; a file whose last line is wrong is moved aside. */
async function findEnd(options: AuditOptions): Promise<End> {
  const { directory } = options
  const path = join(directory, AUDIT)
  const file = await openRegular(path)
  if (file === null) return emptyEnd(directory, [])
  if (typeof file === 'string') return startOver(options, file)
  try {
    const { size } = await file.stat()
    for await (const line of linesBackward(file, size)) {
      const last = entryOf(line.text)
      if (last === null) return await startOver(options, 'its last line is not an entry')
      if (line.end === size) return { last, lastStart: line.start, size, warnings: [] }
      await truncate(path, line.end)
      const warnings = [
        `${quoted(path)} ended in a torn line of ${size - line.end} bytes, which was cut off`
      ]
      return { last, lastStart: line.start, size: line.end, warnings }
    }
    await truncate(path, 0)
    const warnings = size > 0 ? [`${quoted(path)} was one torn line, which was cut off`] : []
    return emptyEnd(directory, warnings)
  } finally {
    await file.close()
  }
}

async function emptyEnd(directory: string, warnings: readonly string[]): Promise<End> {
  return { last: await newestEntry(directory, 0), lastStart: 0, size: 0, warnings }
}

/**
 * Goes on in a new file behind the last entry that can still be read. The old file keeps what it has: under the
 * name of a rotated one where it has entries that no other file has.
 */
async function startOver(options: AuditOptions, reason: string): Promise<End> {
  const { directory } = options
  const path = join(directory, AUDIT)
  const rotated = (await newestEntry(directory, 0))?.sequence ?? 0
  const last = await newestEntry(directory, Number.MAX_SAFE_INTEGER)
  const name = rotatedName(last?.sequence ?? 0)
  const entries = last !== null && last.sequence > rotated
  if (entries) await rename(path, join(directory, name))
  const kept = entries ? name : await setAside(path, options.stamp())
  await syncDirectory(directory)
  const warnings = [`${quoted(path)} could not be continued (${reason}) and is kept as ${kept}`]
  return { last, lastStart: 0, size: 0, warnings }
}

/** The last entry in the first `end` bytes of the present file, or else in the rotated ones. */
async function newestEntry(directory: string, end: number): Promise<AuditEntry | null> {
  const rotated = (await rotatedFiles(directory)).map(({ name }) => name)
  for (const name of end > 0 ? [AUDIT, ...rotated] : rotated) {
    const file = await openRegular(join(directory, name))
    if (file === null || typeof file === 'string') continue
    try {
      const { size } = await file.stat()
      const limit = name === AUDIT ? Math.min(size, end) : size
      for await (const line of linesBackward(file, limit)) {
        const entry = entryOf(line.text)
        if (entry !== null) return entry
      }
    } finally {
      await file.close()
    }
  }
  return null
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

/**
 * Files that survive a crash: a small file is replaced as a whole or not at all, and two older generations stay.
 *
 * Order of a replacement: write `.name.tmp`, fsync it, keep the present file as `name.1` (and that as
 * `name.2`), rename over `name`, fsync the directory. Until the rename the old file is the file; when any step
 * fails it stays or is put back. Reading trusts nothing: no links, no pipes, a size limit, a known owner.
 */
import { constants } from 'node:fs'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf, onPath } from './disk-fault.ts'

export const GENERATIONS = ['', '.1', '.2'] as const

/** What stands at a path: bytes, nothing, or something that must not be read, with the reason in words. */
export type Reading =
  | { readonly is: 'bytes'; readonly bytes: Buffer }
  | { readonly is: 'nothing' }
  | { readonly is: 'unusable'; readonly reason: string }

/** Reads a regular file of at most `limit` bytes that we, root or the owner of its directory wrote. */
export async function readWhole(path: string, limit: number): Promise<Reading> {
  try {
    const file = await open(path, READ_SAFELY)
    try {
      const found = await file.stat()
      if (!found.isFile()) return unusable('it is not a regular file')
      if (found.size > limit) return unusable(`it has ${found.size} bytes, more than ${limit}`)
      if (!(await trustedOwners(path)).includes(found.uid)) {
        return unusable(`it belongs to another user (${found.uid})`)
      }
      return { is: 'bytes', bytes: await readAtMost(file, limit) }
    } finally {
      await file.close()
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { is: 'nothing' }
    if (codeOf(error) === 'ELOOP') return unusable('it is a symbolic link')
    return unusable(`it cannot be read (${codeOf(error)})`)
  }
}

/** Replaces `directory/name`; resolves when it is durable. Throws the system's error, with its path, and then nothing changed. */
export async function replaceWhole(
  directory: string,
  name: string,
  bytes: Uint8Array
): Promise<void> {
  const path = join(directory, name)
  const temporary = join(directory, `.${name}.tmp`)
  try {
    await rm(temporary, { force: true })
    await writeSynced(temporary, bytes)
    await keepGenerations(path)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw onPath(error, path)
  }
  await syncDirectory(directory).catch(async error => {
    await rename(`${path}.1`, path).catch(() => undefined)
    throw onPath(error, path)
  })
}

/** Moves what cannot be read out of the way, so that it is kept for a look and never becomes a generation. */
export async function setAside(path: string, stamp: number): Promise<string> {
  const aside = `${path}.unreadable.${stamp}`
  await rename(path, aside)
  return aside
}

/** Makes names that were added, renamed or removed in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const READ_SAFELY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** File systems without hard links answer with one of these. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * A link and not a rename keeps `path` where it is at every moment; without links a rename has to do. A crash
 * behind the link leaves both names on one file: then it is kept already, and renaming one of the names onto
 * another of the same file would do nothing at all.
 */
async function keepGenerations(path: string): Promise<void> {
  if (await isSameFile(path, `${path}.1`)) return
  await ifThere(rename(`${path}.1`, `${path}.2`))
  await rm(`${path}.1`, { force: true })
  try {
    await ifThere(link(path, `${path}.1`))
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error
    await ifThere(rename(path, `${path}.1`))
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map(path => stat(path).catch(() => null)))
  return a != null && b != null && a.ino === b.ino && a.dev === b.dev
}

async function ifThere(step: Promise<void>): Promise<void> {
  try {
    await step
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

async function trustedOwners(path: string): Promise<readonly number[]> {
  const directory = await stat(dirname(path))
  return [process.geteuid?.() ?? directory.uid, 0, directory.uid]
}

/** A file that grows while it is read is cut at the limit; its digest will not match. */
async function readAtMost(file: Awaited<ReturnType<typeof open>>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  while (total <= limit) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(65_536), 0, 65_536, null)
    if (bytesRead === 0) break
    chunks.push(buffer.subarray(0, bytesRead))
    total += bytesRead
  }
  return Buffer.concat(chunks)
}

function unusable(reason: string): Reading {
  return { is: 'unusable', reason }
}

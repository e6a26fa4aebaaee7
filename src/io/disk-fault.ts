/**
 * What the system says about a file, in words: the path (whole and in quotes), what happened, and what to do.
 *
 * Calls on an open file give errors without a path, so whoever writes puts it there (`onPath`).
 */
import { resolve } from 'node:path'

/** `"/var/lib/sluice/fraud.json": no space is left (ENOSPC); free some on its disk`. `path` where the error has none. */
export function diskFault(error: unknown, path: string): string {
  const code = codeOf(error)
  const known = Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : undefined
  const said =
    known === undefined ? `${code}; see what the system says of it` : withCode(known, code)
  return `${quoted(pathOf(error) ?? path)}: ${said}`
}

/** The error, with the path that it is about in place of any that it has (a temporary file, a directory). */
export function onPath(error: unknown, path: string): unknown {
  return error instanceof Error ? Object.assign(error, { path }) : error
}

/** A path for a sentence: from the root, in quotes, never shortened. */
export function quoted(path: string): string {
  return JSON.stringify(resolve(path))
}

/** The system's code of an error (`ENOSPC`), or its message where it has none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}

const SENTENCES: Readonly<Record<string, readonly [what: string, todo: string]>> = {
  ENOSPC: ['no space is left', 'free some on its disk'],
  EDQUOT: ['the quota is used up', 'raise it, or free space'],
  EACCES: ['this user is not allowed to', 'correct the owner and the mode'],
  EPERM: ['this user is not allowed to', 'correct the owner, the mode and the attributes'],
  EROFS: ['the file system is read-only', 'mount it so that it can be written'],
  EIO: ['the disk failed', 'look at the log of the system, and at the disk'],
  EMFILE: ['this process has too many files open', 'raise its limit (ulimit -n)'],
  ENFILE: ['the system has too many files open', 'raise its limit'],
  ENOENT: ['it is not there', 'make it, or correct the path'],
  ENOTDIR: ['it, or a part of its path, is no directory', 'correct the path'],
  EISDIR: ['it is a directory', 'remove it, or correct the path'],
  EEXIST: ['something else is there', 'remove it, or correct the path'],
  ELOOP: ['it is a symbolic link, or leads in a circle', 'put a regular file there'],
  ENAMETOOLONG: ['the path is too long', 'use a shorter one'],
  ESTALE: ['the network file system has lost it', 'mount it again'],
  EBUSY: ['it is in use', 'end what uses it']
}

function withCode([what, todo]: readonly [string, string], code: string): string {
  return `${what} (${code}); ${todo}`
}

function pathOf(error: unknown): string | null {
  return error instanceof Error && 'path' in error && typeof error.path === 'string'
    ? error.path
    : null
}

/**
 * One process per state directory: the file `lock` names the process that has it.
 *
 * A lock whose process is gone (kill -9) is taken over at once where that can be known: same boot, same process
 * namespace, no process of that number and start time. Elsewhere (another container, another host, a reboot)
 * the file's time is watched, which its owner renews; when it stands still for WATCH_MS the owner is gone.
 * A process that was stopped for longer and lost its lock finds that out before its next write (`holds`).
 */
import { randomUUID } from 'node:crypto'
import { open, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fail } from '../errors.ts'
import { codeOf, quoted } from './disk-fault.ts'

const RENEW_MS = 500
const WATCH_MS = 3_000

export type DirectoryLock = {
  /** Whether the lock is still ours. */
  holds(): Promise<boolean>
  release(): Promise<void>
}

/** Takes the lock, or throws SLC_STATE_LOCKED naming who has it. Throws the system's error when it cannot write. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'lock')
  const holder = await describeSelf()
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await create(path, JSON.stringify(holder))) return hold(path, holder)
    const other = await readHolder(path)
    if (other !== null && (await isAlive(path, other, holder))) {
      throw fail('SLC_STATE_LOCKED', [quoted(directory), nameOf(other)])
    }
    await takeAway(path, other)
  }
  throw fail('SLC_STATE_LOCKED', [quoted(directory), 'several processes are starting on it'])
}

/** Who has a lock. `boot`, `space` and `started` are empty where the platform does not say. */
type Holder = {
  readonly token: string
  readonly pid: number
  readonly host: string
  readonly boot: string
  readonly space: string // process namespace
  readonly started: string // in clock ticks since boot
}

async function describeSelf(): Promise<Holder> {
  return {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    boot: await quiet(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    space: await quiet(readlink('/proc/self/ns/pid')),
    started: await startOf(process.pid)
  }
}

/**
 * Start time of a process; empty when there is none, or only what is left of one until its parent looks (Z, X).
 * Fields 3 and 22 of stat; the name before them may have spaces and brackets.
 */
async function startOf(pid: number): Promise<string> {
  const text = await quiet(readFile(`/proc/${pid}/stat`, 'utf8'))
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return ''
  return fields[19] ?? ''
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(text)
    } catch (error) {
      await rm(path, { force: true })
      throw error
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/** null when the lock has gone meanwhile; a file that cannot be read has a holder without a number. */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isHolder(found) ? found : NOBODY
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? null : NOBODY
  }
}

async function isAlive(path: string, other: Holder, self: Holder): Promise<boolean> {
  const visible = other.boot !== '' && other.boot === self.boot && other.space === self.space
  if (visible) return (await startOf(other.pid)) === other.started
  const first = await changedAt(path)
  for (let waited = 0; waited < WATCH_MS; waited += RENEW_MS) {
    await delay(RENEW_MS)
    const now = await changedAt(path)
    if (now === null) return false
    if (now !== first) return true
  }
  return false
}

/** Removes a dead lock. When another starter was faster and it is his that was caught, he gets it back. */
async function takeAway(path: string, dead: Holder | null): Promise<void> {
  if (dead === null) return
  const caught = `${path}.${randomUUID()}`
  try {
    await rename(path, caught)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const holder = await readHolder(caught)
  if (holder !== null && holder.token !== dead.token) await rename(caught, path)
  else await rm(caught, { force: true, recursive: true })
}

function hold(path: string, self: Holder): DirectoryLock {
  const renewal = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, RENEW_MS)
  renewal.unref()
  /** A lock that somebody removed by hand is nobody's: it is taken again. */
  async function holds(): Promise<boolean> {
    const present = await readHolder(path)
    if (present === null) return create(path, JSON.stringify(self))
    return present.token === self.token
  }
  return {
    holds,
    async release() {
      clearInterval(renewal)
      if ((await readHolder(path))?.token === self.token) await rm(path, { force: true })
    }
  }
}

const NOBODY: Holder = { token: '', pid: 0, host: '', boot: '', space: '', started: '' }

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false
  const { pid, ...texts } = value as Record<string, unknown> // an object of JSON
  const named = ['token', 'host', 'boot', 'space', 'started'].every(
    field => typeof texts[field] === 'string'
  )
  return named && Number.isInteger(pid)
}

function nameOf(holder: Holder): string {
  return holder.pid === 0 ? 'its lock is being renewed' : `process ${holder.pid} on ${holder.host}`
}

async function changedAt(path: string): Promise<number | null> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return null
  }
}

async function quiet(text: Promise<string>): Promise<string> {
  try {
    return (await text).trim()
  } catch {
    return ''
  }
}

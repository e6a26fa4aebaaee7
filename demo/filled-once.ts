/**
 * A directory that is complete or not there: it is filled beside and renamed. A lock keeps two processes from
 * filling the same; one whose owner is gone is taken over.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

const FILLED_WITHIN = 300_000 // ms, for one who waits for another

/** Fills `directory` unless it is there. What `fill` throws leaves nothing behind. */
export async function filledOnce(
  directory: string,
  fill: (work: string) => Promise<void>
): Promise<void> {
  if (existsSync(directory)) return
  mkdirSync(dirname(directory), { recursive: true })
  const lock = `${directory}.lock`
  const deadline = performance.now() + FILLED_WITHIN
  while (!takeLock(lock)) {
    if (performance.now() > deadline) throw new Error(`another process has ${lock} for too long`)
    await delay(200)
  }
  const work = `${directory}.${process.pid}`
  try {
    if (existsSync(directory)) return
    rmSync(work, { recursive: true, force: true })
    mkdirSync(work)
    await fill(work)
    renameSync(work, directory)
  } finally {
    rmSync(work, { recursive: true, force: true })
    rmSync(lock, { recursive: true, force: true })
  }
}

function takeLock(lock: string): boolean {
  const file = join(lock, 'owner')
  try {
    mkdirSync(lock)
    writeFileSync(file, String(process.pid))
    return true
  } catch {
    if (ownerIsGone(file)) rmSync(lock, { recursive: true, force: true })
    return false
  }
}

function ownerIsGone(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, 'utf8'))
    if (owner === 0) return false // it was just made
    process.kill(owner, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

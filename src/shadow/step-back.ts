/**
 * Lets the threads that answer users go first: the thread that calls gets the niceness of background work.
 *
 * Linux gives each thread a niceness of its own, under the number that /proc knows it by; elsewhere, and where that
 * is not allowed, nothing is done. The control plane does the rest (background.ts).
 */
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

const NICENESS = 10

/** The number under which the system knows this thread; null where it has none. */
export function stepBack(): number | null {
  try {
    const [, thread = ''] = /(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? []
    if (thread === '') return null
    setPriority(Number(thread), NICENESS)
    return Number(thread)
  } catch {
    return null // a matter of comfort: copies are made all the same
  }
}

/**
 * Lets the threads that answer users go first: the thread that calls gets the niceness of background work.
 *
 * Linux gives each thread a niceness of its own, under the number that /proc knows it by; elsewhere, and where that
 * is not allowed, nothing is done.
 */
import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

const NICENESS = 10

export function stepBack(): void {
  try {
    const [, thread = ''] = /(\d+)$/.exec(readlinkSync('/proc/thread-self')) ?? []
    if (thread !== '') setPriority(Number(thread), NICENESS)
  } catch {
    // A matter of comfort: copies are made all the same.
  }
}

/**
 * Lets the process that answers users go first: the one that calls gets the niceness of background work, and is the
 * first to go when the machine has no memory left.
 *
 * Linux gives each thread a niceness of its own, and a new one that of the thread that starts it; elsewhere, and
 * where that is not allowed, nothing is done. The main process does the rest (background.ts).
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

const NICENESS = 10
const OOM_SCORE = 500 // of 1000, proc(5): half of all memory more than it has

export function stepBack(): void {
  try {
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), NICENESS)
    writeFileSync('/proc/self/oom_score_adj', String(OOM_SCORE))
  } catch {
    // a matter of comfort: copies are made all the same
  }
}

/**
 * Collects garbage before the collector would: it weighs objects, and lets tens of megabytes of buffers stand that
 * hang on small ones (release-bytes.ts gives back those that are known to be done with; reads of sockets are not).
 * Most die young, so young objects alone are looked at first.
 */
import type { GiveWay } from '../ports.ts'

const LOOK_MS = 50
/** That buffers may have grown by since the last collection of young objects, and of all. */
const YOUNG_BYTES = 4 * 1024 * 1024
const MOST_BYTES = 16 * 1024 * 1024

/** Does nothing where Node has been started without `--expose-gc`. */
export function collectEarly(giveWay: GiveWay): void {
  const { gc } = globalThis
  if (gc === undefined) return
  const collectYoung = growth(YOUNG_BYTES, () => void gc({ type: 'minor' }))
  const collectAll = growth(MOST_BYTES, () => void gc())
  setInterval(() => {
    giveWay()
    collectYoung()
    collectAll()
  }, LOOK_MS)
}

/** Calls `collect` when buffers have grown by more than `most` bytes over the least since it was last called. */
function growth(most: number, collect: () => void): () => void {
  let least = buffered()
  return () => {
    const now = buffered()
    if (now - least > most) {
      collect()
      least = buffered()
    } else least = Math.min(least, now)
  }
}

function buffered(): number {
  return process.memoryUsage().arrayBuffers
}

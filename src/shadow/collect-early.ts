/**
 * Collects garbage before the collector would: it weighs objects, and lets tens of megabytes of buffers stand that
 * hang on small ones (release-bytes.ts gives back those that are known to be done with; reads of sockets are not).
 */
const LOOK_MS = 200
const MOST_BYTES = 16 * 1024 * 1024 // that buffers may have grown by since the last time

/** Does nothing where Node has been started without `--expose-gc`. */
export function collectEarly(): void {
  const { gc } = globalThis
  if (gc === undefined) return
  let least = process.memoryUsage().arrayBuffers
  setInterval(() => {
    const now = process.memoryUsage().arrayBuffers
    if (now - least > MOST_BYTES) {
      gc()
      least = process.memoryUsage().arrayBuffers
    } else least = Math.min(least, now)
  }, LOOK_MS)
}

/** A wait that somebody else can end. One waits at a time; a ring that nobody waits for is not kept. */
export type Bell = {
  ring(): void
  /** Resolves after so many ms (null: never), or at the next ring. */
  wait(ms: number | null): Promise<void>
}

export function createBell(): Bell {
  let end: () => void = () => undefined
  return {
    ring: () => end(),
    wait: ms =>
      new Promise(resolve => {
        const timer = ms === null ? null : setTimeout(resolve, ms)
        end = () => {
          if (timer !== null) clearTimeout(timer)
          resolve()
        }
      })
  }
}

/**
 * Space put aside for the one write that must not fail. A full disk refuses every other change, but a rollback
 * has to survive the process: then the reserve is given up, and held again when there is room.
 */
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const NAME = '.reserve'
const BYTES = 64 * 1024 // a document with its temporary file, and an audit entry, with plenty to spare

export type Reserve = {
  /** Puts the space aside, where there is some and it is not held already. Never throws. */
  hold(): Promise<void>
  /** Gives it up; false when there was none. */
  give(): Promise<boolean>
}

export function createReserve(directory: string): Reserve {
  const path = join(directory, NAME)
  const size = async () => (await stat(path).catch(() => null))?.size ?? 0
  const free = () => rm(path, { force: true }).catch(() => undefined)
  return {
    async hold() {
      if ((await size()) >= BYTES) return
      try {
        const file = await open(path, 'w', 0o600)
        try {
          await file.writeFile(Buffer.alloc(BYTES))
          await file.sync()
        } finally {
          await file.close()
        }
      } catch {
        await free() // half a reserve is only in the way
      }
    },
    async give() {
      const held = (await size()) > 0
      await free()
      return held
    }
  }
}

/** Whether an error's code says that there is no room left. */
export function isFull(code: unknown): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT'
}

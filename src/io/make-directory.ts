/**
 * Makes a directory and those above it. Node's own recursive mkdir does not end on file systems that answer
 * ENOENT inside of a directory that exists, such as /proc.
 */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Modes are for what is made (0700). Throws the system's error; ENOTDIR when something else stands there. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST') {
      if ((await stat(path)).isDirectory()) return
      throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' })
    }
    const parent = dirname(path)
    const missing = parent !== path && (await stat(parent).catch(() => null)) === null
    if (code !== 'ENOENT' || !missing) throw error
    await makeDirectory(parent)
    await makeDirectory(path)
  }
}

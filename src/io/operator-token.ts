/**
 * The operator token of a first start: when no token is configured, a random one is written to
 * `<state.directory>/operator.token` (0600), which the local CLI reads. The API is never open.
 */
import { createHash, randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../errors.ts'
import { diskFault, quoted } from './disk-fault.ts'
import { makeDirectory } from './make-directory.ts'

const FILE = 'operator.token'

/** SHA-256 (hex) of the token in `directory`, which is created with its file at the first start. */
export async function operatorToken(
  directory: string
): Promise<{ readonly sha256: string; readonly path: string }> {
  const path = join(directory, FILE)
  try {
    await makeDirectory(directory)
    const token = (await read(path)) ?? (await create(path))
    return { sha256: createHash('sha256').update(token).digest('hex'), path }
  } catch (error) {
    throw fail('SLC_STATE_DIRECTORY', [quoted(directory), diskFault(error, path)])
  }
}

async function read(path: string): Promise<string | null> {
  try {
    const token = (await readFile(path, 'utf8')).trim()
    return token.length >= 16 ? token : null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function create(path: string): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  const file = await open(path, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(`${token}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return token
}

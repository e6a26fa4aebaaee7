/**
 * The key of unit ids where the configuration has none: made once in the state directory, so that the ids of one
 * installation agree for its life.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../errors.ts'
import { codeOf, diskFault, quoted } from './disk-fault.ts'
import { readWhole, syncDirectory } from './durable-file.ts'
import { makeDirectory } from './make-directory.ts'

const NAME = 'unit.key'
const KEY_BYTES = 32

/** The key of this installation, made at the first call. Throws SLC_STATE_DIRECTORY when it cannot be kept. */
export async function unitKey(directory: string): Promise<Uint8Array> {
  const path = join(directory, NAME)
  try {
    await makeDirectory(directory)
    await create(path).catch(error => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
    await syncDirectory(directory)
  } catch (error) {
    throw fail('SLC_STATE_DIRECTORY', [quoted(directory), diskFault(error, path)])
  }
  const reading = await readWhole(path, 1024)
  const key =
    reading.is === 'bytes' ? Buffer.from(reading.bytes.toString('latin1').trim(), 'hex') : null
  if (key?.length === KEY_BYTES) return key
  const reason = reading.is === 'unusable' ? reading.reason : `it is not ${KEY_BYTES} bytes in hex`
  throw fail('SLC_STATE_DIRECTORY', [quoted(directory), `${quoted(path)}: ${reason}`])
}

async function create(path: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  const file = await open(path, flags, 0o600)
  try {
    await file.writeFile(`${randomBytes(KEY_BYTES).toString('hex')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

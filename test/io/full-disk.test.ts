import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'

const CHILD = join(import.meta.dirname, '../helpers/full-disk-child.ts')

/**
 * Runs the child on a tmpfs of 512 KiB that only it sees: a mount namespace of its own, which needs no root
 * where the system allows user namespaces.
 */
async function onSmallDisk(directory: string): Promise<readonly Record<string, unknown>[]> {
  const node = `'${process.execPath}' '${CHILD}'`
  const script = [
    `mount -t tmpfs -o size=512k tmpfs '${directory}'`,
    `env -u NODE_OPTIONS ${node} roll-back '${directory}/state'`,
    `rm '${directory}/state/filler'`,
    `env -u NODE_OPTIONS ${node} read '${directory}/state'`
  ].join('\n')
  try {
    const { stdout } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', script])
    return stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  } catch (error) {
    throw new Error('this needs unshare (util-linux) and user namespaces, or root', {
      cause: error
    })
  }
}

test('makes a rollback durable when the disk is full, and no other change', async t => {
  const [told, found] = await onSmallDisk(t.testdir())
  t.match(told, { change: 'SLC_STATE_UNKNOWN', scope: 'fleet', id: /^rb-/ })
  const named = String(told?.['refused'])
  t.match(
    named,
    /^The change could not be made durable: "\/.*\/state\/[a-z.]+": no space is left \(ENOSPC\); free/
  )
  t.strictSame(found, { rolledBack: told?.['id'] }, 'it is there after kill -9')
})

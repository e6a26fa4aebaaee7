/**
 * Runs on a small file system of its own: `roll-back DIR` fills the disk, rolls back, tells the scope and what a
 * change of weights got, and ends as by kill -9; `read DIR` opens the same state and tells what it found.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createFileState } from '../../src/io/file-state.ts'
import { author, first, rollback, weights } from './state-documents.ts'
import { silentLog, systemClock } from './state-process.ts'

const [what = '', directory = ''] = process.argv.slice(2)
const store = createFileState({ directory, clock: systemClock, log: silentLog })
await store.open(['fraud'], first)

let refused: unknown = null
if (what === 'roll-back') {
  await fill(join(directory, 'filler'))
  const change = await store
    .write('fraud', weights('1-1', { v3: 90, v4: 10 }), author('ops'))
    .then(({ status }) => status)
    .catch((error: { code?: unknown; message?: unknown }) => {
      refused = error.message
      return error.code
    })
  const answer = await store.write('fraud', rollback('v4'), author('ops'))
  const scope = answer.status === 'refused' ? answer.refusal.code : answer.scope
  const id = answer.document.challengers['v4']?.rollback?.id
  process.stdout.write(`${JSON.stringify({ change, refused, scope, id })}\n`, () =>
    process.kill(process.pid, 9)
  )
} else {
  const rolledBack = store.read('fraud')?.challengers['v4']?.rollback?.id ?? null
  process.stdout.write(`${JSON.stringify({ rolledBack })}\n`, () => process.exit(0))
}

/** Writes until there is no room for one byte more. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    for (;;) {
      try {
        if ((await file.write(Buffer.alloc(size))).bytesWritten < size) break
      } catch {
        break
      }
    }
  }
  await file.close()
}

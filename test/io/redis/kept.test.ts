import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { openKept } from '../../../src/io/redis/kept.ts'
import { first } from '../../helpers/state-documents.ts'
import { silentLog } from '../../helpers/state-process.ts'

test('writes the last snapshot that was asked for before it gives the directory away, and none after', async t => {
  const directory = t.testdir()
  const kept = await openKept(directory, silentLog)
  const document = first('fraud')
  for (let revision = 1; revision <= 20; revision++) kept.save({ ...document, revision })
  await kept.close()
  kept.save({ ...document, revision: 99 })
  const other = await openKept(directory, silentLog)
  t.match(await other.load('fraud'), { document: { revision: 20 }, warnings: [] })
  await other.close()
  t.notOk(existsSync(join(directory, 'lock')))
  t.notMatch(await readFile(join(directory, 'fraud.json'), 'utf8'), /"revision":99/)
})

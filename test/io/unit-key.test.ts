import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { unitKey } from '../../src/io/unit-key.ts'

test('makes a key of 32 bytes once and keeps it for its owner when the state directory has none', async t => {
  const directory = join(t.testdir(), 'state')
  const key = await unitKey(directory)
  t.equal(key.length, 32)
  t.same(await unitKey(directory), key)
  t.equal((await stat(join(directory, 'unit.key'))).mode & 0o777, 0o600)
  t.equal((await readFile(join(directory, 'unit.key'), 'utf8')).length, 65)
  t.notSame(await unitKey(t.testdir()), key)
})

test('agrees on one key when two ask at once', async t => {
  const directory = t.testdir()
  const keys = await Promise.all([unitKey(directory), unitKey(directory), unitKey(directory)])
  t.same(keys[1], keys[0])
  t.same(keys[2], keys[0])
})

test('refuses a key file when it is not a key, rather than to name units anew', async t => {
  const directory = t.testdir()
  for (const text of ['', 'short', 'zz'.repeat(32), 'ab'.repeat(33)]) {
    await writeFile(join(directory, 'unit.key'), text)
    await t.rejects(unitKey(directory), { code: 'SLC_STATE_DIRECTORY', message: /unit\.key/ }, text)
  }
})

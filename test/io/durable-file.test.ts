import { execFileSync } from 'node:child_process'
import { link, mkdir, readdir, readFile, symlink, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { readWhole, replaceWhole, setAside } from '../../src/io/durable-file.ts'

test('keeps two older generations and nothing else when a file is replaced again and again', async t => {
  const directory = t.testdir()
  for (const text of ['a', 'b', 'c', 'd']) await replaceWhole(directory, 'f', Buffer.from(text))
  t.same((await readdir(directory)).sort(), ['f', 'f.1', 'f.2'])
  t.same(await texts(directory, 'f', 'f.1', 'f.2'), ['d', 'c', 'b'])
})

test('goes on when a crash left a torn temporary file', async t => {
  const directory = t.testdir({ '.f.tmp': 'half', f: 'a' })
  await replaceWhole(directory, 'f', Buffer.from('b'))
  t.same(await texts(directory, 'f', 'f.1'), ['b', 'a'])
})

test('keeps the older generations when crashes left two names on one file, any number of times', async t => {
  const directory = t.testdir({ f: 'c', 'f.2': 'a' })
  await link(join(directory, 'f'), join(directory, 'f.1'))
  await replaceWhole(directory, 'f', Buffer.from('d'))
  t.same(await texts(directory, 'f', 'f.1', 'f.2'), ['d', 'c', 'a'])
  const other = t.testdir({ g: 'c' })
  await link(join(other, 'g'), join(other, 'g.1'))
  await link(join(other, 'g'), join(other, 'g.2'))
  await replaceWhole(other, 'g', Buffer.from('d'))
  await replaceWhole(other, 'g', Buffer.from('e'))
  t.same(await texts(other, 'g', 'g.1', 'g.2'), ['e', 'd', 'c'])
})

test('leaves the old file when the new one cannot be written', async t => {
  const directory = t.testdir({ f: 'a' })
  await mkdir(join(directory, '.f.tmp'))
  await t.rejects(replaceWhole(directory, 'f', Buffer.from('b')))
  t.same(await texts(directory, 'f'), ['a'])
})

test('leaves the old file when an older generation is in the way', async t => {
  const directory = t.testdir({ f: 'b', 'f.1': 'a', 'f.2': { full: 'x' } })
  await t.rejects(replaceWhole(directory, 'f', Buffer.from('c')))
  t.same(await texts(directory, 'f', 'f.1'), ['b', 'a'])
  t.notOk((await readdir(directory)).includes('.f.tmp'))
})

test('tells bytes, nothing and what must not be read apart when it reads', async t => {
  const directory = t.testdir({ plain: 'text', large: 'x', folder: {} })
  await symlink(join(directory, 'plain'), join(directory, 'link'))
  await truncate(join(directory, 'large'), 1001)
  execFileSync('mkfifo', [join(directory, 'pipe')])
  const read = (name: string) => readWhole(join(directory, name), 1000)
  t.match(await read('plain'), { is: 'bytes', bytes: Buffer.from('text') })
  t.same(await read('none'), { is: 'nothing' })
  t.match(await read('link'), { is: 'unusable', reason: 'it is a symbolic link' })
  t.match(await read('large'), { is: 'unusable', reason: /1001 bytes/ })
  t.match(await read('folder'), { is: 'unusable', reason: 'it is not a regular file' })
  t.match(await read('pipe'), { is: 'unusable', reason: 'it is not a regular file' })
  await truncate(join(directory, 'large'), 1000)
  t.match(await read('large'), { is: 'bytes' })
})

test('moves anything aside when it is asked to', async t => {
  const directory = t.testdir({ f: 'x', g: { inside: 'y' } })
  t.equal(await setAside(join(directory, 'f'), 7), join(directory, 'f.unreadable.7'))
  await setAside(join(directory, 'g'), 7)
  t.same((await readdir(directory)).sort(), ['f.unreadable.7', 'g.unreadable.7'])
})

function texts(directory: string, ...names: readonly string[]): Promise<readonly string[]> {
  return Promise.all(names.map(name => readFile(join(directory, name), 'utf8')))
}

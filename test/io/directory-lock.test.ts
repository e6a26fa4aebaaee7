import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { lockDirectory } from '../../src/io/directory-lock.ts'

test('gives the directory to one process only when it is asked twice', async t => {
  const directory = t.testdir()
  const lock = await lockDirectory(directory)
  await t.rejects(lockDirectory(directory), {
    code: 'SLC_STATE_LOCKED',
    message: new RegExp(`process ${process.pid} `)
  })
  t.ok(await lock.holds())
  await lock.release()
  t.same(await readdir(directory), [])
  await (await lockDirectory(directory)).release()
})

test('takes a lock over at once when its process is gone', async t => {
  const directory = t.testdir()
  const lock = await lockDirectory(directory)
  const text = await readFile(join(directory, 'lock'), 'utf8')
  await lock.release()
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  child.kill('SIGKILL')
  await once(child, 'exit')
  for (const fault of [{ pid: child.pid }, { started: '1' }]) {
    const dead = { ...JSON.parse(text), token: 'other', ...fault }
    await writeFile(join(directory, 'lock'), JSON.stringify(dead))
    const taken = await lockDirectory(directory)
    t.ok(await taken.holds())
    await taken.release()
  }
})

test('takes a lock of another host over only when nobody renews it', async t => {
  const directory = t.testdir()
  const path = join(directory, 'lock')
  const foreign = { token: 'x', pid: 1, host: 'elsewhere', boot: 'b', space: 's', started: '1' }
  await writeFile(path, JSON.stringify(foreign))
  const renewal = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, 100)
  await t.rejects(lockDirectory(directory), {
    code: 'SLC_STATE_LOCKED',
    message: /process 1 on elsewhere/
  })
  clearInterval(renewal)
  const lock = await lockDirectory(directory)
  t.ok(await lock.holds())
  await lock.release()
})

test('takes a lock over that says nothing when nobody renews it', async t => {
  const directory = t.testdir({ lock: '' })
  const lock = await lockDirectory(directory)
  t.ok(await lock.holds())
  await lock.release()
})

test('gives a dead lock to exactly one when ten ask at once', async t => {
  const directory = t.testdir()
  const lock = await lockDirectory(directory)
  const text = await readFile(join(directory, 'lock'), 'utf8')
  await lock.release()
  for (let round = 0; round < 20; round++) {
    const dead = { ...JSON.parse(text), token: `dead-${round}`, started: '1' }
    await writeFile(join(directory, 'lock'), JSON.stringify(dead))
    const all = await Promise.allSettled(Array.from({ length: 10 }, () => lockDirectory(directory)))
    const won = all.filter(result => result.status === 'fulfilled').map(({ value }) => value)
    const holding = (await Promise.all(won.map(one => one.holds()))).filter(Boolean)
    t.equal(holding.length, 1, `round ${round}: ${won.length} were told that they have it`)
    for (const one of won) await one.release()
  }
})

test('finds out that it is not the owner any more when another process took the lock', async t => {
  const directory = t.testdir()
  const lock = await lockDirectory(directory)
  const text = await readFile(join(directory, 'lock'), 'utf8')
  await writeFile(join(directory, 'lock'), JSON.stringify({ ...JSON.parse(text), token: 'other' }))
  t.notOk(await lock.holds())
  await lock.release()
  t.same(await readdir(directory), ['lock'])
})

test('takes its lock again when somebody removed the file', async t => {
  const directory = t.testdir()
  const lock = await lockDirectory(directory)
  await rm(join(directory, 'lock'))
  t.ok(await lock.holds())
  t.same(await readdir(directory), ['lock'])
  await lock.release()
})

/** Every fault of a file names the file, whole and in quotes, and says what to do. */
import { mkdir, open, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import { codeOf, diskFault, onPath, quoted } from '../../src/io/disk-fault.ts'
import { replaceWhole } from '../../src/io/durable-file.ts'
import { createFileEvents } from '../../src/io/file-events.ts'
import { createFileState } from '../../src/io/file-state.ts'
import { makeDirectory } from '../../src/io/make-directory.ts'
import { operatorToken } from '../../src/io/operator-token.ts'
import { first } from '../helpers/state-documents.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'

/** The message of what a promise rejects with. */
async function saidBy(task: Promise<unknown>): Promise<string> {
  return task.then(
    () => 'nothing',
    (error: unknown) => (error instanceof Error ? error.message : String(error))
  )
}

test('says which file, what happened and what to do when the system refuses', t => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC'
  })
  t.equal(
    diskFault(full, '/var/lib/sluice/fraud.json'),
    '"/var/lib/sluice/fraud.json": no space is left (ENOSPC); free some on its disk'
  )
  const moved = Object.assign(full, { path: '/data/other' })
  t.match(
    diskFault(moved, '/var/lib'),
    /^"\/data\/other": /,
    'the path of the error is the nearer one'
  )
  t.match(diskFault(onPath(moved, '/data/last'), '/var/lib'), /^"\/data\/last": /)
  const odd = Object.assign(new Error('x'), { code: 'EWHAT' })
  t.equal(diskFault(odd, '/a'), '"/a": EWHAT; see what the system says of it')
  t.equal(diskFault(new Error('it broke'), '/a'), '"/a": it broke; see what the system says of it')
  t.equal(diskFault('constructor', '/a'), '"/a": constructor; see what the system says of it')
  t.end()
})

test('gives a path from the root, in quotes and whole, when it is long or relative', t => {
  const long = `/${'d'.repeat(200)}/${'e'.repeat(200)} f"g`
  t.equal(JSON.parse(quoted(long)), long)
  t.equal(JSON.parse(quoted('state')), resolve('state'))
  t.equal(codeOf('text'), 'text')
  t.end()
})

test('names the file that was to be replaced and not the temporary one when it cannot be', async t => {
  const directory = t.testdir({ 'fraud.json': {} })
  await mkdir(join(directory, '.fraud.json.tmp'))
  await writeFile(join(directory, '.fraud.json.tmp', 'x'), '')
  const error: unknown = await replaceWhole(directory, 'fraud.json', Buffer.from('x')).catch(e => e)
  t.match(diskFault(error, '/elsewhere'), new RegExp(`^"${directory}/fraud\\.json": .*; `))
})

test('names what stands in the way of the state, the token and the events when they begin', async t => {
  const directory = t.testdir({ taken: 'a file' })
  const taken = join(directory, 'taken')
  const state = createFileState({ directory: taken, clock: systemClock, log: silentLog })
  const where = (text: string) =>
    new RegExp(`^${text} "${taken}" cannot be used: "${taken}[^"]*": .*; `)
  t.match(await saidBy(state.open(['fraud'], route => first(route))), where('The state directory'))
  t.match(await saidBy(operatorToken(taken)), where('The state directory'))
  const events = createFileEvents({ directory: taken, clock: systemClock, log: silentLog })
  t.match(await saidBy(events), where('The events directory'))
  const error: unknown = await makeDirectory(join(taken, 'below')).catch(e => e)
  t.match(
    diskFault(error, '/x'),
    `"${join(taken, 'below')}": it, or a part of its path, is no directory`
  )
})

test('names the documents that could not be read when the state goes on without them', async t => {
  const directory = t.testdir()
  await writeFile(join(directory, 'fraud.json'), '{')
  await symlink('/dev/null', join(directory, 'fraud.json.1'))
  const store = createFileState({ directory, clock: systemClock, log: silentLog })
  t.teardown(() => store.close())
  const [warning] = await store.open(['fraud'], route => first(route))
  t.match(warning?.message, `"${join(directory, 'fraud.json')}": `)
  t.match(warning?.message, `"${join(directory, 'fraud.json.1')}": it is a symbolic link`)
})

test('names an open file whose writing fails when its error has no path', async t => {
  const file = await open('/dev/full', 'w')
  t.teardown(() => file.close())
  const error: unknown = await file.writeFile('x').catch(e => e)
  t.equal(codeOf(error), 'ENOSPC')
  t.match(
    diskFault(onPath(error, '/state/audit.ndjson'), '/state'),
    /^"\/state\/audit\.ndjson": no space/
  )
})

import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile
} from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { canonicalJson } from '../../src/domain/canonical-json.ts'
import { type RouteDocument, revisionOf, weightsOf } from '../../src/domain/document.ts'
import { SluiceError } from '../../src/errors.ts'
import { createFileState } from '../../src/io/file-state.ts'
import type { StateStore, StateWarning } from '../../src/ports.ts'
import { startState } from '../helpers/state-client.ts'
import { author, first, means, rollback, rollbackId, weights } from '../helpers/state-documents.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'
import { until } from '../helpers/until.ts'

const FILE = 'fraud.json'

test('keeps the document with its digest and two older generations when it changes', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  for (const weight of [10, 20, 30]) {
    await store.write('fraud', weights(read(store), { v4: weight }), author())
  }
  await store.close()
  for (const [suffix, revision] of [
    ['', 4],
    ['.1', 3],
    ['.2', 2]
  ] as const) {
    const text = await readFile(join(directory, `${FILE}${suffix}`), 'utf8')
    const { sha256, ...document } = JSON.parse(text)
    t.equal(document.revision, revision)
    t.equal(sha256, means.sha256(canonicalJson(document)))
    t.equal((await stat(join(directory, `${FILE}${suffix}`))).mode & 0o777, 0o600)
  }
  t.same((await readdir(directory)).sort(), [
    '.reserve',
    'audit.ndjson',
    FILE,
    `${FILE}.1`,
    `${FILE}.2`
  ])
})

test('never loads part of a document when its file is cut at any byte or has any bit flipped', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  await store.write('fraud', weights(read(store), { v4: 40 }), author())
  const older = read(store)
  await store.write('fraud', weights(older, { v4: 50 }), author())
  await store.close()
  const files = await contents(directory)
  const whole = files.get(FILE) ?? Buffer.alloc(0)
  const wrong: string[] = []
  async function attempt(bytes: Buffer, what: string): Promise<void> {
    await restore(directory, files)
    await writeFile(join(directory, FILE), bytes)
    const again = await open(directory)
    const [warning] = again.warnings
    const document = read(again.store)
    const older = document.challengers['v4']?.ranges[0]?.[1] === 4000
    if (!older || warning?.reason !== 'older-generation') wrong.push(what)
    await again.store.close()
  }
  const step = Math.max(1, Math.floor(whole.length / 120))
  for (let at = 0; at < whole.length; at += step) await attempt(whole.subarray(0, at), `cut ${at}`)
  await attempt(whole.subarray(0, whole.length - 1), 'cut by one')
  for (let at = 0; at < whole.length; at += step) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    await attempt(flipped, `flip ${at}`)
  }
  t.same(wrong, [])
})

test('goes on from the older generation when the newest is not a plain file of a usable size', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  await store.write('fraud', weights(read(store), { v4: 40 }), author())
  await store.write('fraud', weights(read(store), { v4: 50 }), author())
  await store.close()
  const files = await contents(directory)
  const path = join(directory, FILE)
  const damages: Readonly<Record<string, () => Promise<unknown>>> = {
    'is empty': () => writeFile(path, ''),
    'is missing': () => rm(path),
    'is a link': async () => {
      await rename(path, join(directory, 'elsewhere'))
      await symlink(join(directory, 'elsewhere'), path)
    },
    'is a directory': async () => {
      await rm(path)
      await mkdir(path)
    },
    'has 50 MB': () => truncate(path, 50_000_000),
    'is another document': () => writeFile(path, JSON.stringify({ schema: 1, route: 'fraud' })),
    'is not UTF-8': () => writeFile(path, Buffer.from([0xff, 0xfe, 0x7b])),
    'is nested deeply': () => writeFile(path, `${'['.repeat(200_000)}${']'.repeat(200_000)}`)
  }
  for (const [what, damage] of Object.entries(damages)) {
    await restore(directory, files)
    await damage()
    const again = await open(directory)
    t.match(again.warnings, [{ route: 'fraud', reason: 'older-generation' }], what)
    t.equal(again.store.source('fraud'), 'disk')
    t.equal(read(again.store).challengers['v4']?.ranges[0]?.[1], 4000, what)
    await again.store.write('fraud', weights(read(again.store), { v4: 60 }), author())
    await again.store.close()
    const third = await open(directory)
    t.same(third.warnings, [], what)
    t.same(weightsOf(read(third.store)), { v3: 40, v4: 60 }, what)
    await third.store.close()
  }
})

test('never gives a revision a second meaning when a document was lost', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  await store.write('fraud', weights('1-1', { v4: 40 }), author())
  await store.write('fraud', weights('1-2', { v4: 50 }), author())
  await store.close()
  await writeFile(join(directory, FILE), 'x')
  const again = await open(directory)
  t.equal(revisionOf(read(again.store)), '2-4')
  t.match((await again.store.decisions({ limit: 1 }))[0], {
    type: 'config',
    by: 'sluice',
    revision: '2-4'
  })
  await again.store.close()
})

test('comes from the configuration with its rollbacks when no generation is readable', async t => {
  for (const damage of ['broken', 'removed'] as const) {
    const directory = join(t.testdir(), damage)
    const { store } = await open(directory)
    await store.write('fraud', weights('1-1', { v4: 40 }), author())
    await store.write('fraud', rollback('v4'), author())
    const id = rollbackId(read(store), 'v4')
    await store.close()
    for (const suffix of ['', '.1', '.2']) {
      const path = join(directory, `${FILE}${suffix}`)
      await (damage === 'broken' ? writeFile(path, '{}') : rm(path, { force: true }))
    }
    const again = await open(directory)
    t.match(again.warnings, [{ route: 'fraud', reason: 'state-from-configuration' }], damage)
    t.equal(again.store.source('fraud'), 'config')
    t.equal(rollbackId(read(again.store), 'v4'), id)
    t.same(weightsOf(read(again.store)), { v3: 100, v4: 0 })
    await again.store.close()
  }
})

test('keeps a file that cannot be read for a look, and not as a generation', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  await store.write('fraud', weights('1-1', { v4: 40 }), author())
  await store.close()
  await writeFile(join(directory, FILE), 'broken')
  const again = await open(directory)
  await again.store.close()
  const aside = (await readdir(directory)).filter(name => name.includes('.unreadable.'))
  t.equal(aside.length, 1)
  t.equal(await readFile(join(directory, aside[0] ?? ''), 'utf8'), 'broken')
})

test('refuses a document when its digest is right and its content is not', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  await store.write('fraud', weights('1-1', { v4: 40 }), author())
  const document = read(store)
  await store.close()
  const v4 = document.challengers['v4']
  const files = await contents(directory)
  const forged: Readonly<Record<string, unknown>> = {
    'negative weight': { ...document, challengers: { v4: { ...v4, ranges: [[5, -5]] } } },
    'overlapping ranges': {
      ...document,
      challengers: {
        v4: {
          ...v4,
          ranges: [
            [0, 9],
            [8, 12]
          ]
        }
      }
    },
    'bucket 10001': { ...document, challengers: { v4: { ...v4, ranges: [[0, 10_001]] } } },
    'champion as challenger': { ...document, champion: 'v4' },
    'bad variant name': { ...document, challengers: { 'V4!': v4 } },
    'other route': { ...document, route: 'spam' },
    'unknown field': { ...document, weights: { v4: 5 } },
    'unknown phase': { ...document, phase: 'excited' },
    'wrong phase': { ...document, phase: 'paused' },
    'schema 2': { ...document, schema: 2 },
    'salt with a colon': { ...document, salt: 'a:b' },
    'revision 0': { ...document, revision: 0 }
  }
  for (const [what, value] of Object.entries(forged)) {
    await restore(directory, files)
    const sha256 = means.sha256(canonicalJson(value))
    await writeFile(join(directory, FILE), `${canonicalJson({ ...(value as object), sha256 })}\n`)
    const again = await open(directory)
    t.match(again.warnings, [{ reason: 'older-generation' }], what)
    t.same(weightsOf(read(again.store)), { v3: 95, v4: 5 }, what)
    await again.store.close()
  }
})

test('refuses to open when another process has the directory, and not when that one was killed', async t => {
  const directory = t.testdir()
  const other = await startState(t, directory)
  t.match(other.opened, { ok: true })
  const store = createFileState({ directory, clock: systemClock, log: silentLog })
  await t.rejects(store.open(['fraud'], first), { code: 'SLC_STATE_LOCKED' })
  t.match(
    await other.ask({ call: 'write', route: 'fraud', operation: rollback('v4'), author: author() }),
    {
      ok: true
    }
  )
  await other.kill()
  t.same(await store.open(['fraud'], first), [])
  t.equal(read(store).phase, 'rolled-back')
  await store.close()
})

test('refuses to open when the directory is none or cannot be made', async t => {
  const directory = t.testdir({ file: 'x' })
  for (const path of [join(directory, 'file'), join(directory, 'file', 'state')]) {
    const store = createFileState({ directory: path, clock: systemClock, log: silentLog })
    await t.rejects(store.open(['fraud'], first), { code: 'SLC_STATE_DIRECTORY' })
  }
})

test('applies nothing when the disk is full, and a rollback all the same', async t => {
  const directory = t.testdir()
  const child = await startState(t, directory)
  const raise = (on: string) =>
    child.ask({
      call: 'write',
      route: 'fraud',
      operation: weights(on, { v4: 50 }),
      author: author()
    })
  const rolled = () =>
    child.ask({ call: 'write', route: 'fraud', operation: rollback('v4'), author: author() })
  const document = async () => {
    const answer = await child.ask({ call: 'read', route: 'fraud' })
    return answer.ok ? (answer.value as RouteDocument) : null
  }
  await child.takeDisk()
  t.match(await raise('1-1'), { ok: false, code: 'SLC_STATE_UNKNOWN' })
  t.match(await document(), { epoch: 1, revision: 1, phase: 'steady' })
  t.match(await rolled(), { ok: true, value: { status: 'changed', scope: 'local' } })
  t.match(await document(), { epoch: 2, revision: 2, phase: 'rolled-back' })
  t.match(await rolled(), { ok: true, value: { status: 'same', scope: 'local' } })
  t.match(await raise('2-2'), { ok: true, value: { refusal: { code: 'rolled-back' } } })
  t.match(await child.ask({ call: 'decisions' }), { value: [{ type: 'rollback', sequence: 1 }] })
  const onDisk = async () => JSON.parse(await readFile(join(directory, FILE), 'utf8'))
  t.match(await onDisk(), { epoch: 1, revision: 1 })
  await child.giveDisk()
  await until('the rollback is durable', async () => (await onDisk()).phase === 'rolled-back')
  t.match(await rolled(), { ok: true, value: { status: 'same', scope: 'fleet' } })
  await child.kill()
  const { store, warnings } = await open(directory)
  t.same(warnings, [])
  t.equal(read(store).phase, 'rolled-back')
  t.equal((await store.decisions({ limit: 10 })).length, 1)
  await store.close()
})

test('accepts changes again when the disk has room again', async t => {
  const directory = t.testdir()
  const child = await startState(t, directory)
  const raise = (on: string, weight: number) =>
    child.ask({
      call: 'write',
      route: 'fraud',
      operation: weights(on, { v4: weight }),
      author: author()
    })
  t.match(await raise('1-1', 6), { ok: true, value: { status: 'changed' } })
  await child.takeDisk()
  for (let i = 0; i < 5; i++) t.match(await raise('1-2', 7), { ok: false })
  await child.giveDisk()
  t.match(await raise('1-2', 8), { ok: true, value: { status: 'changed' } })
  const decisions = await child.ask({ call: 'decisions' })
  t.match(decisions, { value: [{ sequence: 2, after: { weights: { v4: 8 } } }, { sequence: 1 }] })
  await child.close()
  const { store, warnings } = await open(directory)
  t.same(warnings, [])
  t.same(weightsOf(read(store)), { v3: 92, v4: 8 })
  await store.close()
})

test('settles the last change when the process stopped between its entry and its document', async t => {
  for (const kind of ['weights', 'rollback'] as const) {
    const directory = join(t.testdir(), kind)
    const { store } = await open(directory)
    await store.write('fraud', weights('1-1', { v4: 40 }), author())
    const before = await readFile(join(directory, FILE))
    const operation = kind === 'weights' ? weights('1-2', { v4: 50 }) : rollback('v4')
    await store.write('fraud', operation, author())
    const meant = read(store)
    await store.close()
    await writeFile(join(directory, FILE), before)
    const again = await open(directory)
    const entries = await again.store.decisions({ limit: 10 })
    if (kind === 'weights') {
      t.match(again.warnings, [{ route: 'fraud', reason: 'change-withdrawn' }])
      t.equal(revisionOf(read(again.store)), '1-2')
      t.equal(entries.length, 1)
    } else {
      t.match(again.warnings, [{ route: 'fraud', reason: 'rollback-finished' }])
      t.same(read(again.store), meant)
      t.equal(entries.length, 2)
    }
    await again.store.close()
  }
})

test('shows a rollback before it is durable when a change of weights is still being written', async t => {
  const { store } = await open(t.testdir())
  const raise = store.write('fraud', weights('1-1', { v4: 50 }), author())
  const undo = store.write('fraud', rollback('v4'), author())
  t.equal(read(store).phase, 'rolled-back')
  await Promise.all([raise, undo])
  t.match(await raise, { status: 'refused', refusal: { code: 'stale' } })
  await store.close()
})

test('goes on when a listener throws', async t => {
  const { store } = await open(t.testdir())
  store.onDocument(() => {
    throw new Error('listener')
  })
  const seen: string[] = []
  store.onDocument(document => seen.push(revisionOf(document)))
  t.match(await store.write('fraud', rollback('v4'), author()), { status: 'changed' })
  t.same(seen, ['2-2'])
  await store.close()
})

test('refuses to write when it is closed or another process took its lock', async t => {
  const directory = t.testdir()
  const { store } = await open(directory)
  await writeFile(join(directory, 'lock'), '{}')
  const raise = store.write('fraud', weights('1-1', { v4: 50 }), author())
  await t.rejects(raise, { code: 'SLC_STATE_UNKNOWN', message: /taken over/ })
  await store.close()
  await t.rejects(store.write('fraud', rollback('v4'), author()), SluiceError)
})

test('makes the state directory for its owner alone when there is none', async t => {
  const directory = join(t.testdir(), 'a', 'state')
  const { store } = await open(directory)
  t.equal((await stat(directory)).mode & 0o777, 0o700)
  await store.close()
  await chmod(directory, 0o755)
})

async function open(
  directory: string
): Promise<{ readonly store: StateStore; readonly warnings: readonly StateWarning[] }> {
  const store = createFileState({ directory, clock: systemClock, log: silentLog })
  const warnings = await store.open(['fraud'], route => first(route))
  return { store, warnings }
}

function read(store: StateStore): RouteDocument {
  const document = store.read('fraud')
  if (document === null) throw new Error('route fraud has no document')
  return document
}

async function contents(directory: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = await readdir(directory)
  const pairs = names.map(async name => [name, await readFile(join(directory, name))] as const)
  return new Map(await Promise.all(pairs))
}

async function restore(directory: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory)
  for (const [name, bytes] of files) await writeFile(join(directory, name), bytes)
}

import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { applyOperation } from '../../src/domain/operations.ts'
import {
  decodeDocument,
  encodeDocument,
  loadDocument,
  MAX_DOCUMENT,
  saveDocument
} from '../../src/io/document-file.ts'
import { author, first, means, rollback } from '../helpers/state-documents.ts'

const document = applyOperation(first('fraud'), rollback('v4'), author(), means).document
const bytes = encodeDocument(document)

test('reads a document back as it was when its bytes are whole', async t => {
  t.strictSame(decodeDocument(bytes, 'fraud'), { ok: true, document })
  t.match(decodeDocument(bytes, 'spam'), { ok: false, reason: /route fraud/ })
})

test('reads nothing when the bytes are cut at any place', async t => {
  const read: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    if (decodeDocument(bytes.subarray(0, at), 'fraud').ok) read.push(at)
  }
  t.same(read, [])
})

test('reads nothing when any one bit is flipped', async t => {
  const read: string[] = []
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
      if (decodeDocument(flipped, 'fraud').ok) read.push(`byte ${at} bit ${bit}`)
    }
  }
  t.same(read, [])
})

test('reads nothing when the text says the same in another way', async t => {
  const text = bytes.toString()
  const { sha256, ...rest } = JSON.parse(text)
  const others = {
    spaces: `${JSON.stringify(JSON.parse(text), null, 2)}\n`,
    order: `${JSON.stringify({ sha256, ...rest })}\n`,
    'byte order mark': `\ufeff${text}`,
    'second member': text.replace('{', '{"epoch":1,'),
    'more behind': `${text}\n`,
    escape: text.replace('"fraud"', '"\\u0066raud"')
  }
  for (const [what, other] of Object.entries(others)) {
    t.equal(decodeDocument(Buffer.from(other), 'fraud').ok, false, what)
  }
})

test('refuses to write a document when it would be too large to be read', async t => {
  const directory = t.testdir()
  const upstreams = ['x'.repeat(MAX_DOCUMENT)]
  const large = { ...document, registry: { v4: { upstreams, model: null } } }
  await t.rejects(saveDocument(directory, large), RangeError)
  t.same(await loadDocument(directory, 'fraud', 1), { document: null, faults: [] })
})

test('reads a full document when 31 challengers were rolled back with evidence', async t => {
  const directory = await mkdtemp(join(t.testdir(), 'many-'))
  const names = Array.from({ length: 31 }, (_, i) => `v${i + 10}`)
  const start = first('fraud', Object.fromEntries([['v3', 100], ...names.map(name => [name, 0])]))
  const evidence = { text: 'e'.repeat(20_000) }
  const operation = { ...rollback(...names), evidence } as ReturnType<typeof rollback>
  const full = applyOperation(start, operation, author(), means).document
  await saveDocument(directory, full)
  await writeFile(join(directory, '.fraud.json.tmp'), 'left by a crash')
  t.strictSame(await loadDocument(directory, 'fraud', 1), { document: full, faults: [] })
})

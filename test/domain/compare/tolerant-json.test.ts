import { test } from 'tap'
import { JSON_KIND, type JsonDocument } from '../../../src/domain/compare/json-document.ts'
import { JsonReader, readJson } from '../../../src/domain/compare/tolerant-json.ts'
import { seeded } from '../../helpers/seeded.ts'

/** The value of a node as JSON.parse would give it. */
function plain(document: JsonDocument, node: number): unknown {
  const kind = document.kind(node)
  const end = document.next(node)
  if (kind === JSON_KIND.array) {
    const list: unknown[] = []
    for (let at = node + 1; at < end; at = document.next(at)) list.push(plain(document, at))
    return list
  }
  if (kind === JSON_KIND.object) {
    const entries: [string, unknown][] = []
    for (let at = node + 1; at < end; at = document.next(at + 1)) {
      entries.push([document.string(at), plain(document, at + 1)])
    }
    return Object.fromEntries(entries)
  }
  if (document.isString(node)) return document.string(node)
  if (document.isNumber(node)) return document.number(node)
  return kind === JSON_KIND.null ? null : kind === JSON_KIND.true
}

function read(text: string): unknown {
  const document = readJson(text)
  return typeof document === 'string' ? document : plain(document, 0)
}

function random(next: () => number, depth: number): unknown {
  const kind = Math.floor(next() * (depth > 4 ? 6 : 8))
  if (kind === 0) return null
  if (kind === 1) return next() < 0.5
  if (kind === 2) return Math.floor(next() * 2e9) - 1e9
  if (kind === 3) return (next() - 0.5) * 10 ** Math.floor(next() * 40 - 20)
  if (kind < 6) {
    const units = Array.from({ length: Math.floor(next() * 6) }, () => Math.floor(next() * 0x300))
    return String.fromCharCode(...units)
  }
  const length = Math.floor(next() * 12)
  const items = Array.from({ length }, () => random(next, depth + 1))
  if (kind === 6) return items
  return Object.fromEntries(items.map((item, i) => [`${i % 3 === 0 ? 'ä"\\' : 'k'}${i}`, item]))
}

test('every document reads as JSON.parse reads it when it is plain JSON', async t => {
  for (let seed = 1; seed <= 2_000; seed++) {
    const value = random(seeded(seed), 0)
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, ' \t')]) {
      if (JSON.stringify(read(text)) !== JSON.stringify(JSON.parse(text))) t.fail(`seed ${seed}`)
    }
  }
})

test('numbers are those of JSON.parse when they have many digits, fractions and exponents', async t => {
  for (const text of [
    '0.1',
    '-0',
    '123456789012345.6',
    '0.30000000000000004',
    '9007199254740993',
    '1e-320',
    '1.7976931348623157e308',
    '1e999',
    '-1E+2',
    '0.000000000000000000000012345',
    '4.35'
  ]) {
    t.ok(Object.is(read(text), JSON.parse(text)), text)
  }
})

test('NaN and infinities are numbers when they stand bare, in any case of letters', async t => {
  t.ok(Number.isNaN(read('NaN')))
  t.ok(Number.isNaN(read('nan')))
  t.equal(read('Infinity'), Infinity)
  t.equal(read('-Infinity'), -Infinity)
  t.equal(read('-inf'), -Infinity)
  t.strictSame(read('["NaN"]'), ['NaN'])
})

test('an integer keeps its text when a double does not hold it', async t => {
  const document = readJson('[9007199254740993,9007199254740991]')
  t.not(document, 'unreadable')
  if (typeof document === 'string') return
  t.equal(document.kind(1), JSON_KIND.big)
  t.equal(document.raw(1), '9007199254740993')
  t.equal(document.kind(2), JSON_KIND.integer)
})

test('a text is unreadable when it is no JSON, or which value counts would be a guess', async t => {
  const many = Array.from({ length: 40 }, (_, i) => `"k${i}":${i}`).join(',')
  for (const text of [
    '',
    ' ',
    '{',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{"a"}',
    '{a:1}',
    '[1 2]',
    '1 2',
    '01',
    '1.',
    '.5',
    '+1',
    '1e',
    'nul',
    'nulll',
    'tru e',
    '"a',
    '"\\x"',
    '"\\u12g4"',
    '"\n"',
    ']',
    '[}',
    '{"a":1}}',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    `{${many},"k7":1}`,
    '\ufeff{}',
    '{\0"\0a\0',
    '<html></html>'
  ]) {
    t.equal(read(text), 'unreadable', JSON.stringify(text))
  }
})

test('nothing overflows when values are nested 10,000 levels deep', async t => {
  const deep = 10_000
  const document = readJson(`${'['.repeat(deep)}1${']'.repeat(deep)}`)
  t.equal(typeof document === 'string' ? document : document.count, deep + 1)
  t.equal(readJson('['.repeat(deep)), 'unreadable')
  const objects = readJson(`${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`)
  t.equal(typeof objects === 'string' ? objects : objects.count, 2 * deep + 1)
})

test('a document is too large when it has more values than allowed', async t => {
  t.equal(readJson('[1,2,3,4,5,6,7,8,9]', 9), 'too_large')
  t.not(typeof readJson('[1,2,3,4,5,6,7,8,9]', 10), 'string')
  t.equal(readJson('{"a":1,"b":2,"c":3}', 6), 'too_large')
  t.not(typeof readJson('{"a":1,"b":2,"c":3}', 7), 'string')
})

test('the document is the same when it is read a value at a time', async t => {
  const text = '{"a":[1,{"b":null},[]],"c":{},"d":"x\\ny"}'
  const reader = new JsonReader(text)
  let steps = 1
  while (!reader.step(1)) steps++
  t.ok(steps > 10)
  const { result } = reader
  t.strictSame(typeof result === 'string' ? result : plain(result, 0), JSON.parse(text))
})

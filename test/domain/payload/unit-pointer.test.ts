/** Units by JSON Pointer: every way to a value, every kind of value, every text. */
import { test } from 'tap'
import type { ScanState } from '../../../src/domain/payload/unit-place.ts'
import { unitScan } from '../../../src/domain/payload/unit-scan.ts'
import { seeded } from '../../helpers/seeded.ts'
import { bytesOf, findsUnits, JSON_FACTS, type UnitCase } from '../../helpers/unit-cuts.ts'

const NAMES = ['a', 'b', 'a/b', 'm~n', 'ü', '0', '1', '', 'long-name-of-a-member']

const TEXTS = ['', 'u1', '"', '\\', '\\"', '[{]},:', 'é€😀', '\n\t\u0001', 'x'.repeat(40)]

const CASES: readonly UnitCase[] = [
  // JSON Pointer
  { what: 'a member', sources: [{ json: '/user' }], body: '{"user":"u1"}', unit: 'u1' },
  {
    what: 'a nested member behind others',
    sources: [{ json: '/a/b' }],
    body: '{"x":{"a":{"b":"no"}},"y":[1,[2]],"a":{"c":"\\"}","b":"yes"}}',
    unit: 'yes'
  },
  {
    what: 'an element of an array',
    sources: [{ json: '/instances/0/user_id' }],
    body: '{"instances":[{"x":1,"user_id":"u7"},{"user_id":"u8"}]}',
    unit: 'u7'
  },
  {
    what: 'a later element',
    sources: [{ json: '/ids/2' }],
    body: '{"ids":[ "a" , {"0":"x"} , "c","d"]}',
    unit: 'c'
  },
  {
    what: 'an index that is the name of a member',
    sources: [{ json: '/0' }],
    body: '{"0":"zero"}',
    unit: 'zero'
  },
  {
    what: 'an index with a zero before',
    sources: [{ json: '/01' }],
    body: '["a","b"]',
    unit: null
  },
  { what: 'the index behind the last', sources: [{ json: '/-' }], body: '["a","b"]', unit: null },
  {
    what: 'escapes of a pointer',
    sources: [{ json: '/a~1b/m~0n/~01' }],
    body: '{"a/b":{"m~n":{"~1":"deep"}}}',
    unit: 'deep'
  },
  {
    what: 'an empty name',
    sources: [{ json: '/' }],
    body: '{"":"empty name"}',
    unit: 'empty name'
  },
  { what: 'the whole document', sources: [{ json: '' }], body: ' "u1" ', unit: 'u1' },
  { what: 'the whole document, a number', sources: [{ json: '' }], body: '42', unit: '42' },
  { what: 'a name beyond ASCII', sources: [{ json: '/größe' }], body: '{"größe":"ü"}', unit: 'ü' },
  {
    what: 'a name with escapes in the document',
    sources: [{ json: '/user' }],
    body: '{"\\u0075s\\u0065r":"u1"}',
    unit: 'u1'
  },
  {
    what: 'the first of two members with one name',
    sources: [{ json: '/user' }],
    body: '{"user":"first","user":"second"}',
    unit: 'first'
  },
  {
    what: 'the first of two objects with one name',
    sources: [{ json: '/a/b' }],
    body: '{"a":{},"a":{"b":"x"}}',
    unit: null
  },
  { what: 'a missing member', sources: [{ json: '/user' }], body: '{"usr":"u1"}', unit: null },
  {
    what: 'a pointer through a text',
    sources: [{ json: '/user/id' }],
    body: '{"user":"u1"}',
    unit: null
  },
  // kinds of values
  {
    what: 'a number with all its digits',
    sources: [{ json: '/id' }],
    body: '{"id":9007199254740993}',
    unit: '9007199254740993'
  },
  {
    what: 'a number as written',
    sources: [{ json: '/id' }],
    body: '{"id":-1.50E+02 }',
    unit: '-1.50E+02'
  },
  { what: 'a number that is none', sources: [{ json: '/id' }], body: '{"id":01}', unit: null },
  {
    what: 'a number with a text behind it',
    sources: [{ json: '/id' }],
    body: '{"id":1"x"}',
    unit: null
  },
  { what: 'null', sources: [{ json: '/id' }], body: '{"id":null}', unit: null },
  { what: 'true', sources: [{ json: '/id' }], body: '{"id":true}', unit: null },
  { what: 'NaN', sources: [{ json: '/id' }], body: '{"id":NaN}', unit: null },
  { what: 'an object', sources: [{ json: '/id' }], body: '{"id":{"id":"x"}}', unit: null },
  { what: 'an array', sources: [{ json: '/id' }], body: '{"id":["x"]}', unit: null },
  { what: 'an empty text', sources: [{ json: '/id' }], body: '{"id":""}', unit: null },
  {
    what: 'a member behind a bare NaN',
    sources: [{ json: '/id' }],
    body: '{"x":[NaN,-Infinity,1e999],"id":"u"}',
    unit: 'u'
  },
  // texts
  {
    what: 'every escape',
    sources: [{ json: '/id' }],
    body: '{"id":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC"}',
    unit: '"\\/\b\f\n\r\tAé€'
  },
  {
    what: 'a surrogate pair',
    sources: [{ json: '/id' }],
    body: '{"id":"\\ud83d\\ude00!"}',
    unit: '😀!'
  },
  {
    what: 'surrogates without their other half',
    sources: [{ json: '/id' }],
    body: '{"id":"\\ud83d\\ud83d\\ude00\\ude00x"}',
    unit: `\xed\xa0\xbd${Buffer.from('😀').toString('latin1')}\xed\xb8\x80x`,
    raw: true
  },
  {
    what: 'bytes that are not UTF-8',
    sources: [{ json: '/id' }],
    body: Buffer.from('{"id":"\xff\xfe"}', 'latin1'),
    unit: '\xff\xfe',
    raw: true
  },
  {
    what: 'an escape that is none',
    sources: [{ json: '/id' }],
    body: '{"id":"\\x41"}',
    unit: null
  },
  { what: 'a bad \\u', sources: [{ json: '/id' }], body: '{"id":"\\u00g1"}', unit: null },
  { what: 'a control character', sources: [{ json: '/id' }], body: '{"id":"a\nb"}', unit: null },
  {
    what: 'backslashes before the quote of a skipped text',
    sources: [{ json: '/id' }],
    body: '{"a":"\\\\","b":"\\\\\\"id\\":\\"no","id":"u"}',
    unit: 'u'
  },
  {
    what: '256 bytes',
    sources: [{ json: '/id' }],
    body: `{"id":"${'é'.repeat(128)}"}`,
    unit: 'é'.repeat(128)
  }
]

test('finds the value of a pointer at every cut of the bytes when it is there, and no other', t => {
  findsUnits(t, CASES)
  t.end()
})

test('agrees with JSON.parse when the document is any that a generator makes', t => {
  const random = seeded(20261121)
  for (let i = 0; i < 2000; i++) {
    const made = value(random, 0)
    const spaced = JSON.stringify(made, null, random() < 0.3 ? 1 : 0)
    const pointer = somePointer(made, random)
    const at = resolve(made, pointer)
    const wanted: ScanState =
      (typeof at === 'string' && at !== '') || typeof at === 'number'
        ? { kind: 'found', text: bytesOf(String(at)) }
        : { kind: 'absent' }
    const bytes = Buffer.from(spaced)
    const scan = unitScan([{ json: pointer }], JSON_FACTS)
    let state = scan.push(new Uint8Array(0))
    for (let from = 0; from < bytes.length && state.kind === 'open'; ) {
      const to = from + 1 + Math.floor(random() * 9)
      state = scan.push(bytes.subarray(from, to))
      from = to
    }
    if (state.kind === 'open') state = scan.end()
    if (JSON.stringify(state) !== JSON.stringify(wanted))
      t.same(state, wanted, `${pointer} ${spaced}`)
  }
  t.pass('all documents')
  t.end()
})

function value(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 6 : 8))
  if (kind === 0) return null
  if (kind === 1) return random() < 0.5
  if (kind === 2) return Math.floor(random() * 2e6) / (random() < 0.5 ? 1 : 1000)
  if (kind < 6) return TEXTS[Math.floor(random() * TEXTS.length)]
  const size = Math.floor(random() * 4)
  if (kind === 6) return Array.from({ length: size }, () => value(random, depth + 1))
  const names = Array.from({ length: size }, () => NAMES[Math.floor(random() * NAMES.length)])
  return Object.fromEntries(names.map(name => [name, value(random, depth + 1)]))
}

function somePointer(made: unknown, random: () => number): string {
  let at = made
  let pointer = ''
  while (typeof at === 'object' && at !== null && random() < 0.9) {
    const names = random() < 0.85 ? Object.keys(at) : NAMES
    const name = names[Math.floor(random() * names.length)]
    if (name === undefined) break
    pointer += `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
    at = Object.entries(at).find(([key]) => key === name)?.[1]
  }
  return pointer
}

function resolve(made: unknown, pointer: string): unknown {
  let at = made
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = Object.entries(at).find(([key]) => key === name)?.[1]
  }
  return at
}

/** Units in bodies: every source, every kind of value, at every cut of the bytes. */
import { test } from 'tap'
import {
  type BodyFacts,
  type BodyUnitSource,
  type ScanState,
  unitScan
} from '../../../src/domain/payload/unit-scan.ts'
import { seeded } from '../../helpers/seeded.ts'

const JSON_FACTS: BodyFacts = {
  contentType: 'application/json',
  contentEncoding: null,
  inferenceHeaderLength: null
}

const NAMES = ['a', 'b', 'a/b', 'm~n', 'ü', '0', '1', '', 'long-name-of-a-member']

const TEXTS = ['', 'u1', '"', '\\', '\\"', '[{]},:', 'é€😀', '\n\t\u0001', 'x'.repeat(40)]

type Case = {
  readonly what: string
  readonly sources: readonly BodyUnitSource[]
  readonly body: string | Uint8Array
  readonly facts?: Partial<BodyFacts>
  readonly unit: string | null // null: absent
  readonly raw?: boolean // the unit is bytes as latin1
}

const CASES: readonly Case[] = [
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
  },
  // bytes that are not JSON
  { what: 'nothing', sources: [{ json: '/id' }], body: '', unit: null },
  { what: 'white space', sources: [{ json: '/id' }], body: ' \r\n\t ', unit: null },
  { what: 'a cut text', sources: [{ json: '/id' }], body: '{"id":"u1', unit: null },
  { what: 'a cut number', sources: [{ json: '/id' }], body: '{"id":12', unit: null },
  { what: 'a missing colon', sources: [{ json: '/id' }], body: '{"a","id":"u"}', unit: null },
  { what: 'the wrong bracket', sources: [{ json: '/id' }], body: '{"a":1],"id":"u"}', unit: null },
  { what: 'a missing comma', sources: [{ json: '/id' }], body: '{"a":1 "id":"u"}', unit: null },
  { what: 'CSV', sources: [{ json: '/id' }], body: 'id,x\nu1,2\n', unit: null },
  { what: 'HTML', sources: [{ json: '/id' }], body: '<html>{"id":"u1"}', unit: null },
  {
    what: 'a byte order mark',
    sources: [{ json: '/id' }],
    body: '\ufeff{"id":"u1"}',
    unit: 'u1'
  },
  {
    what: 'half a byte order mark',
    sources: [{ json: '/id' }],
    body: Buffer.from('\xef\xbb{"id":"u1"}', 'latin1'),
    unit: null
  },
  {
    what: 'UTF-16',
    sources: [{ json: '/id' }],
    body: Buffer.from('\ufeff{"id":"u1"}', 'utf16le'),
    unit: null
  },
  {
    what: 'UTF-16 without a mark',
    sources: [{ json: '/id' }],
    body: Buffer.from('{"id":"u1"}', 'utf16le'),
    unit: null
  },
  {
    what: 'a unit behind 10,000 levels',
    sources: [{ json: '/id' }],
    body: `{"deep":${'[{"a":'.repeat(5000)}1${'}]'.repeat(5000)},"id":"u1"}`,
    unit: 'u1'
  },
  {
    what: 'a unit before 10,000 levels that never end',
    sources: [{ json: '/id' }],
    body: `{"id":"u1","deep":${'['.repeat(10_000)}`,
    unit: 'u1'
  },
  // head of the request
  {
    what: 'a gzip body',
    sources: [{ json: '/id' }],
    body: '{"id":"u1"}',
    facts: { contentEncoding: 'gzip' },
    unit: null
  },
  {
    what: 'a body coded as identity',
    sources: [{ json: '/id' }],
    body: '{"id":"u1"}',
    facts: { contentEncoding: 'Identity' },
    unit: 'u1'
  },
  {
    what: 'no type',
    sources: [{ json: '/id' }],
    body: '{"id":"u1"}',
    facts: { contentType: null },
    unit: 'u1'
  },
  {
    what: 'a type of the JSON family',
    sources: [{ json: '/data/id' }],
    body: '{"data":{"id":"u1"}}',
    facts: { contentType: 'Application/CloudEvents+JSON; charset=utf-8' },
    unit: 'u1'
  },
  {
    what: 'another type',
    sources: [{ json: '/id' }],
    body: '{"id":"u1"}',
    facts: { contentType: 'multipart/form-data; boundary=x' },
    unit: null
  },
  // Open Inference
  {
    what: 'a request parameter',
    sources: [{ tensor: 'parameters.user_id' }],
    body: '{"id":"7","inputs":[{"name":"user_id","data":["no"]}],"parameters":{"user_id":"u1"}}',
    unit: 'u1'
  },
  {
    what: 'a tensor of texts',
    sources: [{ tensor: 'user_id' }],
    body: '{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1.5]},{"name":"user_id","shape":[1,1],"datatype":"BYTES","data":[["u1"]]}]}',
    unit: 'u1'
  },
  {
    what: 'a tensor whose name comes last',
    sources: [{ tensor: 'user_id' }],
    body: '{"inputs":[{"data":["no"],"name":"x"},{"data":[9007199254740993,2],"datatype":"INT64","name":"user_id"}]}',
    unit: '9007199254740993'
  },
  {
    what: 'a tensor whose first element is null',
    sources: [{ tensor: 'u' }],
    body: '{"inputs":[{"name":"u","data":[null,"x"]}]}',
    unit: null
  },
  {
    what: 'a tensor without elements',
    sources: [{ tensor: 'u' }],
    body: '{"inputs":[{"name":"u","data":[[],["x"]]}]}',
    unit: null
  },
  {
    what: 'the first of two tensors with one name',
    sources: [{ tensor: 'u' }],
    body: '{"inputs":[{"name":"u","data":["a"]},{"name":"u","data":["b"]}]}',
    unit: 'a'
  },
  {
    what: 'no tensor of the name',
    sources: [{ tensor: 'u' }],
    body: '{"inputs":[{"name":"x","data":["a"]}],"outputs":[{"name":"u"}]}',
    unit: null
  },
  {
    what: 'data nested too deep',
    sources: [{ tensor: 'u' }],
    body: `{"inputs":[{"name":"u","data":${'['.repeat(1000)}"x"${']'.repeat(1000)}}]}`,
    unit: null
  },
  // data frames
  {
    what: 'a cell by its column',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["x","user_id","y"],"index":[0],"data":[[1,"u1",2],[3,"u2",4]]}}',
    unit: 'u1'
  },
  {
    what: 'a cell whose column comes behind the data',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"data":[[1,{"a":[2]},77,null],[3]],"columns":["x","y","user_id"]}}',
    unit: '77'
  },
  {
    what: 'a row that is too short',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["x","user_id"],"data":[[1]]}}',
    unit: null
  },
  {
    what: 'a column that is not there',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["x"],"data":[["u1"]]}}',
    unit: null
  },
  {
    what: 'a column with a number as its name',
    sources: [{ dataframe: '1' }],
    body: '{"dataframe_split":{"columns":[0,1],"data":[["a","b"]]}}',
    unit: 'b'
  },
  {
    what: 'a null cell',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["user_id"],"data":[[null],["u2"]]}}',
    unit: null
  },
  {
    what: 'no data',
    sources: [{ dataframe: 'user_id' }],
    body: '{"dataframe_split":{"columns":["user_id"],"data":[]}}',
    unit: null
  },
  {
    what: 'records',
    sources: [{ dataframe: 'user_id' }],
    body: '{"params":{"user_id":"no"},"dataframe_records":[{"x":1,"user_id":"u1"},{"user_id":"u2"}]}',
    unit: 'u1'
  },
  // OpenAI and Anthropic
  {
    what: 'user',
    sources: [{ field: 'user' }],
    body: '{"model":"m","messages":[{"role":"user","content":"user"}],"user":"u1"}',
    unit: 'u1'
  },
  {
    what: 'metadata.user_id',
    sources: [{ field: 'metadata.user_id' }],
    body: '{"metadata":{"user_id":"u1"},"messages":[]}',
    unit: 'u1'
  },
  // several sources
  {
    what: 'the first source where both are there, the second first',
    sources: [{ field: 'safety_identifier' }, { field: 'user' }],
    body: '{"user":"second","safety_identifier":"first"}',
    unit: 'first'
  },
  {
    what: 'the second source where the first is absent',
    sources: [{ json: '/metadata/user_id' }, { field: 'user' }],
    body: '{"user":"second","metadata":{}}',
    unit: 'second'
  },
  {
    what: 'two sources through one object',
    sources: [{ json: '/a/b' }, { json: '/a/c' }, { json: '/a' }],
    body: '{"a":{"c":"third"}}',
    unit: 'third'
  },
  {
    what: 'the second source where the text ends in the middle',
    sources: [{ json: '/b' }, { json: '/a' }],
    body: '{"a":"known","x":[',
    unit: 'known'
  }
]

test('finds the same unit at every cut of the bytes when a body is whole, odd or broken', t => {
  for (const { what, sources, body, facts, unit, raw } of CASES) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const wanted: ScanState =
      unit === null ? { kind: 'absent' } : { kind: 'found', text: raw ? unit : bytesOf(unit) }
    everyCut(t, what, sources, bytes, { ...JSON_FACTS, ...facts }, wanted)
  }
  t.end()
})

test('refuses a unit when it is longer than 256 bytes', t => {
  const wanted: ScanState = { kind: 'invalid', why: 'it is longer than 256 bytes' }
  const long = 'é'.repeat(128)
  for (const [source, body] of [
    [{ json: '/id' }, `{"id":"${long}x"}`],
    [{ json: '/id' }, `{"id":1${'0'.repeat(256)}}`],
    [{ tensor: 'u' }, `{"inputs":[{"name":"u","data":["${long}x"]}]}`],
    [{ tensor: 'u' }, `{"inputs":[{"data":["${long}x"],"name":"u"}]}`],
    [{ dataframe: 'u' }, `{"dataframe_split":{"columns":["u"],"data":[["${long}x"]]}}`],
    [{ dataframe: 'u' }, `{"dataframe_split":{"data":[["${long}x"]],"columns":["u"]}}`]
  ] as const) {
    everyCut(t, body.slice(0, 40), [source], Buffer.from(body), JSON_FACTS, wanted)
  }
  t.end()
})

test('reads a tensor behind the JSON part when its data is binary', t => {
  const cases: readonly (readonly [string, Uint8Array, string | null])[] = [
    ['BYTES', Buffer.from('\x02\0\0\0u1\x02\0\0\0u2', 'latin1'), 'u1'],
    ['BYTES', Buffer.from('\0\0\0\0', 'latin1'), null],
    ['BYTES', Buffer.from('\xff\xff\xff\xffabc', 'latin1'), null],
    ['BYTES', Buffer.from('ab'), null],
    ['INT64', int64(9007199254740993n), '9007199254740993'],
    ['INT64', int64(-1n), '-1'],
    ['UINT64', int64(-1n), '18446744073709551615'],
    ['INT16', Buffer.from([0xfe, 0xff]), '-2'],
    ['UINT8', Buffer.from([200, 1]), '200'],
    ['FP32', Buffer.from([0, 0, 128, 63]), null],
    ['BOOL', Buffer.from([1]), null]
  ]
  for (const [datatype, data, unit] of cases) {
    const json = JSON.stringify({
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } },
        { name: 'b', datatype: 'BYTES', shape: [1], data: ['x'] },
        { name: 'user_id', datatype, shape: [1], parameters: { binary_data_size: data.length } },
        { name: 'c', datatype: 'UINT8', shape: [3], parameters: { binary_data_size: 3 } }
      ]
    })
    const body = Buffer.concat([
      Buffer.from(json),
      Buffer.from('XXXXXXXX'),
      data,
      Buffer.from('ccc')
    ])
    const facts = { ...JSON_FACTS, contentType: 'application/octet-stream' }
    const wanted: ScanState = unit === null ? { kind: 'absent' } : { kind: 'found', text: unit }
    const binary = { ...facts, inferenceHeaderLength: json.length }
    everyCut(t, datatype, [{ tensor: 'user_id' }], body, binary, wanted)
    everyCut(t, `${datatype}, a text in JSON`, [{ tensor: 'b' }], body, binary, {
      kind: 'found',
      text: 'x'
    })
    const nothing: ScanState = { kind: 'absent' }
    everyCut(
      t,
      'no JSON',
      [{ tensor: 'user_id' }],
      data,
      { ...facts, inferenceHeaderLength: 0 },
      nothing
    )
    everyCut(
      t,
      'too short',
      [{ tensor: 'user_id' }],
      body.subarray(0, json.length + 8),
      binary,
      nothing
    )
    everyCut(t, 'undeclared', [{ tensor: 'user_id' }], body, facts, nothing)
  }
  t.end()
})

test('knows that there is no unit before the end when the object in which it would be has ended', t => {
  const scan = unitScan([{ json: '/metadata/user_id' }], JSON_FACTS)
  t.equal(scan.push(Buffer.from('{"metadata":{"x":1')).kind, 'open')
  t.equal(scan.push(Buffer.from('},')).kind, 'absent')
  const tensor = unitScan([{ tensor: 'u' }], JSON_FACTS)
  t.equal(tensor.push(Buffer.from('{"inputs":[{"name":"x"}]')).kind, 'absent')
  const coded = unitScan([{ json: '/u' }], { ...JSON_FACTS, contentEncoding: 'br' })
  t.equal(coded.push(new Uint8Array(0)).kind, 'absent', 'before the first byte')
  t.end()
})

test('knows the unit as soon as its last byte is there when more would follow', t => {
  for (const [sources, body] of [
    [[{ json: '/u' }], '{"u":"u1"'],
    [[{ tensor: 'u' }], '{"inputs":[{"name":"u","data":["u1"'],
    [[{ dataframe: 'u' }], '{"dataframe_split":{"columns":["u","v"],"data":[["u1"']
  ] as const) {
    const bytes = Buffer.from(body)
    const scan = unitScan(sources, JSON_FACTS)
    t.equal(scan.push(bytes.subarray(0, -1)).kind, 'open', body)
    t.same(scan.push(bytes.subarray(-1)), { kind: 'found', text: 'u1' }, body)
  }
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

test('costs no more a byte when a body is sixteen times as long', t => {
  const shapes = [
    (n: number) => `{"a":[${'[1],'.repeat(n)}1],"u":"x"}`,
    (n: number) => `{"a":"${'\\\\'.repeat(2 * n)}","u":"x"}`,
    (n: number) => `{"inputs":[{"name":"x","data":[${'1,'.repeat(2 * n)}1]}]}`,
    (n: number) => `{"inputs":[${'{},'.repeat(n)}{}]}`,
    (n: number) => `{${'"k":1,'.repeat(n)}"u":"x"}`
  ]
  for (const shape of shapes) {
    const [small, large] = [Buffer.from(shape(4000)), Buffer.from(shape(64_000))]
    bestOf(small)
    const ratio = bestOf(large) / large.length / (bestOf(small) / small.length)
    t.ok(ratio < 4, `${ratio.toFixed(2)} for ${shape(1)}`)
  }
  t.end()
})

function bestOf(body: Uint8Array): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage()
    const scan = unitScan([{ json: '/u' }, { tensor: 'u' }, { dataframe: 'u' }], JSON_FACTS)
    for (let at = 0; at < body.length; at += 65_536) scan.push(body.subarray(at, at + 65_536))
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, user + system)
  }
  return Math.max(best, 1)
}

/** One piece, two pieces at every place (of long bodies, at some), byte by byte. */
function everyCut(
  t: { same(found: unknown, wanted: unknown, what: string): unknown },
  what: string,
  sources: readonly BodyUnitSource[],
  bytes: Uint8Array,
  facts: BodyFacts,
  wanted: ScanState
): void {
  const step = bytes.length > 2000 ? 997 : 1
  const outcomes = new Set<string>()
  for (let at = 0; at <= bytes.length; at += step) {
    outcomes.add(
      JSON.stringify(scanned(sources, facts, [bytes.subarray(0, at), bytes.subarray(at)]))
    )
  }
  const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
  outcomes.add(JSON.stringify(scanned(sources, facts, single)))
  t.same([...outcomes], [JSON.stringify(wanted)], what)
}

function scanned(
  sources: readonly BodyUnitSource[],
  facts: BodyFacts,
  pieces: readonly Uint8Array[]
): ScanState {
  const scan = unitScan(sources, facts)
  for (const piece of pieces) {
    const state = scan.push(piece)
    if (state.kind !== 'open') return state
  }
  return scan.end()
}

/** The UTF-8 of a text as latin1. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function int64(n: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(n)
  return bytes
}

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

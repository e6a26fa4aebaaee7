/** What holds for units from all sources: odd bytes, the head of a request, several sources, length and cost. */
import { test } from 'tap'
import type { ScanState } from '../../../src/domain/payload/unit-place.ts'
import { unitScan } from '../../../src/domain/payload/unit-scan.ts'
import { everyCut, findsUnits, JSON_FACTS, type UnitCase } from '../../helpers/unit-cuts.ts'

const CASES: readonly UnitCase[] = [
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
  findsUnits(t, CASES)
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

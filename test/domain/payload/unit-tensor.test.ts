/** Units in tensors of the Open Inference Protocol, in JSON and behind it. */
import { test } from 'tap'
import type { ScanState } from '../../../src/domain/payload/unit-place.ts'
import { everyCut, findsUnits, JSON_FACTS, type UnitCase } from '../../helpers/unit-cuts.ts'

const CASES: readonly UnitCase[] = [
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
  }
]

test('finds the first element of a tensor at every cut of the bytes when it is there', t => {
  findsUnits(t, CASES)
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

function int64(n: bigint): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(n)
  return bytes
}

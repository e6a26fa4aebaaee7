import { test } from 'tap'
import type { ComparedSide } from '../../../src/domain/compare/comparison.ts'
import { answer, compareBodies, differences, fieldOf } from '../../helpers/answer-side.ts'

type Output = {
  readonly name: string
  readonly shape: readonly number[]
  readonly datatype: string
  readonly data: readonly unknown[] | Uint8Array | string
}

const INFER = { protocol: 'open-inference' } as const
const differ = (primary: ComparedSide, shadow: ComparedSide) =>
  differences(compareBodies(primary, shadow, INFER))

/** An answer; tensors given as bytes are sent behind the JSON, data given as text as it is. */
function outputs(...list: readonly Output[]): ComparedSide {
  const binary: Uint8Array[] = []
  const texts = list.map(({ data, ...rest }) => {
    if (typeof data === 'string') return `{${JSON.stringify(rest).slice(1, -1)},"data":${data}}`
    if (!(data instanceof Uint8Array)) return JSON.stringify({ ...rest, data })
    binary.push(data)
    return JSON.stringify({ ...rest, parameters: { binary_data_size: data.length } })
  })
  const json = Buffer.from(`{"id":"${Math.random()}","model_name":"m","outputs":[${texts}]}`)
  if (binary.length === 0) return answer(new Uint8Array(json))
  return answer(new Uint8Array(Buffer.concat([json, ...binary])), {
    contentType: 'application/octet-stream',
    inferenceHeaderLength: json.length
  })
}

const tensor = (datatype: string, data: Output['data'], shape = [2], name = 'y'): Output => ({
  name,
  shape,
  datatype,
  data
})

const bytes = (...list: readonly number[]) => Uint8Array.from(list)
const float32 = (...list: readonly number[]) => new Uint8Array(Float32Array.from(list).buffer)

test('tensors are compared by name when their order differs', async t => {
  const a = tensor('FP32', [1.5, 2.5], [2], 'a')
  const b = tensor('INT32', [7, 8], [2], 'b')
  t.strictSame(differ(outputs(a, b), outputs(b, a)), [])
  t.strictSame(differ(outputs(a, b), outputs(a)), ['outputs.b missing'])
  t.strictSame(differ(outputs(a), outputs(a, b)), ['outputs.b extra'])
  t.strictSame(differ(outputs(a, b), outputs(a, { ...b, data: [7, 9] })), ['outputs.b number'])
})

test('a tensor agrees when one side sends JSON and the other bytes', async t => {
  const little = (type: string, json: Output['data'], binary: Uint8Array, shape = [2]) => {
    const text = outputs(tensor(type, json, shape))
    t.strictSame(differ(text, outputs(tensor(type, binary, shape))), [], type)
    const changed = binary.slice()
    // The highest byte of the first element, or the last of a text.
    const at = type === 'BYTES' ? changed.length - 1 : changed.length / 2 - 1
    changed[at] = (changed[at] ?? 0) ^ (type === 'BOOL' ? 1 : 0x41)
    t.equal(differ(text, outputs(tensor(type, changed, shape))).length, 1, `${type} changed`)
  }
  little('BOOL', [true, false], bytes(1, 0))
  little('BOOL', [1, 0], bytes(1, 0))
  little('INT8', [-2, 3], bytes(0xfe, 3))
  little('UINT8', [254, 3], bytes(0xfe, 3))
  little('INT16', [-2, 300], bytes(0xfe, 0xff, 0x2c, 1))
  little('UINT16', [65534, 300], bytes(0xfe, 0xff, 0x2c, 1))
  little('INT32', [-2, 70000], new Uint8Array(Int32Array.of(-2, 70000).buffer))
  little('UINT32', [4294967294, 1], new Uint8Array(Uint32Array.of(4294967294, 1).buffer))
  little('INT64', '[-9223372036854775807,5]', longs(-9223372036854775807n, 5n))
  little('UINT64', '[18446744073709551615,5]', longs(18446744073709551615n, 5n))
  little('FP16', '[1.5,-Infinity]', bytes(0x00, 0x3e, 0x00, 0xfc))
  little('BF16', '[1.5,NaN]', bytes(0xc0, 0x3f, 0xc0, 0x7f))
  little('FP32', '[1.5,NaN]', float32(1.5, Number.NaN))
  little('FP64', [1.5, 2.5], new Uint8Array(Float64Array.of(1.5, 2.5).buffer))
  little('BYTES', ['yes', 'é'], bytes(3, 0, 0, 0, 121, 101, 115, 2, 0, 0, 0, 0xc3, 0xa9))
})

test('halves have their subnormal values, zeros and signs when they come in bytes', async t => {
  const half = bytes(0x01, 0x00, 0x00, 0x80, 0xff, 0x7b, 0x00, 0x3c)
  const json = tensor('FP16', '[5.960464477539063e-8,-0.0,65504.0,1.0]', [4])
  t.strictSame(differ(outputs(json), outputs(tensor('FP16', half, [4]))), [])
})

test('integers are compared to the last digit when a double does not hold them', async t => {
  const one = outputs(tensor('INT64', longs(9007199254740993n, 1n)))
  t.strictSame(differ(one, outputs(tensor('INT64', longs(9007199254740992n, 1n)))), [
    'outputs.y number'
  ])
  t.strictSame(differ(one, outputs(tensor('INT64', '[9007199254740993,1]'))), [])
  t.strictSame(differ(one, outputs(tensor('INT64', '[9007199254740994,1]'))), ['outputs.y number'])
})

test('floats that are written as integers keep their tolerance when the datatype is of floats', async t => {
  const a = outputs(tensor('FP32', [1000, 2]))
  t.strictSame(differ(a, outputs(tensor('FP32', [1001, 2]))), [])
  const b = outputs(tensor('INT32', [1000, 2]))
  t.strictSame(differ(b, outputs(tensor('INT32', [1001, 2]))), ['outputs.y number'])
})

test('flat and nested data are the same, and a shape is a field of its own', async t => {
  const flat = outputs(tensor('FP32', [1.5, 2.5, 3.5, 4.5], [2, 2]))
  const nested = outputs(
    tensor(
      'FP32',
      [
        [1.5, 2.5],
        [3.5, 4.5]
      ],
      [2, 2]
    )
  )
  t.strictSame(differ(flat, nested), [])
  const other = outputs(tensor('FP32', [1.5, 2.5, 3.5, 4.5], [4]))
  t.strictSame(differ(flat, other), ['outputs.y.shape size'])
  const fewer = outputs(tensor('FP32', [1.5, 2.5], [2]))
  t.strictSame(differ(flat, fewer), ['outputs.y.shape size', 'outputs.y size'])
})

test('values are compared when only the precision differs', async t => {
  const double = outputs(tensor('FP64', [0.1, 2.5]))
  t.strictSame(differ(double, outputs(tensor('FP16', bytes(0x66, 0x2e, 0, 0x41)))), [
    'outputs.y.datatype type'
  ])
  t.strictSame(differ(double, outputs(tensor('BYTES', ['a', 'b']))), [
    'outputs.y.datatype type',
    'outputs.y type'
  ])
})

test('rows of probabilities are compared one by one when the last dimension says so', async t => {
  const rows = outputs(tensor('FP32', [0.9, 0.1, 0.3, 0.7], [2, 2]))
  t.strictSame(differ(rows, outputs(tensor('FP32', [0.88, 0.12, 0.31, 0.69], [2, 2]))), [])
  const comparison = compareBodies(
    rows,
    outputs(tensor('FP32', [0.9, 0.1, 0.7, 0.3], [2, 2])),
    INFER
  )
  t.strictSame(differences(comparison), ['outputs.y label'])
  t.equal(fieldOf(comparison, 'outputs.y')?.primary, '1: 0.7')
})

test('null equals only null when data holds it', async t => {
  const a = outputs(tensor('FP32', '[null,1.5]'))
  t.strictSame(differ(a, a), [])
  t.strictSame(differ(a, outputs(tensor('FP32', '[0.0,1.5]'))), ['outputs.y type'])
  t.strictSame(differ(a, outputs(tensor('FP32', '[NaN,1.5]'))), ['outputs.y type'])
  t.strictSame(differ(a, outputs(tensor('FP32', 'null'))), ['outputs.y type'])
})

test('an answer is unreadable when its binary part does not fit', async t => {
  const good = outputs(tensor('FP32', float32(1, 2)))
  const body = good.body ?? new Uint8Array(0)
  const refusals = [
    { ...good, body: body.slice(0, -1) },
    { ...good, body: Uint8Array.from([...body, 0]) },
    { ...good, inferenceHeaderLength: 0 },
    { ...good, inferenceHeaderLength: body.length + 1 },
    { ...good, inferenceHeaderLength: null },
    outputs(tensor('FP32', bytes(1, 2, 3))),
    outputs(tensor('FP8', bytes(1, 2))),
    outputs(tensor('BYTES', bytes(9, 0, 0, 0, 1)))
  ].map(bad => compareBodies(good, bad, INFER).refusal)
  t.ok(
    refusals.every(refusal => refusal === 'unreadable'),
    refusals.join()
  )
})

test('ignored members of tensors are not compared when pointers name them', async t => {
  const a = outputs(tensor('FP64', [1.5, 2.5]), tensor('FP32', [1, 2], [2], 'z'))
  const b = outputs(tensor('FP32', [9.5, 2.5]), tensor('FP32', [1, 9], [2], 'z'))
  const compare = (...ignore: readonly string[]) =>
    differences(compareBodies(a, b, { ...INFER, ignore }))
  t.strictSame(compare(), ['outputs.y.datatype type', 'outputs.y number', 'outputs.z number'])
  t.strictSame(compare('/outputs/*/datatype', '/outputs/0/data'), ['outputs.z number'])
  t.strictSame(compare('/outputs/*'), [])
  t.strictSame(compare('/outputs/0'), ['outputs.z number'])
})

test('what stands beside the outputs is compared like JSON', async t => {
  const a = answer('{"id":"1","parameters":{"a":1},"outputs":[]}')
  const b = answer('{"id":"2","parameters":{"a":2},"outputs":[]}')
  t.strictSame(differ(a, b), ['/parameters/a number'])
})

function longs(...list: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(list, each => BigInt.asUintN(64, each)).buffer)
}

test('texts differ by their order when a tensor holds the same ones', async t => {
  const a = outputs(tensor('BYTES', ['x', 'y', 'y'], [3]))
  t.strictSame(differ(a, outputs(tensor('BYTES', ['y', 'x', 'y'], [3]))), ['outputs.y order'])
  t.strictSame(differ(a, outputs(tensor('BYTES', ['y', 'x', 'x'], [3]))), ['outputs.y text'])
  t.strictSame(differ(a, outputs(tensor('BYTES', ['x'], [3]))), ['outputs.y size'])
})

test('rows of a tensor agree by direction when its name says that it holds embeddings', async t => {
  const rows = (scale: number, turn: number) =>
    outputs(tensor('FP32', [1 * scale, 2 * scale, 2 * scale, turn * scale], [2, 2], 'embeddings'))
  t.strictSame(differ(rows(1, 1.5), rows(3, 1.5)), [])
  t.strictSame(differ(rows(1, 1.5), rows(1, -9)), ['outputs.embeddings embedding'])
})

test('data is compared like JSON when it holds texts beside numbers or objects', async t => {
  const mixed = outputs(tensor('BYTES', '["x",{"a":1.5}]'))
  t.strictSame(differ(mixed, outputs(tensor('BYTES', '["x",{"a":1.5}]'))), [])
  t.strictSame(differ(mixed, outputs(tensor('BYTES', '["x",{"a":2.5}]'))), ['outputs.y/a number'])
  t.strictSame(differ(mixed, outputs(tensor('BYTES', '[1,{"a":1.5}]'))), ['outputs.y type'])
})

test('takes parameters that are null for absent ones, and no others', t => {
  const side = (parameters: string) =>
    answer(
      Buffer.from(
        `{"model_name":"m",${parameters}"outputs":[{"name":"y","shape":[1],"datatype":"FP32","data":[1]}]}`
      )
    )
  const none = '"parameters":null,'
  t.strictSame(differ(side(''), side(none)), [])
  t.strictSame(differ(side(none), side(none)), [])
  t.equal(differ(side(''), side('"parameters":{"a":1},')).length, 1)
  t.end()
})

test('values behind the document are ignored and hidden when pointers name them as data', async t => {
  const text = (word: string) => bytes(word.length, 0, 0, 0, ...Buffer.from(word))
  const a = outputs(tensor('BYTES', text('SECRET'), [1], 'ssn'), tensor('FP32', float32(1, 2)))
  const b = outputs(tensor('BYTES', text('SICRET'), [1], 'ssn'), tensor('FP32', float32(1, 9)))
  const asJson = outputs(tensor('BYTES', ['SICRET'], [1], 'ssn'), tensor('FP32', [1, 9]))

  const left = (shadow: ComparedSide, ...ignore: readonly string[]) =>
    differences(compareBodies(a, shadow, { ...INFER, ignore }))
  for (const shadow of [b, asJson]) {
    t.strictSame(left(shadow), ['outputs.ssn text', 'outputs.y number'])
    t.strictSame(left(shadow, '/outputs/0/data'), ['outputs.y number'])
    t.strictSame(left(shadow, '/outputs/*/data'), [])
    t.strictSame(left(shadow, '/*/1/data'), ['outputs.ssn text'])
    t.equal(left(shadow, '/outputs/0/parameters', '/outputs/2/data', '/data').length, 2)
  }
  t.equal(left(b, '/outputs/0/data/0').length, 2, 'which of the values it names cannot be seen')

  const shown = (shadow: ComparedSide, ...redact: readonly string[]) => {
    const comparison = compareBodies(a, shadow, { ...INFER, redact })
    return ['outputs.ssn', 'outputs.y'].map(name => {
      const field = fieldOf(comparison, name)
      return [field?.primary, field?.shadow].join()
    })
  }
  const hidden = '[redacted],[redacted]'
  for (const shadow of [b, asJson]) {
    t.strictSame(shown(shadow), ['SECRET,SICRET', '2,9'])
    t.strictSame(shown(shadow, '/outputs/0/data'), [hidden, '2,9'])
    t.strictSame(shown(shadow, '/outputs/0/data/0'), [hidden, '2,9'], 'of some all are hidden')
    t.strictSame(shown(shadow, '/outputs/*/data'), [hidden, hidden])
    t.strictSame(shown(shadow, '/*/*/data/*'), [hidden, hidden])
    t.strictSame(shown(shadow, '/outputs/1/data', '/outputs/0/name'), [hidden, hidden])
  }
  const size = compareBodies(a, outputs(tensor('FP32', float32(1, 9))), {
    ...INFER,
    redact: ['/outputs/0/data']
  })
  t.equal(fieldOf(size, 'outputs.ssn')?.primary, '[redacted]', 'one that the other has not')
})

import { test } from 'tap'
import { headOf, judge, readCut } from '../../helpers/payload-reading.ts'

const infer = headOf('open-inference')

const output = (rest: string) => `{"model_name":"m","outputs":[{"name":"y",${rest}}]}`

/** An answer whose tensors follow its JSON as bytes. */
function binary(outputs: readonly string[], ...tail: readonly Uint8Array[]) {
  const json = Buffer.from(
    `{"model_name":"m","outputs":[${outputs.map(o => `{"name":"y",${o}}`).join()}]}`
  )
  const head = headOf('open-inference', {
    contentType: 'application/octet-stream',
    inferenceHeaderLength: json.length
  })
  return [head, Buffer.concat([json, ...tail])] as const
}

const tensor = (datatype: string, shape: string, bytes: number) =>
  `"datatype":"${datatype}","shape":[${shape}],"parameters":{"binary_data_size":${bytes}}`

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

test('compares values with the shape when a tensor is in JSON', t => {
  t.equal(judge(infer, output('"shape":[2,2],"datatype":"FP32","data":[1,2,3,4]')), '')
  t.equal(judge(infer, output('"shape":[2,2],"datatype":"FP32","data":[1,2,3]')), 'shape')
  t.equal(
    judge(infer, output('"data":[1,2,3],"datatype":"FP32","shape":[2,2]')),
    'shape',
    'shape last'
  )
  t.equal(judge(infer, output('"shape":[],"data":[5]')), '', 'a scalar')
  t.equal(judge(infer, output('"shape":[2,-1],"data":[1,2]')), 'shape')
  t.equal(judge(infer, output('"shape":[3],"data":[]')), 'empty,shape')
  t.equal(judge(infer, output('"shape":[0],"data":[]')), 'empty')
  t.equal(judge(infer, output('"data":[1,2]')), '', 'no shape')
  t.equal(judge(infer, output('"shape":[2,2],"data":[[1,2],[3,4]]')), '')
  t.equal(judge(infer, output('"shape":[2,2],"data":[[1,2,3],[4]]')), 'shape', 'ragged')
  t.equal(judge(infer, output('"shape":[3,2],"data":[[1,2,3],[4,5,6]]')), 'shape', 'turned')
  t.equal(judge(infer, output('"shape":[2,2,2],"data":[[1,2,3,4],[5,6,7,8]]')), '', 'half flat')
  t.equal(judge(infer, output('"shape":[2],"data":[null,NaN]')), 'null,nan')
  t.end()
})

test('takes a text for a number when the datatype is numeric and not otherwise', t => {
  const texts = (datatype: string, data: string) =>
    judge(infer, output(`"datatype":"${datatype}","data":${data}`))
  t.equal(texts('FP32', '["NaN",1]'), 'nan')
  t.equal(texts('FP64', '["Infinity","-Infinity"]'), 'infinite')
  t.equal(texts('FP32', '["\\u004eaN"]'), 'nan')
  t.equal(texts('FP32', '["not NaN"]'), '')
  t.equal(texts('BYTES', '["NaN","null"]'), '')
  t.equal(texts('BYTES', '["ok",null]'), 'null')
  t.equal(judge(infer, output('"data":["NaN"],"datatype":"FP16"')), 'nan', 'datatype last')
  t.end()
})

test('calls an answer failed when an output is named error', t => {
  t.equal(judge(infer, '{"outputs":[{"name":"error","data":["x"]}]}'), 'failed')
  t.equal(judge(infer, '{"outputs":[{"name":"errors","data":["x"]}],"error":null}'), '')
  t.equal(judge(infer, '{"outputs":[{"name":"y","data":[null]}],"error":"x"}'), 'failed')
  t.end()
})

test('finds what is no number in bytes when a tensor has floats', t => {
  const found = (datatype: string, count: number, bytes: string) =>
    judge(...binary([tensor(datatype, String(count), hex(bytes).length)], hex(bytes)))
  t.equal(found('FP32', 2, '0000803f 0000c07f'), 'nan')
  t.equal(found('FP32', 2, '0000803f 010080ff'), 'nan', 'a signalling one')
  t.equal(found('FP32', 1, '0000807f'), 'infinite')
  t.equal(found('FP32', 2, 'ffff7f7f ffff7fff'), '', 'the largest')
  t.equal(found('FP64', 1, '000000000000f87f'), 'nan')
  t.equal(found('FP64', 1, '000000000000f0ff'), 'infinite')
  t.equal(found('FP64', 1, 'ffffffffffffef7f'), '')
  t.equal(found('FP16', 2, '007e 003c'), 'nan')
  t.equal(found('FP16', 1, '007c'), 'infinite')
  t.equal(found('FP16', 1, 'ff7b'), '')
  t.equal(found('BF16', 1, 'c07f'), 'nan')
  t.equal(found('BF16', 1, '80ff'), 'infinite')
  t.equal(found('BF16', 1, '7f7f'), '')
  t.equal(found('INT32', 1, '0000c07f'), '', 'the bits of a NaN')
  t.equal(found('BOOL', 3, '000100'), '')
  t.end()
})

test('compares bytes with the shape when a tensor is in bytes', t => {
  const four = hex('00000000')
  t.equal(judge(...binary([tensor('FP32', '1', 4)], four)), '')
  t.equal(judge(...binary([tensor('FP32', '2', 4)], four)), 'shape')
  t.equal(judge(...binary([tensor('FP64', '1', 4)], four)), 'shape', 'half a value')
  t.equal(judge(...binary([tensor('FP32', '2', 8)], four)), 'unparsable', 'cut')
  t.equal(judge(...binary([tensor('FP32', '1', 4)], four, four)), 'unparsable', 'too long')
  t.equal(judge(...binary([tensor('FP32', '0', 0)])), 'empty')
  t.equal(
    judge(...binary([tensor('FP32', '1', 4), tensor('FP32', '1', 4)], four, hex('0000c07f'))),
    'nan'
  )
  const texts = hex('02000000 4e61 00000000')
  t.equal(judge(...binary([tensor('BYTES', '2', 10)], texts)), '')
  t.equal(judge(...binary([tensor('BYTES', '3', 10)], texts)), 'shape')
  t.equal(judge(...binary([tensor('BYTES', '2', 9)], texts.subarray(0, 9))), 'unparsable')
  t.equal(readCut(...binary([tensor('BYTES', '2', 10)], texts))?.predictions, 2)
  t.end()
})

test('reads the JSON in front of bytes when it is as long as its field says', t => {
  const [head, body] = binary(['"data":[1]'])
  t.equal(judge(head, body), '')
  t.equal(judge({ ...head, inferenceHeaderLength: body.length - 1 }, body), 'unparsable')
  t.equal(judge({ ...head, inferenceHeaderLength: body.length + 1 }, body), 'unparsable')
  t.equal(
    judge({ ...head, inferenceHeaderLength: 0 }, hex('0000c07f')),
    'unjudged',
    'bytes of no known type'
  )
  t.equal(judge({ ...head, inferenceHeaderLength: 0 }, new Uint8Array(0)), 'empty')
  t.equal(judge(infer, output(tensor('FP32', '1', 4))), 'unparsable', 'bytes without the field')
  t.equal(judge(infer, output(tensor('FP32', '0', 0))), 'empty')
  t.end()
})

test('takes every member for an output when it is an answer to generate', t => {
  const generate = headOf('open-inference', { path: '/v2/models/m/generate' })
  t.equal(judge(generate, '{"model_name":"m","text_output":"NaN","details":{"logprobs":null}}'), '')
  t.equal(judge(generate, '{"model_name":"m","model_version":null,"y":[0.5,NaN]}'), 'nan')
  t.equal(judge(generate, '{"text_output":null}'), 'null')
  t.equal(judge(generate, '{"model_name":"m"}'), 'empty')
  t.equal(judge(generate, '{"error":"x"}'), 'failed')
  t.equal(
    judge(generate, '{"outputs":[{"name":"y","shape":[1],"datatype":"FP32","data":[NaN]}]}'),
    'nan'
  )
  t.end()
})

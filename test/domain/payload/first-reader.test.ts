import { test } from 'tap'
import { BAD_KINDS } from '../../../src/domain/counts.ts'
import {
  type FirstReading,
  firstReader,
  SCAN_BYTES
} from '../../../src/domain/payload/first-reader.ts'
import type { Protocol } from '../../../src/domain/route.ts'

const JSON_TYPE = 'application/json'

function read(protocol: Protocol, text: string, chunkBytes = 1 << 20): FirstReading | null {
  const reader = firstReader(protocol, 200, JSON_TYPE, null)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes)
    reader?.push(bytes.subarray(at, at + chunkBytes))
  return reader?.end() ?? null
}

function kinds(protocol: Protocol, text: string): string {
  const bad = read(protocol, text)?.bad ?? 0
  return BAD_KINDS.filter((_, i) => bad & (1 << i)).join()
}

const tensors = (data: string, rest = '') =>
  `{"model_name":"m","model_version":null,"parameters":{"x":null},"outputs":[{"name":"y","shape":[3],` +
  `"datatype":"FP32","parameters":{"p":null},${rest}"data":${data}}]}`

test('finds bare null, NaN and infinities when they are values of tensors', t => {
  t.equal(kinds('open-inference', tensors('[0.1, 2e-3, -4]')), '')
  t.equal(kinds('open-inference', tensors('[0.1,NaN]')), 'nan')
  t.equal(kinds('open-inference', tensors('[[0.1,null],[1,2]]')), 'null')
  t.equal(kinds('open-inference', tensors('[Infinity]')), 'infinite')
  t.equal(kinds('open-inference', tensors('[-Infinity , 1]')), 'infinite')
  t.equal(kinds('open-inference', tensors('[1e999,-1E+400]')), 'infinite')
  t.equal(kinds('open-inference', tensors('[null,nan,-inf]')), 'null,nan,infinite')
  t.equal(kinds('open-inference', tensors('NaN')), 'nan')
  t.end()
})

test('leaves strings, names and other members alone when they say null or NaN', t => {
  t.equal(kinds('open-inference', tensors('["NaN","null, NaN","a\\"NaN",""]')), '')
  t.equal(kinds('open-inference', tensors('[1]', '"extra":[NaN,null],')), '')
  t.equal(kinds('open-inference', '{"outputs":[{"data":[1]}],"id":null,"error":null}'), '')
  t.equal(kinds('open-inference', '{"other":{"outputs":[{"data":[NaN]}]}}'), '')
  t.equal(kinds('kserve-v1', '{"predictions":[{"NaN":1,"label":"null","logprobs":null}]}'), '')
  t.equal(kinds('kserve-v1', '{"metadata":null,"predictions":[[0.1,0.2],[0.3,0.4]]}'), '')
  t.equal(kinds('openai', '{"choices":[{"message":{"content":"NaN","refusal":null}}]}'), '')
  t.end()
})

test('finds predictions under the names of their protocol when they are nested', t => {
  t.equal(kinds('kserve-v1', '{"predictions":[[1,[2,null]]]}'), 'null')
  t.equal(kinds('kserve-v1', '{"predictions":[{"score":NaN}]}'), 'nan')
  t.equal(kinds('kserve-v1', '{"outputs":{"a":[1],"b":[Infinity]}}'), 'infinite')
  t.equal(kinds('mlflow', '{"predictions": [0.5, NaN]}'), 'nan')
  t.equal(kinds('mlflow', '{"predictions": null}'), 'null')
  t.equal(kinds('json', '{"result": {"p": [null]}}'), 'null')
  t.equal(kinds('json', '{"meta": null, "score": 0.5}'), '')
  t.equal(kinds('json', '{"class":"a","p":NaN}'), 'nan')
  t.equal(kinds('json', '[0.1, null]'), 'null')
  t.equal(kinds('json', 'NaN'), 'nan')
  t.end()
})

test('reports a failure instead of bad predictions when an error stands in the answer', t => {
  for (const text of [
    '{"error":"out of memory","predictions":[null]}',
    '{"predictions":[{"error":"feature missing","score":null},{"score":0.4}]}',
    '{"error":{"message":"x"}}',
    '{"error":true}'
  ])
    t.same(read('kserve-v1', text), { judged: true, bad: 0, failed: true }, text)
  for (const text of ['{"error":null,"predictions":[1]}', '{"error": false }'])
    t.same(read('kserve-v1', text), { judged: true, bad: 0, failed: false }, text)
  t.end()
})

test('finds the same when the body is cut into chunks anywhere', t => {
  for (const text of [
    tensors('[0.125,NaN,"a\\"\\\\",null,-Infinity,1e999,-1.5e-3]', '"dat":[NaN],'),
    '{"predictions":[{"error":null,"a":"\\u00e9","b":[[null]]}],"error":"x"}',
    '  {"outputs" : [[1, 2 ,nan],[]], "x":"}"}\n'
  ]) {
    for (const protocol of ['open-inference', 'kserve-v1', 'json'] as const) {
      const whole = read(protocol, text)
      for (let bytes = 1; bytes < text.length; bytes++) {
        const cut = read(protocol, text, bytes)
        if (JSON.stringify(cut) !== JSON.stringify(whole))
          t.same(cut, whole, `${bytes} bytes: ${text}`)
      }
      const buffer = Buffer.from(text)
      for (let at = 0; at <= buffer.length; at++) {
        const reader = firstReader(protocol, 200, JSON_TYPE, null)
        reader?.push(buffer.subarray(0, at))
        reader?.push(buffer.subarray(at))
        const cut = reader?.end()
        if (JSON.stringify(cut) !== JSON.stringify(whole)) t.same(cut, whole, `at ${at}: ${text}`)
      }
      t.ok(whole?.judged)
    }
  }
  t.end()
})

test('judges an answer when it is whole JSON with status 200 and nothing else', t => {
  const judges = (...args: Parameters<typeof firstReader>) => {
    const reader = firstReader(...args)
    reader?.push(Buffer.from(' {"predictions":[NaN]}'))
    return reader?.end().judged ?? false
  }
  t.equal(judges('json', 200, 'application/json; charset=utf-8', null), true)
  t.equal(judges('json', 200, 'Application/Problem+JSON', 'identity'), true)
  t.equal(judges('json', 200, null, null), true)
  t.equal(judges('opaque', 200, JSON_TYPE, null), false)
  t.equal(judges('json', 201, JSON_TYPE, null), false)
  t.equal(judges('json', 204, null, null), false)
  t.equal(judges('json', 500, JSON_TYPE, null), false)
  t.equal(judges('json', 200, JSON_TYPE, 'gzip'), false)
  t.equal(judges('json', 200, 'text/html', null), false)
  t.equal(judges('json', 200, 'application/octet-stream', null), false)
  t.equal(judges('json', 200, 'text/event-stream', null), false)
  t.equal(firstReader('json', 200, JSON_TYPE, null)?.end().judged, false, 'an empty body')
  const untyped = firstReader('json', 200, null, null)
  untyped?.push(Buffer.from('\x93NUMPY null'))
  t.same(untyped?.end(), { judged: false, bad: 0, failed: false })
  t.end()
})

test('stops to look when its bound is reached', t => {
  const reader = firstReader('kserve-v1', 200, JSON_TYPE, null)
  reader?.push(Buffer.from('{"predictions":['))
  for (let i = 0; i < 5; i++) reader?.push(Buffer.alloc(SCAN_BYTES / 4, '1,'))
  reader?.push(Buffer.from('NaN]}'))
  t.same(reader?.end(), { judged: true, bad: 0, failed: false })
  t.end()
})

test('never throws when 100,000 broken bodies are read', t => {
  const seeds = [
    tensors('[0.5,NaN,null,"x"]'),
    '{"predictions":[{"a":[1e9,-Infinity]}],"error":null}'
  ]
  const bytes = Buffer.from('{}[]",:\\ \n\x00\xffnNaAuUlLiIeE0-+.')
  let state = 42
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  let judged = 0
  for (let round = 0; round < 100_000; round++) {
    const body = Buffer.from(seeds[round & 1] ?? '')
    for (let edits = random(8); edits >= 0; edits--)
      body[random(body.length)] = bytes[random(bytes.length)] ?? 0
    const reader = firstReader(round & 2 ? 'open-inference' : 'json', 200, JSON_TYPE, null)
    const cut = random(body.length)
    reader?.push(body.subarray(0, cut))
    reader?.push(body.subarray(cut, cut + random(body.length)))
    if (reader?.end().judged) judged++
  }
  t.ok(judged > 50_000)
  const deep = firstReader('json', 200, JSON_TYPE, null)
  deep?.push(Buffer.from('['.repeat(100_000)))
  deep?.push(Buffer.from('NaN'))
  deep?.push(Buffer.from(']'.repeat(150_000)))
  t.ok(deep?.end().judged)
  t.end()
})

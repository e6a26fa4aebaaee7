import { test } from 'tap'
import { answerReader } from '../../../src/domain/payload/answer-reader.ts'
import type { AnswerHeadFacts } from '../../../src/domain/payload/reading.ts'
import { headOf, judge, readCut } from '../../helpers/payload-reading.ts'

const json = headOf('json')
const v1 = headOf('kserve-v1')
const infer = headOf('open-inference')

const typed = (head: AnswerHeadFacts, contentType: string | null) => ({ ...head, contentType })

/** The verdict and the reason. */
function why(head: AnswerHeadFacts, body: string | Uint8Array, complete = true): string {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return `${judge(head, bytes, complete)} ${readCut(head, bytes, [], complete)?.why}`
}

test('calls what is no JSON unparsable when an answer should be JSON', t => {
  const bad = [
    "{'predictions': [1]}",
    '{"predictions":[0.5,]}',
    '{"predictions":[.5]}',
    '{"predictions":[01]}',
    '{"predictions":[1 2]}',
    '{"predictions":[None]}',
    '{"predictions":["\u0001"]}',
    '{"predictions":["\\x"]}',
    '{"predictions":[1]}}',
    '{"predictions":[1]} x',
    '{"predictions":[1]}{"predictions":[2]}',
    '{"predictions":[1]]',
    '{"predictions" [1]}',
    '{predictions:[1]}',
    '{"predictions":[+1]}',
    '{"predictions":[1.]}',
    '{"predictions":[-]}',
    '{"predictions":[1e]}',
    '<html></html>'
  ]
  for (const body of bad) t.equal(why(v1, body), 'unparsable syntax', body)
  t.equal(why(v1, '{"predictions":[NaN], oops'), 'nan,unparsable syntax', 'what was found stays')
  t.equal(why(json, '{"error":"x", oops'), 'failed syntax')
  t.end()
})

test('says that an answer is cut when it ends inside a value', t => {
  for (const body of [
    '{"predictions":[0.5,0.25',
    '{"predictions":',
    '{"predictions":[1]',
    '{"pre',
    '['
  ])
    t.equal(why(v1, body), 'unparsable cut', body)
  t.equal(
    why(v1, '{"predictions":[0.5,0.', false),
    ' cut',
    'its connection broke: no bad prediction'
  )
  t.equal(why(v1, '{"predictions":[NaN,0.', false), 'nan cut')
  t.equal(why(v1, '{"predictions":[0.5]}', false), ' null', 'the connection broke after the answer')
  t.equal(why(v1, '', false), 'unjudged null')
  t.end()
})

test('reads what is deeply nested and says so when it is too deep', t => {
  const deep = (levels: number, inside: string) =>
    `{"predictions":${'['.repeat(levels)}${inside}${']'.repeat(levels)}}`
  t.equal(why(v1, deep(1000, 'null')), 'null null')
  t.equal(why(v1, deep(10_000, 'null')), 'unparsable depth')
  t.equal(why(v1, deep(1000, '0.5').replace('predictions', 'other')), 'empty null')
  t.equal(why(json, '{"a":'.repeat(10_000)), 'unparsable depth')
  t.end()
})

test('takes no side when a member that decides is there twice', t => {
  t.equal(why(v1, '{"predictions":[null],"predictions":[0.5]}'), 'null,unparsable syntax')
  t.equal(why(v1, '{"predictions":[0.5],"predict\\u0069ons":[0.5]}'), 'unparsable syntax')
  t.equal(why(infer, '{"outputs":[{"data":[1],"data":[2]}]}'), 'unparsable syntax')
  t.equal(why(infer, '{"outputs":[{"data":[1]},{"data":[2]}]}'), ' null')
  t.equal(
    why(v1, '{"note":1,"note":2,"predictions":[{"a":1,"a":null}]}'),
    'null null',
    'others may'
  )
  t.end()
})

test('passes over a byte order mark when it is at the start and nowhere else', t => {
  t.equal(why(v1, '\ufeff{"predictions":[null]}'), 'null null')
  t.equal(why(v1, '\ufeff\ufeff{"predictions":[1]}'), 'unparsable encoding')
  t.equal(why(v1, '{"predictions":\ufeff[1]}'), 'unparsable encoding')
  t.equal(why(json, '{"score":"\ufeff"}'), ' null', 'in a text')
  t.equal(why(typed(json, 'text/event-stream'), '\ufeffdata: {"score":NaN}\n\n'), 'nan null')
  t.equal(why(v1, Buffer.from([0xef, 0xbb])), 'unparsable encoding', 'part of a mark')
  t.end()
})

test('does not guess when an answer is UTF-16', t => {
  const text = '{"predictions":[NaN]}'
  const little = Buffer.from(text, 'utf16le')
  t.equal(why(v1, little), 'unparsable encoding')
  t.equal(why(v1, Buffer.from(`\ufeff${text}`, 'utf16le')), 'unparsable encoding')
  t.equal(why(v1, Buffer.from(little).swap16()), 'unparsable encoding')
  t.equal(why(typed(json, null), Buffer.from(little).swap16()), 'unparsable encoding')
  t.equal(
    why(json, Buffer.from([...Buffer.from('{"score":"'), 0xff, 0xfe, ...Buffer.from('"}')])),
    ' null',
    'bytes in a text that are no UTF-8'
  )
  t.end()
})

test('lets the bytes decide when the content type says something else', t => {
  const good = '{"predictions":[0.5]}'
  const page = '<html>NaN null</html>'
  for (const type of [
    'text/html',
    'text/plain',
    'application/octet-stream',
    'image/png',
    'TEXT/HTML; charset=utf-8'
  ]) {
    t.equal(why(typed(v1, type), good), ' null', type)
    t.equal(why(typed(v1, type), good.replace('0.5', 'NaN')), 'nan null', type)
    t.equal(why(typed(v1, type), page), 'unparsable content_type', type)
  }
  t.equal(why(typed(json, 'text/html'), page), 'unparsable content_type')
  t.equal(
    why(typed(json, 'image/png'), Buffer.from('\u0089PNG\r\n', 'latin1')),
    'unparsable content_type'
  )
  t.equal(why(typed(json, null), page), 'unparsable syntax')
  t.equal(why(typed(v1, 'application/vnd.model+json'), good), ' null')
  t.equal(why(typed(headOf('openai'), 'text/event-stream'), '{"choices":[]}'), 'unparsable syntax')
  t.end()
})

test('takes a text for a prediction when plain JSON is not what a route answers with', t => {
  const plain = typed(json, 'text/plain; charset=utf-8')
  t.equal(why(plain, 'NaN'), ' null')
  t.equal(why(plain, '[info] null'), ' null')
  t.equal(why(plain, '[NaN is what it said]'), ' null')
  t.equal(readCut(plain, Buffer.from('"m","NaN"'))?.predictions, 1, 'one text')
  t.equal(why(plain, '[NaN]'), 'nan null', 'JSON under a wrong type')
  t.equal(why(plain, '{"score":[0.5,'), 'unparsable cut')
  t.equal(why(plain, ' \n'), 'empty null')
  t.equal(why(typed(json, null), 'spam'), ' null')
  t.equal(why(typed(json, null), 'NaN'), 'nan null')
  t.equal(why(typed(json, null), 'NaN is a word'), ' null')
  t.equal(why(typed(json, null), '{"a":oops}'), 'unparsable syntax')
  t.equal(
    why(typed(json, 'text/event-stream'), 'data: hello\n\ndata: 0.5\n\ndata: <b>\n\n'),
    ' null'
  )
  t.equal(why(typed(json, 'text/event-stream'), 'data: hello\n\ndata: NaN\n\n'), 'nan null')
  t.end()
})

test('judges documents one by one when there is one a line', t => {
  const lines = typed(v1, 'application/x-ndjson')
  t.equal(
    why(lines, '{"predictions":[1]}\n{"predictions":[NaN]}\r\n\n{"predictions":[2]}'),
    'nan null'
  )
  t.equal(why(lines, '{"predictions":[1]}\n{"predictions":[]}\n'), 'empty null')
  t.equal(
    why(lines, '{"predictions":[1]}\n{"predictions":[\n{"predictions":[NaN]}\n'),
    'nan,unparsable cut'
  )
  t.equal(
    readCut(lines, Buffer.from('{"predictions":[1]}\n{"predictions":[2,3]}\n'))?.predictions,
    3
  )
  t.equal(
    why(typed(v1, null), '{"predictions":[1]}\n{"predictions":[null]}\n'),
    'null null',
    'nothing declared'
  )
  t.equal(why(typed(v1, null), '{\n"predictions":\n[1]\n}\n'), ' null', 'one over many lines')
  t.equal(
    why(v1, '{"predictions":[1]}\n{"predictions":[2]}\n'),
    'unparsable syntax',
    'declared as one'
  )
  t.end()
})

test('judges no answer when its status has none or its protocol is opaque', t => {
  const reads = (more: Partial<AnswerHeadFacts>) => answerReader({ ...json, ...more }) !== null
  t.equal(reads({}), true)
  t.equal(reads({ status: 201 }), true)
  for (const status of [101, 202, 204, 206, 302, 400, 500])
    t.equal(reads({ status }), false, `${status}`)
  t.equal(reads({ protocol: 'opaque' }), false)
  t.equal(reads({ protocol: 'openai', path: '/v1/models' }), false)
  t.equal(
    reads({ protocol: 'openai', path: '/openai/deployments/d/chat/completions?api-version=1' }),
    true
  )
  t.end()
})

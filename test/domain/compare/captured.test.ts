import { test } from 'tap'
import { compareAnswers } from '../../../src/domain/compare/compare.ts'
import type { ComparedSide } from '../../../src/domain/compare/comparison.ts'
import { differences, fieldOf, OF_PROTOCOL } from '../../helpers/answer-side.ts'
import { CAPTURED, captured } from '../../helpers/compare-bodies.ts'

const UNREADABLE = ['plain/raw-bom', 'plain/raw-utf16', 'plain/raw-html-200', 'plain/raw-truncated']

test('a real answer agrees with itself when it can be read, and else says so', async t => {
  for (const { id, protocol, side } of CAPTURED) {
    const copy = { ...side, body: side.body?.slice() ?? null }
    const comparison = compareAnswers(side, copy, OF_PROTOCOL(protocol))
    t.strictSame(differences(comparison), [], id)
    t.equal(comparison.refusal, UNREADABLE.includes(id) ? 'unreadable' : null, id)
    t.ok(comparison.fields.length > (comparison.refusal === null ? 2 : 1), `${id} has fields`)
  }
})

test('NaN in the bytes of a tensor is found when another answer has a number there', async t => {
  const one = captured('triton/mixed-bin')
  const other = captured('triton/mixed-nan-bin')
  const comparison = compareAnswers(one.side, other.side, OF_PROTOCOL('open-inference'))
  t.strictSame(differences(comparison), ['outputs.y number', 'outputs.d number'])
  t.equal(fieldOf(comparison, 'outputs.d')?.shadow, 'NaN')
})

test('real streams differ when a token is a number in one and NaN in the other', async t => {
  const one = captured('triton/gs-ok')
  const other = captured('triton/gs-nan')
  const comparison = compareAnswers(one.side, other.side, OF_PROTOCOL('open-inference'))
  t.strictSame(differences(comparison), ['/y number'])
})

test('a stream that ends with an error differs from one that does not', async t => {
  const one = captured('plain/chat-usage')
  const other = captured('plain/chat-err')
  const comparison = compareAnswers(one.side, other.side, OF_PROTOCOL('openai'))
  t.equal(fieldOf(comparison, 'error')?.difference, 'extra')
})

test('a text that looks like a stream’s end or an error is text when a model wrote it', async t => {
  const { side } = captured('tf/s-donetext')
  const comparison = compareAnswers(side, side, OF_PROTOCOL('openai'))
  t.ok(comparison.agree)
  t.equal(fieldOf(comparison, 'error'), undefined)
  const changed = withText(side, '"content":"data:"', '"content":"dada:"')
  t.strictSame(differences(compareAnswers(side, changed, OF_PROTOCOL('openai'))), ['text text'])
})

test('integers of 64 bits differ in their last digit when a model server says so', async t => {
  const { side } = captured('mlserver/int64')
  const changed = withText(side, '9007199254740993', '9007199254740992')
  t.strictSame(differences(compareAnswers(side, changed, OF_PROTOCOL('open-inference'))), [
    'outputs.predict number'
  ])
})

test('a chat that MLflow wraps differs by its words and not by its id', async t => {
  const { side } = captured('mlflow/openai')
  const same = withText(side, '"id": "x"', '"id": "y"')
  t.ok(compareAnswers(side, same, OF_PROTOCOL('mlflow')).agree)
  const changed = withText(side, '"NaN null"', '"NaN nil"')
  t.strictSame(differences(compareAnswers(side, changed, OF_PROTOCOL('mlflow'))), [
    '/predictions/choices/message/content text'
  ])
})

test('bytes that are not UTF-8 are compared one by one when a tensor of texts holds them', async t => {
  const { side } = captured('triton/bytes-bad')
  const body = side.body?.slice() ?? new Uint8Array(0)
  const at = body.findIndex(byte => byte > 0xf0)
  body[at] = (body[at] ?? 0) - 1
  const comparison = compareAnswers(side, { ...side, body }, OF_PROTOCOL('open-inference'))
  t.strictSame(differences(comparison), ['outputs.t text'])
})

function withText(side: ComparedSide, from: string, to: string): ComparedSide {
  const text = new TextDecoder().decode(side.body ?? new Uint8Array(0))
  if (!text.includes(from)) throw new Error(`the body does not say ${from}`)
  return { ...side, body: new TextEncoder().encode(text.replace(from, to)) }
}

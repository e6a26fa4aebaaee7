import { test } from 'tap'
import { answerFields } from '../../src/data-plane/answer-fields.ts'

test('keeps what is for the client and drops what is for one connection', async t => {
  const head = answerFields(
    [
      'Content-Type',
      'a/b',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'Connection',
      'X-Named, close',
      'x-named',
      '1',
      'Keep-Alive',
      'timeout=5',
      'TE',
      'x',
      'Trailer',
      'y',
      'Upgrade',
      'z',
      'X-Sluice-Reason',
      'forged',
      'Content-Length',
      '2'
    ].map(text => Buffer.from(text, 'latin1'))
  )
  t.same(head?.fields, ['Content-Type', 'a/b', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'])
  t.match(head, { contentLength: '2', chunked: false, stream: false, contentType: 'a/b' })
})

test('takes an answer for a stream when its type is one, with parameters or without', async t => {
  for (const type of [
    'text/event-stream',
    'Text/Event-Stream; charset=utf-8',
    'application/x-ndjson',
    'application/ndjson'
  ]) {
    t.equal(answerFields(['content-type', type])?.stream, true, type)
  }
  for (const type of ['application/json', 'text/event-streams', '']) {
    t.equal(answerFields(['content-type', type])?.stream, false, type)
  }
})

test('refuses an answer when its framing could be read in two ways', async t => {
  for (const raw of [
    ['Content-Length', '1', 'content-length', '1'],
    ['Content-Length', '1', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'chunked, chunked'],
    ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'],
    ['Transfer-Encoding', 'gzip']
  ]) {
    t.equal(answerFields(raw), null, raw.join(' '))
  }
})

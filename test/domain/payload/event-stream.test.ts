import { test } from 'tap'
import { headOf, judge, readCut } from '../../helpers/payload-reading.ts'

const head = headOf('json', { contentType: 'text/event-stream' })
const predictions = (body: string) => readCut(head, Buffer.from(body))?.predictions

test('ends a line at CR, LF or both when a stream mixes them', t => {
  t.equal(
    predictions(
      'data: {"score":1}\n\ndata: {"score":2}\r\n\r\ndata: {"score":3}\r\rdata: {"score":4}\r\n\n'
    ),
    4
  )
  t.equal(judge(head, 'data: {"score":1}\r\rdata: {"score":NaN}\r\r'), 'nan')
  t.end()
})

test('joins the data of an event with a line feed when it has many lines', t => {
  t.equal(judge(head, 'data: {"scores":\ndata: [1,\ndata:NaN]}\n\n'), 'nan')
  t.equal(predictions('data: {"scores":\ndata: [1,\ndata:2]}\n\n'), 2)
  t.equal(judge(head, 'data: {"scores":"a\ndata: b"}\n\n'), 'unparsable', 'a line feed in a text')
  t.end()
})

test('passes over comments, other fields and events without data', t => {
  const body =
    ': keep-alive\n\nid: 7\nretry: 10\nevent: ping\n\nid\ndata: {"score":1}\n:\n\nevent: x\ndata: {"score":2}\n\n'
  t.equal(predictions(body), 2)
  t.equal(judge(head, body), '')
  t.equal(judge(head, ': only\n\n: comments\n\n'), 'empty')
  t.equal(
    judge(head, 'event: error\n\ndata: {"score":1}\n\n'),
    '',
    'an error that was never sent off'
  )
  t.end()
})

test('takes at most one space after the colon, and none when there is none', t => {
  t.equal(judge(head, 'data:{"score":NaN}\n\n'), 'nan')
  t.equal(judge(head, 'data:   {"score":NaN}\n\n'), 'nan')
  t.equal(judge(head, 'event:error\ndata:{}\n\n'), 'failed')
  t.equal(judge(head, 'event:  error\ndata: {"score":1}\n\n'), '', 'its name begins with a space')
  t.equal(
    judge(head, ' data: {"score":NaN}\n\ndata: {"score":1}\n\n'),
    '',
    'a field with another name'
  )
  t.end()
})

test('calls an answer failed when an event is named error or holds one', t => {
  t.equal(judge(head, 'data: {"score":1}\n\nevent: error\ndata: quota\n\n'), 'failed')
  t.equal(judge(head, 'data: {"score":1}\n\ndata: quota\nevent: error\n\n'), 'failed')
  t.equal(judge(head, 'data: {"score":1}\n\ndata: {"error":"quota"}\n\n'), 'failed')
  t.equal(judge(head, 'event: errors\ndata: {"score":1,"error":null}\n\n'), '')
  t.end()
})

test('takes [DONE] for the end and for nothing else', t => {
  t.equal(judge(head, 'data: {"score":1}\n\ndata: [DONE]\n\n'), '')
  t.equal(judge(head, 'data: {"score":1}\n\ndata: [1,DONE]\n\n'), 'unparsable')
  t.equal(judge(head, 'data: {"score":1}\n\ndata: DONE\n\n'), '', 'a text')
  t.equal(judge(headOf('json'), '[DONE]'), 'unparsable', 'no stream')
  const chat = headOf('openai', { contentType: 'text/event-stream' })
  const said = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
  t.equal(readCut(chat, Buffer.from(`${said}data: [DONE]\n\n`))?.finished, true)
  t.equal(readCut(chat, Buffer.from(said))?.finished, false)
  t.equal(readCut(chat, Buffer.from(`${said}data: "[DONE]"\n\n`))?.finished, false)
  t.end()
})

test('judges the last event when no empty line follows it', t => {
  t.equal(judge(head, 'data: {"score":NaN}'), 'nan')
  t.equal(judge(head, 'data: {"score":1}\n\ndata: {"sco'), 'unparsable')
  t.equal(judge(head, 'data: {"score":1}\n\ndata: {"sco', false), '')
  t.end()
})

import { test } from 'tap'
import type { AnswerHeadFacts } from '../../../src/domain/payload/reading.ts'
import { headOf, judge, readCut } from '../../helpers/payload-reading.ts'

const chat = headOf('openai')
const v1 = headOf('kserve-v1')
const json = headOf('json')
const mlflow = headOf('mlflow')
const responses = headOf('openai', { path: '/v1/responses' })
const embeddings = headOf('openai', { path: '/v1/embeddings' })
const anthropic = headOf('anthropic')

const events = (head: AnswerHeadFacts): AnswerHeadFacts => ({
  ...head,
  contentType: 'text/event-stream'
})
const stream = (...data: readonly unknown[]) =>
  data.map(d => `data: ${typeof d === 'string' ? d : JSON.stringify(d)}\n\n`).join('')

const choice = (message: string) => `{"choices":[{"index":0,"message":${message}}]}`

test('finds a chat answer empty when it has no content, tool call or refusal', t => {
  t.equal(judge(chat, choice('{"content":"NaN"}')), '')
  t.equal(judge(chat, choice('{"content":""}')), 'empty')
  t.equal(judge(chat, choice('{"content":null}')), 'null,empty')
  t.equal(judge(chat, choice('{"role":"assistant"}')), 'empty')
  t.equal(judge(chat, choice('{"content":null,"tool_calls":[{"id":"a"}]}')), '')
  t.equal(judge(chat, choice('{"content":null,"tool_calls":[]}')), 'null,empty')
  t.equal(judge(chat, choice('{"content":null,"function_call":{"name":"f"}}')), '')
  t.equal(judge(chat, choice('{"content":null,"refusal":"I cannot"}')), '')
  t.equal(judge(chat, choice('{"content":[{"type":"text","text":"a"}]}')), '')
  t.equal(judge(chat, choice('{"content":[]}')), 'empty')
  t.equal(judge(chat, '{"choices":[]}'), 'empty')
  t.equal(judge(chat, '{"choices":[{"text":"a"},{"text":""}]}'), 'empty', 'one of two')
  t.equal(judge(chat, '{"error":{"message":"x"},"choices":null}'), 'failed')
  t.end()
})

test('judges choices of a stream at its end when their parts come in many events', t => {
  const delta = (index: number, d: unknown, finish: string | null = null) => ({
    choices: [{ index, delta: d, finish_reason: finish }]
  })
  const head = events(chat)
  t.equal(
    judge(head, stream(delta(0, { role: 'assistant' }), delta(0, { content: 'a' }), '[DONE]')),
    ''
  )
  t.equal(judge(head, stream(delta(0, { content: null }), delta(0, {}, 'stop'), '[DONE]')), 'empty')
  t.equal(
    judge(head, stream(delta(0, { content: 'a' }), delta(1, {}, 'stop'), delta(0, {}, 'stop'))),
    'empty',
    'the second choice says nothing'
  )
  t.equal(judge(head, stream(delta(0, { tool_calls: [{ index: 0 }] }), '[DONE]')), '')
  t.equal(judge(head, stream('[DONE]')), 'empty')
  t.equal(judge(head, ''), 'empty')
  t.equal(judge(head, stream(delta(0, { content: 'a' })), false), '', 'cut')
  t.equal(judge(head, stream(delta(0, {})), false), 'unjudged', 'cut before anything was said')
  const reading = readCut(
    head,
    Buffer.from(
      stream(delta(0, { content: 'a' }), {
        choices: [],
        usage: { prompt_tokens: 4, completion_tokens: 1 }
      })
    )
  )
  t.same([reading?.inputTokens, reading?.outputTokens, reading?.finished], [4, 1, false])
  t.end()
})

test('reads a message of the Messages API when it is whole and when it is streamed', t => {
  const whole = (content: string) =>
    `{"type":"message","model":"claude","content":${content},"stop_reason":"end_turn","stop_sequence":null,` +
    `"usage":{"input_tokens":5,"output_tokens":7,"cache_read_input_tokens":null}}`
  t.equal(judge(anthropic, whole('[{"type":"text","text":"NaN"}]')), '')
  t.equal(judge(anthropic, whole('[{"type":"tool_use","input":{}}]')), '')
  t.equal(judge(anthropic, whole('[{"type":"text","text":""}]')), 'empty')
  t.equal(judge(anthropic, whole('[{"type":"thinking","thinking":"hm"}]')), 'empty')
  t.equal(judge(anthropic, whole('[]')), 'empty')
  t.equal(judge(anthropic, whole('null')), 'null,empty')
  t.equal(judge(anthropic, '{"type":"error","error":{"type":"overloaded_error"}}'), 'failed')
  const reading = readCut(anthropic, Buffer.from(whole('[{"type":"text","text":"a"}]')))
  t.same(
    [reading?.model, reading?.inputTokens, reading?.outputTokens, reading?.predictions],
    ['claude', 5, 7, 1]
  )

  const head = events(anthropic)
  const start = {
    type: 'message_start',
    message: {
      model: 'claude',
      content: [],
      stop_reason: null,
      usage: { input_tokens: 5, output_tokens: 1 }
    }
  }
  const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }
  const text = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'a' } }
  const end = [
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
    { type: 'message_stop' }
  ]
  const said = readCut(
    head,
    Buffer.from(`event: ping\ndata: {"type":"ping"}\n\n${stream(start, block, text, ...end)}`)
  )
  t.same(
    [said?.bad, said?.finished, said?.inputTokens, said?.outputTokens, said?.predictions],
    [0, true, 5, 9, 1]
  )
  t.equal(judge(head, stream(start, block, text, ...end)), '')
  t.equal(judge(head, stream(start, block, ...end)), 'empty')
  t.equal(
    judge(head, `${stream(start, text)}event: error\n${stream({ type: 'error', error: {} })}`),
    'failed'
  )
  t.equal(readCut(head, Buffer.from(stream(start, text)))?.finished, false)
  t.end()
})

test('reads a response of the Responses API when it is whole and when it is streamed', t => {
  const whole = (output: string, status = 'completed') =>
    `{"object":"response","status":"${status}","error":null,"incomplete_details":null,"model":"gpt","output":${output},` +
    `"usage":{"input_tokens":5,"output_tokens":7}}`
  const message = (part: string) =>
    `[{"type":"reasoning","summary":[]},{"type":"message","content":[${part}]}]`
  t.equal(
    judge(responses, whole(message('{"type":"output_text","text":"NaN","logprobs":null}'))),
    ''
  )
  t.equal(judge(responses, whole(message('{"type":"refusal","refusal":"no"}'))), '')
  t.equal(judge(responses, whole(message('{"type":"output_text","text":""}'))), 'empty')
  t.equal(judge(responses, whole('[{"type":"function_call","arguments":"{}"}]')), '')
  t.equal(judge(responses, whole('[{"type":"reasoning","content":null}]')), 'null,empty')
  t.equal(judge(responses, whole('[]')), 'empty')
  t.equal(judge(responses, whole('[]', 'failed')), 'failed')
  t.equal(judge(responses, whole('[]', 'queued')), '', 'it is still being made')

  const head = events(responses)
  const created = {
    type: 'response.created',
    response: { status: 'in_progress', error: null, output: [] }
  }
  const delta = { type: 'response.output_text.delta', delta: 'a' }
  const completed = {
    type: 'response.completed',
    response: {
      status: 'completed',
      error: null,
      model: 'gpt',
      usage: { input_tokens: 5, output_tokens: 7 },
      output: []
    }
  }
  const said = readCut(head, Buffer.from(stream(created, delta, completed)))
  t.same(
    [said?.bad, said?.finished, said?.model, said?.outputTokens, said?.predictions],
    [0, true, 'gpt', 7, 1]
  )
  t.equal(judge(head, stream(created, completed)), 'empty')
  t.equal(
    judge(head, stream(created, { type: 'response.reasoning_text.delta', delta: 'hm' }, completed)),
    'empty'
  )
  t.equal(
    judge(
      head,
      stream(created, {
        type: 'response.failed',
        response: { status: 'failed', error: { code: 'x' } }
      })
    ),
    'failed'
  )
  t.equal(judge(head, stream(created, { type: 'error', message: 'x' })), 'failed')
  t.end()
})

test('finds what is no number in embeddings when they are lists and when they are base64', t => {
  const list = (values: string) =>
    `{"data":[{"embedding":${values},"index":0}],"model":"e","usage":{"prompt_tokens":2,"total_tokens":2}}`
  const encoded = (values: readonly number[]) =>
    list(`"${Buffer.from(Float32Array.from(values).buffer).toString('base64')}"`)
  t.equal(judge(embeddings, list('[0.1,-2e-3]')), '')
  t.equal(judge(embeddings, list('[0.1,NaN]')), 'nan')
  t.equal(judge(embeddings, list('[null,1e999]')), 'null,infinite')
  t.equal(judge(embeddings, list('[]')), 'empty')
  t.equal(judge(embeddings, list('null')), 'null')
  t.equal(judge(embeddings, '{"data":[]}'), 'empty')
  const many = Array.from({ length: 1536 }, (_, i) => Math.sin(i))
  t.equal(judge(embeddings, encoded(many)), '')
  t.equal(judge(embeddings, encoded([...many, Number.NaN])), 'nan')
  t.equal(judge(embeddings, encoded([1, Number.NEGATIVE_INFINITY, 2])), 'infinite')
  t.equal(judge(embeddings, encoded([])), 'empty')
  t.equal(
    judge(embeddings, encoded([1, Number.NaN]).replaceAll('/', '\\/')),
    'nan',
    'escaped slashes'
  )
  t.equal(judge(embeddings, list('"AAAAAAA="')), 'shape', 'five bytes')
  t.equal(judge(embeddings, list('"AAAA AAA"')), 'unparsable')
  t.equal(judge(embeddings, list('"AAAAA"')), 'unparsable', 'a stray letter')
  t.equal(readCut(embeddings, Buffer.from(encoded(many)))?.predictions, 1)
  t.end()
})

test('finds language answers of MLflow when they stand in place of predictions', t => {
  t.equal(
    judge(mlflow, '{"choices":[{"message":{"content":"a","refusal":null},"logprobs":null}]}'),
    ''
  )
  t.equal(judge(mlflow, '{"choices":[{"message":{"content":""}}]}'), 'empty')
  t.equal(judge(mlflow, '{"predictions":{"choices":[{"message":{"content":null}}]}}'), 'null,empty')
  t.equal(judge(mlflow, '{"object":"list","data":[{"embedding":[0.1,NaN]}]}'), 'nan')
  t.equal(judge(mlflow, '{"messages":[{"content":null}],"finish_reason":null}'), '', 'of its own')
  t.equal(judge(mlflow, '[0.5,NaN]'), 'nan')
  t.equal(judge(mlflow, '{}'), 'empty')
  const delta = (d: unknown) => ({ choices: [{ delta: d }] })
  t.equal(
    judge(events(mlflow), stream(delta({ role: 'a' }), delta({ content: 'x' }), delta({}))),
    ''
  )
  t.equal(judge(events(mlflow), stream(delta({ role: 'a' }), delta({}))), 'empty')
  t.end()
})

test('calls an answer failed when its error says something', t => {
  const withError = (error: string) => `{"predictions":[1],"error":${error}}`
  for (const error of ['null', 'false', '""']) t.equal(judge(v1, withError(error)), '', error)
  for (const error of ['" "', '"x"', '"\\u0020"', 'true', '0', '{}', '[]']) {
    t.equal(judge(v1, withError(error)), 'failed', error)
  }
  t.equal(judge(v1, '{"predictions":[{"error":""}]}'), '', 'that of a row')
  t.equal(judge(v1, '{"error":""}'), 'empty', 'nor is it a prediction')
  t.equal(judge(chat, '{"error":"","choices":[{"message":{"content":"a"}}]}'), '')
  t.end()
})

test('takes rows and columns of V1 when they are where the protocol has them', t => {
  t.equal(judge(v1, '{"outputs":{"a":[1],"b":[Infinity]}}'), 'infinite')
  t.equal(judge(v1, '{"outputs":{"a":[],"b":[]}}'), 'empty')
  t.equal(judge(v1, '{"results":[[["cat",0.9],["dog",NaN]]]}'), 'nan')
  t.equal(judge(v1, '{"detail":"x"}'), 'empty')
  t.equal(judge(v1, '[0.5]'), 'unparsable')
  t.equal(judge(v1, '{"predictions":[1],"success":false}'), 'failed')
  t.equal(judge(v1, '{"predictions":[{"stats":{"error":0.1}}]}'), '', 'deep inside a row')
  t.equal(judge(v1, '{"predictions":[{"error":0.1}]}'), 'failed')
  const explain = headOf('kserve-v1', { path: '/v1/models/m:explain' })
  t.equal(judge(explain, '{"meta":{"name":null},"data":{"anchor":[]}}'), '')
  t.equal(judge(explain, '{"explanations":[null]}'), 'null')
  t.equal(judge(explain, '{}'), 'empty')
  t.end()
})

test('looks for predictions under the pointers of a route when it has some', t => {
  const at = (...predictions: readonly string[]) => headOf('json', { predictions })
  t.equal(judge(at('/a/b'), '{"a":{"b":[NaN],"c":null}}'), 'nan')
  t.equal(judge(at('/a/b'), '{"a":{"b":[1],"c":NaN},"predictions":[null]}'), '')
  t.equal(judge(at('/a/b'), '{"a":{}}'), 'empty')
  t.equal(judge(at('/x/1/y'), '{"x":[{"y":null},{"y":0.5},{"y":null}]}'), '')
  t.equal(judge(at('/x/1/y'), '{"x":[{"y":1},{"y":null},{"y":1}]}'), 'null')
  t.equal(judge(at('/x/1', '/x/0'), '{"x":[1,2,null]}'), '')
  t.equal(judge(at('/x/1'), '{"x":{"1":NaN}}'), 'nan', 'a name')
  t.equal(judge(at('/a~1b/c~0d'), '{"a/b":{"c~d":NaN}}'), 'nan')
  t.equal(judge(at('/é'), '{"\\u00e9":NaN}'), 'nan')
  t.equal(judge(at(''), '{"any":null,"error":null}'), 'null')
  t.equal(judge(at('/error'), '{"error":0.25}'), '', 'a route may predict errors')
  t.equal(judge(at('/p'), '{"p":[1],"error":"x"}'), 'failed')
  t.equal(judge(at('/p'), '[1]'), 'empty')
  t.equal(judge(at('/p', '/q'), '{"p":[1],"p":[2]}'), 'unparsable')
  t.end()
})

test('takes the whole document of plain JSON when no usual name is in it', t => {
  t.equal(judge(json, '{"label":"NaN","p":[0.1,null]}'), 'null')
  t.equal(judge(json, '{"p":0.1,"logprobs":null,"parameters":{"a":null}}'), '')
  t.equal(judge(json, '{"p":null,"score":0.1}'), '')
  t.equal(judge(json, '{"pred\\u0069ctions":[NaN]}'), 'nan', 'an escaped name')
  t.equal(judge(json, '"hello"'), '')
  t.equal(judge(json, 'null'), 'null')
  t.equal(judge(json, '0.5'), '')
  t.equal(judge(json, '[]'), 'empty')
  t.equal(judge(json, '{"success":false}'), 'failed')
  t.end()
})

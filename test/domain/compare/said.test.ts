import { test } from 'tap'
import { answer, compareBodies, differences, events, fieldOf } from '../../helpers/answer-side.ts'

const OPENAI = { protocol: 'openai' } as const
const ANTHROPIC = { protocol: 'anthropic' } as const

const chat = (message: unknown, finish = 'stop', id = 'chatcmpl-1') => ({
  id,
  object: 'chat.completion',
  created: Math.floor(Math.random() * 1e9),
  model: 'm',
  choices: [{ index: 0, message, finish_reason: finish }],
  usage: { total_tokens: Math.floor(Math.random() * 100) }
})
const said = (content: string, finish?: string) => chat({ role: 'assistant', content }, finish)
const tools = (...calls: readonly (readonly [string, string])[]) =>
  chat(
    {
      role: 'assistant',
      content: null,
      tool_calls: calls.map(([name, args]) => ({
        id: `call_${Math.random()}`,
        type: 'function',
        function: { name, arguments: args }
      }))
    },
    'tool_calls'
  )
const chunk = (delta: unknown, finish: string | null = null, index = 0) => ({
  id: `c${Math.random()}`,
  object: 'chat.completion.chunk',
  choices: [{ index, delta, finish_reason: finish }]
})
const differ = (...args: Parameters<typeof compareBodies>) => differences(compareBodies(...args))

test('chats agree when text and finish reason do, whatever their ids and tokens', async t => {
  t.strictSame(differ(said('Hello'), said(' Hello\n'), OPENAI), [])
})

test('texts say how far they are apart and how their lengths compare when they differ', async t => {
  const comparison = compareBodies(said('kitten'), said('sitting'), OPENAI)
  t.strictSame(differences(comparison), ['text text', 'text.length size'])
  t.ok(Math.abs((fieldOf(comparison, 'text')?.by ?? 0) - 3 / 7) < 1e-12)
  t.ok(Math.abs((fieldOf(comparison, 'text.length')?.by ?? 0) - 7 / 6) < 1e-12)
  t.strictSame(differ(said('abc'), said('abd'), OPENAI), ['text text'])
})

test('a finish reason, a refusal and the number of choices are fields of their own', async t => {
  t.strictSame(differ(said('a'), said('a', 'length'), OPENAI), ['finish_reason value'])
  const refusal = chat({ content: null, refusal: 'I cannot' })
  t.strictSame(differ(chat({ content: null, refusal: 'I will not' }), refusal, OPENAI), [
    'refusal text'
  ])
  const two = { choices: [...said('a').choices, { index: 1, message: { content: 'b' } }] }
  t.strictSame(differ(said('a'), two, OPENAI), ['choices size'])
})

test('tool calls are compared by name and by arguments as JSON', async t => {
  const one = tools(['weather', '{"city":"Ulm","days":2}'])
  t.strictSame(differ(one, tools(['weather', '{ "days":2, "city":"Ulm" }']), OPENAI), [])
  t.strictSame(differ(one, tools(['weather', '{"city":"Bonn","days":2}']), OPENAI), [
    'tool_calls.arguments/city text'
  ])
  t.strictSame(differ(one, tools(['news', '{"city":"Ulm","days":2}']), OPENAI), [
    'tool_calls value'
  ])
  t.strictSame(differ(one, tools(), OPENAI), ['tool_calls size'])
  t.strictSame(differ(one, tools(['weather', '{"city":']), OPENAI), ['tool_calls.arguments text'])
  t.strictSame(differ(tools(['a', '{}'], ['b', '']), tools(['b', ''], ['a', '{}']), OPENAI), [
    'tool_calls order'
  ])
  t.strictSame(differ(tools(['a', '{}']), tools(['a', '']), OPENAI), [])
})

test('a stream is what its pieces say together, and agrees with a whole answer', async t => {
  const stream = events(
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'Hel' }),
    chunk({ content: 'lo' }),
    chunk({}, 'stop'),
    { choices: [], usage: { total_tokens: 3 } },
    '[DONE]'
  )
  const other = events(chunk({ content: 'Hello' }), chunk({}, 'stop'))
  t.strictSame(differ(stream, other, OPENAI), [])
  t.strictSame(differ(stream, said('Hello'), OPENAI), [])
  t.strictSame(differ(stream, events(chunk({ content: 'Hell' })), OPENAI), [
    'text text',
    'text.length size',
    'finish_reason value'
  ])
})

test('calls of a stream are put together from their pieces by index', async t => {
  const call = (index: number, name: string | undefined, args: string) =>
    chunk({ tool_calls: [{ index, id: 'x', function: { name, arguments: args } }] })
  const stream = events(
    call(0, 'weather', ''),
    call(1, 'news', '{"a"'),
    call(0, undefined, '{"city":'),
    call(0, undefined, '"Ulm"}'),
    call(1, undefined, ':1}'),
    chunk({}, 'tool_calls')
  )
  t.strictSame(
    differ(stream, tools(['weather', '{"city":"Ulm"}'], ['news', '{"a":1}']), OPENAI),
    []
  )
})

test('an error in an answer is a field when only one side has it', async t => {
  const failed = events(chunk({ content: 'Hel' }), { error: { message: 'out of memory' } })
  const comparison = compareBodies(events(chunk({ content: 'Hel' })), failed, OPENAI)
  t.strictSame(differences(comparison), ['error extra'])
  t.equal(fieldOf(comparison, 'error')?.shadow, 'out of memory')
})

test('completions and responses say text too, whole and as streams', async t => {
  const completion = { choices: [{ index: 0, text: 'abc', finish_reason: 'stop' }] }
  t.strictSame(
    differ(completion, events({ choices: [{ text: 'ab' }] }, completionEnd('c')), OPENAI),
    []
  )
  const response = {
    id: 'r1',
    status: 'completed',
    output: [
      { type: 'message', content: [{ type: 'output_text', text: 'abc' }] },
      { type: 'function_call', name: 'f', call_id: 'x', arguments: '{"a":1}' }
    ]
  }
  const stream = events(
    { type: 'response.created', response: { id: 'r2' } },
    { type: 'response.output_text.delta', output_index: 0, delta: 'ab' },
    { type: 'response.output_text.delta', output_index: 0, delta: 'c' },
    { type: 'response.output_text.done', output_index: 0, text: 'abc' },
    {
      type: 'response.output_item.added',
      output_index: 1,
      item: { type: 'function_call', name: 'f' }
    },
    { type: 'response.function_call_arguments.delta', output_index: 1, delta: '{"a":' },
    { type: 'response.function_call_arguments.delta', output_index: 1, delta: '1}' },
    { type: 'response.completed', response: { ...response, id: 'r3' } }
  )
  t.strictSame(differ(response, stream, OPENAI), [])
  t.strictSame(differ(response, { ...response, status: 'incomplete' }, OPENAI), [
    'finish_reason value'
  ])
})

function completionEnd(text: string): unknown {
  return { choices: [{ text, index: 0, finish_reason: 'stop' }] }
}

test('messages of Anthropic are the same whole and as a stream', async t => {
  const whole = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    content: [
      { type: 'text', text: 'Look: ' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Ulm' } }
    ],
    stop_reason: 'tool_use',
    usage: { input_tokens: 3, output_tokens: 9 }
  }
  const json = (partial_json: string) => ({
    type: 'content_block_delta',
    index: 1,
    delta: { type: 'input_json_delta', partial_json }
  })
  const stream = events(
    { type: 'message_start', message: { id: 'msg_2', content: [], usage: { input_tokens: 3 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'ping' },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Look: ' } },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'content_block_start',
      index: 1,
      content_block: { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} }
    },
    json('{"city":'),
    json(' "Ulm"}'),
    { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 12 } },
    { type: 'message_stop' }
  )
  t.strictSame(differ(whole, stream, ANTHROPIC), [])
  const other = { ...whole, content: [{ type: 'text', text: 'Look' }], stop_reason: 'end_turn' }
  t.strictSame(differ(whole, other, ANTHROPIC), [
    'text text',
    'text.length size',
    'finish_reason value',
    'tool_calls size'
  ])
})

test('embeddings agree by direction, as lists and as base64, and are refused when dimensions differ', async t => {
  const values = Float32Array.from({ length: 24 }, (_, i) => Math.cos(i * i))
  const embedding = (vector: ArrayLike<number> | string, index = 0) => ({
    embedding: vector,
    index
  })
  const list = { object: 'list', data: [embedding([...values])] }
  const base64 = { data: [embedding(Buffer.from(values.buffer).toString('base64'))] }
  t.strictSame(differ(list, base64, OPENAI), [])
  const turned = { data: [embedding([...values].reverse())] }
  const comparison = compareBodies(list, turned, OPENAI)
  t.strictSame(differences(comparison), ['embedding embedding'])
  t.ok((fieldOf(comparison, 'embedding')?.by ?? 0) > 0.001)
  t.strictSame(differ(list, { data: [embedding([...values].slice(1))] }, OPENAI), [
    'embedding size'
  ])
  t.strictSame(differ(list, { data: [] }, OPENAI), ['body type'])
  t.equal(compareBodies(list, { data: [embedding('%%%')] }, OPENAI).refusal, 'unreadable')
  const two = { data: [embedding([1, 0], 1), embedding([0, 1], 0)] }
  t.strictSame(differ(two, { data: [embedding([0, 1], 0), embedding([1, 0], 1)] }, OPENAI), [])
})

test('nothing that is redacted is shown when a model said it', async t => {
  const redact = ['/choices/*/message/content']
  const a = compareBodies(said('alice'), said('bob'), { ...OPENAI, redact })
  t.strictSame(differences(a), ['text text', 'text.length size'])
  t.notMatch(JSON.stringify(a), /alice|bob/)
  const stream = events(chunk({ content: 'alice' }))
  const b = compareBodies(stream, events(chunk({ content: 'bob' })), { ...OPENAI, redact })
  t.notMatch(JSON.stringify(b), /alice|bob/)
})

test('documents of a stream are one answer when they are cut differently', async t => {
  const infer = { protocol: 'open-inference' } as const
  const one = events(
    { model_name: 's', text_output: 'Hel', n: 1.5 },
    { model_name: 's', text_output: 'lo', n: 2.5 }
  )
  const two = events(
    { model_name: 't', text_output: 'H', n: 1.5 },
    { model_name: 't', text_output: 'ello', n: 2.5 }
  )
  t.strictSame(differ(one, two, infer), [])
  const output = (data: readonly number[]) => ({
    outputs: [{ name: 'y', datatype: 'FP32', shape: [1], data }]
  })
  t.strictSame(
    differ(events(output([1.5]), output([2.5])), events(output([1.5]), output([3.5])), infer),
    ['outputs.y number']
  )
  const lines = (text: string) => answer(text, { contentType: 'application/x-ndjson' })
  t.strictSame(differ(lines('{"p":0.5}\n{"p":NaN}\n'), lines('{"p":0.5}\r\n{"p":NaN}')), [])
  t.strictSame(differ(lines('{"p":0.5}\n{"p":NaN}\n'), lines('{"p":0.5}\n')), ['/p size'])
  t.equal(compareBodies(lines('{"p":0.5}\n{"p":'), lines('{"p":0.5}')).refusal, 'unreadable')
})

test('a stream is cut into events by any end of line, and the last needs none', async t => {
  const stream = (text: string) => answer(text, { contentType: 'text/event-stream' })
  const plain = stream('data: {"p":1.5}\n\ndata: {"p":2.5}\n\n')
  for (const text of [
    'data: {"p":1.5}\r\n\r\ndata: {"p":2.5}\r\n\r\n',
    'data: {"p":1.5}\r\rdata: {"p":2.5}\r\r',
    ': hello\ndata:{"p":1.5}\nid: 3\n\nevent: x\ndata: {"p":\ndata: 2.5}\n\ndata: [DONE]\n\n',
    'data: {"p":1.5}\n\ndata: {"p":2.5}'
  ]) {
    t.strictSame(differ(plain, stream(text)), [], JSON.stringify(text))
  }
})

test('calls in the older form, and arguments that are objects, are calls too', async t => {
  const legacy = chat({ content: null, function_call: { name: 'f', arguments: '{"a":1}' } })
  t.strictSame(
    differ(legacy, tools(['f', '{"a":1}']), { ...OPENAI, ignore: ['/choices/*/finish_reason'] }),
    []
  )
  const object = chat({ tool_calls: [{ function: { name: 'f', arguments: { a: 2 } } }] })
  t.strictSame(
    differ(tools(['f', '{"a":2}']), object, { ...OPENAI, ignore: ['/choices/*/finish_reason'] }),
    []
  )
  const none = chat({ tool_calls: [{ function: { name: 'f' } }] }, 'tool_calls')
  t.strictSame(differ(tools(['f', '{}']), none, OPENAI), [])
})

test('arguments are not shown when the message is redacted', async t => {
  const redact = ['/choices/*/message']
  const one = tools(['f', '{"name":"alice"}'])
  const comparison = compareBodies(one, tools(['f', '{"name":"bob"}']), { ...OPENAI, redact })
  t.strictSame(differences(comparison), ['tool_calls.arguments text'], 'nor are their names')
  t.notMatch(JSON.stringify(comparison), /alice|bob/)
})

test('vectors of an answer are counted, and null in one is not a number', async t => {
  const answerOf = (...vectors: readonly (readonly (number | null)[])[]) => ({
    data: vectors.map(embedding => ({ embedding }))
  })
  t.strictSame(differ(answerOf([1, 0]), answerOf([1, 0], [0, 1]), OPENAI), ['embedding size'])
  t.strictSame(differ(answerOf([1, null]), answerOf([1, null]), OPENAI), [])
  t.strictSame(differ(answerOf([1, null]), answerOf([1, 0]), OPENAI), ['embedding embedding'])
})

test('words and long integers of a stream are compared as they are written', async t => {
  const one = events('{"ok":true,"n":9007199254740993}', '{"ok":null,"n":1}')
  t.strictSame(differ(one, events('{"ok":true,"n":9007199254740993}', '{"ok":null,"n":1}')), [])
  t.strictSame(differ(one, events('{"ok":true,"n":9007199254740992}', '{"ok":false,"n":1}')), [
    '/ok value',
    '/n number'
  ])
})

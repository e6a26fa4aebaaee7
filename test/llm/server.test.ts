/**
 * The language model server by itself: what the scenarios behind it rely on.
 */
import t from 'tap'
import { leftOut } from '../helpers/left-out.ts'
import { until } from '../helpers/until.ts'
import { ask, chat, eventsOf } from './client.ts'
import { startLlm } from './start.ts'

t.test('a language model server', { skip: leftOut('llm') }, async t => {
  const [server, other] = await Promise.all([startLlm(t), startLlm(t, { seed: 2 })])

  t.test('says the same again when it is asked the same, and another model says else', async t => {
    const [first, again, else_] = await Promise.all(
      [server, server, other].map(async ({ url }) => {
        const answer = await ask(url, chat({ max_tokens: 20 }))
        return (await answer.json()) as Completion
      })
    )
    t.ok(first?.choices[0]?.message.content)
    t.equal(again?.choices[0]?.message.content, first?.choices[0]?.message.content)
    t.not(else_?.choices[0]?.message.content, first?.choices[0]?.message.content)
    const { prompt_tokens, completion_tokens, total_tokens } = first?.usage ?? {}
    t.ok(Number(completion_tokens) <= 20 && Number(prompt_tokens) > 5)
    t.equal(total_tokens, Number(prompt_tokens) + Number(completion_tokens))
  })

  t.test('sends each token when it is made', async t => {
    await server.behave({ tokenMs: 20 })
    t.teardown(() => server.behave({}))
    const answer = await ask(server.url, chat({ stream: true, max_tokens: 8 }))
    let pieces = 0
    for await (const _ of answer.body ?? []) pieces++
    t.ok(pieces >= 8, `${pieces} pieces came one after another`)
  })

  t.test('a stream says what the whole answer says, and its usage when it is asked', async t => {
    const whole = (await (await ask(server.url, chat({ max_tokens: 9 }))).json()) as Completion
    const stream = await ask(
      server.url,
      chat({ max_tokens: 9, stream: true, stream_options: { include_usage: true } })
    )
    t.equal(stream.headers.get('content-type'), 'text/event-stream')
    const events = eventsOf(await stream.text())
    t.equal(events.at(-1), '[DONE]')
    const chunks = events.slice(0, -1).map(event => JSON.parse(event) as Chunk)
    t.strictSame(chunks[0]?.choices[0]?.delta, { role: 'assistant', content: '' })
    t.equal(
      chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
      whole.choices[0]?.message.content
    )
    t.strictSame(chunks.at(-1)?.choices, [])
    t.strictSame(chunks.at(-1)?.usage, whole.usage)
    t.ok(chunks.slice(0, -1).every(({ usage }) => usage === null))
  })

  t.test('makes no more tokens when the clients leave', async t => {
    await server.behave({ tokenMs: 200 }) // a minute and more for an answer
    t.teardown(() => server.behave({}))
    const left = new AbortController()
    await Promise.all(
      Array.from({ length: 6 }, () =>
        ask(server.url, chat({ stream: true, max_tokens: 400 }), { signal: left.signal })
      )
    )
    t.equal(await server.generating(), 6)
    left.abort()
    await until('no answer to be under way', async () => (await server.generating()) === 0)
    await server.behave({})
    t.equal((await ask(server.url, chat({ max_tokens: 2 }))).status, 200, 'a place is free')
  })

  t.test('gives vectors of length 1 when it is asked for embeddings', async t => {
    const answer = await ask(
      server.url,
      { input: ['one text', 'and another'] },
      { path: '/v1/embeddings' }
    )
    const { data, usage } = (await answer.json()) as {
      readonly data: readonly { readonly embedding: readonly number[] }[]
      readonly usage: unknown
    }
    t.equal(data.length, 2)
    for (const { embedding } of data) t.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-6)
    t.notSame(data[0]?.embedding, data[1]?.embedding)
    t.match(usage, { prompt_tokens: Number, total_tokens: Number })
  })

  t.test('refuses in the words of the API when a request is none', async t => {
    const answer = await ask(server.url, { messages: [] })
    t.equal(answer.status, 400)
    t.match(await answer.json(), { error: { type: 'invalid_request_error' } })
  })

  t.test('breaks as it is told, and is well again', async t => {
    const told = async (kind: 'errors' | 'stream-error' | 'empty', body: object) => {
      await server.behave({ kind })
      const answer = await ask(server.url, chat(body))
      return { status: answer.status, text: await answer.text() }
    }
    t.equal((await told('errors', {})).status, 500)
    t.match(JSON.parse((await told('empty', {})).text), {
      choices: [{ message: { content: null } }]
    })
    const failed = await told('stream-error', { stream: true })
    t.equal(failed.status, 200)
    const events = eventsOf(failed.text)
    t.match(JSON.parse(events.at(-1) ?? ''), { error: { message: 'The model failed' } })
    t.ok(events.length > 3, 'tokens came before')
    await server.behave({})
    t.equal((await ask(server.url, chat())).status, 200)
  })
})

type Completion = {
  readonly choices: readonly { readonly message: { readonly content: string } }[]
  readonly usage: Readonly<Record<string, number>>
}

type Chunk = {
  readonly choices: readonly {
    readonly delta: { readonly role?: string; readonly content?: string }
  }[]
  readonly usage: unknown
}

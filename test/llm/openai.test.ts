/**
 * The product in front of two language models: who answers is decided by the user in the body, tokens come through one
 * by one, and what they cost is counted.
 */
import t from 'tap'
import { leftOut } from '../helpers/left-out.ts'
import { type Sample, samplesOf } from '../helpers/metrics.ts'
import { pairsIn, shadowOf, sum } from '../helpers/shadowed.ts'
import { type Settings, startSluice } from '../helpers/sluice.ts'
import { routeOf } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'
import { ask, chat, eventsOf } from './client.ts'
import { startLlm } from './start.ts'

t.test('a router in front of two language models', { skip: leftOut('llm') }, async t => {
  const [v1, v2] = await Promise.all([startLlm(t, { seed: 1 }), startLlm(t, { seed: 2 })])

  /** A route of its own below `/NAME/`, half of the users each. */
  const route = (name: string, extra: Settings = {}): Settings => {
    const variant = (upstream: string, version: string) => ({
      upstreams: [upstream],
      model: { name: 'tiny', version },
      rewrite: { path: { from: `/${name}/`, to: '/' } }
    })
    return {
      match: { paths: [`/${name}/`] },
      protocol: 'openai',
      hashOn: [{ field: 'user' }],
      variants: { v1: variant(v1.url, '1'), v2: variant(v2.url, '2') },
      champion: 'v1',
      initialWeights: { v1: 50, v2: 50 },
      ...extra
    }
  }
  const shadow = { name: 'next', variant: 'v2', percent: 100, noise: 0, capture: true }
  const router = await startSluice(
    {
      events: { driver: 'file', directory: 'events' },
      routes: {
        split: route('split'),
        stream: route('stream'),
        tokens: route('tokens'),
        first: route('first'),
        left: route('left', { initialWeights: { v1: 100, v2: 0 } }),
        failing: route('failing'),
        silent: route('silent'),
        copied: route('copied', { initialWeights: { v1: 100, v2: 0 }, shadows: [shadow] })
      }
    },
    { t }
  )
  const say = (name: string, body: object, signal?: AbortSignal) =>
    ask(router.dataUrl, chat(body), {
      path: `/${name}/v1/chat/completions`,
      ...(signal ? { signal } : {})
    })
  const variantOf = (answer: Response) => answer.headers.get('x-sluice-variant') ?? ''
  const counted = async (metric: string, name: string): Promise<readonly Sample[]> =>
    (await samplesOf(router.adminUrl, metric, router.token)).filter(
      ({ labels }) => labels['route'] === name
    )
  const count = async (metric: string, name: string, only: Readonly<Record<string, string>> = {}) =>
    (await counted(metric, name))
      .filter(({ labels }) => Object.entries(only).every(([key, value]) => labels[key] === value))
      .reduce((all, { value }) => all + value, 0)

  t.test('gives a user the same model each time, whole or as a stream', async t => {
    const seen = new Map<string, number>()
    for (let i = 0; i < 40; i++) {
      const user = `user-${i}`
      const whole = await say('split', { user, max_tokens: 2 })
      const stream = await say('split', { user, max_tokens: 2, stream: true })
      const late = await say('split', { pad: 'x'.repeat(100_000), max_tokens: 1, user })
      const bodies = await Promise.all([whole.text(), stream.text(), late.text()])
      const answers = [whole, stream, late]
      t.ok(
        answers.every(({ status }) => status === 200),
        `all are answered: ${bodies[0]?.slice(0, 60)}`
      )
      t.equal(new Set(answers.map(variantOf)).size, 1, `one model for ${user}`)
      seen.set(variantOf(whole), (seen.get(variantOf(whole)) ?? 0) + 1)
    }
    t.ok([...seen.values()].every(users => users > 8) && seen.size === 2, `${[...seen]}`)
    t.equal(variantOf(await say('split', { max_tokens: 1 })), 'v1', 'the champion without a user')
    t.equal(await count('sluice_unit_missing_total', 'split'), 1)
  })

  t.test('passes on what the model says, token by token', async t => {
    const body = { user: 'user-1', stream: true, max_tokens: 10 }
    const through = await say('stream', body)
    const model = variantOf(through) === 'v1' ? v1 : v2
    const own = await ask(model.url, chat(body))
    const without = (text: string) => text.replace(/"(id|created)":[^,]+/g, '')
    t.equal(without(await through.text()), without(await own.text()))

    await model.behave({ tokenMs: 100 }) // 40 s for an answer
    const left = new AbortController()
    const slow = await say('stream', { ...body, max_tokens: 400 }, left.signal)
    let text = ''
    for await (const chunk of slow.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      if (text.split('"delta":{"content"').length > 3) break
    }
    t.equal(await model.generating(), 1, 'three tokens are here while the model goes on')
    left.abort()
    await model.behave({})
  })

  t.test('counts the tokens that both models report', async t => {
    const told = { v1: { input: 0, output: 0 }, v2: { input: 0, output: 0 } }
    for (let i = 0; i < 12; i++) {
      const stream = i % 2 === 0
      const answer = await say('tokens', {
        user: `user-${i}`,
        max_tokens: 1 + i,
        ...(stream ? { stream, stream_options: { include_usage: true } } : {})
      })
      const text = await answer.text()
      const last = JSON.parse(stream ? (eventsOf(text).at(-2) ?? '') : text) as {
        readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number }
      }
      const of = told[variantOf(answer) === 'v1' ? 'v1' : 'v2']
      of.input += last.usage.prompt_tokens
      of.output += last.usage.completion_tokens
    }
    t.ok(told.v1.output > 0 && told.v2.output > 0, 'both were asked')
    await until('all tokens to be counted', async () => {
      const tokens = await counted('sluice_tokens_total', 'tokens')
      const of = (variant: string, direction: string) =>
        tokens.find(
          ({ labels }) => labels['variant'] === variant && labels['direction'] === direction
        )?.value ?? 0
      const now = {
        v1: { input: of('v1', 'input'), output: of('v1', 'output') },
        v2: { input: of('v2', 'input'), output: of('v2', 'output') }
      }
      return JSON.stringify(now) === JSON.stringify(told)
    })
  })

  t.test('counts the tokens of embeddings', async t => {
    const input = ['a text', 'and another']
    const path = '/first/v1/embeddings'
    const answer = await ask(router.dataUrl, { input, user: 'u' }, { path })
    const { usage } = (await answer.json()) as {
      readonly usage: { readonly prompt_tokens: number }
    }
    t.ok(usage.prompt_tokens > 4)
    await until('its tokens', async () => {
      const tokens = await count('sluice_tokens_total', 'first', { direction: 'input' })
      return tokens === usage.prompt_tokens
    })
  })

  t.test('takes the first token for the first when the role came before it', async t => {
    const pause = 300
    await Promise.all([v1.behave({ firstMs: pause }), v2.behave({ firstMs: pause })])
    for (let i = 0; i < 4; i++) {
      const answer = await say('first', { user: `user-${i}`, stream: true, max_tokens: 5 })
      await answer.text()
    }
    await Promise.all([v1.behave({}), v2.behave({})])
    const first = 'sluice_time_to_first_token_seconds'
    await until('four first tokens', async () => (await count(`${first}_count`, 'first')) === 4)
    const seconds = await count(`${first}_sum`, 'first')
    t.ok(seconds >= (4 * pause) / 1000, `${seconds} s: the role is no token`)
    t.ok((await count('sluice_time_per_output_token_seconds_count', 'first')) >= 4)
  })

  t.test('ends the work of the model when the client leaves', async t => {
    await v1.behave({ tokenMs: 200 })
    const left = new AbortController()
    const streams = await Promise.all(
      [1, 2, 3].map(n =>
        say('left', { user: `user-${n}`, stream: true, max_tokens: 400 }, left.signal)
      )
    )
    await Promise.all(streams.map(stream => stream.body?.getReader().read()))
    t.equal(await v1.generating(), 3)
    left.abort()
    await until('no answer to be under way', async () => (await v1.generating()) === 0)
    await v1.behave({})
    await until('all three to be counted', async () => {
      const gone = await count('sluice_requests_total', 'left', { outcome: 'client_gone' })
      return gone === 3
    })
  })

  t.test('pairs what both say, and finds that they say other things', async t => {
    for (const stream of [false, true]) {
      const answer = await say('copied', { user: 'user-1', stream, max_tokens: 12 })
      await answer.text()
    }
    const view = await until('both copies to end', async () => {
      const now = await shadowOf(router, 'copied', 'next')
      return now.considered === 2 && sum(now.outcomes) === 2 && now
    })
    t.equal(view.outcomes['ok'], 2)
    const pairs = await until('both pairs', async () => {
      const all = (await pairsIn(router.directory)).filter(pair => pair.route === 'copied')
      return all.length === 2 && all
    })
    for (const pair of pairs) {
      t.match(pair, {
        primary: { variant: 'v1', status: 200, outcome: 'ok' },
        shadow: { name: 'next', variant: 'v2', status: 200, outcome: 'ok' },
        comparison: { compared: true, agree: false }
      })
      t.ok(
        pair.comparison.differences.some(({ kind }) => kind === 'text'),
        JSON.stringify(pair.comparison)
      )
    }
  })

  for (const [name, kind] of [
    ['failing', 'stream-error'],
    ['silent', 'empty']
  ] as const) {
    t.test(`takes the challenger out when its streams are broken by ${kind}`, async t => {
      let asking = true
      t.teardown(() => {
        asking = false
      })
      const asked = (async () => {
        for (let i = 0; asking; i++) {
          const answers = [0, 1, 2, 3].map(async n => {
            const user = `user-${(4 * i + n) % 500}`
            const answer = await say(name, { user, stream: true, max_tokens: 5 })
            await answer.text()
          })
          await Promise.all(answers)
        }
      })()
      const calls = (variant: string, only: Readonly<Record<string, string>> = {}) =>
        count('sluice_requests_total', name, { variant, ...only })
      await until('both to have answered', async () => {
        return (await calls('v1')) > 40 && (await calls('v2')) > 40
      })
      await v2.behave({ kind })
      const rollback = await until('the rollback', async () => {
        const now = await routeOf(router, name)
        return now.challengers['v2']?.rollback ?? undefined
      })
      asking = false
      await asked
      await v2.behave({})
      t.match(rollback.trigger, kind === 'empty' ? /bad_predictions|gross/ : /errors|gross/)
      if (kind === 'empty') {
        t.ok((await count('sluice_bad_predictions_total', name, { variant: 'v2' })) > 0)
      } else {
        t.ok((await calls('v2', { outcome: 'upstream_error', code: '2xx' })) > 0)
      }
      t.equal(await count('sluice_bad_predictions_total', name, { variant: 'v1' }), 0)
      t.equal(await calls('v1', { outcome: 'upstream_error' }), 0)
    })
  }
})

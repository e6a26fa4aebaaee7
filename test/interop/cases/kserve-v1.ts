/**
 * KServe's older protocol: predictions in lists, a user in the body, and null where a number cannot be written.
 */
import t from 'tap'
import { until } from '../../helpers/until.ts'
import { featuresOf } from '../calls.ts'
import { startKserve } from '../kserve.ts'
import { counted, countedTo, rolledBack, startRouter, variantOf } from '../pair-of-servers.ts'

const MODELS = ['now', 'next'] as const
const server = await startKserve(t, MODELS)
const variant = (model: string) => ({
  upstreams: [server.url],
  model: { name: model },
  rewrite: { path: { from: '/v1/models/fraud:predict', to: `/v1/models/${model}:predict` } }
})
const router = await startRouter(t, {
  fraud: {
    match: { paths: ['/v1/models/fraud:predict'] },
    protocol: 'kserve-v1',
    hashOn: [{ json: '/instances/0/user' }, { json: '/user' }],
    variants: { now: variant('now'), next: variant('next') },
    champion: 'now',
    initialWeights: { now: 60, next: 40 }
  }
})

const predict = async (user: string) => {
  const answer = await fetch(`${router.dataUrl}/v1/models/fraud:predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: [featuresOf(user)], user })
  })
  return { variant: variantOf(answer), status: answer.status, text: await answer.text() }
}

t.test('a model is taken out when it answers null where numbers were', async t => {
  const seen: (Awaited<ReturnType<typeof predict>> & { readonly user: string })[] = []
  let asking = true
  let next = 0
  const client = async () => {
    while (asking) {
      const user = `user-${next++ % 200}`
      seen.push({ user, ...(await predict(user)) })
    }
  }
  const clients = Promise.all([client(), client()])
  const stop = async () => {
    asking = false
    await clients
  }
  t.teardown(stop)
  await until('both models to answer', () =>
    MODELS.every(model => seen.filter(one => one.variant === model).length > 40)
  )
  const models = new Map(seen.map(({ user, variant }) => [user, variant]))
  t.ok(
    seen.every(({ user, variant }) => models.get(user) === variant),
    'a user stays'
  )
  t.equal(await counted(router, 'sluice_bad_predictions_total', {}), 0)

  server.fault('next', 'nan')
  const { rollback } = await rolledBack(router, 'fraud', 'next')
  t.match(rollback.trigger, /^(bad_predictions|gross)$/)
  await stop()
  const nulls = seen.filter(({ text }) => text.includes('null'))
  t.ok(nulls.length > 0 && nulls.every(({ variant }) => variant === 'next'))
  const bad = { variant: 'next', kind: 'null' }
  await countedTo(router, 'sluice_bad_predictions_total', bad, nulls.length)
  t.equal(await counted(router, 'sluice_bad_predictions_total', { variant: 'now' }), 0)
  t.ok(seen.every(({ status }) => status === 200))
})

/**
 * Shadows in the running product: who gets copies, what copies look like, and that every one is accounted for.
 */
import t from 'tap'
import { type Recorded, startAnswering } from '../helpers/answering.ts'
import { pairsIn, shadowedRoute, shadowOf, sum } from '../helpers/shadowed.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const champion = await startAnswering(t, () => ({ body: '{"predictions":[1,2]}' }))
const shadow = await startAnswering(t, () => ({ body: '{"predictions":[1,3]}' }))
const NAMES = ['pair', 'off', 'live'] as const
const router = await startSluice(
  {
    events: { driver: 'file', directory: 'events' },
    routes: Object.fromEntries(
      NAMES.map(name => [
        name,
        shadowedRoute(
          name,
          champion.url,
          shadow.url,
          {},
          name === 'live' ? { initialWeights: { v3: 50, v4: 50 } } : {}
        )
      ])
    )
  },
  { t }
)

async function ask(route: string, user: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${router.dataUrl}/${route}/predict`, {
    method: 'POST',
    body: '{"features":[1]}',
    ...init,
    headers: { 'x-user-id': user, ...init.headers }
  })
}

const copiesOf = (route: string): readonly Recorded[] =>
  shadow
    .requests()
    .filter(request => request.url === `/${route}/predict` && request.headers['x-sluice-shadow'])

t.test('copies a request, and pairs both answers', async t => {
  const response = await ask('pair', 'user-1', {
    headers: { authorization: 'Bearer secret', 'x-own': 'yes' }
  })
  t.equal(response.status, 200)
  t.equal(await response.text(), '{"predictions":[1,2]}', 'the client gets the champion')
  const [copy] = await until('the copy', () => copiesOf('pair').length > 0 && copiesOf('pair'))
  t.equal(copy?.body, '{"features":[1]}')
  t.equal(copy?.headers['x-sluice-shadow'], '1')
  t.equal(copy?.headers['x-own'], 'yes')
  t.equal(copy?.headers['authorization'], undefined, 'credentials are stripped')
  t.equal(copy?.headers['host'], new URL(shadow.url).host)
  const [pair] = await until('the pair', async () => {
    const pairs = await pairsIn(router.directory)
    return pairs.length > 0 && pairs
  })
  t.match(pair, {
    route: 'pair',
    primary: { variant: 'v3', status: 200, outcome: 'ok', bytes: 21 },
    shadow: { name: 'try', variant: 'v4', status: 200, outcome: 'ok', bytes: 21 }
  })
  t.equal(pair?.unitId?.length, 32)
})

/**
 * One server as the shadow of the other: both answers of a request become a pair, though each writes the same
 * prediction in its own way, and what the shadow does is no evidence against it.
 */
import t, { type Test } from 'tap'
import { pairsIn, shadowOf, sum } from '../../helpers/shadowed.ts'
import { routeOf } from '../../helpers/two-versions.ts'
import { until } from '../../helpers/until.ts'
import { type Call, infer } from '../calls.ts'
import {
  counted,
  MODEL,
  otherThan,
  routeTo,
  routeToStories,
  SERVERS,
  type Server,
  STORIES,
  startRouter,
  startServers,
  tell,
  variantOf
} from '../pair-of-servers.ts'

const SHADOW = 'copy'
const KINDS = ['alike', 'broken', 'switched'] as const

const servers = await startServers(t, { stories: Object.values(STORIES) })
const routeName = (kind: (typeof KINDS)[number], champion: Server) => `${kind}-${champion}`
const router = await startRouter(t, {
  stories: routeToStories(
    servers,
    'stories',
    { stories: 100, next: 0 },
    { shadows: [{ name: SHADOW, variant: 'next', percent: 100, noise: 0 }] }
  ),
  ...Object.fromEntries(
    SERVERS.flatMap(champion =>
      KINDS.map(kind => {
        const name = routeName(kind, champion)
        const copies = { percent: 100, noise: 0 }
        const shadow = { name: SHADOW, variant: otherThan(champion), ...copies }
        return [name, routeTo(servers, name, champion, 0, { shadows: [shadow] })]
      })
    )
  )
})

async function ask(route: string, users: number, call: Omit<Call, 'user'> = {}): Promise<void> {
  for (let i = 0; i < users; i++) {
    const answer = await infer(router.dataUrl, `/${route}/infer`, { ...call, user: `user-${i}` })
    await answer.arrayBuffer()
    if (answer.status !== 200) throw new Error(`${route}: ${answer.status}`)
  }
}

/** Waits until so many requests were considered and each has its end, the pairs of copies too. */
const settled = (route: string, considered: number) =>
  until(`${considered} copies of ${route} to end`, async () => {
    const view = await shadowOf(router, route, SHADOW)
    const copied = sum(view.outcomes)
    const ended = copied + sum(view.dropped) === considered && view.agreement?.pairs === copied
    return view.considered === considered && ended && view
  })

const pairsOf = (route: string, count: number) =>
  until(`${count} pairs of ${route}`, async () => {
    const pairs = (await pairsIn(router.directory)).filter(pair => pair.route === route)
    return pairs.length === count && pairs
  })

async function checkAlike(t: Test, champion: Server): Promise<void> {
  const route = routeName('alike', champion)
  await ask(route, 15, { form: 'json' })
  await ask(route, 15, { form: 'binary' })
  const { outcomes, agreement } = await settled(route, 30)
  t.equal(outcomes['ok'], 30)
  const pairs = await pairsOf(route, 30)
  for (const pair of pairs) {
    t.match(pair, {
      primary: { variant: champion, status: 200, outcome: 'ok', bad: [], truncated: false },
      shadow: { name: SHADOW, variant: otherThan(champion), status: 200, outcome: 'ok', bad: [] },
      comparison: { compared: true, why: null }
    })
    t.strictSame(pair.comparison.differences, [])
    t.equal(pair.comparison.agree, true)
  }
  t.equal(new Set(pairs.map(({ unitId }) => unitId)).size, 15, 'each user twice')
  t.match(agreement, { pairs: 30, overall: { agree: 30, of: 30 } })
  t.ok((await counted(router, 'sluice_shadow_requests_total', { route, outcome: 'ok' })) === 30)
}

async function checkBroken(t: Test, champion: Server): Promise<void> {
  const route = routeName('broken', champion)
  const shadow = otherThan(champion)
  servers[shadow].fault(MODEL, 'nan')
  t.teardown(() => servers[shadow].fault(MODEL, null))
  await ask(route, 10, { form: 'json' })
  await ask(route, 10, { form: 'binary' })
  await settled(route, 20) // copies come later than answers
  servers[shadow].fault(MODEL, 'raise')
  await ask(route, 40)
  const { outcomes, agreement } = await settled(route, 60)
  t.equal(outcomes['bad_prediction'], 20)
  // uvicorn closes a connection behind a 500, unannounced; what was sent on it just then is reset.
  const { upstream_error: errors = 0, reset: resets = 0 } = outcomes
  t.ok(errors > 0)
  t.equal(errors + (shadow === 'kserve' ? resets : 0), 40)
  const pairs = await pairsOf(route, 60)
  const bad = pairs.filter(pair => pair.shadow.outcome === 'bad_prediction')
  t.strictSame(
    new Set(bad.flatMap(pair => pair.shadow.bad)),
    new Set(shadow === 'kserve' ? ['null', 'nan'] : ['nan'])
  )
  t.ok(pairs.every(pair => pair.primary.outcome === 'ok' && pair.primary.bad.length === 0))
  t.ok(pairs.every(pair => pair.comparison.agree === false))
  t.match(agreement, { pairs: 60, overall: { agree: 0 } })
  const now = await routeOf(router, route)
  t.equal(now.challengers[shadow]?.rollback ?? null, null, 'no rollback of what nobody is given')
  t.equal(await counted(router, 'sluice_bad_predictions_total', { route }), 0)
  t.equal(await counted(router, 'sluice_requests_total', { route, variant: shadow }), 0)
}

async function checkSwitched(t: Test, champion: Server): Promise<void> {
  const route = routeName('switched', champion)
  const url = `/admin/v1/routes/${route}/shadows/${SHADOW}`
  await ask(route, 5)
  await settled(route, 5)
  const off = await router.admin(url, {
    method: 'PUT',
    headers: { 'if-match': (await router.admin(url)).headers.get('etag') ?? '' },
    body: JSON.stringify({ on: false, reason: 'the server is needed elsewhere' })
  })
  t.equal(off.status, 200, await off.text())
  await ask(route, 5)
  const view = await settled(route, 10)
  t.strictSame([view.outcomes['ok'], view.dropped['off']], [5, 5])
  const answer = await infer(router.dataUrl, `/${route}/infer`, { user: 'user-1' })
  await answer.arrayBuffer()
  t.equal(variantOf(answer), champion)
}

for (const champion of SERVERS) {
  const shadow = otherThan(champion)
  t.test(`pairs agree when ${shadow} is the shadow of ${champion}`, t => checkAlike(t, champion))
  t.test(`pairs say how ${shadow} breaks when it is the shadow`, t => checkBroken(t, champion))
  t.test(`${shadow} gets no copies when it is switched off`, t => checkSwitched(t, champion))
}

t.test('streams are paired by the text that they carry, and their errors are seen', async t => {
  for (let i = 0; i < 5; i++) await tell(router, 'stories', `user-${i}`)
  await settled('stories', 5)
  servers.triton.fault(STORIES.next, 'raise')
  t.teardown(() => servers.triton.fault(STORIES.next, null))
  for (let i = 0; i < 5; i++) await tell(router, 'stories', `user-${i}`)
  const { outcomes, agreement } = await settled('stories', 10)
  t.match(outcomes, { ok: 5, upstream_error: 5 })
  const pairs = await pairsOf('stories', 10)
  const [well, failed] = ['ok', 'upstream_error'].map(outcome =>
    pairs.filter(pair => pair.shadow.outcome === outcome)
  )
  for (const pair of well ?? []) {
    t.strictSame(pair.comparison.differences, [])
    t.equal(pair.comparison.agree, true)
  }
  for (const pair of failed ?? []) {
    t.equal(pair.shadow.status, 200)
    t.equal(pair.comparison.agree, false)
  }
  t.match(agreement, { overall: { agree: 5, of: 10 } })
})

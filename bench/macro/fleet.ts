/**
 * How soon do routers that share a Redis agree?
 *
 * Three routers under load. A change of weights on one: until the others show its revision, with the published
 * hint and without (a Redis user that may not subscribe, so that the poll alone brings it). A rollback told to
 * one: until the last request that any of the three sends to the challenger.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { putWeights, startFleet } from '../../test/helpers/fleet.ts'
import type { Sluice } from '../../test/helpers/sluice.ts'
import { figure, machine, modeOf, publish, show } from '../harness.ts'

const ROUTERS = 3
const RPS = 60 // each
const SHARE = 20
const mode = modeOf()
const rounds = { smoke: 1, main: 20, long: 100 }[mode]
const teardowns: (() => unknown)[] = []
const t = { teardown: (done: () => unknown) => teardowns.push(done) }

type Delays = { readonly weights: number[]; readonly rollbacks: number[] }

const rows: (readonly string[])[] = []
for (const hinted of [true, false]) {
  const { weights, rollbacks } = await measure(hinted)
  const way = hinted ? 'published and polled' : 'polled alone'
  rows.push([`weights on the other routers, ${way}`, show(figure(weights), 0), worst(weights)])
  rows.push([
    `last request to the challenger, ${way}`,
    show(figure(rollbacks), 0),
    worst(rollbacks)
  ])
}
for (const done of teardowns.reverse()) await done()

publish({
  bench: 'macro/fleet',
  question: 'How soon do routers that share a Redis agree?',
  mode,
  machine: machine({ load: `${ROUTERS} routers, ${RPS} requests/s each` }),
  tables: [
    { title: 'From the call to one router, in ms', columns: ['what', 'median', 'worst'], rows }
  ],
  ratios: [],
  notes: []
})

async function measure(hinted: boolean): Promise<Delays> {
  const fleet = await startFleet(t, {
    routers: ROUTERS,
    rps: RPS,
    ...(hinted ? {} : { redis: { users: 'user default on nopass ~* resetchannels +@all' } })
  })
  const [first, ...others] = fleet.routers
  if (!first) throw new Error('no router')
  const weights: number[] = []
  const rollbacks: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await putWeights(first, { v3: 100 - SHARE, v4: SHARE })
    await Promise.all(others.map(other => shows(other, SHARE)))
    weights.push(performance.now() - start)
    await delay(1_500 + 700 * Math.random())

    const from = fleet.samples.map(seen => seen.length)
    const asked = performance.now()
    const answer = await first.admin('/admin/v1/routes/fraud/rollback', {
      method: 'POST',
      body: '{}'
    })
    if (answer.status !== 200) throw new Error(await answer.text())
    await delay(2_500)
    const late = fleet.samples.flatMap((seen, i) =>
      seen.slice(from[i]).filter(({ variant, due }) => variant === 'v4' && due > asked)
    )
    rollbacks.push(Math.max(0, ...late.map(({ due }) => due - asked)))
    await clear(first)
  }
  for (const done of teardowns.splice(0).reverse()) await done()
  return { weights, rollbacks }
}

async function shows(router: Sluice, share: number): Promise<void> {
  for (;;) {
    const answer = await router.admin('/admin/v1/routes/fraud')
    const { weights } = (await answer.json()) as { weights: Record<string, number> }
    if (weights['v4'] === share) return
    await delay(2)
  }
}

async function clear(router: Sluice): Promise<void> {
  const answer = await router.admin('/admin/v1/routes/fraud')
  const { challengers } = (await answer.json()) as {
    challengers: Record<string, { rollback: { id: string } | null }>
  }
  const etag = answer.headers.get('etag') ?? ''
  const id = challengers['v4']?.rollback?.id ?? ''
  const cleared = await router.admin('/admin/v1/routes/fraud/clear', {
    method: 'POST',
    headers: { 'if-match': etag, 'content-type': 'application/json' },
    body: JSON.stringify({ rollback: id })
  })
  if (!cleared.ok) throw new Error(await cleared.text())
}

function worst(samples: readonly number[]): string {
  return Math.max(...samples).toFixed(0)
}

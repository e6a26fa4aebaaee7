/**
 * Triton and KServe behind one router, each as the champion of some routes and the challenger of others.
 */
import type { Test } from 'tap'
import { type Sample, samplesOf } from '../helpers/metrics.ts'
import { type Settings, type Sluice, startSluice } from '../helpers/sluice.ts'
import { type RouteAnswer, routeOf } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'
import { type Call, infer } from './calls.ts'
import { startKserve } from './kserve.ts'
import type { Program } from './program.ts'
import { startTriton, type TritonModels } from './triton.ts'

export const SERVERS = ['triton', 'kserve'] as const
export type Server = (typeof SERVERS)[number]
export type Servers = Readonly<Record<Server, Program>>

export const otherThan = (server: Server): Server => (server === 'triton' ? 'kserve' : 'triton')

/** The model that both have. */
export const MODEL = 'fraud'

/** The models of Triton that answer piece by piece. */
export const STORIES = { stories: 'stories', next: 'stories-next' } as const

/** Both servers, at the same time. */
export async function startServers(t: Test, more: TritonModels = {}): Promise<Servers> {
  const [triton, kserve] = await Promise.all([
    startTriton(t, { ...more, fraud: [MODEL] }),
    startKserve(t, [MODEL])
  ])
  return { triton, kserve }
}

/** A route below `/NAME/` whose variants have the names of the servers; `share` percent to the challenger. */
export function routeTo(
  servers: Servers,
  name: string,
  champion: Server,
  share: number,
  extra: Settings = {}
): Settings {
  const variant = (server: Server) => ({
    upstreams: [servers[server].url],
    model: { name: MODEL, version: server },
    health: { path: '/v2/health/ready', interval: '1s', unhealthy: 3, healthy: 1 },
    rewrite: { path: { from: `/${name}/`, to: `/v2/models/${MODEL}/` } }
  })
  return {
    match: { paths: [`/${name}/`] },
    protocol: 'open-inference',
    hashOn: [{ header: 'x-user-id' }, { tensor: 'user_id' }],
    variants: { triton: variant('triton'), kserve: variant('kserve') },
    champion,
    initialWeights: { [champion]: 100 - share, [otherThan(champion)]: share },
    ...extra
  }
}

/** A route below `/NAME/` in front of two models of Triton that answer piece by piece. */
export function routeToStories(
  servers: Servers,
  name: string,
  weights: Readonly<Record<'stories' | 'next', number>>,
  extra: Settings = {}
): Settings {
  const variant = (model: string) => ({
    upstreams: [servers.triton.url],
    model: { name: model },
    rewrite: { path: { from: `/${name}/`, to: `/v2/models/${model}/` } }
  })
  return {
    match: { paths: [`/${name}/`] },
    protocol: 'open-inference',
    hashOn: [{ json: '/user' }, { header: 'x-user-id' }],
    variants: { stories: variant(STORIES.stories), next: variant(STORIES.next) },
    champion: 'stories',
    initialWeights: weights,
    ...extra
  }
}

/** Asks such a route for a story and reads it to its end. */
export async function tell(router: Sluice, route: string, user: string) {
  const answer = await fetch(`${router.dataUrl}/${route}/generate_stream`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-user-id': user },
    body: JSON.stringify({ text_input: `A story for ${user}` })
  })
  return { variant: variantOf(answer), status: answer.status, text: await answer.text() }
}

/** The router, with its events in a file below its directory. */
export function startRouter(t: Test, routes: Readonly<Record<string, Settings>>): Promise<Sluice> {
  return startSluice({ events: { driver: 'file', directory: 'events' }, routes }, { t })
}

export type Answered = {
  readonly user: string
  readonly variant: string
  readonly status: number
  readonly sentAt: number // ms, performance.now()
}

export type Traffic = {
  readonly answered: readonly Answered[]
  /** Ends it, when what is under way has its answer. */
  readonly stop: () => Promise<void>
}

const CLIENTS = 4

/** Clients that ask one after another, each for one of 500 users, until the test ends or it is stopped. */
export function traffic(
  t: Test,
  router: Sluice,
  route: string,
  call: Omit<Call, 'user'> = {}
): Traffic {
  const answered: Answered[] = []
  let asking = true
  let next = 0
  const client = async () => {
    while (asking) {
      const user = `user-${next++ % 500}`
      const sentAt = performance.now()
      const answer = await infer(router.dataUrl, `/${route}/infer`, { ...call, user })
      await answer.arrayBuffer()
      answered.push({ user, variant: variantOf(answer), status: answer.status, sentAt })
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client))
  const stop = async () => {
    asking = false
    await clients
  }
  t.teardown(stop)
  return { answered, stop }
}

/** Waits until each server answered `count` calls well. */
export async function bothAnswered({ answered }: Traffic, count = 30): Promise<void> {
  await until('both servers to answer', () =>
    SERVERS.every(
      server => answered.filter(one => one.variant === server && one.status === 200).length >= count
    )
  )
}

export type Rollback = NonNullable<RouteAnswer['challengers'][string]['rollback']>

/** The rollback of a challenger, as soon as there is one, and the route as it is then. */
export function rolledBack(
  router: Sluice,
  route: string,
  challenger: string
): Promise<{ readonly rollback: Rollback; readonly route: RouteAnswer }> {
  return until(`${challenger} of ${route} to be rolled back`, async () => {
    const now = await routeOf(router, route)
    const rollback = now.challengers[challenger]?.rollback ?? null
    return rollback !== null && { rollback, route: now }
  })
}

/** The sum of a metric over the series that have these labels. */
export async function counted(
  router: Sluice,
  metric: string,
  labels: Readonly<Record<string, string>>
): Promise<number> {
  const samples = await samplesOf(router.adminUrl, metric, router.token)
  const fits = (sample: Sample) =>
    Object.entries(labels).every(([name, value]) => sample.labels[name] === value)
  return samples.filter(fits).reduce((sum, { value }) => sum + value, 0)
}

/** Waits until that sum is so much: a coded answer is counted a moment after its client has it. */
export async function countedTo(
  router: Sluice,
  metric: string,
  labels: Readonly<Record<string, string>>,
  wanted: number
): Promise<void> {
  let last = Number.NaN
  await until(`${metric} to be ${wanted}`, async () => {
    last = await counted(router, metric, labels)
    return last === wanted
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}, it is ${last} of ${JSON.stringify(labels)}`)
  })
}

export function variantOf(answer: Response): string {
  return answer.headers.get('x-sluice-variant') ?? ''
}

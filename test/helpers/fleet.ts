/**
 * Several routers that share a Redis in front of two real model servers.
 */
import type { Sample } from '../../demo/load.ts'
import { type ModelServer, startModelServer } from './model-server.ts'
import { type Redis, type RedisOptions, startRedis } from './redis.ts'
import { type Settings, type Sluice, startSluice } from './sluice.ts'
import { type RouteAnswer, routeOf, traffic, twoVersionConfig } from './two-versions.ts'

type Teardown = { teardown(done: () => unknown): unknown }

export type Fleet = {
  readonly redis: Redis
  readonly routers: readonly Sluice[]
  readonly champion: ModelServer
  readonly challenger: ModelServer
  /** Answers of each router's traffic, in the order of the routers. */
  readonly samples: readonly (readonly Sample[])[]
  readonly routes: () => Promise<readonly RouteAnswer[]>
}

export type FleetOptions = {
  readonly routers?: number
  readonly rps?: number // for each router; 0 for none
  readonly extra?: Settings // of the route
  readonly state?: Settings
  readonly redis?: RedisOptions
  /** Where a router finds the challenger; another address than the server's own for one whose network is bad. */
  readonly challengerUrl?: (router: number, url: string) => string
  /** Called with the challenger's URL before the routers start. */
  readonly before?: (url: string) => Promise<void>
  readonly port?: (redis: Redis) => number | Promise<number> // another way to Redis, as a proxy
}

export async function startFleet(t: Teardown, options: FleetOptions = {}): Promise<Fleet> {
  const { routers: count = 2, rps = 0, extra = {}, state = {} } = options
  const redis = await startRedis(t, options.redis)
  const port = (await options.port?.(redis)) ?? redis.port
  const [champion, challenger] = await Promise.all([
    startModelServer(t, { version: '3' }),
    startModelServer(t, { version: '4' })
  ])
  await options.before?.(challenger.url)
  const { challengerUrl = (_: number, url: string) => url } = options
  const routers = await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const routes = twoVersionConfig(champion.url, challengerUrl(i, challenger.url), 0, extra)
      const redis = { url: `redis://127.0.0.1:${port}` }
      return startSluice({ ...routes, state: { driver: 'redis', redis, ...state } }, { t })
    })
  )
  const samples = routers.map(({ dataUrl }) => {
    const seen: Sample[] = []
    if (rps > 0) traffic(t, dataUrl, rps, sample => seen.push(sample))
    return seen
  })
  return {
    redis,
    routers,
    champion,
    challenger,
    samples,
    routes: () => Promise.all(routers.map(router => routeOf(router)))
  }
}

/** Changes weights on one router. Throws what it answered when it refused. */
export async function putWeights(
  router: Sluice,
  weights: Readonly<Record<string, number>>
): Promise<void> {
  const { epoch, revision } = await routeOf(router)
  const answer = await router.admin('/admin/v1/routes/fraud', {
    method: 'PUT',
    headers: { 'if-match': `"${epoch}-${revision}"`, 'content-type': 'application/json' },
    body: JSON.stringify({ weights })
  })
  if (!answer.ok) throw new Error(await answer.text())
}

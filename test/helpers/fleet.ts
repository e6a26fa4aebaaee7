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
  const config = {
    ...twoVersionConfig(champion.url, challenger.url, 0, extra),
    state: { driver: 'redis', redis: { url: `redis://127.0.0.1:${port}` }, ...state }
  }
  const routers = await Promise.all(Array.from({ length: count }, () => startSluice(config, { t })))
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
    routes: () => Promise.all(routers.map(routeOf))
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

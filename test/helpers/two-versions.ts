/**
 * The product in front of two real model servers, with traffic: what most scenarios start from.
 */
import { type Load, type Sample, startLoad } from '../../demo/load.ts'
import { type ModelServer, startModelServer } from './model-server.ts'
import { type Settings, type Sluice, type StartOptions, startSluice } from './sluice.ts'
import { HUNG_MS, until } from './until.ts'

type Teardown = { teardown(done: () => unknown): unknown }

export type TwoVersions = {
  readonly router: Sluice
  readonly champion: ModelServer
  readonly challenger: ModelServer
  readonly samples: readonly Sample[]
  readonly route: () => Promise<RouteAnswer>
}

/** What the tests read of `GET /routes/{route}`. */
export type RouteAnswer = {
  readonly phase: string
  readonly epoch: number
  readonly revision: number
  readonly weights: Readonly<Record<string, number>>
  readonly ranges: unknown
  readonly challengers: Readonly<
    Record<
      string,
      {
        readonly paused: { readonly reason: string } | null
        readonly rollback: {
          readonly id: string
          readonly trigger: string
          readonly reason: string
          readonly evidence: unknown
        } | null
      }
    >
  >
}

export const INFER = '/v2/models/fraud/infer'

/** The configuration of the scenarios; `extra` goes into the route. */
export function twoVersionConfig(
  v3: string,
  v4: string,
  weight: number,
  extra: Settings = {}
): Settings {
  return {
    routes: {
      fraud: {
        match: { paths: ['/v2/models/fraud/'] },
        protocol: 'open-inference',
        hashOn: [{ header: 'x-user-id' }],
        variants: {
          v3: { upstreams: [v3], model: { name: 'fraud', version: '3' } },
          v4: { upstreams: [v4], model: { name: 'fraud', version: '4' } }
        },
        champion: 'v3',
        initialWeights: { v3: 100 - weight, v4: weight },
        ...extra
      }
    }
  }
}

export type VersionedRoute = Settings & {
  readonly weight?: number // of v4, default 20
  readonly version?: string // of the model behind v4, default 4
}

/** A route of its own in front of two versions, below `/<name>/`, where several share one router. */
export function versionedRoute(
  name: string,
  v3: string,
  v4: string,
  { weight = 20, version = '4', ...extra }: VersionedRoute = {}
): Settings {
  const variant = (url: string, model: string) => ({
    upstreams: [url],
    model: { name: 'fraud', version: model },
    rewrite: { path: { from: `/${name}/`, to: '/v2/models/fraud/' } }
  })
  return {
    match: { paths: [`/${name}/`] },
    protocol: 'open-inference',
    hashOn: [{ header: 'x-user-id' }],
    variants: { v3: variant(v3, '3'), v4: variant(v4, version) },
    champion: 'v3',
    initialWeights: { v3: 100 - weight, v4: weight },
    ...extra
  }
}

/** Two model servers, the router, and `rps` requests a second of 2,000 users until the test ends. */
export async function startTwoVersions(
  t: Teardown,
  options: {
    readonly weight?: number
    readonly rps?: number
    readonly extra?: Settings
    readonly start?: Omit<StartOptions, 't'>
  } = {}
): Promise<TwoVersions> {
  const champion = await startModelServer(t, { version: '3' })
  const challenger = await startModelServer(t, { version: '4' })
  const config = twoVersionConfig(champion.url, challenger.url, options.weight ?? 20, options.extra)
  const router = await startSluice(config, { ...options.start, t })
  const samples: Sample[] = []
  if (options.rps !== 0)
    traffic(t, router.dataUrl, options.rps ?? 100, sample => samples.push(sample))
  return { router, champion, challenger, samples, route: () => routeOf(router) }
}

/** Open-model load until the test ends. */
export function traffic(
  t: Teardown,
  origin: string,
  rps: number,
  onSample: (sample: Sample) => void,
  path = INFER
): Load {
  const load = startLoad({ origin, path, rps, users: 2_000, seed: 7, timeoutMs: 60_000 }, onSample)
  t.teardown(() => load.stop(200))
  return load
}

export async function routeOf(router: Sluice, route = 'fraud'): Promise<RouteAnswer> {
  const response = await router.admin(`/admin/v1/routes/${route}`)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as RouteAnswer
}

/** Waits until both versions answered at least `count` calls each. */
export async function warm(versions: Pick<TwoVersions, 'samples'>, count = 20): Promise<void> {
  await until('both versions to answer', () =>
    ['v3', 'v4'].every(
      variant =>
        versions.samples.filter(s => s.variant === variant && s.status === 200).length >= count
    )
  )
}

/** The rollback of v4, as soon as there is one. */
export async function rolledBack(versions: Pick<TwoVersions, 'route'>, within = HUNG_MS) {
  return until(
    'v4 to be rolled back',
    async () => (await versions.route()).challengers['v4']?.rollback ?? undefined,
    { within }
  )
}

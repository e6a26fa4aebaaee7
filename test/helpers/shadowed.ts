/**
 * The product with a shadow: a champion, a variant that gets copies, and what came of them.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PairRecord } from '../../src/domain/pair.ts'
import type { Settings, Sluice } from './sluice.ts'
import { until } from './until.ts'

/**
 * A route at `/NAME/` whose challenger v4 has no weight and is shadowed; `shadow` goes into the shadow. On a loaded
 * machine copies come faster than they end, so no test but that of the limit meets it.
 */
export function shadowedRoute(
  name: string,
  champion: string,
  challenger: string,
  shadow: Settings = {},
  route: Settings = {}
): Settings {
  return {
    match: { paths: [`/${name}/`] },
    protocol: 'json',
    hashOn: [{ header: 'x-user-id' }],
    variants: {
      v3: { upstreams: [champion], model: { name, version: '3' } },
      v4: { upstreams: [challenger], model: { name, version: '4' } }
    },
    champion: 'v3',
    initialWeights: { v3: 100, v4: 0 },
    shadows: [
      { name: 'try', variant: 'v4', percent: 100, noise: 0, concurrency: 10_000, ...shadow }
    ],
    ...route
  }
}

/** What the tests read of `GET /routes/{route}/shadows/{shadow}`. */
export type ShadowAnswer = {
  readonly on: boolean
  readonly state: string
  readonly applied: { readonly threads: number; readonly of: number }
  readonly considered: number
  readonly dropped: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, number>>
  readonly agreement: {
    readonly pairs: number
    readonly overall: { readonly agree: number; readonly of: number }
    readonly noiseMissed: Readonly<Record<string, number>>
    readonly fields: readonly {
      readonly field: string
      readonly noise: { readonly of: number; readonly differs: number }
      readonly reported: boolean
    }[]
  } | null
  readonly revision: string
}

export async function shadowOf(
  router: Sluice,
  route: string,
  shadow = 'try'
): Promise<ShadowAnswer> {
  const response = await router.admin(`/admin/v1/routes/${route}/shadows/${shadow}`)
  if (!response.ok) throw new Error(`shadow ${shadow}: ${response.status} ${await response.text()}`)
  return (await response.json()) as ShadowAnswer
}

/** Sends a user's request to a shadowed route and reads the answer; gives its status. */
export async function askAs(router: Sluice, route: string, user: string): Promise<number> {
  const response = await fetch(`${router.dataUrl}/${route}/predict`, {
    method: 'POST',
    body: '{}',
    headers: { 'x-user-id': user }
  })
  await response.text()
  return response.status
}

/** Waits until everything that was considered has ended, one way or the other, and gives the figures. */
export function copiesEnded(router: Sluice, route: string): Promise<ShadowAnswer> {
  return until('every copy to end', async () => {
    const view = await shadowOf(router, route)
    return sum(view.outcomes) + sum(view.dropped) === view.considered && view
  })
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0)
}

/** Pairs that the events file has, in order. */
export async function pairsIn(directory: string): Promise<readonly PairRecord[]> {
  const events = join(directory, 'events')
  const names = (await readdir(events)).filter(name => name.startsWith('events.ndjson'))
  const texts = await Promise.all(names.map(name => readFile(join(events, name), 'utf8')))
  return texts
    .flatMap(text => text.split('\n').filter(Boolean))
    .map(line => JSON.parse(line) as { type: string; data: PairRecord })
    .filter(({ type }) => type === 'io.sluice.shadow.pair.v1')
    .map(({ data }) => data)
}

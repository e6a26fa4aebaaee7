/**
 * The stage of the fleet's demo: two model servers, a Redis, and two routers that share it, each a process of its
 * own; the routers have nothing else in common. Whatever happens, `clear` leaves no process and no file behind.
 */
import { join } from 'node:path'
import type { FaultKind } from './faults.ts'
import { type Router, startRouter } from './router.ts'
import { startServers } from './servers.ts'
import { temporaryPlace } from './stage.ts'
import { type Store, startStore } from './store.ts'

export type FleetRouter = Router & { readonly id: string } // as it calls itself in the store

export type FleetStage = {
  readonly dataUrls: readonly string[]
  readonly routers: readonly [FleetRouter, FleetRouter]
  readonly store: Store
  readonly breakChallenger: (kind: FaultKind) => Promise<void>
  /** Resolves when something ends that should not, with a sentence. */
  readonly gone: Promise<string>
  readonly clear: () => Promise<void>
}

/** Starts everything; a fleet that nobody has seen yet begins with the champion alone. */
export async function setFleetStage(): Promise<FleetStage> {
  const place = temporaryPlace()
  try {
    const store = await startStore(place.directory)
    place.onClear(store.stop)
    const servers = await startServers()
    place.onClear(servers.stop)
    const routers: FleetRouter[] = []
    for (const number of [1, 2]) {
      const directory = join(place.directory, `router-${number}`)
      const state = ['driver: redis', `redis: { url: "${store.url}" }`]
      const router = await startRouter({ directory, servers, state })
      place.onClear(router.stop)
      const known = routers.map(({ id }) => id)
      const id = (await store.replicas()).find(each => !known.includes(each)) // so one after the other
      if (id === undefined)
        throw new Error(`router ${number} did not tell the store that it is there`)
      routers.push({ ...router, id })
    }
    const [one, two] = routers
    if (one === undefined || two === undefined) throw new Error('two routers')
    return {
      dataUrls: [one.dataUrl, two.dataUrl],
      routers: [one, two],
      store,
      breakChallenger: servers.breakChallenger,
      gone: Promise.race([
        store.gone,
        ...routers.map(async ({ gone }, i) => `router ${i + 1} ended by itself:\n${await gone}`)
      ]),
      clear: place.clear
    }
  } catch (error) {
    await place.clear()
    throw error
  }
}

/**
 * The stage of the shadow's demo: two model servers whose models differ where one feature is high, a router that
 * copies to v4 what v3 answers, and a place for pairs. Whatever happens, `clear` leaves no process and no file.
 */
import type { Options } from './options.ts'
import { type PairPlace, pairPlace } from './pair-place.ts'
import { type Router, SHADOW, startRouter } from './router.ts'
import { startServers } from './servers.ts'
import { temporaryPlace } from './stage.ts'

export type ShadowStage = {
  readonly dataUrls: readonly string[]
  readonly router: Router
  readonly pairs: PairPlace
  /** Resolves when something ends that should not, with a sentence. */
  readonly gone: Promise<string>
  readonly clear: () => Promise<void>
}

/** Of ten copies the champion gets one too, so that its own noise is known. */
const NOISE = 10 // percent

/** Starts everything; v4 has no weight. Throws when something does not start. */
export async function setShadowStage(events: Options['events']): Promise<ShadowStage> {
  const place = temporaryPlace()
  try {
    const pairs = await pairPlace(events, place.directory, place)
    const servers = await startServers({ v3: 'scored', v4: 'retrained' })
    place.onClear(servers.stop)
    const router = await startRouter({
      directory: place.directory,
      servers,
      share: 0,
      events: pairs.settings,
      route: [
        `shadows: [{ name: ${SHADOW}, variant: v4, percent: 100, noise: ${NOISE}, capture: true }]`
      ]
    })
    place.onClear(router.stop)
    return {
      dataUrls: [router.dataUrl],
      router,
      pairs,
      gone: router.gone.then(stderr => `the router ended by itself:\n${stderr}`),
      clear: place.clear
    }
  } catch (error) {
    await place.clear()
    throw error
  }
}

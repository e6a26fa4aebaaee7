/**
 * The stage of the demo: two real model servers and the router, each a process of its own, in a temporary
 * directory. Whatever happens, `clear` leaves no process and no file behind.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FaultKind } from './faults.ts'
import { type Router, startRouter } from './router.ts'
import { startServers } from './servers.ts'

export type Stage = {
  readonly dataUrls: readonly string[] // where users send their requests
  readonly router: Router
  /** Breaks the challenger's server. */
  readonly breakChallenger: (kind: FaultKind) => Promise<void>
  /** Resolves when something ends that should not, with a sentence. */
  readonly gone: Promise<string>
  readonly clear: () => Promise<void>
}

/** Starts everything with `share` percent for the challenger. Throws when something does not start. */
export async function setStage(share: number): Promise<Stage> {
  const place = temporaryPlace()
  try {
    const servers = await startServers()
    place.onClear(servers.stop)
    const router = await startRouter({ directory: place.directory, servers, share })
    place.onClear(router.stop)
    return {
      dataUrls: [router.dataUrl],
      router,
      breakChallenger: servers.breakChallenger,
      gone: router.gone.then(stderr => `the router ended by itself:\n${stderr}`),
      clear: place.clear
    }
  } catch (error) {
    await place.clear()
    throw error
  }
}

/** A directory that is removed by `clear`, after what was started in it has stopped: the last one first. */
export function temporaryPlace() {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-demo-'))
  const stops: (() => Promise<void>)[] = []
  return {
    directory,
    onClear: (stop: () => Promise<void>) => void stops.push(stop),
    async clear(): Promise<void> {
      for (const stop of stops.reverse()) await stop()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

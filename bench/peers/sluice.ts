/**
 * Sluice as a subject: the real process with one data thread, in the steps of what it does beside forwarding.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Settings, type Sluice, startSluice } from '../../test/helpers/sluice.ts'
import type { Subject } from './peers.ts'

export type SluiceSubject = Subject & { readonly sluice: Sluice }

const OFF = {
  errors: 'off',
  clientErrors: 'off',
  badPredictions: 'off',
  latency: 'off',
  absence: 'off'
}

/** One variant, no comparison, no answer fields of ours. */
export function featuresOff(upstream: number): Settings {
  return config({
    variants: { only: { upstreams: [at(upstream)] } },
    champion: 'only',
    initialWeights: { only: 100 },
    protocol: 'opaque',
    headers: { variant: false, revision: false },
    triggers: OFF
  })
}

/** Two variants by hash of the unit; the optional triggers off (gross is always on). */
export function split(champion: number, challenger: number): Settings {
  return config({ ...two(champion, challenger), protocol: 'opaque', triggers: OFF })
}

/** Two variants with every default: counters, all triggers and an SLA. */
export function splitWithTriggers(champion: number, challenger: number): Settings {
  return config({
    ...two(champion, challenger),
    protocol: 'opaque',
    triggers: { latency: { sla: '5s' } }
  })
}

/** The same, with answers read as JSON; the unit from the header or out of the body. */
export function readingPayloads(
  champion: number,
  challenger: number,
  unit: 'header' | 'body'
): Settings {
  return config({
    ...two(champion, challenger),
    protocol: 'json',
    triggers: { latency: { sla: '5s' } },
    ...(unit === 'body' ? { hashOn: [{ json: '/parameters/pad' }] } : {})
  })
}

/** Starts it in a temporary directory that goes with it. */
export async function sluiceSubject(
  name: string,
  settings: Settings,
  version: string
): Promise<SluiceSubject> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const sluice = await startSluice(settings, { directory })
  const stop = async () => {
    await sluice.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { name, version, url: sluice.dataUrl, pid: sluice.pid, stop, sluice }
}

function two(champion: number, challenger: number): Settings {
  return {
    variants: {
      stable: { upstreams: [at(champion)] },
      canary: { upstreams: [at(challenger)] }
    },
    champion: 'stable',
    initialWeights: { stable: 90, canary: 10 }
  }
}

function config(route: Settings): Settings {
  return {
    threads: 1,
    telemetry: { listen: '127.0.0.1:0' },
    routes: {
      demo: {
        match: { hosts: ['router.test'], paths: ['/v1/predict', '/v2/models/'] },
        hashOn: [{ header: 'x-user-id' }],
        ...route
      }
    }
  }
}

function at(port: number): string {
  return `http://127.0.0.1:${port}`
}

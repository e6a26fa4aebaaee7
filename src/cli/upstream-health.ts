/**
 * Which variants have no healthy address, from the gauge sluice_upstream_healthy of /metrics.
 *
 * The admin API's documents do not say it. Where the gauge cannot be had, nothing is said: a status without it is
 * better than none.
 */
import { SluiceError } from '../errors.ts'
import type { Api } from './api.ts'

/** By route: the variants all of whose upstreams are out, each with how many those are. */
export type OutOfHealth = ReadonlyMap<string, ReadonlyMap<string, number>>

const SAMPLE = /^sluice_upstream_healthy\{(.*)\} ([01])$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

export async function readHealth(api: Api): Promise<OutOfHealth> {
  try {
    const { status, text } = await api.probe('/metrics')
    return status === 200 ? outOfHealth(text) : new Map()
  } catch (error) {
    if (error instanceof SluiceError) return new Map()
    throw error
  }
}

function outOfHealth(text: string): OutOfHealth {
  const found = new Map<string, Map<string, number>>()
  const healthy: (readonly [route: string, variant: string])[] = []
  for (const line of text.split('\n')) {
    const [, labels, value] = SAMPLE.exec(line) ?? []
    if (labels === undefined) continue
    const { route = '', variant = '' } = labelsOf(labels)
    if (value === '1') healthy.push([route, variant])
    const variants = found.get(route) ?? new Map<string, number>()
    found.set(route, variants.set(variant, (variants.get(variant) ?? 0) + 1))
  }
  for (const [route, variant] of healthy) found.get(route)?.delete(variant)
  return found
}

function labelsOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = '', value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    ])
  )
}

/**
 * Samples of /metrics, for the little that the admin API's documents do not say.
 *
 * Where they cannot be had there are none: a status without them is better than no status.
 */
import { SluiceError } from '../errors.ts'
import type { Api } from './api.ts'

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^(\w+)\{(.*)\} (\S+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/** The samples of these metrics. Never throws for what the network or another server does. */
export async function readSamples(api: Api, names: readonly string[]): Promise<readonly Sample[]> {
  try {
    const { status, text } = await api.probe('/metrics')
    return status === 200 ? samplesOf(text, names) : []
  } catch (error) {
    if (error instanceof SluiceError) return []
    throw error
  }
}

function samplesOf(text: string, names: readonly string[]): readonly Sample[] {
  return text.split('\n').flatMap(line => {
    const [, name = '', labels = '', value = ''] = LINE.exec(line) ?? []
    return names.includes(name) ? [{ name, labels: labelsOf(labels), value: Number(value) }] : []
  })
}

function labelsOf(text: string): Sample['labels'] {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = '', value = '']) => [
      name,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    ])
  )
}

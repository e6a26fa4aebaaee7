/**
 * Bodies that real model servers sent, as sides of a comparison.
 */
import { readFileSync } from 'node:fs'
import type { ComparedSide } from '../../src/domain/compare/comparison.ts'
import type { Protocol } from '../../src/domain/route.ts'
import { answer } from './answer-side.ts'

export type CapturedBody = {
  readonly id: string
  readonly protocol: Protocol
  readonly side: ComparedSide
}

type Stored = {
  readonly id: string
  readonly protocol: Protocol
  readonly contentType: string | null
  readonly inferenceHeaderLength: number | null
  readonly body: string // base64
}

const { bodies } = JSON.parse(
  readFileSync(new URL('../fixtures/compare-bodies.json', import.meta.url), 'utf8')
) as { readonly bodies: readonly Stored[] } // the fixture is part of the project

export const CAPTURED: readonly CapturedBody[] = bodies.map(({ id, protocol, body, ...head }) => ({
  id,
  protocol,
  side: answer(new Uint8Array(Buffer.from(body, 'base64')), head)
}))

/** One of them by its id. */
export function captured(id: string): CapturedBody {
  const found = CAPTURED.find(each => each.id === id)
  if (found === undefined) throw new Error(`there is no captured body ${id}`)
  return found
}

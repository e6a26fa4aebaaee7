/**
 * Which routers share a route, and what each told of itself last. A word of another replica is checked like
 * everything that comes from the store; what cannot be read is a replica that is not there.
 */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Replica } from '../../ports.ts'
import type { RemoteState } from './remote-route.ts'

const FRESH_MICROS = 5_000_000

export type Told = Omit<Replica, 'id'>

const text = Type.String()
const quarantine = Type.Object({ rolloutId: text, trigger: text, reason: text, at: text })
const compiled = Compile(
  Type.Object({
    revision: Type.String({ pattern: '^\\d{1,16}-\\d{1,16}$' }),
    calls: Type.Record(text, Type.Number({ minimum: 0 })),
    out: Type.Record(text, quarantine)
  })
)

/** The other replicas that told something in the last 5 s of the store's time. */
export function othersIn(state: RemoteState, self: string): readonly Replica[] {
  return state.replicas
    .filter(({ id, atMicros }) => id !== self && state.nowMicros - atMicros <= FRESH_MICROS)
    .flatMap(({ id, text }) => {
      const told = parse(text)
      return told === null ? [] : [{ id, ...told }]
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

function parse(text: string): Told | null {
  try {
    const value: unknown = JSON.parse(text)
    if (!compiled.Check(value)) return null
    const { revision, calls, out } = value
    return { revision, calls, out }
  } catch {
    return null
  }
}

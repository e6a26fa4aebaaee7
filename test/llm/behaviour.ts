/**
 * How a language model server of the tests behaves: well, or broken in a way that real ones are.
 */
export const KINDS = [
  'well',
  'errors', // every call ends with 500
  'stream-error', // a stream ends cleanly after three tokens, its last event an error; whole answers are well
  'empty' // answers without any content
] as const

export type Behaviour = {
  readonly kind: (typeof KINDS)[number]
  readonly firstMs: number // pause before the first token, when a stream's head and role are out
  readonly tokenMs: number // pause after each token
}

export const WELL: Behaviour = { kind: 'well', firstMs: 0, tokenMs: 0 }

/** Reads one from JSON; what is left out is well. Throws a TypeError for a kind that is none. */
export function behaviourOf(value: unknown): Behaviour {
  const fields: Readonly<Record<string, unknown>> =
    typeof value === 'object' && value !== null ? { ...value } : {}
  const kind = KINDS.find(known => known === (fields['kind'] ?? 'well'))
  if (kind === undefined) throw new TypeError(`${fields['kind']} is none of ${KINDS.join(', ')}`)
  return { kind, firstMs: Number(fields['firstMs'] ?? 0), tokenMs: Number(fields['tokenMs'] ?? 0) }
}

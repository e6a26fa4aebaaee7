/**
 * The hash of a unit: murmur3 x86_32 of `salt:unit`, seed 0, and its bucket 0..9999 (assignment.md).
 *
 * The one file that imports the hash. The package takes bytes only: a string silently gives `undefined`, so
 * nothing but bytes reaches it. Bytes are laid out in one scratch buffer, seen through one view per length,
 * because a new view or copy per request would cost as much as the hash. `h * 10000` stays below 2^46 and is
 * exact in doubles.
 */
import murmur from 'murmurhash3js-revisited'

export const BUCKETS = 10_000

/**
 * Unsigned 32-bit hash of `salt + ":" + unit`. `prefix` is `saltPrefix(salt)`; the unit is latin1 text, one
 * character a byte, as header fields arrive.
 */
export function hashText(prefix: Uint8Array, unit: string): number {
  const at = prefix.length
  const bytes = scratchOf(at + unit.length)
  for (let i = 0; i < at; i++) bytes[i] = prefix[i] ?? 0
  for (let i = 0; i < unit.length; i++) bytes[at + i] = unit.charCodeAt(i)
  return murmur.x86.hash32(bytes, 0)
}

/** Murmur3 x86_32 of plain bytes with a seed. */
export function murmur32(bytes: Uint8Array, seed = 0): number {
  return murmur.x86.hash32(bytes, seed)
}

/** Bytes of `salt:`; salts match `[A-Za-z0-9._-]+`, so the colon separates without doubt. */
export function saltPrefix(salt: string): Uint8Array {
  return new TextEncoder().encode(`${salt}:`)
}

/** Bucket 0..9999 of a hash, by multiply and shift. */
export function bucketOfHash(hash: number): number {
  return Math.floor((hash * BUCKETS) / 2 ** 32)
}

const SCRATCH_BYTES = 1024
const scratch = new ArrayBuffer(SCRATCH_BYTES)
const views: (Uint8Array | undefined)[] = new Array(SCRATCH_BYTES + 1).fill(undefined)

function scratchOf(length: number): Uint8Array {
  if (length > SCRATCH_BYTES) return new Uint8Array(length)
  const known = views[length]
  if (known !== undefined) return known
  const view = new Uint8Array(scratch, 0, length)
  views[length] = view
  return view
}

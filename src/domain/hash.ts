/**
 * The hash of a unit: murmur3 x86_32 of `salt:unit`, seed 0, and its bucket 0..9999 (assignment.md).
 *
 * The one file that imports the hash. The package takes bytes only: a string silently gives `undefined`, so
 * the types here admit nothing but bytes. `h * 10000` stays below 2^46 and is exact in doubles.
 */
import murmur from 'murmurhash3js-revisited'

export const BUCKETS = 10_000

/** Unsigned 32-bit hash of `salt + ":" + unit`. `prefix` is the UTF-8 of salt and colon: `saltPrefix(salt)`. */
export function hashUnit(prefix: Uint8Array, unit: Uint8Array): number {
  const bytes = new Uint8Array(prefix.length + unit.length)
  bytes.set(prefix)
  bytes.set(unit, prefix.length)
  return murmur.x86.hash32(bytes, 0)
}

/** Murmur3 x86_32 of plain bytes with a seed; for the published vectors. */
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

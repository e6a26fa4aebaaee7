/**
 * Counts at and beyond the edges, for properties that must hold for any: none, one, all failures, arms of very
 * different size, words near 2^32.
 */
import { seeded } from './traffic-simulation.ts'

export type Pair = { readonly n: number; readonly x: number }

const SIZES = [0, 0, 1, 2, 5, 50, 1000, 1e6, 2 ** 32 - 1]

/** Endless (n, x) with x <= n, from a seed. */
export function* pairs(seed: number): Generator<Pair> {
  const random = seeded(seed)
  for (;;) {
    const n = SIZES[Math.floor(random() * SIZES.length)] ?? 0
    const kind = Math.floor(random() * 4)
    const x = kind === 0 ? 0 : kind === 1 ? n : Math.floor(random() * (n + 1))
    yield { n, x }
  }
}

/**
 * p-values of several tests looked at together. Source: Holm 1979, step-down: the chance of one false finding
 * among all is at most the level, whatever the tests have to do with each other.
 */

/** Adjusted p-values, in the order of `p`; compare each with the level. */
export function holm(p: readonly number[]): readonly number[] {
  const order = p.map((_, i) => i).sort((a, b) => (p[a] ?? 1) - (p[b] ?? 1))
  const adjusted = new Array<number>(p.length).fill(1)
  let most = 0
  for (const [rank, i] of order.entries()) {
    most = Math.max(most, Math.min(1, (p[i] ?? 1) * (p.length - rank)))
    adjusted[i] = most
  }
  return adjusted
}

/**
 * Choices of a seeded run.
 */
export type Random = () => number // 0 <= x < 1

export function pick<Value>(values: readonly Value[], random: Random): Value {
  const value = values[Math.floor(random() * values.length)]
  if (value === undefined) throw new Error('nothing to choose from')
  return value
}

/** A number of [least, most). */
export function between([least, most]: readonly [number, number], random: Random): number {
  return least + random() * (most - least)
}

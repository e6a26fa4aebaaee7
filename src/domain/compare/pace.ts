/**
 * How much is done between two pauses, so that whoever compares can do other things in between: about a
 * millisecond of work, whatever the bytes.
 *
 * Work is counted in units: one character or number that a simple loop looks at. What costs more counts as more.
 */

/** Work in pieces: each `next()` is one piece, the last gives the result. */
export type Steps<T = void> = Generator<undefined, T, undefined>

/** Units between two pauses. */
export const STEP = 32_768
/** What a value of a document costs, its lookups and its field: units. */
export const NODE = 16
/** Numbers of a list that are taken together. */
export const PIECE = 4_096

/** Counts what one comparison does. */
export class Pace {
  #done = 0

  /** Counts `units`; true when it is time for a pause, which is then as good as taken. */
  isDue(units: number): boolean {
    this.#done += units
    if (this.#done < STEP) return false
    this.#done = 0
    return true
  }
}

/** All steps at once. */
export function finished<T>(steps: Steps<T>): T {
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value
}

/**
 * A value that is taken from a list piece by piece: `take` gets the bounds of a piece and the value so far. What an
 * element costs: `units`.
 */
export function* folded(
  pace: Pace,
  length: number,
  units: number,
  start: number,
  take: (from: number, to: number, value: number) => number
): Steps<number> {
  let value = start
  for (let from = 0; from < length; from += PIECE) {
    const to = Math.min(length, from + PIECE)
    value = take(from, to, value)
    if (pace.isDue((to - from) * units)) yield
  }
  return value
}

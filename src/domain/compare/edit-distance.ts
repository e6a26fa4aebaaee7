/**
 * How far two texts are apart: Levenshtein's distance over the length of the longer, 0..1.
 *
 * What both begin and end with costs one pass. What lies between is measured exactly up to 2,048 characters; of
 * longer ones the first 2,048 are measured and speak for the rest. Source: Myers 1999 in the block form of
 * Hyyrö 2003, 32 cells a step: at most 131,072 steps for any two texts.
 */
import { finished, Pace, STEP, type Steps } from './pace.ts'

export const MEASURED = 2_048

/** What measuring costs, which a caller adds up against its own bound, and the distance. */
export type Distance = {
  readonly normalised: number
  readonly steps: number
  readonly parts: number
}

/** Distance of two texts; `parts` is the index of the first character that differs. */
export function editDistance(a: string, b: string): Distance {
  return finished(editDistanceSteps(a, b, new Pace()))
}

/** The same with pauses. */
export function* editDistanceSteps(a: string, b: string, pace: Pace): Steps<Distance> {
  const shorter = Math.min(a.length, b.length)
  const longer = Math.max(a.length, b.length)
  let parts = 0
  for (let to = STEP; to < shorter && a.slice(parts, to) === b.slice(parts, to); to += STEP) {
    parts = to
    if (pace.isDue(STEP >> 3)) yield
  }
  const first = parts
  while (parts < shorter && a.charCodeAt(parts) === b.charCodeAt(parts)) parts++
  if (pace.isDue(parts - first)) yield
  if (longer === 0 || (parts === shorter && shorter === longer)) {
    return { normalised: 0, steps: 0, parts }
  }
  const tail = yield* commonEnd(a, b, shorter - parts, pace)
  const restA = a.slice(parts, a.length - tail)
  const restB = b.slice(parts, b.length - tail)
  const most = Math.max(restA.length, restB.length)
  const headA = restA.slice(0, MEASURED)
  const headB = restB.slice(0, MEASURED)
  const measured = yield* levenshteinSteps(headA, headB, pace)
  const distance =
    most <= MEASURED ? measured : (measured / Math.max(headA.length, headB.length, 1)) * most
  return {
    normalised: Math.min(1, distance / longer),
    steps: Math.ceil(headA.length / 32) * headB.length,
    parts
  }
}

/** How many characters two texts end with alike, at most `most`. */
function* commonEnd(a: string, b: string, most: number, pace: Pace): Steps<number> {
  let tail = 0
  for (let to = STEP; to < most && endOf(a, to, tail) === endOf(b, to, tail); to += STEP) {
    tail = to
    if (pace.isDue(STEP >> 3)) yield
  }
  const first = tail
  while (tail < most && a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)) {
    tail++
  }
  if (pace.isDue(tail - first)) yield
  return tail
}

/** What stands between `from` and `to` characters before the end. */
function endOf(text: string, from: number, to: number): string {
  return text.slice(text.length - from, text.length - to)
}

/** Levenshtein's distance in UTF-16 units. */
export function levenshtein(a: string, b: string): number {
  return finished(levenshteinSteps(a, b, new Pace()))
}

function* levenshteinSteps(a: string, b: string, pace: Pace): Steps<number> {
  if (a.length === 0 || b.length === 0) return Math.max(a.length, b.length)
  const table = new Table(a)
  for (let from = 0; from < b.length; ) {
    const to = Math.min(b.length, from + Math.ceil(CELLS / table.blocks))
    table.columns(b, from, to)
    if (pace.isDue((to - from) * (table.blocks + 1) * UNITS_A_CELL)) yield
    from = to
  }
  return table.distance
}

const CELLS = 4_096 // blocks of cells that are filled together
const UNITS_A_CELL = 2

/** The table of distances between the beginnings of two texts, column by column. */
class Table {
  distance: number // of all of `a` from what there was of the other text
  readonly blocks: number
  readonly #matches: ReadonlyMap<number, Int32Array>
  readonly #none: Int32Array
  readonly #plus: Int32Array // cells that are one more than the cell above
  readonly #minus: Int32Array
  readonly #last: number

  constructor(a: string) {
    this.blocks = Math.ceil(a.length / 32)
    this.distance = a.length
    this.#matches = matchesOf(a, this.blocks)
    this.#none = new Int32Array(this.blocks)
    this.#plus = new Int32Array(this.blocks).fill(-1)
    this.#minus = new Int32Array(this.blocks)
    this.#last = 1 << ((a.length - 1) & 31)
  }

  /** Adds the characters of `b` between two places. */
  columns(b: string, from: number, to: number): void {
    const { blocks } = this
    const plus = this.#plus
    const minus = this.#minus
    const last = this.#last
    for (let i = from; i < to; i++) {
      const equal = this.#matches.get(b.charCodeAt(i)) ?? this.#none
      let plusIn = 1 // the top row grows by one a column
      let minusIn = 0
      for (let k = 0; k < blocks; k++) {
        const up = plus[k] ?? 0
        const down = minus[k] ?? 0
        const eq = equal[k] ?? 0
        const vertical = eq | down
        const carried = eq | minusIn
        const horizontal = ((((carried & up) + up) | 0) ^ up) | carried
        let right = down | ~(horizontal | up)
        let left = up & horizontal
        if (k === blocks - 1) {
          if ((right & last) !== 0) this.distance++
          if ((left & last) !== 0) this.distance--
        }
        const plusOut = right >>> 31
        const minusOut = left >>> 31
        right = (right << 1) | plusIn
        left = (left << 1) | minusIn
        plus[k] = left | ~(vertical | right)
        minus[k] = right & vertical
        plusIn = plusOut
        minusIn = minusOut
      }
    }
  }
}

/** For each character of `a` the cells in which it stands. */
function matchesOf(a: string, blocks: number): ReadonlyMap<number, Int32Array> {
  const matches = new Map<number, Int32Array>()
  for (let i = 0; i < a.length; i++) {
    const unit = a.charCodeAt(i)
    let cells = matches.get(unit)
    if (cells === undefined) {
      cells = new Int32Array(blocks)
      matches.set(unit, cells)
    }
    cells[i >>> 5] = (cells[i >>> 5] ?? 0) | (1 << (i & 31))
  }
  return matches
}

/**
 * How far two texts are apart: Levenshtein's distance over the length of the longer, 0..1.
 *
 * What both begin and end with costs one pass. What lies between is measured exactly up to 2,048 characters; of
 * longer ones the first 2,048 are measured and speak for the rest. Source: Myers 1999 in the block form of
 * Hyyrö 2003, 32 cells a step: at most 131,072 steps for any two texts.
 */
export const MEASURED = 2_048

/** What measuring costs, which a caller adds up against its own bound, and the distance. */
export type Distance = {
  readonly normalised: number
  readonly steps: number
  readonly parts: number
}

/** Distance of two texts; `parts` is the index of the first character that differs. */
export function editDistance(a: string, b: string): Distance {
  const shorter = Math.min(a.length, b.length)
  const longer = Math.max(a.length, b.length)
  let parts = 0
  while (parts < shorter && a.charCodeAt(parts) === b.charCodeAt(parts)) parts++
  let tail = 0
  while (
    tail < shorter - parts &&
    a.charCodeAt(a.length - 1 - tail) === b.charCodeAt(b.length - 1 - tail)
  ) {
    tail++
  }
  if (longer === 0 || (parts === shorter && shorter === longer)) {
    return { normalised: 0, steps: 0, parts }
  }
  const restA = a.slice(parts, a.length - tail)
  const restB = b.slice(parts, b.length - tail)
  const most = Math.max(restA.length, restB.length)
  const headA = restA.slice(0, MEASURED)
  const headB = restB.slice(0, MEASURED)
  const measured = levenshtein(headA, headB)
  const distance =
    most <= MEASURED ? measured : (measured / Math.max(headA.length, headB.length, 1)) * most
  return {
    normalised: Math.min(1, distance / longer),
    steps: Math.ceil(headA.length / 32) * headB.length,
    parts
  }
}

/** Levenshtein's distance in UTF-16 units. */
export function levenshtein(a: string, b: string): number {
  if (a.length === 0 || b.length === 0) return Math.max(a.length, b.length)
  const blocks = Math.ceil(a.length / 32)
  const matches = matchesOf(a, blocks)
  const none = new Int32Array(blocks)
  const plus = new Int32Array(blocks).fill(-1) // cells that are one more than the cell above
  const minus = new Int32Array(blocks)
  const last = 1 << ((a.length - 1) & 31)
  let distance = a.length
  for (let i = 0; i < b.length; i++) {
    const equal = matches.get(b.charCodeAt(i)) ?? none
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
        if ((right & last) !== 0) distance++
        if ((left & last) !== 0) distance--
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
  return distance
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

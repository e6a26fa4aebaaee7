/**
 * Classes of bytes between the values of a JSON document (RFC 8259, section 2).
 */

/** The next byte of bytes[from, to) that is no white space, or `to`. */
export function afterSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to) {
    const c = bytes[at]
    if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return at
    at++
  }
  return at
}

/** May follow a number or word. */
export function isEnd(c: number): boolean {
  return c === 44 || c === 93 || c === 125 || c === 32 || c === 10 || c === 13 || c === 9
}

export function isLetter(c: number): boolean {
  return (c | 32) >= 97 && (c | 32) <= 122
}

/** At an `n`: the word null, and its end before `to`. */
export function isNull(bytes: Uint8Array, at: number, to: number): boolean {
  return (
    at + 4 < to &&
    bytes[at + 1] === 117 &&
    bytes[at + 2] === 108 &&
    bytes[at + 3] === 108 &&
    isEnd(bytes[at + 4] ?? 0)
  )
}

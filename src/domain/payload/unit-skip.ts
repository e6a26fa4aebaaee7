/**
 * Passing over a JSON value that nobody follows: strings and brackets are honoured, nothing else is checked.
 *
 * Constant memory at any size and depth, each byte looked at once.
 */
export class UnitSkip {
  #depth = 0
  #inString = false
  #inToken = false
  #escaped = false // the last byte of a string was a backslash that counts
  done = true

  /** Begins with the first byte of a value. False: no value begins so. */
  begin(c: number): boolean {
    const opens = c === OPEN_ARRAY || c === OPEN_OBJECT
    this.#depth = opens ? 1 : 0
    this.#inString = c === QUOTE
    this.#inToken = beginsToken(c)
    this.#escaped = false
    this.done = false
    return opens || this.#inString || this.#inToken
  }

  /** Begins behind a comma of a container that is open already; it ends with the container. */
  beginRest(): void {
    this.#depth = 1
    this.#inString = false
    this.#inToken = false
    this.#escaped = false
    this.done = false
  }

  /** Reads on; where the value ended, with `done` set, or the chunk's length. */
  push(chunk: Uint8Array, from: number): number {
    if (this.#inToken) return this.#token(chunk, from)
    let at = from
    while (at < chunk.length && !this.done)
      at = this.#inString ? this.#string(chunk, at) : this.#nested(chunk, at)
    return at
  }

  #nested(chunk: Uint8Array, from: number): number {
    const { length } = chunk
    let depth = this.#depth
    for (let at = from; at < length; at++) {
      const kind = NESTING[chunk[at] ?? 0]
      if (kind === NOTHING) continue
      if (kind === STRING) {
        const end = shortString(chunk, at + 1)
        if (end >= 0) {
          at = end
          continue
        }
        this.#depth = depth
        this.#inString = true
        return at + 1
      }
      if (kind === OPENS) depth++
      else if (--depth === 0) {
        this.done = true
        return at + 1
      }
    }
    this.#depth = depth
    return length
  }

  /** To the quote that ends the string: the first with an even number of backslashes before it. */
  #string(chunk: Uint8Array, from: number): number {
    let start = this.#escaped ? from + 1 : from
    this.#escaped = false
    for (;;) {
      const quote = chunk.indexOf(QUOTE, start)
      const end = quote === -1 ? chunk.length : quote
      let before = end
      while (before > start && chunk[before - 1] === BACKSLASH) before--
      const odd = (end - before) % 2 === 1
      if (quote === -1) {
        this.#escaped = odd
        return chunk.length
      }
      start = quote + 1
      if (odd) continue
      this.#inString = false
      this.done = this.#depth === 0
      return start
    }
  }

  #token(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      if (!endsToken(chunk[at] ?? 0)) continue
      this.done = true
      return at
    }
    return chunk.length
  }
}

/** Where a short string without escapes ends, which most are; -1 for any other. */
function shortString(chunk: Uint8Array, from: number): number {
  const end = Math.min(chunk.length, from + SHORT)
  for (let at = from; at < end; at++) {
    const c = chunk[at]
    if (c === QUOTE) return at
    if (c === BACKSLASH) return -1
  }
  return -1
}

const SHORT = 32

/** A digit, a minus, or the letters that true, false, null, NaN and Infinity begin with. */
export function beginsToken(c: number): boolean {
  return isDigitOrMinus(c) || c === 116 || c === 102 || c === 110 || c === 78 || c === 73
}

export function endsToken(c: number): boolean {
  return isSpace(c) || c === COMMA || c === CLOSE_ARRAY || c === CLOSE_OBJECT || isFault(c)
}

/** What ends a bare token and may not stand behind one. */
export function isFault(c: number): boolean {
  return c === COLON || c === QUOTE || c === OPEN_ARRAY || c === OPEN_OBJECT
}

export function isSpace(c: number): boolean {
  return c === 32 || c === 10 || c === 13 || c === 9
}

export function isDigitOrMinus(c: number): boolean {
  return (c >= 48 && c <= 57) || c === 45
}

export const QUOTE = 34
export const COMMA = 44
export const COLON = 58
export const OPEN_ARRAY = 91
export const CLOSE_ARRAY = 93
export const OPEN_OBJECT = 123
export const CLOSE_OBJECT = 125
const BACKSLASH = 92

/** What a byte does inside a skipped container. */
const NOTHING = 0
const STRING = 1
const OPENS = 2
const CLOSES = 3
const NESTING = new Uint8Array(256)
NESTING[QUOTE] = STRING
NESTING[OPEN_ARRAY] = OPENS
NESTING[OPEN_OBJECT] = OPENS
NESTING[CLOSE_ARRAY] = CLOSES
NESTING[CLOSE_OBJECT] = CLOSES

/**
 * A JSON number that comes byte by byte: its grammar (RFC 8259, section 6) and its value as a double.
 *
 * The slow way, for numbers that are cut by a chunk, have a large exponent or are very long; memory does not grow
 * with the number. Integers keep 24 digits, which is enough to tell a double from the next and from an infinity.
 */
const START = 0
const SIGN = 1
const ZERO = 2
const WHOLE = 3
const POINT = 4
const FRACTION = 5
const EXPONENT = 6
const EXPONENT_SIGN = 7
const EXPONENT_DIGITS = 8

const KEPT_DIGITS = 24
const LARGEST_EXPONENT = 1_000_000_000

export class NumberScan {
  #phase = START
  #negative = false
  #digits = '' // significant ones
  #scale = 0 // the value is 0.<digits> × 10^scale, before the exponent
  #exponent = 0
  #exponentNegative = false

  start(): void {
    this.#phase = START
    this.#negative = false
    this.#digits = ''
    this.#scale = 0
    this.#exponent = 0
    this.#exponentNegative = false
  }

  /** Only a minus has come: a word may follow as well. */
  get isSign(): boolean {
    return this.#phase === SIGN
  }

  /** What came so far is a number. */
  get isWhole(): boolean {
    const phase = this.#phase
    return phase === ZERO || phase === WHOLE || phase === FRACTION || phase === EXPONENT_DIGITS
  }

  /** Takes a byte; false: it does not belong to a number here. */
  take(c: number): boolean {
    if (c >= 48 && c <= 57) return this.#digit(c)
    const phase = this.#phase
    if (c === 45 && phase === START) {
      this.#negative = true
      this.#phase = SIGN
      return true
    }
    if (c === 46 && (phase === ZERO || phase === WHOLE)) {
      this.#phase = POINT
      return true
    }
    if ((c === 43 || c === 45) && phase === EXPONENT) {
      this.#exponentNegative = c === 45
      this.#phase = EXPONENT_SIGN
      return true
    }
    if ((c | 32) === 101 && (phase === ZERO || phase === WHOLE || phase === FRACTION)) {
      this.#phase = EXPONENT
      return true
    }
    return false
  }

  /** Of a number that is whole: a double cannot hold it. */
  get isInfinite(): boolean {
    if (this.#digits === '') return false
    const magnitude = this.#scale + (this.#exponentNegative ? -this.#exponent : this.#exponent)
    return magnitude > 308 && !Number.isFinite(this.value())
  }

  /** Of a number that is whole; ±Infinity where a double cannot hold it. */
  value(): number {
    if (this.#digits === '') return this.#negative ? -0 : 0
    const exponent = this.#exponentNegative ? -this.#exponent : this.#exponent
    const value = Number(`0.${this.#digits}e${this.#scale + exponent}`)
    return this.#negative ? -value : value
  }

  #digit(c: number): boolean {
    const phase = this.#phase
    if (phase === ZERO) return false // no leading zeros
    if (phase === START || phase === SIGN) {
      this.#phase = c === 48 ? ZERO : WHOLE
      if (c !== 48) this.#significant(c, 1)
    } else if (phase === WHOLE) this.#significant(c, 1)
    else if (phase === POINT || phase === FRACTION) {
      this.#phase = FRACTION
      if (this.#digits === '' && c === 48) this.#scale--
      else this.#significant(c, 0)
    } else {
      this.#phase = EXPONENT_DIGITS
      this.#exponent = Math.min(this.#exponent * 10 + c - 48, LARGEST_EXPONENT)
    }
    return true
  }

  #significant(c: number, scale: number): void {
    this.#scale += scale
    if (this.#digits.length < KEPT_DIGITS) this.#digits += String.fromCharCode(c)
  }
}

/**
 * One tensor of an answer: how many values it holds against how many its shape says, and whether lists in lists are as
 * long as its dimensions.
 *
 * Values may be flat or nested, and the shape may come before or after them. A tensor without a shape fits.
 */
import { BAD } from './facts.ts'

export type Datatype = {
  readonly name: string
  readonly bytes: number // of one value; 0: each says its own length
  readonly numeric: boolean
}

const DATATYPES: ReadonlyMap<string, Datatype> = new Map(
  [
    ['BOOL', 1, false],
    ['UINT8', 1, true],
    ['UINT16', 2, true],
    ['UINT32', 4, true],
    ['UINT64', 8, true],
    ['INT8', 1, true],
    ['INT16', 2, true],
    ['INT32', 4, true],
    ['INT64', 8, true],
    ['FP16', 2, true],
    ['BF16', 2, true],
    ['FP32', 4, true],
    ['FP64', 8, true],
    ['BYTES', 0, false]
  ].map(([name, bytes, numeric]) => [
    String(name),
    { name: String(name), bytes: Number(bytes), numeric: numeric === true }
  ])
)

/** Null for a datatype that nobody has told us of. */
export function datatypeOf(name: string): Datatype | null {
  return DATATYPES.get(name) ?? null
}

/** Levels of lists whose lengths are compared with the dimensions. */
const LEVELS = 16

const UNSET = -1
const RAGGED = -2

export class Tensor {
  datatype: Datatype | null = null
  hasShape = false
  isNull = false
  binaryBytes: number | null = null // as the JSON says
  badIfNumeric = 0 // bits of BAD
  count = 0 // values in JSON
  #product = 1
  readonly #dimensions: number[] = []
  #level = 0
  readonly #lengths: number[] = [] // of lists, by level
  readonly #open: number[] = [] // elements so far of open lists

  /** Values that the shape asks for; null without a shape, NaN for a shape that is none. */
  get expected(): number | null {
    return this.hasShape ? this.#product : null
  }

  get isInList(): boolean {
    return this.#level > 0
  }

  /** One number of the shape; -1 for what is none. */
  dimension(size: number): void {
    this.#product *= Number.isInteger(size) && size >= 0 ? size : Number.NaN
    if (this.#dimensions.length < LEVELS) this.#dimensions.push(size)
  }

  openList(): void {
    if (this.#level > 0 && this.#level <= LEVELS) this.#add(1)
    this.#level++
    if (this.#level <= LEVELS) this.#open[this.#level - 1] = 0
  }

  closeList(): void {
    const level = --this.#level
    if (level >= LEVELS) return
    const length = this.#open[level] ?? 0
    const before = this.#lengths[level] ?? UNSET
    if (before === UNSET) this.#lengths[level] = length
    else if (before !== length) this.#lengths[level] = RAGGED
  }

  values(count: number): void {
    this.count += count
    if (this.#level > 0 && this.#level <= LEVELS) this.#add(count)
  }

  /** Bits of BAD, when all of it was read. */
  judge(): number {
    const bits = this.datatype?.numeric === true ? this.badIfNumeric : 0
    if (!this.hasShape || this.isNull || this.binaryBytes !== null) return bits
    const fits = this.count === this.#product && this.#isNestedRight()
    return fits ? bits : bits | BAD.shape
  }

  #add(count: number): void {
    const level = this.#level - 1
    this.#open[level] = (this.#open[level] ?? 0) + count
  }

  /** Flat, or nested as deep as the shape with lists as long as its dimensions. */
  #isNestedRight(): boolean {
    const levels = this.#lengths.length
    if (levels < 2) return true
    if (this.#lengths.includes(RAGGED)) return false
    if (levels !== this.#dimensions.length) return true
    return this.#lengths.every((length, i) => length === this.#dimensions[i])
  }
}

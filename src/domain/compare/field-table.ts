/**
 * The fields of one comparison: where values stand, and what became of each.
 *
 * A field is a path without indices, so all elements of an array speak for one field; of several differences
 * the one that stands first in DIFFERENCES counts. At most 200 fields: what comes later is counted as `others`, and
 * so is what stands deeper than 2,000 characters of a path.
 */
import { DIFFERENCES, type DifferenceKind, type FieldResult } from './comparison.ts'

export const MAX_FIELDS = 200
/** The field that stands for all beyond the bound. */
export const OTHERS = 'others'
/** The field of a body that is one value. */
const BODY = 'body'
const MAX_PLACES = 2_000 // paths that are kept apart
const LONGEST_NAME = 100 // characters of one name in a path
const LONGEST_PATH = 2_000

/** What differs, in short. */
export type Shown = { readonly primary: string | null; readonly shadow: string | null }

type Result = {
  difference: number // index into DIFFERENCES, or its length: none
  by: number | null
  shown: Shown
  sum: number // of signed differences of numbers
  numbers: number
}

export class Field {
  readonly name: string
  readonly #table: FieldTable
  #members: Map<string, Field> | null = null
  #result: Result | null = null

  constructor(table: FieldTable, name: string) {
    this.#table = table
    this.name = name
  }

  /** The field of the member `name` of an object that stands here. */
  member(name: string): Field {
    return this.#members?.get(name) ?? this.#newMember(name)
  }

  /** A field that belongs to this one, such as the length of a text. */
  part(name: string): Field {
    if (this === this.#table.others) return this
    return this.#table.field(`${this.name === '' ? BODY : this.name}.${name}`)
  }

  agree(): void {
    this.#resultHere()
  }

  /** `shown` is called when this is what the field says. */
  differ(kind: DifferenceKind, by: number | null, shown: () => Shown): void {
    const result = this.#resultHere()
    const index = DIFFERENCES.indexOf(kind)
    this.#table.differs = true
    if (index >= result.difference) return
    result.difference = index
    result.by = by
    result.shown = shown()
  }

  /** Whether a difference of this kind would change what the field says. */
  isOpenTo(kind: DifferenceKind): boolean {
    return DIFFERENCES.indexOf(kind) < this.#resultHere().difference
  }

  /** Adds signed differences of numbers, whether or not they are within the tolerance. */
  numbers(sum: number, count: number): void {
    if (count === 0 || !Number.isFinite(sum)) return
    const result = this.#resultHere()
    result.sum += sum
    result.numbers += count
  }

  /** What the field says, or null: nothing was compared in it. */
  result(): FieldResult | null {
    const result = this.#result
    if (result === null) return null
    const difference = DIFFERENCES[result.difference] ?? null
    const mean = result.numbers === 0 ? null : finite(result.sum / result.numbers)
    const isNumber = difference === 'number' || difference === null
    return {
      field: this.name === '' ? BODY : this.name,
      difference,
      by: isNumber ? mean : result.by,
      primary: result.shown.primary,
      shadow: result.shown.shadow
    }
  }

  #resultHere(): Result {
    if (this.#result !== null) return this.#result
    const taken = this.#table.take(this)
    this.#result = taken === this ? emptyResult() : taken.#resultHere()
    return this.#result
  }

  #newMember(name: string): Field {
    if (this === this.#table.others) return this
    const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name
    const token = short.includes('/') || short.includes('~') ? escaped(short) : short
    const member = this.#table.place(`${this.name}/${token}`)
    if (member === this.#table.others) return member
    this.#members ??= new Map()
    this.#members.set(name, member)
    return member
  }
}

export class FieldTable {
  differs = false
  readonly others: Field
  readonly root: Field // the body as a whole
  readonly #byName = new Map<string, Field>()
  readonly #fields: Field[] = []
  #places = 0

  constructor() {
    this.others = new Field(this, OTHERS)
    this.root = new Field(this, '')
    this.#byName.set('', this.root)
  }

  /** A field by its full name. */
  field(name: string): Field {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const field = new Field(this, name)
    this.#byName.set(name, field)
    return field
  }

  /** A new place below another, or `others` when there are too many. */
  place(name: string): Field {
    if (this.#places >= MAX_PLACES || name.length > LONGEST_PATH) return this.others
    this.#places++
    return this.field(name)
  }

  /** Called by a field that has its first result: itself, or the one that speaks for it. */
  take(field: Field): Field {
    if (field === this.others || this.#fields.length < MAX_FIELDS - 1) {
      this.#fields.push(field)
      return field
    }
    return this.others
  }

  results(): readonly FieldResult[] {
    const results: FieldResult[] = []
    for (const field of this.#fields) {
      const result = field.result()
      if (result !== null) results.push(result)
    }
    return results
  }
}

const NOTHING: Shown = { primary: null, shadow: null }

function emptyResult(): Result {
  return { difference: DIFFERENCES.length, by: null, shown: NOTHING, sum: 0, numbers: 0 }
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

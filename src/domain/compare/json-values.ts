/**
 * Two JSON values, structure and contents, field by field. No recursion; pauses after some thousand nodes.
 *
 * Members are matched by name, elements by place. Arrays of one length that hold the same elements in another
 * order differ by `order` alone; arrays of different lengths by `size`. A value that may not be shown is one field:
 * the names in it may not be shown either.
 */
import type { Field } from './field-table.ts'
import { JSON_KIND } from './json-document.ts'
import { isIgnored, isRedacted } from './marks.ts'
import { isFlat, numbersOfArray, numbersOfLongArray, sameFloat } from './numbers.ts'
import { NODE, PIECE, type Steps } from './pace.ts'
import { areRankings, itemsOf, mayBeItems, rankBiasedOverlap } from './rankings.ts'
import { reverse, reverseSteps } from './reverse.ts'
import { hiddenNodes, type Side, showNode, showNodes } from './shorten.ts'
import { type Hashes, sameElements, structuralHashes } from './structural-hash.ts'
import { compareTexts, type Work } from './texts.ts'
import { compareEmbeddings, compareVectors, shownSizes } from './vectors.ts'

/** Times that all nodes of a document may be looked at before they are hashed. */
const MOST_SIGNS = 4

/** Compares the value `an` of one side with `bn` of the other. */
export function compareValues(
  work: Work,
  a: Side,
  an: number,
  b: Side,
  bn: number,
  field: Field
): Steps {
  return new Walk(work, a, b).run(an, bn, field)
}

class Walk {
  readonly #work: Work
  readonly #a: Side
  readonly #b: Side
  readonly #left: number[] = [] // pairs of nodes that wait, the last is the next
  readonly #right: number[] = []
  readonly #fields: Field[] = []
  #hashes: { readonly a: Hashes; readonly b: Hashes } | null = null
  #signs = 0 // nodes that were looked at for signs

  constructor(work: Work, a: Side, b: Side) {
    this.#work = work
    this.#a = a
    this.#b = b
  }

  *run(an: number, bn: number, field: Field): Steps {
    this.#push(an, bn, field)
    for (let f = this.#fields.pop(); f !== undefined; f = this.#fields.pop()) {
      const x = this.#left.pop() ?? 0
      const y = this.#right.pop() ?? 0
      if (this.#isPause(1)) yield
      if (isIgnored(this.#a, x) || isIgnored(this.#b, y)) continue
      const kind = this.#a.document.kind(x)
      if (!this.#a.document.isContainer(x) || !this.#b.document.isContainer(y)) {
        if (this.#a.document.isString(x) && this.#b.document.isString(y))
          yield* this.#strings(x, y, f)
        else this.#scalars(x, y, f)
      } else if (kind !== this.#b.document.kind(y)) this.#differ(f, 'type', x, y)
      else if (kind === JSON_KIND.object) yield* this.#objects(x, y, f)
      else yield* this.#arrays(x, y, f)
    }
  }

  *#strings(x: number, y: number, field: Field): Steps {
    const a = this.#a.document.string(x)
    const b = this.#b.document.string(y)
    if (this.#work.pace.isDue(Math.min(a.length, b.length) >> 3)) yield
    if (a === b) return field.agree()
    yield* compareTexts(this.#work, field, a, b, hiddenNodes(this.#a, x, this.#b, y))
  }

  #scalars(x: number, y: number, field: Field) {
    const a = this.#a.document
    const b = this.#b.document
    if (a.isNumber(x) && b.isNumber(y)) return this.#numbers(x, y, field)
    if (a.kind(x) === b.kind(y)) return field.agree()
    const areBooleans = isBoolean(a.kind(x)) && isBoolean(b.kind(y))
    this.#differ(field, areBooleans ? 'value' : 'type', x, y)
  }

  #numbers(x: number, y: number, field: Field): void {
    const a = this.#a.document
    const b = this.#b.document
    const difference = b.number(y) - a.number(x)
    field.numbers(difference, 1)
    const areFloats = a.kind(x) === JSON_KIND.float || b.kind(y) === JSON_KIND.float
    const same = areFloats
      ? sameFloat(a.number(x), b.number(y), this.#work.relative)
      : a.kind(x) === JSON_KIND.big
        ? a.raw(x) === b.raw(y)
        : difference === 0
    if (same) field.agree()
    else this.#differ(field, 'number', x, y)
  }

  *#objects(x: number, y: number, field: Field): Steps {
    const a = this.#a.document
    const b = this.#b.document
    const endA = a.next(x)
    const endB = b.next(y)
    const namesAreHidden = isRedacted(this.#a, x) || isRedacted(this.#b, y)
    const fieldOf = (name: string) => (namesAreHidden ? field : field.member(name))
    const first = this.#fields.length
    let at = x + 1
    let bt = y + 1
    // Most answers have their members in one order: then no name is looked up.
    for (; at < endA && bt < endB; at = a.next(at + 1), bt = b.next(bt + 1)) {
      if (this.#isPause(1)) yield
      const name = a.string(at)
      if (!b.isNamed(bt, name)) break
      this.#push(at + 1, bt + 1, fieldOf(name))
    }
    if (at === endA && bt === endB) {
      if (a.number(x) === 0) field.agree()
      return yield* this.#reverse(first)
    }
    const rest = new Map<string, number>()
    for (; bt < endB; bt = b.next(bt + 1)) {
      if (this.#isPause(1)) yield
      rest.set(b.string(bt), bt + 1)
    }
    for (; at < endA; at = a.next(at + 1)) {
      if (this.#isPause(1)) yield
      const name = a.string(at)
      const other = rest.get(name)
      rest.delete(name)
      if (other !== undefined) this.#push(at + 1, other, fieldOf(name))
      else if (!isIgnored(this.#a, at + 1)) this.#missing(fieldOf(name), at + 1)
    }
    for (const [name, node] of rest) {
      if (this.#isPause(1)) yield
      if (!isIgnored(this.#b, node)) this.#extra(fieldOf(name), node)
    }
    yield* this.#reverse(first)
  }

  *#arrays(x: number, y: number, field: Field): Steps {
    const a = this.#a.document
    const b = this.#b.document
    const size = a.number(x)
    const skips =
      (this.#a.ignores && (yield* this.#skips(this.#a, x))) ||
      (this.#b.ignores && (yield* this.#skips(this.#b, y)))
    if (size !== b.number(y)) return yield* this.#sizes(x, y, field)
    if (!skips) field.agree()
    if (!skips && isFlat(a, x) && isFlat(b, y) && (yield* this.#vectors(x, y, field))) return
    if (size > 1 && (yield* this.#isPermuted(x, y))) return this.#differ(field, 'order', x, y)
    if (mayBeItems(a, x) && (yield* this.#isRanking(x, y, field))) return
    const first = this.#fields.length
    const end = a.next(x)
    let bt = y + 1
    for (let at = x + 1; at < end; at = a.next(at), bt = b.next(bt)) {
      if (this.#isPause(1)) yield
      this.#push(at, bt, field)
    }
    yield* this.#reverse(first)
  }

  /** Two arrays of numbers; false when either holds anything else. */
  *#vectors(x: number, y: number, field: Field): Steps<boolean> {
    const a = this.#a.document
    const b = this.#b.document
    const { pace } = this.#work
    const isShort = a.number(x) <= PIECE
    const numbers = isShort ? numbersOfArray(a, x) : yield* numbersOfLongArray(a, x, pace)
    if (numbers === null) return false
    const others = isShort ? numbersOfArray(b, y) : yield* numbersOfLongArray(b, y, pace)
    if (others === null) return false
    if (this.#isPause(Math.min(PIECE, numbers.values.length) >> 1)) yield
    const hidden = hiddenNodes(this.#a, x, this.#b, y)
    if (isEmbedding(field.name))
      yield* compareEmbeddings(this.#work, field, numbers.values, others.values, hidden)
    else yield* compareVectors(this.#work, field, numbers, others, hidden)
    return true
  }

  /** Arrays of different lengths; elements that are ignored do not count. */
  *#sizes(x: number, y: number, field: Field): Steps {
    const a = yield* this.#sizeOf(this.#a, x)
    const b = yield* this.#sizeOf(this.#b, y)
    if (a === b) return
    const hidden = hiddenNodes(this.#a, x, this.#b, y)
    field.differ('size', a > 0 ? b / a : null, hidden ?? (() => shownSizes(a, b)))
  }

  /** Whether the elements of both, which are not equal, are the same in another order. */
  *#isPermuted(x: number, y: number): Steps<boolean> {
    if (!(yield* this.#mayBePermuted(x, y))) return false
    const { pace } = this.#work
    if (this.#hashes === null) {
      const a = yield* structuralHashes(this.#a, pace)
      this.#hashes = { a, b: yield* structuralHashes(this.#b, pace) }
    }
    const { a, b } = this.#hashes
    const same = a.low[x] === b.low[y] && a.high[x] === b.high[y]
    return !same && (yield* sameElements(this.#a, x, a, this.#b, y, b, pace))
  }

  /** Cheap signs that arrays are not permuted: they are written alike, or their numbers have other sums. */
  *#mayBePermuted(x: number, y: number): Steps<boolean> {
    const a = this.#a.document
    const b = this.#b.document
    // In arrays within arrays the signs would cost more than the hashes do.
    this.#signs += a.next(x) - x
    if (this.#signs > MOST_SIGNS * a.count) return true
    const length = a.end(x) - a.start(x)
    if (this.#work.pace.isDue(length >> 3)) yield
    if (length === b.end(y) - b.start(y) && a.raw(x) === b.raw(y)) return false
    if (this.#a.ignores || this.#b.ignores) return true
    if (a.next(x) - x !== b.next(y) - y) return false
    const one = { sum: 0, size: 0 }
    const other = { sum: 0, size: 0 }
    const count = a.next(x) - x
    for (let from = 0; from < count; from += PIECE) {
      const to = Math.min(count, from + PIECE)
      a.sumNumbers(x + from, x + to, one)
      b.sumNumbers(y + from, y + to, other)
      if (this.#work.pace.isDue(4 * (to - from))) yield
    }
    return !(Math.abs(one.sum - other.sum) > 1e-9 * Math.max(one.size, other.size))
  }

  /** Compares two lists of items as rankings; false when they are none, or the same. */
  *#isRanking(x: number, y: number, field: Field): Steps<boolean> {
    const { pace } = this.#work
    const a = yield* itemsOf(this.#a.document, x, pace)
    const b = a === null ? null : yield* itemsOf(this.#b.document, y, pace)
    if (a === null || b === null || !(yield* areRankings(a, b, pace))) return false
    let same = 0
    for (; same < a.length && a[same] === b[same]; same++) if (this.#isPause(1)) yield
    if (same === a.length) return false
    field.differ('ranking', 1 - rankBiasedOverlap(a, b), () => showNodes(this.#a, x, this.#b, y))
    return true
  }

  #missing(field: Field, x: number): void {
    field.differ('missing', null, () => ({ primary: showNode(this.#a, x), shadow: null }))
  }

  #extra(field: Field, y: number): void {
    field.differ('extra', null, () => ({ primary: null, shadow: showNode(this.#b, y) }))
  }

  #differ(field: Field, kind: 'type' | 'value' | 'number' | 'order', x: number, y: number): void {
    field.differ(kind, null, () => showNodes(this.#a, x, this.#b, y))
  }

  *#skips(side: Side, node: number): Steps<boolean> {
    return (yield* this.#sizeOf(side, node)) < side.document.number(node)
  }

  /** Elements of an array that are compared. */
  *#sizeOf(side: Side, node: number): Steps<number> {
    const { document } = side
    if (!side.ignores) return document.number(node)
    const end = document.next(node)
    let size = 0
    for (let at = node + 1; at < end; at = document.next(at)) {
      if (this.#work.pace.isDue(2)) yield
      if (!isIgnored(side, at)) size++
    }
    return size
  }

  #push(x: number, y: number, field: Field): void {
    this.#left.push(x)
    this.#right.push(y)
    this.#fields.push(field)
  }

  /** Turns what was pushed since `first` around, so that it is looked at in the order of the text. */
  *#reverse(first: number): Steps {
    const { pace } = this.#work
    if (this.#left.length - first <= PIECE) {
      reverse(this.#left, first)
      reverse(this.#right, first)
      reverse(this.#fields, first)
      return
    }
    yield* reverseSteps(this.#left, first, pace)
    yield* reverseSteps(this.#right, first, pace)
    yield* reverseSteps(this.#fields, first, pace)
  }

  #isPause(nodes: number): boolean {
    return this.#work.pace.isDue(nodes * NODE)
  }
}

/** Fields that say so in their last name hold embeddings. */
function isEmbedding(field: string): boolean {
  return field
    .slice(field.lastIndexOf('/') + 1)
    .toLowerCase()
    .includes('embedding')
}

function isBoolean(kind: number): boolean {
  return kind === JSON_KIND.true || kind === JSON_KIND.false
}

/**
 * A stream of documents as one answer: at each place the texts of all documents are joined and the numbers form a
 * list, so that it does not matter how a model cut its answer into events.
 */
import { type Field, OTHERS } from './field-table.ts'
import { JSON_KIND } from './json-document.ts'
import { isIgnored, isRedacted } from './marks.ts'
import type { Numbers } from './numbers.ts'
import { NODE, type Pace, STEP, type Steps } from './pace.ts'
import { reverseSteps } from './reverse.ts'
import { hiddenShown, type Side } from './shorten.ts'
import { tensorsOf } from './tensors.ts'
import { TextPieces } from './text-pieces.ts'
import { compareTexts, compareWritten, type Work } from './texts.ts'
import { compareVectors } from './vectors.ts'

type Leaf = {
  readonly texts: TextPieces
  first: string | null // of the texts
  isWritten: boolean // the text comes in pieces; the same piece in every document is a label of the stream
  readonly words: TextPieces // true, false and null
  readonly numbers: number[]
  readonly digits: Map<number, string> // of integers beyond doubles
  areIntegers: boolean
}

export class DocumentStream {
  readonly leaves = new Map<string, Leaf>()
  documents = 0

  /** Adds data that is no document: text. */
  addText(text: string, root: Field): void {
    this.documents++
    addText(this.#leaf(root), text)
  }

  /** Adds a document. Its fields are named by `place`. */
  *add(side: Side, root: Field, place: (name: string) => Field, pace: Pace): Steps {
    this.documents++
    const { document } = side
    const outputs = document.member(0, 'outputs')
    const tensors = outputs < 0 ? null : yield* tensorsOf(side, null, pace)
    if (tensors !== null && typeof tensors !== 'string') {
      for (const [name, { node }] of tensors) {
        const data = document.member(node, 'data')
        if (data >= 0 && !isIgnored(side, data))
          yield* this.#leaves(side, data, place(`outputs.${name}`), -1, pace)
      }
      yield* this.#leaves(side, 0, root, outputs, pace)
    } else yield* this.#leaves(side, 0, root, -1, pace)
  }

  /** Scalars under `top`, without those under `except`. */
  *#leaves(side: Side, top: number, root: Field, except: number, pace: Pace): Steps {
    const { document } = side
    const nodes = [top]
    const fields = [root]
    for (let field = fields.pop(); field !== undefined; field = fields.pop()) {
      const node = nodes.pop() ?? 0
      if (pace.isDue(NODE)) yield
      if (node === except || isIgnored(side, node)) continue
      const kind = document.kind(node)
      if (kind > JSON_KIND.array) {
        this.#scalar(side, node, field)
        continue
      }
      const isObject = kind === JSON_KIND.object
      const isNamed = isObject && !isRedacted(side, node)
      const name = isObject ? 1 : 0
      const first = nodes.length
      const end = document.next(node)
      for (let at = node + 1; at < end; at = document.next(at + name)) {
        if (pace.isDue(NODE)) yield
        if (isObject && !isNamed) addText(this.#leaf(field), document.string(at)) // compared, but no field
        nodes.push(at + name)
        fields.push(isNamed ? field.member(document.string(at)) : field)
      }
      yield* reverseSteps(nodes, first, pace)
      yield* reverseSteps(fields, first, pace)
    }
  }

  #scalar({ document }: Side, node: number, field: Field): void {
    const leaf = this.#leaf(field)
    const kind = document.kind(node)
    if (document.isString(node)) addText(leaf, document.string(node))
    else if (document.isNumber(node)) {
      if (kind === JSON_KIND.big) leaf.digits.set(leaf.numbers.length, document.raw(node))
      if (kind === JSON_KIND.float) leaf.areIntegers = false
      leaf.numbers.push(document.number(node))
    } else leaf.words.push(document.raw(node))
  }

  #leaf({ name }: Field): Leaf {
    const known = this.leaves.get(name)
    if (known !== undefined) return known
    const leaf: Leaf = {
      texts: new TextPieces(),
      first: null,
      isWritten: false,
      words: new TextPieces(','),
      numbers: [],
      digits: new Map(),
      areIntegers: true
    }
    this.leaves.set(name, leaf)
    return leaf
  }
}

/** Compares two streams place by place. */
export function* compareStreams(
  work: Work,
  a: DocumentStream,
  b: DocumentStream,
  hides: boolean
): Steps {
  const { table } = work
  const hidden = hides ? hiddenShown : null
  for (const [name, leaf] of a.leaves) {
    if (work.pace.isDue(8 * NODE)) yield
    const field = name === OTHERS ? table.others : table.field(name)
    const other = b.leaves.get(name)
    if (other === undefined) {
      field.differ('missing', null, hidden ?? (() => ({ primary: shownLeaf(leaf), shadow: null })))
      continue
    }
    const x = leaf.texts.whole()
    const y = other.texts.whole()
    if (work.pace.isDue((x.length + y.length) >> 3)) yield
    if (leaf.isWritten || other.isWritten) yield* compareWritten(work, field, x, y, hidden)
    else if (x !== '' || y !== '') yield* compareTexts(work, field, x, y, hidden)
    const count = leaf.numbers.length + other.numbers.length
    if (count > 0) {
      if (work.pace.isDue(Math.min(STEP, count))) yield
      yield* compareVectors(work, field, numbersOf(leaf), numbersOf(other), hidden)
    }
    const words = leaf.words.whole()
    const otherWords = other.words.whole()
    if (words === otherWords) field.agree()
    else {
      const shown = () => ({ primary: words.slice(0, SHORT), shadow: otherWords.slice(0, SHORT) })
      field.differ('value', null, hidden ?? shown)
    }
  }
  for (const [name, leaf] of b.leaves) {
    if (a.leaves.has(name)) continue
    const field = name === OTHERS ? table.others : table.field(name)
    field.differ('extra', null, hidden ?? (() => ({ primary: null, shadow: shownLeaf(leaf) })))
  }
}

const SHORT = 100

/** The beginning of what is there; each number and what parts it from the next is two characters or more. */
function shownLeaf({ texts, numbers, words }: Leaf): string {
  const text = texts.whole()
  return (text || numbers.slice(0, SHORT).join(',') || words.whole()).slice(0, SHORT)
}

function addText(leaf: Leaf, text: string): void {
  leaf.texts.push(text)
  leaf.first ??= text
  if (text !== leaf.first) leaf.isWritten = true
}

function numbersOf({ numbers, areIntegers, digits }: Leaf): Numbers {
  const values = new Float64Array(numbers)
  const show = (i: number) => digits.get(i) ?? String(values[i] ?? 0)
  const exact = digits.size > 0 ? (i: number) => digits.get(i) ?? null : null
  return { values, areIntegers, isNull: null, exact, show }
}

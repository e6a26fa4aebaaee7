/**
 * A stream of documents as one answer: at each place the texts of all documents are joined and the numbers form a
 * list, so that it does not matter how a model cut its answer into events.
 */
import { type Field, OTHERS } from './field-table.ts'
import { JSON_KIND } from './json-document.ts'
import type { Steps } from './json-values.ts'
import { MARK } from './marks.ts'
import type { Numbers } from './numbers.ts'
import { hiddenShown, type Side } from './shorten.ts'
import { tensorsOf } from './tensors.ts'
import { compareTexts, compareWritten, type Work } from './texts.ts'
import { compareVectors } from './vectors.ts'

type Leaf = {
  readonly texts: string[]
  readonly words: string[] // true, false and null
  readonly numbers: number[]
  readonly digits: Map<number, string> // of integers beyond doubles
  areIntegers: boolean
}

export class DocumentStream {
  readonly leaves = new Map<string, Leaf>()
  documents = 0

  /** Adds a document. Its fields are named by `place`. */
  add(side: Side, root: Field, place: (name: string) => Field): void {
    this.documents++
    const { document } = side
    const tensors = tensorsOf(side, null)
    const outputs = document.member(0, 'outputs')
    if (tensors !== null && typeof tensors !== 'string') {
      for (const [name, { node }] of tensors) {
        const data = document.member(node, 'data')
        if (data >= 0 && !isIgnored(side, data))
          this.#leaves(side, data, place(`outputs.${name}`), -1)
      }
      this.#leaves(side, 0, root, outputs)
    } else this.#leaves(side, 0, root, -1)
  }

  /** Adds data that is no document: text. */
  addText(text: string, root: Field): void {
    this.documents++
    this.#leaf(root).texts.push(text)
  }

  /** Scalars under `top`, without those under `except`. */
  #leaves(side: Side, top: number, root: Field, except: number): void {
    const { document } = side
    const nodes = [top]
    const fields = [root]
    for (let field = fields.pop(); field !== undefined; field = fields.pop()) {
      const node = nodes.pop() ?? 0
      if (node === except || isIgnored(side, node)) continue
      const kind = document.kind(node)
      if (kind > JSON_KIND.array) {
        this.#scalar(side, node, field)
        continue
      }
      const isObject = kind === JSON_KIND.object
      const values = childrenOf(document, node, isObject ? 1 : 0)
      for (let i = values.length - 1; i >= 0; i--) {
        const value = values[i] ?? 0
        nodes.push(value)
        fields.push(isObject ? field.member(document.string(value - 1)) : field)
      }
    }
  }

  #scalar({ document }: Side, node: number, field: Field): void {
    const leaf = this.#leaf(field)
    const kind = document.kind(node)
    if (document.isString(node)) leaf.texts.push(document.string(node))
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
      texts: [],
      words: [],
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
    yield
    const field = name === OTHERS ? table.others : table.field(name)
    const other = b.leaves.get(name)
    if (other === undefined) {
      field.differ('missing', null, hidden ?? (() => ({ primary: shownLeaf(leaf), shadow: null })))
      continue
    }
    const x = leaf.texts.join('')
    const y = other.texts.join('')
    if (isWritten(leaf) || isWritten(other)) compareWritten(work, field, x, y, hidden)
    else if (x !== '' || y !== '') compareTexts(work, field, x, y, hidden)
    if (leaf.numbers.length + other.numbers.length > 0) {
      yield* compareVectors(field, numbersOf(leaf), numbersOf(other), work.relative, hidden)
    }
    const words = leaf.words.join(',')
    const otherWords = other.words.join(',')
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

/** Whether a text comes in pieces; the same piece in every document is a label of the stream. */
function isWritten({ texts }: Leaf): boolean {
  return texts.some(text => text !== texts[0])
}

const SHORT = 100

function shownLeaf({ texts, numbers, words }: Leaf): string {
  return (texts.join('') || numbers.join(',') || words.join(',')).slice(0, SHORT)
}

function numbersOf({ numbers, areIntegers, digits }: Leaf): Numbers {
  const values = Float64Array.from(numbers)
  const show = (i: number) => digits.get(i) ?? String(values[i] ?? 0)
  const exact = digits.size > 0 ? (i: number) => digits.get(i) ?? null : null
  return { values, areIntegers, isNull: null, exact, show }
}

/** Elements of an array (`name` 0) or values of an object (1). */
function childrenOf(document: Side['document'], node: number, name: number): readonly number[] {
  const children: number[] = []
  const end = document.next(node)
  for (let at = node + 1; at < end; at = document.next(at + name)) children.push(at + name)
  return children
}

function isIgnored(side: Side, node: number): boolean {
  return ((side.marks[node] ?? 0) & MARK.ignored) !== 0
}

/**
 * The outputs of two Open Inference answers, tensor by tensor: JSON and binary alike, nested or flat.
 *
 * A tensor's field is `outputs.<name>`, with `.datatype` and `.shape` as fields of their own, so that values of
 * a model with other precision are still compared. Rows are those of the last dimension. What `parameters` of a
 * tensor say is how it is sent, and is not compared.
 */
import type { Field, Shown } from './field-table.ts'
import { compareValues } from './json-values.ts'
import { isIgnored } from './marks.ts'
import { type Numbers, rowOf } from './numbers.ts'
import { NODE, type Pace, type Steps } from './pace.ts'
import { hiddenNodes, type Side, shorten, shortenList, showNode } from './shorten.ts'
import type { Tensor } from './tensors.ts'
import { compareTexts, type Work } from './texts.ts'
import { compareEmbeddings, compareVectors, shownSizes } from './vectors.ts'

export type Tensors = { readonly side: Side; readonly tensors: ReadonlyMap<string, Tensor> }

const LONGEST_NAME = 100 // characters of a tensor's name in a field

export function* compareTensors(work: Work, a: Tensors, b: Tensors): Steps {
  for (const [name, tensor] of a.tensors) {
    if (work.pace.isDue(A_TENSOR)) yield
    if (isIgnored(a.side, tensor.node)) continue
    const field = fieldOf(work, name)
    const other = b.tensors.get(name)
    if (other === undefined) {
      field.differ('missing', null, () => ({
        primary: showNode(a.side, tensor.node),
        shadow: null
      }))
    } else if (!isIgnored(b.side, other.node))
      yield* compareTensor(work, a.side, tensor, b.side, other, field)
  }
  for (const [name, tensor] of b.tensors) {
    if (work.pace.isDue(NODE)) yield
    if (a.tensors.has(name) || isIgnored(b.side, tensor.node)) continue
    const shown = () => ({ primary: null, shadow: showNode(b.side, tensor.node) })
    fieldOf(work, name).differ('extra', null, shown)
  }
}

const A_TENSOR = 16 * NODE // units that a tensor costs beside its elements

function fieldOf({ table }: Work, name: string): Field {
  return table.field(
    `outputs.${name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name}`
  )
}

function* compareTensor(work: Work, a: Side, x: Tensor, b: Side, y: Tensor, field: Field): Steps {
  const skips = (name: string) =>
    isMemberIgnored(a, x.node, name) || isMemberIgnored(b, y.node, name)
  if (!skips('datatype')) {
    compareWords(field.part('datatype'), 'type', x.datatype, y.datatype)
  }
  if (!skips('shape')) {
    compareWords(
      field.part('shape'),
      'size',
      x.shape?.join(',') ?? null,
      y.shape?.join(',') ?? null
    )
  }
  const p = x.data
  const q = y.data
  if (skips('data') || p.kind === 'ignored' || q.kind === 'ignored') return
  const hidden = hiddenNodes(a, x.node, b, y.node)
  if (p.kind === 'numbers' && q.kind === 'numbers') {
    yield* compareNumbers(work, field, x, p.numbers, q.numbers, hidden)
  } else if (p.kind === 'texts' && q.kind === 'texts') {
    yield* compareLists(work, field, p.texts, q.texts, hidden)
  } else if (p.kind === 'node' && q.kind === 'node') {
    yield* compareValues(work, a, p.node, b, q.node, field)
  } else if (areEmpty(x, y)) field.agree()
  else {
    const shown = () => ({ primary: showNode(a, x.node), shadow: showNode(b, y.node) })
    field.differ('type', null, hidden ?? shown)
  }
}

/** Numbers row by row, so that a batch of probabilities is one vector a prediction. */
function* compareNumbers(
  work: Work,
  field: Field,
  { shape }: Tensor,
  a: Numbers,
  b: Numbers,
  hidden: (() => Shown) | null
): Steps {
  const count = a.values.length
  if (count !== b.values.length) {
    field.differ(
      'size',
      count > 0 ? b.values.length / count : null,
      hidden ?? (() => shownSizes(count, b.values.length))
    )
    return
  }
  const last = shape?.at(-1) ?? 0
  const width = last > 1 && count % last === 0 ? last : Math.max(1, count)
  const areEmbeddings = field.name.toLowerCase().includes('embedding')
  if (count === 0) field.agree()
  for (let from = 0; from < count; from += width) {
    const x = rowOf(a, from, width)
    const y = rowOf(b, from, width)
    if (work.pace.isDue(A_ROW)) yield
    if (areEmbeddings) yield* compareEmbeddings(work, field, x.values, y.values, hidden)
    else yield* compareVectors(work, field, x, y, hidden)
  }
}

const A_ROW = 8 * NODE // units that a row costs beside its elements

function* compareLists(
  work: Work,
  field: Field,
  a: readonly string[],
  b: readonly string[],
  hidden: (() => Shown) | null
): Steps {
  if (a.length !== b.length) {
    field.differ(
      'size',
      a.length > 0 ? b.length / a.length : null,
      hidden ?? (() => shownSizes(a.length, b.length))
    )
    return
  }
  if (yield* areInOtherOrder(a, b, work.pace)) {
    const shown = () => ({ primary: shortenList(a), shadow: shortenList(b) })
    field.differ('order', null, hidden ?? shown)
    return
  }
  if (a.length === 0) field.agree()
  for (let i = 0; i < a.length; i++) {
    if (work.pace.isDue(NODE)) yield
    if (a[i] === b[i]) field.agree()
    else yield* compareTexts(work, field, a[i] ?? '', b[i] ?? '', hidden)
  }
}

/** Whether two lists are not the same but hold the same texts, each as often. */
function* areInOtherOrder(a: readonly string[], b: readonly string[], pace: Pace): Steps<boolean> {
  let same = 0
  for (; same < a.length && a[same] === b[same]; same++) if (pace.isDue(NODE)) yield
  if (same === a.length) return false
  const uses = new Map<string, number>()
  for (const text of a) {
    if (pace.isDue(2 * NODE + text.length)) yield
    uses.set(text, (uses.get(text) ?? 0) + 1)
  }
  for (const text of b) {
    if (pace.isDue(2 * NODE + text.length)) yield
    const left = uses.get(text) ?? 0
    if (left === 0) return false
    uses.set(text, left - 1)
  }
  return true
}

function compareWords(
  field: Field,
  kind: 'type' | 'size',
  a: string | null,
  b: string | null
): void {
  if (a === b) field.agree()
  else field.differ(kind, null, () => ({ primary: shown(a), shadow: shown(b) }))
}

function shown(word: string | null): string | null {
  return word === null ? null : shorten(word)
}

/** Lists without elements have no type. */
function areEmpty(a: Tensor, b: Tensor): boolean {
  return isEmpty(a) && isEmpty(b)
}

function isEmpty({ data }: Tensor): boolean {
  if (data.kind === 'numbers') return data.numbers.values.length === 0
  return data.kind === 'none' || (data.kind === 'texts' && data.texts.length === 0)
}

function isMemberIgnored(side: Side, node: number, name: string): boolean {
  const member = side.document.member(node, name)
  return member >= 0 && isIgnored(side, member)
}

/**
 * Marks on the nodes of a document: what is not compared, and what may not be shown.
 *
 * A mark on a node is a mark on everything in it. Pointers are RFC 6901; the token `*` stands for any one index
 * or name. One pointer costs at most one pass over the document.
 */
import { JSON_KIND, type JsonDocument } from './json-document.ts'
import { NODE, type Pace, PIECE, type Steps } from './pace.ts'

export const MARK = { ignored: 1, hidden: 2 } as const

export type Marks = Uint8Array

/** No marks yet. */
export function marksOf(document: JsonDocument): Marks {
  return new Uint8Array(document.count)
}

/** Sets `bit` on what `pointer` names; how many values that were. A pointer that is none names nothing. */
export function* mark(
  document: JsonDocument,
  marks: Marks,
  pointer: string,
  bit: number,
  pace: Pace
): Steps<number> {
  const nodes = yield* resolve(document, pointer, pace)
  for (const node of nodes) yield* setMark(document, marks, node, ~0, bit, pace)
  return nodes.length
}

/** Sets the bits `bit` on a value and everything in it, of what is there keeps the bits `keep`. */
export function* setMark(
  document: JsonDocument,
  marks: Marks,
  node: number,
  keep: number,
  bit: number,
  pace: Pace
): Steps {
  const end = document.next(node)
  for (let from = node; from < end; from += PIECE) {
    const to = Math.min(end, from + PIECE)
    for (let at = from; at < to; at++) marks[at] = ((marks[at] ?? 0) & keep) | bit
    if (pace.isDue(to - from)) yield
  }
}

/** Whether what a node says is not compared. */
export function isIgnored({ marks }: { readonly marks: Marks }, node: number): boolean {
  return ((marks[node] ?? 0) & MARK.ignored) !== 0
}

/** Whether `node` itself may not be shown, with all that is in it. */
export function isRedacted({ marks }: { readonly marks: Marks }, node: number): boolean {
  return ((marks[node] ?? 0) & MARK.hidden) !== 0
}

/** Whether something that may not be shown is in `node`. */
export function isHidden(document: JsonDocument, marks: Marks, node: number): boolean {
  const end = document.next(node)
  if (end - node > FEW) {
    const inside = marks.subarray(node, end) // searched natively, as it may be all of a document
    return inside.includes(MARK.hidden) || inside.includes(MARK.hidden | MARK.ignored)
  }
  for (let at = node; at < end; at++) if (((marks[at] ?? 0) & MARK.hidden) !== 0) return true
  return false
}

const FEW = 64

/** The nodes that a pointer names, in the order of the document. */
export function* resolve(
  document: JsonDocument,
  pointer: string,
  pace: Pace
): Steps<readonly number[]> {
  if (pointer === '') return document.count > 0 ? [0] : []
  if (!pointer.startsWith('/')) return []
  let nodes: readonly number[] = [0]
  for (const token of pointer.slice(1).split('/')) {
    nodes =
      token === '*' ? yield* all(document, nodes, pace) : yield* named(document, nodes, token, pace)
  }
  return nodes
}

/** Members and elements of `nodes`. */
function* all(
  document: JsonDocument,
  nodes: readonly number[],
  pace: Pace
): Steps<readonly number[]> {
  const found: number[] = []
  for (const node of nodes) {
    if (pace.isDue(NODE)) yield
    if (!document.isContainer(node)) continue
    const end = document.next(node)
    const name = document.kind(node) === JSON_KIND.object ? 1 : 0
    for (let at = node + 1; at < end; at = document.next(at + name)) {
      found.push(at + name)
      if (pace.isDue(4)) yield
    }
  }
  return found
}

/** The member or element of each of `nodes` that a token names. */
function* named(
  document: JsonDocument,
  nodes: readonly number[],
  token: string,
  pace: Pace
): Steps<readonly number[]> {
  const name = nameOf(token)
  const index = indexOf(token)
  const found: number[] = []
  for (const node of nodes) {
    let value = -1
    if (document.kind(node) === JSON_KIND.object) {
      value = document.member(node, name)
      if (pace.isDue(NODE + Math.min(document.number(node), 4 * NODE) * 4)) yield
    } else if (document.kind(node) === JSON_KIND.array && index < document.number(node)) {
      value = node + 1
      if (document.next(node) - value === document.number(node)) value += index
      else {
        for (let i = 0; i < index; i++) {
          value = document.next(value)
          if (pace.isDue(2)) yield
        }
      }
    }
    if (pace.isDue(NODE)) yield
    if (value >= 0) found.push(value)
  }
  return found
}

/** A token's own text: `~1` is a slash and `~0` a tilde. */
function nameOf(token: string): string {
  return token.includes('~') ? token.replaceAll('~1', '/').replaceAll('~0', '~') : token
}

/** An array index, or one that no array has. */
function indexOf(token: string): number {
  if (token.length === 0 || token.length > 10 || (token.length > 1 && token[0] === '0'))
    return Infinity
  for (let i = 0; i < token.length; i++) {
    const c = token.charCodeAt(i)
    if (c < 48 || c > 57) return Infinity
  }
  return Number(token)
}

/**
 * Marks on the nodes of a document: what is not compared, and what may not be shown.
 *
 * A mark on a node is a mark on everything in it. Pointers are RFC 6901; the token `*` stands for any one index
 * or name. One pointer costs at most one pass over the document.
 */
import { JSON_KIND, type JsonDocument } from './json-document.ts'

export const MARK = { ignored: 1, hidden: 2 } as const

export type Marks = Uint8Array

/** No marks yet. */
export function marksOf(document: JsonDocument): Marks {
  return new Uint8Array(document.count)
}

/** Sets `bit` on what `pointer` names; how many values that were. A pointer that is none names nothing. */
export function mark(document: JsonDocument, marks: Marks, pointer: string, bit: number): number {
  const nodes = resolve(document, pointer)
  for (const node of nodes) markNode(document, marks, node, bit)
  return nodes.length
}

export function markNode(document: JsonDocument, marks: Marks, node: number, bit: number): void {
  const end = document.next(node)
  for (let at = node; at < end; at++) marks[at] = (marks[at] ?? 0) | bit
}

/** Takes `bit` from a value and everything in it. */
export function unmarkNode(document: JsonDocument, marks: Marks, node: number, bit: number): void {
  const end = document.next(node)
  for (let at = node; at < end; at++) marks[at] = (marks[at] ?? 0) & ~bit
}

/** Whether `bit` is on `node` or on anything in it. */
export function hasMark(document: JsonDocument, marks: Marks, node: number, bit: number): boolean {
  const end = document.next(node)
  for (let at = node; at < end; at++) if (((marks[at] ?? 0) & bit) !== 0) return true
  return false
}

/** The nodes that a pointer names, in the order of the document. */
export function resolve(document: JsonDocument, pointer: string): readonly number[] {
  if (pointer === '') return document.count > 0 ? [0] : []
  if (!pointer.startsWith('/')) return []
  let nodes: number[] = [0]
  for (const token of pointer.slice(1).split('/')) {
    const found: number[] = []
    for (const node of nodes) below(document, node, token, found)
    nodes = found
  }
  return nodes
}

function below(document: JsonDocument, node: number, token: string, found: number[]): void {
  const kind = document.kind(node)
  if (kind > JSON_KIND.array) return
  if (token !== '*') {
    const value =
      kind === JSON_KIND.object
        ? document.member(node, named(token))
        : document.element(node, indexOf(token))
    if (value >= 0) found.push(value)
    return
  }
  const end = document.next(node)
  const name = kind === JSON_KIND.object ? 1 : 0
  for (let at = node + 1; at < end; at = document.next(at + name)) found.push(at + name)
}

/** A token's own text: `~1` is a slash and `~0` a tilde. */
function named(token: string): string {
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

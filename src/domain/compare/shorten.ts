/**
 * Short renderings of what differs, for people: at most 200 characters, and nothing of what is hidden.
 */
import type { Shown } from './field-table.ts'
import type { JsonDocument } from './json-document.ts'
import { isHidden, type Marks } from './marks.ts'

export const LONGEST = 200
export const REDACTED = '[redacted]'
const BEFORE = 40 // characters that are shown before two texts part

/** A document of one side with its marks. */
export type Side = {
  readonly document: JsonDocument
  readonly marks: Marks
  readonly ignores: boolean // something in it is not compared
  readonly hides: boolean // something in it may not be shown
}

/** A value as it stands in its document. */
export function showNode(side: Side, node: number): string {
  const { document, marks } = side
  if (side.hides && isHidden(document, marks, node)) return REDACTED
  const start = document.start(node)
  const end = document.end(node)
  if (end - start <= LONGEST) return document.text.slice(start, end)
  return `${document.text.slice(start, start + LONGEST - 1)}…`
}

export function showNodes(a: Side, an: number, b: Side, bn: number): Shown {
  const hidden = hiddenNodes(a, an, b, bn)
  if (hidden !== null) return hidden()
  return { primary: showNode(a, an), shadow: showNode(b, bn) }
}

/** What stands for two values of which one is hidden, or null: both may be shown. */
export function hiddenNodes(a: Side, an: number, b: Side, bn: number): (() => Shown) | null {
  const isEither =
    (a.hides && isHidden(a.document, a.marks, an)) || (b.hides && isHidden(b.document, b.marks, bn))
  return isEither ? hiddenShown : null
}

export function hiddenShown(): Shown {
  return { primary: REDACTED, shadow: REDACTED }
}

/** Two texts that differ, from shortly before the character at which they part. */
export function showTexts(primary: string, shadow: string, parts: number): Shown {
  const from = parts > BEFORE + 1 ? parts - BEFORE : 0
  return { primary: cut(primary, from), shadow: cut(shadow, from) }
}

export function shorten(text: string): string {
  return cut(text, 0)
}

/** A list of words, each shortened with it: two characters or more of each are shown. */
export function shortenList(words: readonly string[]): string {
  return shorten(words.slice(0, LONGEST).join(', '))
}

/** From `from` on, with dots where something is left out; never half a surrogate pair. */
function cut(text: string, from: number): string {
  const start = from > 0 && isLow(text.charCodeAt(from)) ? from - 1 : from
  const head = start > 0 ? '…' : ''
  let end = start + LONGEST - head.length
  if (end >= text.length) return head + text.slice(start)
  end--
  if (isLow(text.charCodeAt(end))) end--
  return `${head}${text.slice(start, end)}…`
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

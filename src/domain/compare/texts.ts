/**
 * Two texts at one place: the same when they are equal but for space at their ends, else how far they are apart.
 */
import { editDistance } from './edit-distance.ts'
import type { Field, FieldTable, Shown } from './field-table.ts'
import { showTexts } from './shorten.ts'

/** What the parts of one comparison share. */
export type Work = {
  readonly table: FieldTable
  readonly relative: number
  editSteps: number // that measuring texts may still cost
}

/** Steps of edit distances in one comparison: eight of two longest texts. */
export const EDIT_STEPS = 1 << 20

/** A difference is the first in its field that is measured; `by` is null when no step is left for it. */
export function compareTexts(
  work: Work,
  field: Field,
  primary: string,
  shadow: string,
  hidden: (() => Shown) | null
) {
  const a = primary.trim()
  const b = shadow.trim()
  if (a === b) return field.agree()
  if (!field.isOpenTo('text')) return field.differ('text', null, () => showTexts(a, b, 0))
  if (work.editSteps <= 0) return field.differ('text', null, hidden ?? (() => showTexts(a, b, 0)))
  const { normalised, steps, parts } = editDistance(a, b)
  work.editSteps -= steps
  field.differ('text', normalised, hidden ?? (() => showTexts(a, b, parts)))
}

/** A text that a model wrote: its words, and as a field of their own how the lengths compare. */
export function compareWritten(
  work: Work,
  field: Field,
  primary: string,
  shadow: string,
  hidden: (() => Shown) | null
) {
  compareTexts(work, field, primary, shadow, hidden)
  const length = field.part('length')
  const a = primary.trim().length
  const b = shadow.trim().length
  const ratio = lengthRatio(a, b)
  if (a === b || Math.abs(a - b) <= work.relative * Math.max(a, b)) return length.agree()
  length.differ('size', ratio, () => ({ primary: `${a} characters`, shadow: `${b} characters` }))
}

/** Shadow over primary; null where the primary says nothing. */
function lengthRatio(primary: number, shadow: number): number | null {
  return primary > 0 ? shadow / primary : null
}

/**
 * Two texts at one place: the same when they are equal but for space at their ends, else how far they are apart.
 */
import { editDistanceSteps } from './edit-distance.ts'
import type { Field, FieldTable, Shown } from './field-table.ts'
import type { Pace, Steps } from './pace.ts'
import { showTexts } from './shorten.ts'
import { trimmed } from './trim.ts'

/** What the parts of one comparison share. */
export type Work = {
  readonly table: FieldTable
  readonly pace: Pace
  readonly relative: number
  editSteps: number // that measuring texts may still cost
}

/** Steps of edit distances in one comparison: eight of two longest texts. */
export const EDIT_STEPS = 1 << 20

/** A difference is the first in its field that is measured; `by` is null when no step is left for it. */
export function* compareTexts(
  work: Work,
  field: Field,
  primary: string,
  shadow: string,
  hidden: (() => Shown) | null
): Steps {
  const a = yield* trimmed(primary, work.pace)
  const b = yield* trimmed(shadow, work.pace)
  yield* compareTrimmed(work, field, a, b, hidden)
}

/** A text that a model wrote: its words, and as a field of their own how the lengths compare. */
export function* compareWritten(
  work: Work,
  field: Field,
  primary: string,
  shadow: string,
  hidden: (() => Shown) | null
): Steps {
  const x = yield* trimmed(primary, work.pace)
  const y = yield* trimmed(shadow, work.pace)
  yield* compareTrimmed(work, field, x, y, hidden)
  const length = field.part('length')
  const a = x.length
  const b = y.length
  const ratio = lengthRatio(a, b)
  if (a === b || Math.abs(a - b) <= work.relative * Math.max(a, b)) return length.agree()
  length.differ('size', ratio, () => ({ primary: `${a} characters`, shadow: `${b} characters` }))
}

function* compareTrimmed(
  work: Work,
  field: Field,
  a: string,
  b: string,
  hidden: (() => Shown) | null
): Steps {
  if (work.pace.isDue(Math.min(a.length, b.length) >> 3)) yield
  if (a === b) return field.agree()
  if (!field.isOpenTo('text')) return field.differ('text', null, () => showTexts(a, b, 0))
  if (work.editSteps <= 0) return field.differ('text', null, hidden ?? (() => showTexts(a, b, 0)))
  const { normalised, steps, parts } = yield* editDistanceSteps(a, b, work.pace)
  work.editSteps -= steps
  field.differ('text', normalised, hidden ?? (() => showTexts(a, b, parts)))
}

/** Shadow over primary; null where the primary says nothing. */
function lengthRatio(primary: number, shadow: number): number | null {
  return primary > 0 ? shadow / primary : null
}

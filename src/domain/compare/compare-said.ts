/**
 * What two language models said to one request: text, refusal, why they stopped, and the tools they called.
 *
 * Texts are equal, or measured; arguments of a tool are compared as JSON, so that their spelling is no difference.
 */
import type { Field, Shown } from './field-table.ts'
import { compareValues } from './json-values.ts'
import { MARK, marksOf } from './marks.ts'
import { NODE, type Steps } from './pace.ts'
import type { Call, Said, Turn } from './said.ts'
import { type Side, shorten, shortenList } from './shorten.ts'
import { compareTexts, compareWritten, type Work } from './texts.ts'
import { readJsonSteps } from './tolerant-json.ts'
import { trimmed } from './trim.ts'
import { shownSizes } from './vectors.ts'

const MAX_ARGUMENT_NODES = 10_000

export function* compareSaid(work: Work, a: Said, b: Said, hidden: (() => Shown) | null): Steps {
  const { table } = work
  yield* compareOptional(work, table.field('error'), a.error, b.error, hidden)
  const choices = table.field('choices')
  if (a.turns.length !== b.turns.length) {
    choices.differ('size', null, () => shownSizes(a.turns.length, b.turns.length))
    return
  }
  for (let i = 0; i < a.turns.length; i++) {
    const x = a.turns[i]
    const y = b.turns[i]
    if (x !== undefined && y !== undefined) yield* compareTurns(work, x, y, hidden)
  }
}

function* compareTurns(work: Work, a: Turn, b: Turn, hidden: (() => Shown) | null): Steps {
  const { table } = work
  if (a.text !== '' || b.text !== '')
    yield* compareWritten(work, table.field('text'), a.text, b.text, hidden)
  if (work.pace.isDue(NODE)) yield
  if (a.refusal !== '' || b.refusal !== '') {
    yield* compareTexts(work, table.field('refusal'), a.refusal, b.refusal, hidden)
  }
  if (a.finish !== null || b.finish !== null) {
    const field = table.field('finish_reason')
    if (a.finish === b.finish) field.agree()
    else field.differ('value', null, () => ({ primary: a.finish, shadow: b.finish }))
  }
  if (a.calls.length > 0 || b.calls.length > 0) yield* compareCalls(work, a.calls, b.calls, hidden)
}

function* compareCalls(
  work: Work,
  a: readonly Call[],
  b: readonly Call[],
  hidden: (() => Shown) | null
): Steps {
  const field = work.table.field('tool_calls')
  const shown = () => ({ primary: namesOf(a), shadow: namesOf(b) })
  if (a.length !== b.length) return field.differ('size', null, shown)
  const isSame = a.every((call, i) => call.name === b[i]?.name)
  if (isSame) field.agree()
  else field.differ(haveSameNames(a, b) ? 'order' : 'value', null, shown)
  for (let i = 0; i < a.length; i++) {
    const x = a[i]
    const y = b[i]
    if (x === undefined || y === undefined || x.name !== y.name) continue
    if (work.pace.isDue(8 * NODE)) yield
    yield* compareArguments(work, field.part('arguments'), x.arguments, y.arguments, hidden)
  }
}

function* compareArguments(
  work: Work,
  field: Field,
  primary: string,
  shadow: string,
  hidden: (() => Shown) | null
): Steps {
  const a = yield* sideOf(work, primary, hidden !== null)
  const b = yield* sideOf(work, shadow, hidden !== null)
  if (a !== null && b !== null) {
    field.agree()
    return yield* compareValues(work, a, 0, b, 0, field)
  }
  yield* compareTexts(work, field, primary, shadow, hidden)
}

/** Arguments as a document; a model that gives none means an empty object. */
function* sideOf({ pace }: Work, text: string, hides: boolean): Steps<Side | null> {
  const isEmpty = (yield* trimmed(text, pace)) === ''
  const document = yield* readJsonSteps(isEmpty ? '{}' : text, MAX_ARGUMENT_NODES, pace)
  if (typeof document === 'string') return null
  const marks = marksOf(document)
  if (hides) marks.fill(MARK.hidden)
  return { document, marks, ignores: false, hides }
}

function* compareOptional(
  work: Work,
  field: Field,
  a: string | null,
  b: string | null,
  hidden: (() => Shown) | null
): Steps {
  if (a === null && b === null) return
  if (a !== null && b !== null) yield* compareTexts(work, field, a, b, hidden)
  else {
    const shown = () => ({
      primary: a === null ? null : shorten(a),
      shadow: b === null ? null : shorten(b)
    })
    field.differ(a === null ? 'extra' : 'missing', null, hidden ?? shown)
  }
}

function namesOf(calls: readonly Call[]): string {
  return shortenList(calls.map(({ name }) => name))
}

/** Whether the same tools were called, each as often. */
function haveSameNames(a: readonly Call[], b: readonly Call[]): boolean {
  const names = b.map(({ name }) => name).sort()
  return a
    .map(({ name }) => name)
    .sort()
    .every((name, i) => name === names[i])
}

/**
 * What OpenAI answers say: chat completions, completions and responses, whole or one event of a stream.
 */
import { JSON_KIND } from './json-document.ts'
import { isIgnored } from './marks.ts'
import { NODE, type Pace, type Steps } from './pace.ts'
import type { SaidDraft } from './said.ts'
import { type Side, shorten } from './shorten.ts'

/** Takes a whole answer or the data of one event; false when it is none of the known forms. */
export function* takeOpenAi(draft: SaidDraft, side: Side, pace: Pace): Steps<boolean> {
  const { document } = side
  if (document.kind(0) !== JSON_KIND.object) return false
  const hasError = takeError(draft, side, 0)
  const choices = listOf(side, 0, 'choices')
  if (choices >= 0) {
    yield* eachElement(side, choices, pace, (choice, place) =>
      takeChoice(draft, side, choice, place, pace)
    )
    return true
  }
  const type = document.textOf(0, 'type')
  if (type?.startsWith('response.')) return takeEvent(draft, side, type)
  return (yield* takeResponse(draft, side, 0, pace)) || hasError
}

/** An `error` that is there and neither null nor false. */
export function takeError(draft: SaidDraft, side: Side, node: number): boolean {
  const { document } = side
  const error = open(side, document.member(node, 'error'))
  if (error < 0) return false
  const kind = document.kind(error)
  if (kind === JSON_KIND.null || kind === JSON_KIND.false) return false
  draft.error(document.textOf(error, 'message') ?? shorten(document.raw(error)))
  return true
}

function* takeChoice(
  draft: SaidDraft,
  side: Side,
  choice: number,
  place: number,
  pace: Pace
): Steps {
  const { document } = side
  const at = indexOf(side, choice, place)
  draft.touch(at)
  for (const name of ['message', 'delta']) {
    const message = open(side, document.member(choice, name))
    if (message < 0) continue
    takeText(side, message, 'content', piece => draft.text(at, piece))
    const parts = listOf(side, message, 'content')
    if (parts >= 0) yield* takeParts(draft, side, parts, at, pace)
    takeText(side, message, 'refusal', piece => draft.refusal(at, piece))
    const calls = listOf(side, message, 'tool_calls')
    if (calls >= 0) {
      yield* eachElement(side, calls, pace, (call, position) => {
        takeCall(draft, side, document.member(call, 'function'), at, indexOf(side, call, position))
        return null
      })
    }
    const legacy = open(side, document.member(message, 'function_call'))
    if (legacy >= 0) takeCall(draft, side, legacy, at, 0)
  }
  takeText(side, choice, 'text', piece => draft.text(at, piece))
  takeText(side, choice, 'finish_reason', reason => draft.finish(at, reason))
}

/** A text, or a list of parts of which some are text. */
function* takeContent(
  draft: SaidDraft,
  side: Side,
  message: number,
  choice: number,
  pace: Pace
): Steps {
  takeText(side, message, 'content', piece => draft.text(choice, piece))
  yield* takeParts(draft, side, listOf(side, message, 'content'), choice, pace)
}

function* takeParts(
  draft: SaidDraft,
  side: Side,
  parts: number,
  choice: number,
  pace: Pace
): Steps {
  yield* eachElement(side, parts, pace, part => {
    takeText(side, part, 'text', piece => draft.text(choice, piece))
    takeText(side, part, 'refusal', piece => draft.refusal(choice, piece))
    return null
  })
}

function takeCall(draft: SaidDraft, side: Side, call: number, choice: number, index: number): void {
  const { document } = side
  if (open(side, call) < 0) return
  const name = open(side, document.member(call, 'name'))
  const said = name >= 0 && document.isString(name) ? document.string(name) : null
  const args = open(side, document.member(call, 'arguments'))
  if (args < 0) draft.call(choice, index, said, '')
  else if (document.isString(args)) draft.call(choice, index, said, document.string(args))
  else draft.call(choice, index, said, document.raw(args))
}

/** A whole answer of the responses API. */
function* takeResponse(draft: SaidDraft, side: Side, node: number, pace: Pace): Steps<boolean> {
  const output = listOf(side, node, 'output')
  if (output < 0) return false
  draft.touch(0)
  yield* eachElement(side, output, pace, (item, place) => takeItem(draft, side, item, place, pace))
  takeEnd(draft, side, node)
  takeError(draft, side, node)
  return true
}

function* takeItem(draft: SaidDraft, side: Side, item: number, place: number, pace: Pace): Steps {
  if (side.document.textOf(item, 'type') === 'function_call') takeCall(draft, side, item, 0, place)
  else yield* takeContent(draft, side, item, 0, pace)
}

/** `completed`, or why an answer is incomplete. */
function takeEnd(draft: SaidDraft, side: Side, node: number): void {
  takeText(side, node, 'status', status => draft.finish(0, status))
  const details = open(side, side.document.member(node, 'incomplete_details'))
  takeText(side, details, 'reason', reason => draft.finish(0, reason))
}

/** One event of the responses API. What a final event repeats is not taken again. */
function takeEvent(draft: SaidDraft, side: Side, type: string): boolean {
  const { document } = side
  draft.touch(0)
  const place = indexOf(side, 0, 0, 'output_index')
  const delta = (take: (piece: string) => void) => takeText(side, 0, 'delta', take)
  if (type === 'response.output_text.delta') delta(piece => draft.text(0, piece))
  else if (type === 'response.refusal.delta') delta(piece => draft.refusal(0, piece))
  else if (type === 'response.function_call_arguments.delta') {
    delta(piece => draft.call(0, place, null, piece))
  } else if (type === 'response.output_item.added') {
    const item = open(side, document.member(0, 'item'))
    if (item >= 0 && document.textOf(item, 'type') === 'function_call') {
      takeText(side, item, 'name', name => draft.call(0, place, name, ''))
    }
  } else if (ENDS.has(type)) {
    const response = open(side, document.member(0, 'response'))
    takeEnd(draft, side, response)
    takeError(draft, side, response)
  }
  return true
}

const ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed'])

/** Calls `take` with the string that the member is, when it is one and is compared. */
export function takeText(
  side: Side,
  node: number,
  name: string,
  take: (text: string) => void
): void {
  const value = open(side, side.document.member(node, name))
  if (value >= 0 && side.document.isString(value)) take(side.document.string(value))
}

/** The member that is an array and is compared, or -1. */
export function listOf(side: Side, node: number, name: string): number {
  const { document } = side
  const list = open(side, document.member(node, name))
  return list >= 0 && document.kind(list) === JSON_KIND.array ? list : -1
}

/** Calls `take` with each element of an array (-1: of none) that is compared, and its place among them. */
export function* eachElement(
  side: Side,
  list: number,
  pace: Pace,
  take: (element: number, place: number) => Steps | null
): Steps {
  if (list < 0) return
  const { document } = side
  const end = document.next(list)
  let place = 0
  for (let at = list + 1; at < end; at = document.next(at)) {
    if (pace.isDue(AN_ELEMENT)) yield
    if (open(side, at) < 0) continue
    const steps = take(at, place++)
    if (steps !== null) yield* steps
  }
}

const AN_ELEMENT = 4 * NODE // units of looking for some members in it

/** The node, or -1 when it is ignored. */
export function open(side: Side, node: number): number {
  return node >= 0 && !isIgnored(side, node) ? node : -1
}

export function indexOf(side: Side, node: number, place: number, name = 'index'): number {
  const { document } = side
  const index = document.member(node, name)
  return index >= 0 && document.kind(index) === JSON_KIND.integer ? document.number(index) : place
}

/**
 * What answers of the Anthropic Messages API say, whole or one event of a stream.
 */
import { JSON_KIND } from './json-document.ts'
import type { Pace, Steps } from './pace.ts'
import type { SaidDraft } from './said.ts'
import { eachElement, indexOf, listOf, open, takeError, takeText } from './said-openai.ts'
import type { Side } from './shorten.ts'

/** Takes a whole answer or the data of one event; false when it is none of the known forms. */
export function* takeAnthropic(draft: SaidDraft, side: Side, pace: Pace): Steps<boolean> {
  const { document } = side
  if (document.kind(0) !== JSON_KIND.object) return false
  const hasError = takeError(draft, side, 0)
  const blocks = listOf(side, 0, 'content')
  if (blocks >= 0) {
    draft.touch(0)
    yield* eachElement(side, blocks, pace, (block, place) => {
      takeBlock(draft, side, block, place)
      return null
    })
    takeText(side, 0, 'stop_reason', reason => draft.finish(0, reason))
    return true
  }
  const type = document.textOf(0, 'type')
  if (type === null) return hasError
  return takeEvent(draft, side, type) || hasError
}

function takeBlock(draft: SaidDraft, side: Side, block: number, place: number): void {
  const { document } = side
  takeText(side, block, 'text', piece => draft.text(0, piece))
  if (!CALLS.has(document.textOf(block, 'type') ?? '')) return
  const input = open(side, document.member(block, 'input'))
  draft.call(0, place, document.textOf(block, 'name'), input < 0 ? '' : document.raw(input))
}

function takeEvent(draft: SaidDraft, side: Side, type: string): boolean {
  const { document } = side
  if (!EVENTS.has(type)) return false
  draft.touch(0)
  const place = indexOf(side, 0, 0)
  const delta = open(side, document.member(0, 'delta'))
  if (type === 'content_block_start') {
    const block = open(side, document.member(0, 'content_block'))
    if (block < 0) return true
    takeText(side, block, 'text', piece => draft.text(0, piece))
    // The input comes in pieces behind: the empty object here is no part of it.
    if (CALLS.has(document.textOf(block, 'type') ?? '')) {
      draft.call(0, place, document.textOf(block, 'name'), '')
    }
  } else if (type === 'content_block_delta') {
    takeText(side, delta, 'text', piece => draft.text(0, piece))
    takeText(side, delta, 'partial_json', piece => draft.call(0, place, null, piece))
  } else takeText(side, delta, 'stop_reason', reason => draft.finish(0, reason))
  return true
}

const CALLS = new Set(['tool_use', 'server_tool_use'])
const EVENTS = new Set([
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
  'ping'
])

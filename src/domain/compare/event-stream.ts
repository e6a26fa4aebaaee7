/**
 * The data of server-sent events in a text that is whole. Source: WHATWG HTML, 9.2.6: lines end with CR, LF or
 * both, data lines of one event are joined by LF, and an event that its blank line does not end is not one.
 *
 * The last event of a stream that ends without a blank line is given all the same: servers leave it out.
 */
import { NODE, type Pace, STEP, type Steps } from './pace.ts'
import { TextPieces } from './text-pieces.ts'
import { trimmed } from './trim.ts'

/** Data of each event that has any, in order; what marks the end (`[DONE]`) is left out. Undefined: a pause. */
export function* eventData(
  text: string,
  pace: Pace
): Generator<string | undefined, void, undefined> {
  let data: TextPieces | string | null = null // most events have one line
  for (let at = 0; at < text.length; ) {
    let end = lineEnd(text, at)
    if (isOpen(text, end)) end = yield* longLineEnd(text, end, pace)
    if (pace.isDue(LINE + ((end - at) % STEP))) yield
    if (end === at) {
      const whole = typeof data === 'string' ? data : (data?.whole() ?? null)
      if (whole !== null) {
        const bare = whole.length <= STEP ? whole.trim() : yield* trimmed(whole, pace)
        if (bare !== '[DONE]') yield whole
      }
      data = null
    } else if (text.startsWith('data', at)) {
      const value = dataOf(text, at, end)
      if (value !== null) data = data === null ? value : both(data, value)
    }
    at = end + (text.startsWith('\r\n', end) ? 2 : 1)
  }
  const rest = typeof data === 'string' ? data : (data?.whole() ?? null)
  if (rest !== null && (yield* trimmed(rest, pace)) !== '[DONE]') yield rest
}

function both(before: TextPieces | string, line: string): TextPieces {
  const pieces = typeof before === 'string' ? new TextPieces('\n') : before
  if (typeof before === 'string') pieces.push(before)
  pieces.push(line)
  return pieces
}

/** The value of a data line, or null: the field has another name. */
function dataOf(text: string, at: number, end: number): string | null {
  const colon = at + 4
  if (colon >= end) return ''
  if (text[colon] !== ':') return null
  return text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1, end)
}

/** Documents of a text that has one a line. Undefined: a pause. */
export function* lines(text: string, pace: Pace): Generator<string | undefined, void, undefined> {
  for (let at = 0; at < text.length; ) {
    let end = lineEnd(text, at)
    if (isOpen(text, end)) end = yield* longLineEnd(text, end, pace)
    if (pace.isDue(LINE + ((end - at) % STEP))) yield
    const line = text.slice(at, end)
    const bare = line.length <= STEP ? line.trim() : yield* trimmed(line, pace)
    if (bare !== '') yield line
    at = end + 1
  }
}

/** Where a line ends that goes on at `from`. */
function* longLineEnd(text: string, from: number, pace: Pace): Steps<number> {
  let end = from
  while (isOpen(text, end)) {
    if (pace.isDue(STEP)) yield
    end = lineEnd(text, end)
  }
  return end
}

/** Where a line ends, or how far it was looked at. */
function lineEnd(text: string, from: number): number {
  const to = Math.min(text.length, from + STEP)
  let at = from
  while (at < to && text.charCodeAt(at) !== FEED && text.charCodeAt(at) !== RETURN) at++
  return at
}

/** Whether a line goes on at `at`. */
function isOpen(text: string, at: number): boolean {
  if (at >= text.length) return false
  const c = text.charCodeAt(at)
  return c !== FEED && c !== RETURN
}

const FEED = 10
const RETURN = 13
const LINE = NODE // units that a line costs beside its characters

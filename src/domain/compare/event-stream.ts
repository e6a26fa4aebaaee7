/**
 * The data of server-sent events in a text that is whole. Source: WHATWG HTML, 9.2.6: lines end with CR, LF or
 * both, data lines of one event are joined by LF, and an event that its blank line does not end is not one.
 *
 * The last event of a stream that ends without a blank line is given all the same: servers leave it out.
 */

/** Data of each event that has any, in order; what marks the end (`[DONE]`) is left out. */
export function* eventData(text: string): Generator<string, void, undefined> {
  let data: string[] = []
  for (let at = 0; at < text.length; ) {
    const end = lineEnd(text, at)
    if (end === at) {
      if (data.length > 0) yield* said(data)
      data = []
    } else if (text.startsWith('data', at)) {
      const value = dataOf(text, at, end)
      if (value !== null) data.push(value)
    }
    at = end + (text.startsWith('\r\n', end) ? 2 : 1)
  }
  if (data.length > 0) yield* said(data)
}

function* said(data: readonly string[]): Generator<string, void, undefined> {
  const whole = data.join('\n')
  if (whole.trim() !== '[DONE]') yield whole
}

/** The value of a data line, or null: the field has another name. */
function dataOf(text: string, at: number, end: number): string | null {
  const colon = at + 4
  if (colon >= end) return ''
  if (text[colon] !== ':') return null
  return text.slice(text[colon + 1] === ' ' ? colon + 2 : colon + 1, end)
}

function lineEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && text.charCodeAt(at) !== FEED && text.charCodeAt(at) !== RETURN) at++
  return at
}

/** Documents of a text that has one a line. */
export function* lines(text: string): Generator<string, void, undefined> {
  for (let at = 0; at < text.length; ) {
    const end = lineEnd(text, at)
    const line = text.slice(at, end)
    if (line.trim() !== '') yield line
    at = end + 1
  }
}

const FEED = 10
const RETURN = 13

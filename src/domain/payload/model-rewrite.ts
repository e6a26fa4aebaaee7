/**
 * Another model name in a request's body: the string at the top-level member `model`, and nothing else changes.
 *
 * The body is walked as bytes, without building it; a body that is no JSON object, has no such string or has two
 * is left as it is.
 */

/** The body with `model` in the place of its own; null where there is nothing to replace. */
export function withModel(body: Uint8Array, model: string): Uint8Array | null {
  const place = placeOfModel(body)
  if (place === null) return null
  const name = new TextEncoder().encode(JSON.stringify(model))
  const out = new Uint8Array(body.length - (place.end - place.start) + name.length)
  out.set(body.subarray(0, place.start))
  out.set(name, place.start)
  out.set(body.subarray(place.end), place.start + name.length)
  return out
}

/** Where the value of the member stands, with its quotes. */
type Place = { readonly start: number; readonly end: number }

const MODEL = new TextEncoder().encode('"model"')

function placeOfModel(body: Uint8Array): Place | null {
  let depth = 0
  let found: Place | null = null
  let isName = false // the next string is a name of the top level
  let named = false // the last name of the top level was `model`
  for (let at = 0; at < body.length; at++) {
    const c = body[at]
    if (c === QUOTE) {
      const end = endOfString(body, at)
      if (end < 0) return null
      if (depth === 1 && isName) named = isText(body, at, end, MODEL)
      else if (depth === 1 && named) {
        if (found !== null) return null
        found = { start: at, end }
      }
      if (depth === 1) isName = false
      at = end - 1
    } else if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (depth === 0 && c === OPEN_ARRAY) return null
      depth++
      if (depth === 1) isName = true
    } else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) depth--
    else if (c === COMMA && depth === 1) {
      isName = true
      named = false
    }
  }
  return depth === 0 ? found : null
}

/** Behind the closing quote of the string that opens at `from`; -1 where it does not close. */
function endOfString(body: Uint8Array, from: number): number {
  for (let at = from + 1; at < body.length; at++) {
    if (body[at] === BACKSLASH) at++
    else if (body[at] === QUOTE) return at + 1
  }
  return -1
}

function isText(body: Uint8Array, from: number, end: number, text: Uint8Array): boolean {
  if (end - from !== text.length) return false
  return text.every((c, i) => body[from + i] === c)
}

const QUOTE = 34
const COMMA = 44
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

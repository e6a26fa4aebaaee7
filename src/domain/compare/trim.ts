/**
 * Space at the ends of a text, which may be megabytes of it, taken away as `trim` does, in pieces.
 */
import { type Pace, STEP, type Steps } from './pace.ts'

export function* trimmed(text: string, pace: Pace): Steps<string> {
  if (text.length <= STEP) return text.trim()
  return yield* trimmedEnd(yield* trimmedStart(text, pace), pace)
}

export function* trimmedStart(text: string, pace: Pace): Steps<string> {
  for (let at = 0; at < text.length; at += STEP) {
    const piece = text.slice(at, at + STEP)
    const rest = piece.trimStart()
    if (rest !== '') return text.slice(at + piece.length - rest.length)
    if (pace.isDue(STEP)) yield
  }
  return ''
}

export function* trimmedEnd(text: string, pace: Pace): Steps<string> {
  for (let end = text.length; end > 0; end -= STEP) {
    const piece = text.slice(Math.max(0, end - STEP), end)
    const rest = piece.trimEnd()
    if (rest !== '') return text.slice(0, end - piece.length + rest.length)
    if (pace.isDue(STEP)) yield
  }
  return ''
}

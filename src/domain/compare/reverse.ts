/**
 * Turns the end of a list around: what a walk put on its stack in the order of the text is taken in that order.
 */
import { type Pace, PIECE, type Steps } from './pace.ts'

/** What is behind `from`, with pauses. */
export function* reverseSteps<T>(list: T[], from: number, pace: Pace): Steps {
  const end = list.length
  const middle = from + ((end - from) >> 1)
  for (let at = from; at < middle; at += PIECE) {
    const to = Math.min(middle, at + PIECE)
    swap(list, from, end, at, to)
    if (pace.isDue(to - at)) yield
  }
}

/** The same at once. */
export function reverse<T>(list: T[], from: number): void {
  swap(list, from, list.length, from, from + ((list.length - from) >> 1))
}

function swap<T>(list: T[], from: number, end: number, at: number, to: number): void {
  for (let i = at; i < to; i++) {
    const j = end - 1 - (i - from)
    const kept = list[i] as T // both indices are inside the list
    list[i] = list[j] as T
    list[j] = kept
  }
}

/**
 * Bare words of a JSON document: the three of the standard, and what model servers write for what is no number.
 */
export const WORD = { null: 0, true: 1, false: 2, nan: 3, infinite: 4, done: 5 } as const

/** Characters of the longest word, with its sign. */
export const LONGEST_WORD = 9

/** One of WORD, or -1. */
export function wordOf(text: string): number {
  if (text === 'null') return WORD.null
  if (text === 'true') return WORD.true
  if (text === 'false') return WORD.false
  if (text === 'DONE') return WORD.done
  return notFinite(text)
}

/** WORD.nan or WORD.infinite of what stands for such a number, in any case of letters, otherwise -1. */
export function notFinite(text: string): number {
  const sign = text.startsWith('-') || text.startsWith('+')
  const word = (sign ? text.slice(1) : text).toLowerCase()
  if (word === 'nan') return WORD.nan
  return word === 'inf' || word === 'infinity' ? WORD.infinite : -1
}

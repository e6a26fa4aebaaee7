/**
 * What is wrong with a configuration, and where.
 *
 * Exports: `Problem`, `formatProblem`, `Path`, `showPath`, `Report`, `printable`, `nearest`, `hint`,
 * `withoutUser`.
 *
 * All problems of a file are collected and shown at once. A message is one sentence without its position.
 */
/** Keys and indices from the top of the file. */
export type Path = readonly (string | number)[]

export type Problem = {
  readonly file: string // as the caller named it
  readonly line: number // from 1; 0 where the fault has no place in the file
  readonly column: number
  readonly path: string // `routes.fraud.overrides[0].variant`; empty at the top
  readonly message: string
}

/**
 * What a fault is about: the value at its path (by default), the key, or an entry, whose fault stands at the
 * key and is told of the map that holds it.
 */
export type About = 'value' | 'key' | 'entry'

export type Report = (path: Path, message: string, about?: About) => void

/** `config.yaml:9:17 routes.fraud.initialWeights: variant "v5" does not exist, did you mean "v4"?` */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `:${problem.line}:${problem.column}` : ''
  const path = problem.path === '' ? ':' : ` ${problem.path}:`
  return `${problem.file}${place}${path} ${problem.message}`
}

export function showPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? shown(part) : `.${shown(part)}`
  }
  return text
}

/** A message on one line of bounded length: what stands in a file can do nothing to a terminal or a log. */
export function printable(message: string): string {
  const plain = message.replace(
    /\p{Cc}/gu,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain
}

const LONGEST = 600

/** Hides user and password of a URL; cuts at the last @, for a password may hold one too. */
export function withoutUser(text: string): string {
  const start = text.indexOf('://')
  const end = text.lastIndexOf('@')
  return start < 0 || end < start ? text : `${text.slice(0, start)}://[redacted]${text.slice(end)}`
}

/** `, did you mean "v4"?` when a valid word is near, else the list of valid words. */
export function hint(word: string, valid: readonly string[]): string {
  const near = nearest(word, valid)
  if (near !== null) return `, did you mean "${near}"?`
  if (valid.length === 0) return ''
  const few = valid.slice(0, 12).join(', ')
  return `; known are ${few}${valid.length > 12 ? ', …' : ''}`
}

/** The valid word with the fewest edits, at most a third of its length (but one at least); null when none is near. */
export function nearest(word: string, valid: readonly string[]): string | null {
  let best: string | null = null
  let fewest = Number.POSITIVE_INFINITY
  const given = word.slice(0, 80).toLowerCase()
  for (const candidate of valid) {
    const limit = Math.max(1, Math.floor(Math.max(given.length, candidate.length) / 3))
    const edits = distance(given, candidate.toLowerCase())
    if (edits <= limit && edits < fewest) {
      best = candidate
      fewest = edits
    }
  }
  return best
}

/** Edits between two words where a swap of neighbours is one edit (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1)
      )
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) edits = Math.min(edits, (before[j - 2] ?? 0) + 1)
      row.push(edits)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

/** Control characters of a key never reach a terminal, nor does a password that became one. */
function shown(key: string): string {
  const part = withoutUser(key)
  const quoted = JSON.stringify(part)
  return quoted.length === part.length + 2 && !part.includes('.') ? part : quoted
}

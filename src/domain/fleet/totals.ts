/**
 * What a replica tells the others of one variant, as short text: counts since it began to count, which only grow
 * while its label and its era stay. So a message that is lost or comes twice changes nothing.
 *
 * Rows have n and x of the four kinds of failure (KIND_ROW). Numbers are base 36, nothing for 0, and each n after
 * the first is written as its difference to the first, which is mostly nothing too. A text of another replica is
 * checked like all that comes from outside; what cannot be read is null.
 */

/** Words of a row: n and x of each kind, in the order of FAIL_KINDS. */
export const KIND_ROW = { kinds: 4, size: 8 } as const

/** `arms`: per stratum a row of the challenger and one of the champion; `groups`: the champion's, per group. */
export type TotalsShape = { readonly kind: 'arms' | 'groups'; readonly rows: number }

export type UnitTotal = {
  readonly unit: number // unit hash
  readonly kinds: number // a bit of FAIL, and the stratum above bit 7
  readonly birth: number // distinguishes counts of one unit that began anew
  readonly count: number // failures that were counted
}

export type Totals = {
  readonly label: string // of what assigns units; counts of other labels are never compared
  readonly era: number // rises when a replica starts to count anew
  readonly words: Float64Array // rows x KIND_ROW.size
  readonly units: readonly UnitTotal[] // those that fail most; the others are unknown
  readonly leftOut: number // failures that were not added (rule 7)
  readonly restarts: number // of addresses, as far as this replica saw them
}

export const MOST_UNITS = 8

const VERSION = '1'
const MOST_TEXT = 65_536
const MOST_DIGITS = 11
const COMMA = 44
const MINUS = 45
const LABEL = /^[0-9a-z-]{1,64}$/

export function packTotals(totals: Totals, shape: TotalsShape): string {
  const { label, era, words, units, leftOut, restarts } = totals
  const rows: string[] = []
  for (let r = 0; r < shape.rows; r++) rows.push(packRow(words, r * KIND_ROW.size))
  const named = units.map(({ unit, kinds, birth, count }) =>
    [unit, kinds, birth, count].map(base36).join('.')
  )
  return [
    VERSION + shape.kind[0],
    label,
    base36(era),
    base36(leftOut),
    base36(restarts),
    trimmed(rows, ';'),
    named.join(',')
  ].join('|')
}

/** Null for anything that is not totals of this shape. */
export function parseTotals(text: string, shape: TotalsShape): Totals | null {
  if (text.length > MOST_TEXT) return null
  const fields = text.split('|')
  const [head, label, eraText, leftText, restartText, rowsText, unitsText] = fields
  if (fields.length !== 7 || head !== VERSION + shape.kind[0]) return null
  if (label === undefined || !LABEL.test(label)) return null
  const words = rowsText === undefined ? null : parseRows(rowsText, shape.rows)
  const units = unitsText === undefined ? null : parseUnits(unitsText)
  const era = number(eraText ?? '')
  const leftOut = number(leftText ?? '')
  const restarts = number(restartText ?? '')
  if (words === null || units === null || !(Math.min(era, leftOut, restarts) >= 0)) return null
  return { label, era, words, units, leftOut, restarts }
}

function packRow(words: Float64Array, at: number): string {
  const first = words[at] ?? 0
  const cells: string[] = []
  for (let i = 0; i < KIND_ROW.size; i++) {
    const relative = i > 0 && i % 2 === 0
    cells.push(base36((words[at + i] ?? 0) - (relative ? first : 0)))
  }
  return trimmed(cells, ',')
}

function parseRows(text: string, rows: number): Float64Array | null {
  const words = new Float64Array(rows * KIND_ROW.size)
  let from = 0
  for (let r = 0; r < rows && from <= text.length; r++) {
    const found = text.indexOf(';', from)
    const end = found < 0 ? text.length : found
    if (!readRow(text, from, end, words, r * KIND_ROW.size)) return null
    from = end + 1
  }
  return from > text.length ? words : null
}

/** Reads characters and not parts: a slot of many replicas has a hundred thousand of them. */
function readRow(
  text: string,
  from: number,
  end: number,
  words: Float64Array,
  at: number
): boolean {
  let i = from
  for (let column = 0; column < KIND_ROW.size; column++) {
    const negative = i < end && text.charCodeAt(i) === MINUS
    if (negative) i++
    const start = i
    let value = 0
    while (i < end && text.charCodeAt(i) !== COMMA) {
      const digit = digitOf(text.charCodeAt(i++))
      if (digit < 0) return false
      value = value * 36 + digit
    }
    if (i - start > MOST_DIGITS || (negative && value === 0)) return false
    const relative = column > 0 && column % 2 === 0 ? (words[at] ?? 0) : 0
    const word = (negative ? -value : value) + relative
    if (word < 0 || word > Number.MAX_SAFE_INTEGER) return false
    words[at + column] = word
    if (i < end && column < KIND_ROW.size - 1) i++
  }
  return i === end
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  return code >= 97 && code <= 122 ? code - 87 : -1
}

function parseUnits(text: string): readonly UnitTotal[] | null {
  if (text === '') return []
  const units: UnitTotal[] = []
  for (const part of text.split(',')) {
    const cells = part.split('.')
    const [unit = -1, kinds = -1, birth = -1, count = -1] = cells.map(number)
    if (cells.length !== 4 || !(Math.min(unit, kinds, birth, count) >= 0)) return null
    if (units.push({ unit, kinds, birth, count }) > MOST_UNITS) return null
  }
  return units
}

function base36(value: number): string {
  return value === 0 ? '' : value.toString(36)
}

/** NaN for what `base36` does not write. */
function number(text: string): number {
  if (text === '') return 0
  if (!/^-?[1-9a-z][0-9a-z]{0,10}$/.test(text)) return Number.NaN
  const value = Number.parseInt(text, 36)
  return Number.isSafeInteger(value) ? value : Number.NaN
}

function trimmed(parts: string[], separator: string): string {
  let end = parts.length
  while (end > 0 && parts[end - 1] === '') end--
  return parts.slice(0, end).join(separator)
}

/**
 * Predictions that are rows: elements of lists under the names of a protocol, or the whole document.
 *
 * Lists are transparent, so a list of lists has as many predictions as it has values at the bottom; an object is
 * one prediction, whatever it holds. Judged are all values in it but those of `parameters` and `logprobs`; an
 * `error` that is no empty one in a row is a failure of the model. A null in place of all rows is a null and no row.
 */
import { BAD, ERROR, FAILURE_NAMES, Facts, MODEL_NAMES, ROOT_WANTS } from './facts.ts'
import { type Place, place, SKIP, WANTS } from './place.ts'

const LEAVES = WANTS.node | WANTS.leaves | WANTS.text
const ROW = WANTS.objects | WANTS.leaves | WANTS.text

/** Members that say nothing about predictions; `extra` is found in rows as well. */
function cellNames(extra: Readonly<Record<string, Place>> = {}) {
  return { parameters: SKIP, logprobs: SKIP, error: SKIP, ...extra }
}

/** Anything inside an object that is a row. */
const CELL = place('cell', WANTS.leaves | WANTS.text, {
  repeated: cellNames(),
  other: 'self',
  element: 'self'
})

/** A row, and what stands in place of all rows. */
export function rows(extra: Readonly<Record<string, Place>> = {}): Place {
  const row = place('row', ROW, {
    repeated: cellNames({ error: ERROR, ...extra }),
    other: CELL,
    element: 'self'
  })
  return place('rows', LEAVES, {
    repeated: cellNames({ error: ERROR, ...extra }),
    other: CELL,
    element: row
  })
}

export const ROWS = rows()

/** Rows under the names of columns. */
export const COLUMNS = place('rows', LEAVES, {
  repeated: cellNames({ error: ERROR }),
  other: place('row', ROW, { repeated: cellNames(), other: CELL, element: 'self' }),
  element: place('row', ROW, {
    repeated: cellNames({ error: ERROR }),
    other: CELL,
    element: 'self'
  })
})

/** A member of a document that counts only where nothing stands under the names. */
export const ELSEWHERE = place('elsewhere', LEAVES, {
  repeated: cellNames(),
  other: 'self',
  element: 'self'
})

/** The whole answer, with predictions under `names` and what is under no name at `other`. */
export function rootOf(
  names: Readonly<Record<string, Place>>,
  other: Place,
  extra: Readonly<Record<string, Place>> = {}
): Place {
  return place('root', ROOT_WANTS, {
    names,
    repeated: { ...MODEL_NAMES, ...FAILURE_NAMES, parameters: SKIP, logprobs: SKIP, ...extra },
    other,
    element: ROWS.element
  })
}

export type RowRules = {
  readonly bare: boolean // a list or value without any name is predictions too
  readonly elsewhere: 'judged' | 'counted' | 'nothing' // what is under no name, where no name is there
}

export class RowFacts extends Facts {
  readonly #rules: RowRules
  #found = false
  #refused = false
  #elsewhere = false
  #badElsewhere = 0

  constructor(rules: RowRules) {
    super()
    this.#rules = rules
  }

  override endBody(documents: number): void {
    if (documents === 0 && this.predictions === 0) this.bad |= BAD.empty
  }

  protected override beginDocument(): void {
    this.#found = false
    this.#refused = false
    this.#elsewhere = false
    this.#badElsewhere = 0
  }

  protected override endDocument(): void {
    if (this.#refused) {
      this.unparsable('syntax')
      return
    }
    const { elsewhere } = this.#rules
    if (!this.#found && elsewhere !== 'nothing' && this.#elsewhere && !this.documentFailed) {
      this.predictions++
      this.content()
      if (elsewhere === 'judged') this.bad |= this.#badElsewhere
    }
    if (this.isEmpty()) this.bad |= BAD.empty
  }

  protected isEmpty(): boolean {
    return this.documentPredictions === 0 && !this.hasNull && !this.documentFailed
  }

  /** Something stands under a name of the protocol. */
  protected found(): void {
    this.#found = true
  }

  override open(at: Place, object: boolean): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') {
      if (!object) this.#bare()
    } else if (at.id === 'elsewhere') this.#elsewhere = true
    else this.#found = true
  }

  override close(at: Place, object: boolean, empty: boolean): void {
    if (!object || empty || (at.id !== 'row' && at.id !== 'rows')) return
    if (at.id === 'rows' && (at === COLUMNS || this.documentFailed)) return
    this.row(1)
    this.content()
  }

  override text(at: Place, bytes: Uint8Array, from: number, to: number): void {
    if (this.commonText(at, bytes, from, to)) return
    this.#leaf(at, 0, 1)
    if (to > from) this.content()
  }

  override word(at: Place, word: number): void {
    if (this.commonWord(at, word)) return
    const kind = this.kindOf(word)
    this.#leaf(at, kind, kind === BAD.null && (at.id === 'rows' || at.id === 'root') ? 0 : 1)
    if (kind === 0) this.content()
  }

  override numbers(at: Place, count: number): void {
    if (this.commonOther(at)) return
    this.#leaf(at, 0, count)
    this.content()
  }

  protected row(count: number): void {
    this.predictions += count
  }

  #leaf(at: Place, kind: number, count: number): void {
    if (at.id === 'elsewhere') {
      this.#elsewhere = true
      this.#badElsewhere |= kind
      return
    }
    if (at.id === 'root' && kind === 0) this.#bare()
    this.#found = true
    this.bad |= kind
    if (at.id === 'cell') return
    if (count === 0) this.hasNull = true
    this.row(count)
  }

  #bare(): void {
    this.#found = true
    if (!this.#rules.bare) this.#refused = true
  }
}

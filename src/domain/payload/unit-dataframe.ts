/**
 * The unit in a data frame of MLflow: a column's cell in the first row of `dataframe_split` or the member of the
 * first of `dataframe_records`, whichever stands first.
 *
 * Columns usually come before the data; where they come behind it, the first row is kept until they are known,
 * up to 1 MiB of text. A column's name is compared by its text, so 7 and "7" are the same.
 */
import { ListPart, ObjectPart, Part } from './unit-part.ts'
import { type Place, PointerPlace, type Slot } from './unit-place.ts'

const MAX_CELLS = 65_536
const MAX_KEPT = 1_048_576

/** The whole request; `column` as latin1. */
export class DataframePlace extends ObjectPart {
  readonly #column: string
  #taken = false

  constructor(column: string, slot: Slot) {
    super(slot)
    this.#column = column
  }

  override member(name: string): Place | null {
    if (this.#taken) return null
    this.#taken = name === 'dataframe_split' || name === 'dataframe_records'
    if (name === 'dataframe_split') return new SplitPlace(new Frame(this.#column, this.slot))
    if (name !== 'dataframe_records') return null
    return new PointerPlace(['0', this.#column], 0, this.slot)
  }

  override closes(): void {
    if (!this.#taken) this.slot.absent()
  }
}

type Cell = { readonly text: string | null; readonly long: boolean }

/** What is known of a frame: where the column is, and the cells of the first row. */
class Frame {
  readonly column: string
  readonly slot: Slot
  index = -1 // of the column
  columnsKnown = false
  readonly cells: Cell[] = [] // kept while the column is not known
  rowKnown = false
  #kept = 0

  constructor(column: string, slot: Slot) {
    this.column = column
    this.slot = slot
  }

  keep(cell: Cell): void {
    this.#kept += cell.text?.length ?? 0
    if (this.cells.length >= MAX_CELLS || this.#kept > MAX_KEPT) this.slot.absent()
    else this.cells.push(cell)
  }

  /** Puts what is known together. */
  look(): void {
    if (this.columnsKnown && this.index < 0) this.slot.absent()
    if (this.index < 0 || !this.rowKnown) return
    const cell = this.cells[this.index]
    if (cell === undefined) this.slot.absent()
    else this.take(cell)
  }

  take({ text, long }: Cell): void {
    if (long) this.slot.tooLong()
    else if (text === null) this.slot.absent()
    else this.slot.found(text)
  }
}

class SplitPlace extends ObjectPart {
  readonly #frame: Frame
  #columns = false
  #data = false

  constructor(frame: Frame) {
    super(frame.slot)
    this.#frame = frame
  }

  override member(name: string): Place | null {
    if (name === 'columns' && !this.#columns) {
      this.#columns = true
      return new ColumnsPlace(this.#frame)
    }
    if (name !== 'data' || this.#data) return null
    this.#data = true
    return new DataPlace(this.#frame)
  }

  override closes(): void {
    this.slot.absent()
  }
}

/** A list of a frame. */
class FrameList extends ListPart {
  protected readonly frame: Frame

  constructor(frame: Frame) {
    super(frame.slot)
    this.frame = frame
  }
}

class ColumnsPlace extends FrameList {
  override element(index: number): Place | null {
    return new ColumnPlace(this.frame, index)
  }

  override wantsBehind(): boolean {
    return this.frame.index < 0
  }

  override closes(): void {
    this.frame.columnsKnown = true
    this.frame.look()
  }
}

/** The name of a column; what is no text is not the one that is looked for. */
class ColumnPlace extends Part {
  readonly #frame: Frame
  readonly #index: number

  constructor(frame: Frame, index: number) {
    super()
    this.#frame = frame
    this.#index = index
  }

  override scalar(text: string | null): void {
    if (text !== this.#frame.column) return
    this.#frame.index = this.#index
    this.#frame.look()
  }
}

class DataPlace extends FrameList {
  #row = false

  override element(): Place | null {
    this.#row = true
    return new RowPlace(this.frame)
  }

  override closes(): void {
    if (!this.#row) this.slot.absent()
  }
}

class RowPlace extends FrameList {
  override element(index: number): Place | null {
    const { frame } = this
    const wanted = frame.index < 0 || frame.index === index
    return wanted ? new CellPlace(frame) : null
  }

  override wantsBehind(index: number): boolean {
    return this.frame.index < 0 || index < this.frame.index
  }

  override closes(): void {
    this.frame.rowKnown = true
    this.frame.look()
  }
}

class CellPlace extends Part {
  readonly #frame: Frame

  constructor(frame: Frame) {
    super()
    this.#frame = frame
  }

  override scalar(text: string | null): void {
    this.#have({ text, long: false })
  }

  override long(): void {
    this.#have({ text: null, long: true })
  }

  override opens(): boolean {
    this.#have({ text: null, long: false })
    return false
  }

  #have(cell: Cell): void {
    if (this.#frame.index < 0) this.#frame.keep(cell)
    else this.#frame.take(cell)
  }
}

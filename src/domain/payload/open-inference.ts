/**
 * Answers of the Open Inference Protocol: tensors in `outputs`, whole or event by event, and the documents of the
 * generate extension, where every member that is no metadata is an output.
 *
 * A tensor fits when its values are as many as its shape says, and lists in lists are as long as its dimensions. The text
 * "NaN" is a value that is no number only where the datatype is numeric. An output named `error` is a failure.
 * Sources: Open Inference Protocol, REST; Triton, extensions binary data and generate.
 */
import {
  BAD,
  ERROR,
  FAILURE_NAMES,
  Facts,
  isText,
  MODEL_NAMES,
  ROOT_WANTS,
  shortText
} from './facts.ts'
import { type Place, place, SKIP, WANTS } from './place.ts'
import { datatypeOf, Tensor } from './tensor.ts'
import { notFinite, WORD } from './words.ts'

const LEAVES = WANTS.node | WANTS.leaves | WANTS.text

const DATA = place('data', LEAVES, { element: 'self' })
const TENSOR = place('tensor', LEAVES, {
  names: {
    name: place('name', WANTS.text),
    datatype: place('datatype', WANTS.text),
    shape: place('shape', LEAVES, { element: place('dimension', LEAVES | WANTS.number) }),
    data: DATA,
    parameters: place('parameters', 0, {
      names: { binary_data_size: place('binary size', WANTS.number | WANTS.leaves) }
    })
  },
  repeated: { error: ERROR }
})
const COMMON = { ...MODEL_NAMES, ...FAILURE_NAMES }

export const INFER_ROOT = place('root', ROOT_WANTS, {
  names: { outputs: place('outputs', LEAVES, { element: TENSOR }) },
  repeated: COMMON
})

const OUTPUT = place('output', LEAVES, { element: 'self' })
const METADATA = {
  id: SKIP,
  parameters: SKIP,
  details: SKIP,
  sequence_id: SKIP,
  sequence_start: SKIP,
  sequence_end: SKIP
}

/** Some servers answer generate with tensors. */
export const GENERATE_ROOT = place('root', ROOT_WANTS, {
  names: { outputs: place('outputs', LEAVES, { element: TENSOR }) },
  repeated: { ...COMMON, ...METADATA },
  other: OUTPUT
})

export class TensorFacts extends Facts {
  /** Tensors whose values follow the JSON as bytes, in order. */
  readonly binary: Tensor[] = []
  bytesFollow = false
  #tensor = new Tensor()
  #other = false

  constructor(stream: boolean) {
    super()
    this.stream = stream
  }

  override endBody(documents: number): void {
    if (documents === 0) this.bad |= BAD.empty
  }

  protected override beginDocument(): void {
    this.#other = false
  }

  protected override endDocument(): void {
    if (this.#other) this.unparsable('syntax')
    else if (!this.bytesFollow) {
      // tensors in bytes, and no bytes: only those without a value are there
      if (this.binary.some(tensor => tensor.binaryBytes !== 0)) this.unparsable('cut')
      else this.judgeEmpty()
      this.binary.length = 0
    } else if (this.binary.length === 0) this.judgeEmpty()
  }

  /** Without any value in any output; called again when bytes have followed. */
  judgeEmpty(): void {
    if (this.documentPredictions === 0 && !this.hasNull && !this.documentFailed)
      this.bad |= BAD.empty
  }

  override open(at: Place, object: boolean): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other ||= !object
    else if (at.id === 'tensor') this.#tensor = new Tensor()
    else if (at.id === 'shape') this.#tensor.hasShape = true
    else if (at.id === 'dimension') this.#tensor.dimension(-1)
    else if (at.id === 'data') {
      if (object) this.#value(1)
      else this.#tensor.openList()
    } else if (at.id === 'output' && object) this.#output(1)
  }

  override close(at: Place, object: boolean): void {
    if (at.id === 'data' && !object) this.#tensor.closeList()
    if (at.id !== 'tensor') return
    if (!object) return
    this.bad |= this.#tensor.judge()
    this.predictions += this.#tensor.count
    if (this.#tensor.binaryBytes !== null) this.binary.push(this.#tensor)
  }

  override text(at: Place, bytes: Uint8Array, from: number, to: number): void {
    if (this.commonText(at, bytes, from, to)) return
    if (at.id === 'data') {
      this.#value(1, to > from)
      this.#tensor.badIfNumeric |= kindOfText(bytes, from, to)
    } else if (at.id === 'name') {
      if (isText('error', bytes, from, to)) this.fail()
    } else if (at.id === 'datatype')
      this.#tensor.datatype = datatypeOf(shortText(bytes, from, to, 8))
    else if (at.id === 'dimension') this.#tensor.dimension(-1)
    else if (at.id === 'root') this.#other = true
    else if (isOutput(at)) this.#output(1, to > from)
  }

  override word(at: Place, word: number): void {
    if (this.commonWord(at, word)) return
    if (at.id === 'dimension') this.#tensor.dimension(-1)
    if (at.id === 'dimension' || at.id === 'shape' || at.id === 'binary size') return
    const kind = this.kindOf(word)
    this.bad |= kind
    if (at.id === 'data') this.#dataWord(kind)
    else if (at.id === 'root') {
      if (kind === 0) this.#other = true
      this.hasNull ||= word === WORD.null
    } else if (at.id === 'tensor' || at.id === 'outputs') this.hasNull ||= word === WORD.null
    else this.#output(1, kind === 0)
  }

  override numbers(at: Place, count: number): void {
    if (this.commonOther(at)) return
    if (at.id === 'data') this.#value(count)
    else if (at.id === 'root') this.#other = true
    else if (isOutput(at)) this.#output(count)
  }

  override number(at: Place, value: number): void {
    if (at.id === 'dimension') this.#tensor.dimension(value)
    else if (at.id === 'binary size') this.#tensor.binaryBytes = value
    else super.number(at, value)
  }

  /** A null in place of all values is no value. */
  #dataWord(kind: number): void {
    if (kind === BAD.null && !this.#tensor.isInList) {
      this.hasNull = true
      this.#tensor.isNull = true
    } else this.#value(1, kind === 0)
  }

  #value(count: number, content = true): void {
    this.#tensor.values(count)
    if (content) this.content()
  }

  #output(count: number, content = true): void {
    this.predictions += count
    if (content) this.content()
  }
}

/** A place whose values are outputs without a tensor around them. */
function isOutput(at: Place): boolean {
  return at.id === 'output' || at.id === 'outputs' || at.id === 'tensor'
}

/** What a text says that is no number, as a bit of BAD. */
function kindOfText(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > 9 || to - from < 3) return 0
  const word = notFinite(shortText(bytes, from, to, 9))
  if (word < 0) return 0
  return word === WORD.nan ? BAD.nan : BAD.infinite
}

/**
 * The unit in an input of the Open Inference Protocol: the first element of the tensor of a name.
 *
 * A tensor's members may come in any order; of inputs with one name the first counts. Data may be nested, and
 * its first scalar decides. With binary data (`parameters.binary_data_size`) the bytes follow the JSON part in
 * the order of the inputs, little-endian: BYTES are a length and so many bytes, whole numbers become their
 * decimal text, as they would stand in JSON; of other datatypes there is no one text, so they are no units.
 */
import { ObjectPart, Part } from './unit-part.ts'
import type { Place, Slot } from './unit-place.ts'
import { UnitText } from './unit-text.ts'

const MAX_TEXT = 256
const MAX_NESTING = 64
const LENGTH_BYTES = 4
const WHOLE: ReadonlyMap<string, number> = new Map([
  ['INT8', 1],
  ['INT16', 2],
  ['INT32', 4],
  ['INT64', 8],
  ['UINT8', 1],
  ['UINT16', 2],
  ['UINT32', 4],
  ['UINT64', 8]
])

/** Where a tensor lies behind the JSON part. */
type Binary = { readonly offset: number; readonly size: number; readonly datatype: string }

/** The whole request; `name` as latin1. Behind the JSON part, `binary` reads on. */
export class TensorPlace extends ObjectPart {
  readonly name: string
  #inputs = false
  #binary: Binary | null = null
  #passed = 0 // bytes of binary data of the inputs so far
  #at = 0 // bytes behind the JSON part so far
  #needed = 0 // bytes of its data that say more
  readonly #bytes = new UnitText(LENGTH_BYTES + MAX_TEXT)

  constructor(name: string, slot: Slot) {
    super(slot)
    this.name = name
  }

  override member(name: string): Place | null {
    if (name !== 'inputs' || this.#inputs) return null
    this.#inputs = true
    return new InputsPlace(this)
  }

  override closes(): void {
    if (this.#binary === null) this.slot.absent()
  }

  /** Whether the tensor lies behind the JSON part. */
  get isBinary(): boolean {
    return this.#binary !== null && this.slot.open
  }

  /** An input without the name, or the tensor itself where its data is binary. */
  input(named: boolean, size: number, datatype: string): void {
    if (this.#binary !== null || !this.slot.open) return
    if (!named) {
      this.#passed += size
      return
    }
    this.#needed = datatype === 'BYTES' ? LENGTH_BYTES : (WHOLE.get(datatype) ?? 0)
    if (this.#needed === 0 || size < this.#needed) this.slot.absent()
    else this.#binary = { offset: this.#passed, size, datatype }
  }

  /** Bytes behind the JSON part. */
  binary(chunk: Uint8Array): void {
    const place = this.#binary
    if (place === null) return
    for (let at = Math.max(0, place.offset - this.#at); at < chunk.length; at++) {
      if (!this.slot.open) return
      this.#bytes.put(chunk[at] ?? 0)
      if (this.#bytes.length >= this.#needed) this.#look(place)
    }
    this.#at += chunk.length
  }

  /** As many bytes are there as were needed: the value, or the length of a text. */
  #look({ datatype, size }: Binary): void {
    const bytes = this.#bytes.toString()
    const value = littleEndian(bytes)
    if (datatype !== 'BYTES') this.slot.found(String(signed(datatype, value)))
    else if (this.#needed > LENGTH_BYTES) this.slot.found(bytes.slice(LENGTH_BYTES))
    else if (value > BigInt(size - LENGTH_BYTES) || value === 0n) this.slot.absent()
    else if (value > BigInt(MAX_TEXT)) this.slot.tooLong()
    else this.#needed += Number(value)
  }
}

class InputsPlace extends Part {
  readonly #tensor: TensorPlace

  constructor(tensor: TensorPlace) {
    super()
    this.#tensor = tensor
  }

  override opens(array: boolean): boolean {
    return array
  }

  override element(): Place {
    return new InputPlace(this.#tensor)
  }

  override wantsBehind(): boolean {
    return !this.#tensor.isBinary
  }

  override closes(): void {
    if (!this.#tensor.isBinary) this.#tensor.slot.absent()
  }
}

/** One input. */
class InputPlace extends Part {
  readonly #tensor: TensorPlace
  readonly #seen = new Set<string>()
  #name: string | null = null
  #datatype = ''
  #size = -1 // of binary data; -1 for none
  #first: { readonly text: string | null; readonly long: boolean } | null = null

  constructor(tensor: TensorPlace) {
    super()
    this.#tensor = tensor
  }

  override opens(array: boolean): boolean {
    return !array
  }

  override member(name: string): Place | null {
    if (this.#seen.has(name)) return null
    switch (name) {
      case 'name':
        this.#seen.add(name)
        return new TextPlace(text => {
          this.#name = text
          this.#look()
        })
      case 'datatype':
        this.#seen.add(name)
        return new TextPlace(text => {
          this.#datatype = text ?? ''
        })
      case 'parameters':
        this.#seen.add(name)
        return new SizePlace(size => {
          this.#size = size
        })
      case 'data':
        this.#seen.add(name)
        return new FirstPlace(0, (text, long) => {
          this.#first ??= { text, long }
          this.#look()
        })
      default:
        return null
    }
  }

  override closes(): void {
    const named = this.#name === this.#tensor.name
    if (this.#size >= 0) this.#tensor.input(named, this.#size, this.#datatype)
    else if (named) this.#tensor.slot.absent()
  }

  /** Name and first element are enough, in whatever order they came. */
  #look(): void {
    if (this.#name !== this.#tensor.name || this.#first === null || this.#tensor.isBinary) return
    const { slot } = this.#tensor
    if (this.#first.long) slot.tooLong()
    else if (this.#first.text === null) slot.absent()
    else slot.found(this.#first.text)
  }
}

class TextPlace extends Part {
  readonly #tell: (text: string | null) => void

  constructor(tell: (text: string | null) => void) {
    super()
    this.#tell = tell
  }

  override scalar(text: string | null): void {
    this.#tell(text)
  }
}

/** The parameters of an input, for `binary_data_size`. */
class SizePlace extends Part {
  readonly #tell: (size: number) => void
  #known = false

  constructor(tell: (size: number) => void) {
    super()
    this.#tell = tell
  }

  override opens(array: boolean): boolean {
    return !array
  }

  override member(name: string): Place | null {
    if (name !== 'binary_data_size' || this.#known) return null
    this.#known = true
    return new TextPlace(text => {
      const size = Number(text ?? '')
      if (text !== null && Number.isSafeInteger(size) && size >= 0) this.#tell(size)
    })
  }
}

/** Data: its first scalar, however deep it is nested. */
class FirstPlace extends Part {
  readonly #depth: number
  readonly #tell: (text: string | null, long: boolean) => void

  constructor(depth: number, tell: (text: string | null, long: boolean) => void) {
    super()
    this.#depth = depth
    this.#tell = tell
  }

  override scalar(text: string | null): void {
    this.#tell(text, false)
  }

  override long(): void {
    this.#tell(null, true)
  }

  override opens(array: boolean): boolean {
    const follow = array && this.#depth < MAX_NESTING
    if (!follow) this.#tell(null, false)
    return follow
  }

  override element(): Place {
    return new FirstPlace(this.#depth + 1, this.#tell)
  }

  override closes(): void {
    this.#tell(null, false) // only where there was no element: the first to tell counts
  }
}

function signed(datatype: string, value: bigint): bigint {
  const bits = (WHOLE.get(datatype) ?? 0) * 8
  return datatype.startsWith('INT') ? BigInt.asIntN(bits, value) : value
}

/** Bytes as latin1, the lowest first. */
function littleEndian(bytes: string): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256n + BigInt(bytes.charCodeAt(i))
  return value
}

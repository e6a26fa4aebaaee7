/**
 * The output tensors of an Open Inference answer, from JSON or from the bytes behind it.
 *
 * Binary tensors follow the JSON part in the order of the outputs, little-endian and row-major, each of
 * `parameters.binary_data_size` bytes; a part that is missing or left over makes the answer unreadable. Source:
 * Open Inference Protocol, binary tensor data extension.
 */
import { JSON_KIND, type JsonDocument } from './json-document.ts'
import { type Numbers, numbersOfTensor } from './numbers.ts'
import type { Side } from './shorten.ts'

export type Tensor = {
  readonly node: number
  readonly datatype: string | null
  readonly shape: readonly number[] | null
  readonly data: TensorData
}

export type TensorData =
  | { readonly kind: 'numbers'; readonly numbers: Numbers }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'node'; readonly node: number } // mixed or no list at all
  | { readonly kind: 'none' }

/** Elements of one tensor that are looked at. */
export const MAX_ELEMENTS = 1 << 19

/** Tensors by name; of several with one name the later get `#2`, `#3`, … Null: there are no outputs. */
export function tensorsOf(
  { document }: Side,
  binary: Uint8Array | null
): ReadonlyMap<string, Tensor> | 'unreadable' | 'too_large' | null {
  const outputs = document.member(0, 'outputs')
  if (outputs < 0 || document.kind(outputs) !== JSON_KIND.array) return null
  const tensors = new Map<string, Tensor>()
  const uses = new Map<string, number>()
  const end = document.next(outputs)
  let taken = 0
  for (let node = outputs + 1; node < end; node = document.next(node)) {
    const name = document.textOf(node, 'name')
    if (name === null) return null
    const size = binarySize(document, node)
    let bytes: Uint8Array | null = null
    if (size !== null && size > 0) {
      if (binary === null || taken + size > binary.length) return 'unreadable'
      bytes = binary.subarray(taken, taken + size)
      taken += size
    }
    const tensor = tensorAt(document, node, bytes, size === 0)
    if (typeof tensor === 'string') return tensor
    const times = (uses.get(name) ?? 0) + 1
    uses.set(name, times)
    tensors.set(times === 1 ? name : `${name}#${times}`, tensor)
  }
  return binary !== null && taken !== binary.length ? 'unreadable' : tensors
}

function tensorAt(
  document: JsonDocument,
  node: number,
  bytes: Uint8Array | null,
  isEmpty: boolean
): Tensor | 'unreadable' | 'too_large' {
  const datatype = document.textOf(node, 'datatype')
  const shape = shapeOf(document, document.member(node, 'shape'))
  if (bytes === null && !isEmpty) {
    return { node, datatype, shape, data: dataOf(document, node, datatype) }
  }
  const data = decodedTensor(bytes ?? new Uint8Array(0), datatype ?? '')
  return typeof data === 'string' ? data : { node, datatype, shape, data }
}

function binarySize(document: JsonDocument, node: number): number | null {
  const size = document.member(document.member(node, 'parameters'), 'binary_data_size')
  if (size < 0 || document.kind(size) !== JSON_KIND.integer) return null
  const bytes = document.number(size)
  return bytes >= 0 ? bytes : null
}

function shapeOf(document: JsonDocument, node: number): readonly number[] | null {
  if (node < 0 || document.kind(node) !== JSON_KIND.array) return null
  const shape: number[] = []
  const end = document.next(node)
  for (let at = node + 1; at < end; at = document.next(at)) {
    if (document.kind(at) !== JSON_KIND.integer) return null
    shape.push(document.number(at))
  }
  return shape
}

function dataOf(document: JsonDocument, node: number, datatype: string | null): TensorData {
  const data = document.member(node, 'data')
  if (data < 0) return { kind: 'none' }
  if (document.kind(data) !== JSON_KIND.array) return { kind: 'node', node: data }
  const numbers = numbersOfTensor(document, data)
  if (numbers !== null) return { kind: 'numbers', numbers: typed(numbers, datatype) }
  const leaves = leavesOf(document, data)
  if (leaves?.every(leaf => document.isString(leaf))) {
    return { kind: 'texts', texts: leaves.map(leaf => document.string(leaf)) }
  }
  if (leaves?.every(leaf => isBoolean(document.kind(leaf)))) {
    const values = Float64Array.from(leaves, leaf =>
      document.kind(leaf) === JSON_KIND.true ? 1 : 0
    )
    return { kind: 'numbers', numbers: integers(values, null) }
  }
  return { kind: 'node', node: data }
}

/** A float tensor may be written with whole numbers, and an integer tensor never holds floats. */
function typed(numbers: Numbers, datatype: string | null): Numbers {
  return isFloat(datatype) ? { ...numbers, areIntegers: false } : numbers
}

function isFloat(datatype: string | null): boolean {
  return datatype !== null && (datatype.startsWith('FP') || datatype.startsWith('BF'))
}

function leavesOf(document: JsonDocument, node: number): readonly number[] | null {
  const leaves: number[] = []
  const end = document.next(node)
  for (let at = node + 1; at < end; at++) {
    const kind = document.kind(at)
    if (kind === JSON_KIND.object) return null
    if (kind !== JSON_KIND.array) leaves.push(at)
  }
  return leaves
}

/** Elements of a tensor in binary form, or why they cannot be read. */
export function decodedTensor(
  bytes: Uint8Array,
  datatype: string
): TensorData | 'unreadable' | 'too_large' {
  if (datatype === 'BYTES') return decodedTexts(bytes)
  const type = DATATYPES.get(datatype)
  if (type === undefined || bytes.length % type.size !== 0) return 'unreadable'
  const length = bytes.length / type.size
  if (length > MAX_ELEMENTS) return 'too_large'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const values = new Float64Array(length)
  for (let i = 0; i < length; i++) values[i] = type.read(view, i * type.size)
  if (isFloat(datatype)) {
    const show = (i: number) => String(values[i] ?? 0)
    return {
      kind: 'numbers',
      numbers: { values, areIntegers: false, isNull: null, exact: null, show }
    }
  }
  const { exact } = type
  const digits = exact === undefined ? null : (i: number) => exact(view, i * type.size)
  return { kind: 'numbers', numbers: integers(values, digits) }
}

function integers(values: Float64Array, exact: ((i: number) => string) | null): Numbers {
  const show = exact ?? ((i: number) => String(values[i] ?? 0))
  return { values, areIntegers: true, isNull: null, exact, show }
}

/** Each text has its length in four bytes before it. Bytes that are no UTF-8 stand for themselves. */
function decodedTexts(bytes: Uint8Array): TensorData | 'unreadable' | 'too_large' {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const texts: string[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return 'unreadable'
    const length = view.getUint32(at, true)
    if (at + 4 + length > bytes.length) return 'unreadable'
    if (texts.length >= MAX_ELEMENTS) return 'too_large'
    const text = bytes.subarray(at + 4, at + 4 + length)
    texts.push(utf8(text) ?? LATIN1.decode(text))
    at += 4 + length
  }
  return { kind: 'texts', texts }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LATIN1 = new TextDecoder('latin1')

function utf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes)
  } catch {
    return null
  }
}

function isBoolean(kind: number): boolean {
  return kind === JSON_KIND.true || kind === JSON_KIND.false
}

/** IEEE half precision: sign, 5 bits of exponent, 10 of fraction. */
function half(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

type Datatype = {
  readonly size: number // bytes of an element
  readonly read: (view: DataView, at: number) => number
  readonly exact?: (view: DataView, at: number) => string
}

const single = new Float32Array(1)
const singleBits = new Uint32Array(single.buffer)

/** Bfloat16 is the upper half of a float of 32 bits. */
function brain(bits: number): number {
  singleBits[0] = bits << 16
  return single[0] ?? 0
}

const DATATYPES: ReadonlyMap<string, Datatype> = new Map<string, Datatype>([
  ['BOOL', { size: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) }],
  ['INT8', { size: 1, read: (view, at) => view.getInt8(at) }],
  ['INT16', { size: 2, read: (view, at) => view.getInt16(at, true) }],
  ['INT32', { size: 4, read: (view, at) => view.getInt32(at, true) }],
  [
    'INT64',
    {
      size: 8,
      read: (view, at) => Number(view.getBigInt64(at, true)),
      exact: (view, at) => String(view.getBigInt64(at, true))
    }
  ],
  ['UINT8', { size: 1, read: (view, at) => view.getUint8(at) }],
  ['UINT16', { size: 2, read: (view, at) => view.getUint16(at, true) }],
  ['UINT32', { size: 4, read: (view, at) => view.getUint32(at, true) }],
  [
    'UINT64',
    {
      size: 8,
      read: (view, at) => Number(view.getBigUint64(at, true)),
      exact: (view, at) => String(view.getBigUint64(at, true))
    }
  ],
  ['FP16', { size: 2, read: (view, at) => half(view.getUint16(at, true)) }],
  ['BF16', { size: 2, read: (view, at) => brain(view.getUint16(at, true)) }],
  ['FP32', { size: 4, read: (view, at) => view.getFloat32(at, true) }],
  ['FP64', { size: 8, read: (view, at) => view.getFloat64(at, true) }]
])

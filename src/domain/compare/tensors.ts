/**
 * The output tensors of an Open Inference answer, from JSON or from the bytes behind it.
 *
 * Binary tensors follow the JSON part in the order of the outputs, little-endian and row-major, each of
 * `parameters.binary_data_size` bytes; a part that is missing or left over makes the answer unreadable. Source:
 * Open Inference Protocol, binary tensor data extension.
 */
import { JSON_KIND, type JsonDocument } from './json-document.ts'
import { type Numbers, numbersOfTensor } from './numbers.ts'
import { NODE, type Pace, PIECE, type Steps } from './pace.ts'
import type { Side } from './shorten.ts'
import type { JsonFailure } from './tolerant-json.ts'
import { latin1, latin1Steps, utf8, utf8Steps } from './utf8.ts'

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
  | { readonly kind: 'ignored' } // by the route

/** Elements of one tensor that are looked at. */
export const MAX_ELEMENTS = 1 << 19
/** Dimensions of one. */
const MAX_DIMENSIONS = 1_024

/** Tensors by name; of several with one name the later get `#2`, `#3`, … Null: there are no outputs. */
export function* tensorsOf(
  { document }: Side,
  binary: Uint8Array | null,
  pace: Pace
): Steps<ReadonlyMap<string, Tensor> | JsonFailure | null> {
  const outputs = document.member(0, 'outputs')
  if (outputs < 0 || document.kind(outputs) !== JSON_KIND.array) return null
  const tensors = new Map<string, Tensor>()
  const uses = new Map<string, number>()
  const end = document.next(outputs)
  let taken = 0
  for (let node = outputs + 1; node < end; node = document.next(node)) {
    if (pace.isDue(A_TENSOR + membersLookedAt(document, node))) yield
    const name = document.textOf(node, 'name')
    if (name === null) return null
    const size = binarySize(document, node)
    let bytes: Uint8Array | null = null
    if (size !== null && size > 0) {
      if (binary === null || taken + size > binary.length) return 'unreadable'
      bytes = binary.subarray(taken, taken + size)
      taken += size
    }
    const tensor = yield* tensorAt(document, node, bytes, size === 0, pace)
    if (typeof tensor === 'string') return tensor
    const times = (uses.get(name) ?? 0) + 1
    uses.set(name, times)
    tensors.set(times === 1 ? name : `${name}#${times}`, tensor)
  }
  return binary !== null && taken !== binary.length ? 'unreadable' : tensors
}

const A_TENSOR = 8 * NODE // units

/** Units of looking for five members. */
function membersLookedAt(document: JsonDocument, node: number): number {
  return document.kind(node) === JSON_KIND.object ? 5 * Math.min(256, document.number(node)) : 0
}

function* tensorAt(
  document: JsonDocument,
  node: number,
  bytes: Uint8Array | null,
  isEmpty: boolean,
  pace: Pace
): Steps<Tensor | JsonFailure> {
  const datatype = document.textOf(node, 'datatype')
  const shape = shapeOf(document, document.member(node, 'shape'))
  if (shape === 'too_large') return shape
  if (bytes === null && !isEmpty) {
    return { node, datatype, shape, data: yield* dataOf(document, node, datatype, pace) }
  }
  const data = yield* decodedTensor(bytes ?? new Uint8Array(0), datatype ?? '', pace)
  return typeof data === 'string' ? data : { node, datatype, shape, data }
}

function binarySize(document: JsonDocument, node: number): number | null {
  const size = document.member(document.member(node, 'parameters'), 'binary_data_size')
  if (size < 0 || document.kind(size) !== JSON_KIND.integer) return null
  const bytes = document.number(size)
  return bytes >= 0 ? bytes : null
}

function shapeOf(document: JsonDocument, node: number): readonly number[] | 'too_large' | null {
  if (node < 0 || document.kind(node) !== JSON_KIND.array) return null
  if (document.number(node) > MAX_DIMENSIONS) return 'too_large'
  const shape: number[] = []
  const end = document.next(node)
  for (let at = node + 1; at < end; at = document.next(at)) {
    if (document.kind(at) !== JSON_KIND.integer) return null
    shape.push(document.number(at))
  }
  return shape
}

function* dataOf(
  document: JsonDocument,
  node: number,
  datatype: string | null,
  pace: Pace
): Steps<TensorData> {
  const data = document.member(node, 'data')
  if (data < 0) return { kind: 'none' }
  if (document.kind(data) !== JSON_KIND.array) return { kind: 'node', node: data }
  const numbers = yield* numbersOfTensor(document, data, pace)
  if (numbers !== null) return { kind: 'numbers', numbers: typed(numbers, datatype) }
  return (yield* textsOrTruths(document, data, pace)) ?? { kind: 'node', node: data }
}

/** The leaves of a list when all of them are texts, or all are true or false; else null. */
function* textsOrTruths(
  document: JsonDocument,
  node: number,
  pace: Pace
): Steps<TensorData | null> {
  const texts: string[] = []
  const truths: number[] = []
  const end = document.next(node)
  for (let at = node + 1; at < end; at++) {
    if (pace.isDue(NODE / 2)) yield
    const kind = document.kind(at)
    if (kind === JSON_KIND.array) continue
    if (document.isString(at) && truths.length === 0) texts.push(document.string(at))
    else if (isBoolean(kind) && texts.length === 0) truths.push(kind === JSON_KIND.true ? 1 : 0)
    else return null
  }
  if (truths.length === 0) return { kind: 'texts', texts }
  return { kind: 'numbers', numbers: integers(new Float64Array(truths), null) }
}

/** A float tensor may be written with whole numbers, and an integer tensor never holds floats. */
function typed(numbers: Numbers, datatype: string | null): Numbers {
  return isFloat(datatype) ? { ...numbers, areIntegers: false } : numbers
}

function isFloat(datatype: string | null): boolean {
  return datatype !== null && (datatype.startsWith('FP') || datatype.startsWith('BF'))
}

/** Elements of a tensor in binary form, or why they cannot be read. */
export function* decodedTensor(
  bytes: Uint8Array,
  datatype: string,
  pace: Pace
): Steps<TensorData | JsonFailure> {
  if (datatype === 'BYTES') return yield* decodedTexts(bytes, pace)
  const type = DATATYPES.get(datatype)
  if (type === undefined || bytes.length % type.size !== 0) return 'unreadable'
  const length = bytes.length / type.size
  if (length > MAX_ELEMENTS) return 'too_large'
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const values = new Float64Array(length)
  for (let from = 0; from < length; from += PIECE) {
    const to = Math.min(length, from + PIECE)
    for (let i = from; i < to; i++) values[i] = type.read(view, i * type.size)
    if (pace.isDue((to - from) * (NODE / 2))) yield
  }
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
function* decodedTexts(bytes: Uint8Array, pace: Pace): Steps<TensorData | JsonFailure> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const texts: string[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return 'unreadable'
    const length = view.getUint32(at, true)
    if (at + 4 + length > bytes.length) return 'unreadable'
    if (texts.length >= MAX_ELEMENTS) return 'too_large'
    const text = bytes.subarray(at + 4, at + 4 + length)
    if (length <= SHORT_TEXT) texts.push(utf8(text) ?? latin1(text))
    else texts.push((yield* utf8Steps(text, pace)) ?? (yield* latin1Steps(text, pace)))
    if (pace.isDue(A_TEXT + Math.min(length, SHORT_TEXT))) yield
    at += 4 + length
  }
  return { kind: 'texts', texts }
}

const SHORT_TEXT = 4_096 // bytes
const A_TEXT = 6 * NODE // units of a call of the decoder

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

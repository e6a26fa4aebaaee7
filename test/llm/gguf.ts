/**
 * Writes a model file in the format GGUF, version 3, as llama.cpp reads it: metadata, the list of tensors, and their
 * 32-bit floats, little-endian.
 *
 * It knows the format alone, nothing of a model. Source: the format's description in ggml-org/ggml, docs/gguf.md.
 */
export type Tensor = {
  readonly name: string
  readonly dimensions: readonly number[] // the fastest first: [columns, rows]
  readonly data: Float32Array
}

/** A value of metadata. Whole numbers are written as 32 bits without sign. */
export type Value =
  | { readonly integer: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly flag: boolean }
  | { readonly texts: readonly string[] }
  | { readonly floats: readonly number[] }
  | { readonly integers: readonly number[] } // 32 bits with sign

const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const
const TENSOR_F32 = 0
const ALIGNMENT = 32 // the default of readers

/** The bytes of the file. Throws a RangeError when a tensor has another count of numbers than its dimensions say. */
export function gguf(
  metadata: Readonly<Record<string, Value>>,
  tensors: readonly Tensor[]
): Uint8Array {
  const entries = Object.entries(metadata)
  const head = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length)]
  for (const [key, value] of entries) head.push(text(key), ...valueBytes(value))

  const data: Buffer[] = []
  let offset = 0
  for (const { name, dimensions, data: numbers } of tensors) {
    if (numbers.length !== dimensions.reduce((product, n) => product * n, 1)) {
      throw new RangeError(`${name}: ${numbers.length} numbers for [${dimensions.join(', ')}]`)
    }
    const bytes = padded(floats(numbers))
    head.push(text(name), u32(dimensions.length), ...dimensions.map(u64))
    head.push(u32(TENSOR_F32), u64(offset))
    data.push(bytes)
    offset += bytes.length
  }
  return Buffer.concat([padded(Buffer.concat(head)), ...data])
}

function valueBytes(value: Value): readonly Buffer[] {
  if ('integer' in value) return [u32(TYPE.u32), u32(value.integer)]
  if ('float' in value) return [u32(TYPE.f32), floats([value.float])]
  if ('text' in value) return [u32(TYPE.string), text(value.text)]
  if ('flag' in value) return [u32(TYPE.bool), Buffer.of(value.flag ? 1 : 0)]
  if ('texts' in value) return array(TYPE.string, value.texts.length, value.texts.map(text))
  if ('floats' in value) return array(TYPE.f32, value.floats.length, [floats(value.floats)])
  return array(TYPE.i32, value.integers.length, value.integers.map(i32))
}

function array(type: number, length: number, items: readonly Buffer[]): readonly Buffer[] {
  return [u32(TYPE.array), u32(type), u64(length), ...items]
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}

function floats(numbers: ArrayLike<number>): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4)
  for (let i = 0; i < numbers.length; i++) bytes.writeFloatLE(numbers[i] ?? 0, i * 4)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function padded(bytes: Buffer): Buffer {
  const missing = (ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)])
}

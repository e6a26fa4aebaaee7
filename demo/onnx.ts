/**
 * Writes ONNX files byte by byte: just enough of onnx.proto for a small feed-forward graph.
 *
 * A file is a protobuf message: fields of (number << 3 | wire type), varints, and length-prefixed bytes. The
 * field numbers are those of ModelProto, GraphProto, NodeProto, TensorProto and ValueInfoProto (onnx.proto 1.x,
 * IR version 8, opset 13). No check of the graph is made here; the runtime does that when it loads the file.
 */
const FLOAT = 1 // TensorProto.DataType
const VARINT = 0
const BYTES = 2

export type Node = {
  readonly op: string
  readonly inputs: readonly string[]
  readonly output: string
}

export type Tensor = {
  readonly name: string
  readonly dims: readonly number[]
  readonly data: readonly number[]
}

/** A float tensor at the border of the graph: any number of rows, `columns` wide. */
export type Port = { readonly name: string; readonly columns: number }

export type Graph = {
  readonly name: string
  readonly input: Port
  readonly outputs: readonly Port[]
  readonly nodes: readonly Node[]
  readonly weights: readonly Tensor[]
}

/** The bytes of an ONNX file. */
export function onnxFile(graph: Graph): Uint8Array {
  return Buffer.concat([
    varintField(1, 8), // ir_version
    bytesField(7, graphBytes(graph)),
    bytesField(8, varintField(2, 13)) // opset_import of the default domain
  ])
}

function graphBytes(graph: Graph): Buffer {
  return Buffer.concat([
    ...graph.nodes.map(node => bytesField(1, nodeBytes(node))),
    bytesField(2, graph.name),
    ...graph.weights.map(tensor => bytesField(5, tensorBytes(tensor))),
    bytesField(11, portBytes(graph.input)),
    ...graph.outputs.map(port => bytesField(12, portBytes(port)))
  ])
}

function nodeBytes(node: Node): Buffer {
  return Buffer.concat([
    ...node.inputs.map(name => bytesField(1, name)),
    bytesField(2, node.output),
    bytesField(4, node.op)
  ])
}

function tensorBytes(tensor: Tensor): Buffer {
  const raw = Buffer.from(Float32Array.from(tensor.data).buffer) // little-endian wherever Node runs
  return Buffer.concat([
    ...tensor.dims.map(dim => varintField(1, dim)),
    varintField(2, FLOAT),
    bytesField(8, tensor.name),
    bytesField(9, raw)
  ])
}

function portBytes(port: Port): Buffer {
  const rows = bytesField(1, bytesField(2, 'rows')) // dim_param: not fixed
  const columns = bytesField(1, varintField(1, port.columns))
  const tensor = Buffer.concat([
    varintField(1, FLOAT),
    bytesField(2, Buffer.concat([rows, columns]))
  ])
  return Buffer.concat([bytesField(1, port.name), bytesField(2, bytesField(1, tensor))])
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint((field << 3) | VARINT), varint(value)])
}

function bytesField(field: number, value: string | Uint8Array): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return Buffer.concat([varint((field << 3) | BYTES), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80)
  bytes.push(value)
  return Buffer.from(bytes)
}

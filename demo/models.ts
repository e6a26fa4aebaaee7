/**
 * The models of the demo and of the tests: tiny fraud scorers, generated, then run by ONNX Runtime.
 *
 * A healthy one is softmax(x W + b) over four features: the probabilities of fine and fraud. The broken one is
 * log(x W + b) of the same layer without softmax, the classic export mistake: a negative score gives a real NaN,
 * computed by the runtime and not put into the answer by anybody. One that is scored gives x W + b too, and one
 * that was trained again has another opinion where the third feature is high, and only there.
 */
import { type Graph, type Node, onnxFile, type Tensor } from './onnx.ts'

export const FEATURES = 4
export const INPUT = 'features'
export const OUTPUT = 'probabilities'
export const SCORE = 'score'

export const MODEL_KINDS = ['healthy', 'nan', 'scored', 'retrained'] as const
export type ModelKind = (typeof MODEL_KINDS)[number]

/** Bytes of the ONNX file of a version; versions differ a little in their weights, as retrained models do. */
export function fraudModel(version: string, kind: ModelKind): Uint8Array {
  return onnxFile(isScored(kind) ? scoredGraph(version, kind) : graph(version, kind))
}

export function isScored(kind: ModelKind): boolean {
  return kind === 'scored' || kind === 'retrained'
}

function graph(version: string, kind: ModelKind): Graph {
  const drift = (Number.parseInt(version, 10) || 0) / 100
  return {
    name: `fraud-${version}`,
    input: { name: INPUT, columns: FEATURES },
    outputs: [{ name: OUTPUT, columns: 2 }],
    nodes: [
      { op: 'Gemm', inputs: [INPUT, 'w', 'b'], output: SCORE },
      { op: kind === 'nan' ? 'Log' : 'Softmax', inputs: [SCORE], output: OUTPUT }
    ],
    weights: weights(drift)
  }
}

/** Without drift, so that the opinion on the third feature is all that two of them differ by. */
function scoredGraph(version: string, kind: ModelKind): Graph {
  const opinion = kind === 'retrained'
  return {
    name: `fraud-${version}`,
    input: { name: INPUT, columns: FEATURES },
    outputs: [
      { name: OUTPUT, columns: 2 },
      { name: SCORE, columns: 2 }
    ],
    nodes: [
      { op: 'Gemm', inputs: [INPUT, 'w', 'b'], output: opinion ? 'base' : SCORE },
      ...(opinion ? OPINION_NODES : []),
      { op: 'Softmax', inputs: [SCORE], output: OUTPUT }
    ],
    weights: [...weights(0), ...(opinion ? OPINION_WEIGHTS : [])]
  }
}

/** 3 max(0, third feature - 0.7) is taken from one score and given to the other. */
const OPINION_NODES: readonly Node[] = [
  { op: 'Gemm', inputs: [INPUT, 'high', 'least'], output: 'above' },
  { op: 'Relu', inputs: ['above'], output: 'excess' },
  { op: 'Gemm', inputs: ['excess', 'turn', 'none'], output: 'opinion' },
  { op: 'Add', inputs: ['base', 'opinion'], output: SCORE }
]
const OPINION_WEIGHTS: readonly Tensor[] = [
  { name: 'high', dims: [FEATURES, 1], data: [0, 0, 1, 0] },
  { name: 'least', dims: [1], data: [-0.7] },
  { name: 'turn', dims: [1, 2], data: [-3, 3] },
  { name: 'none', dims: [2], data: [0, 0] }
]

function weights(drift: number): readonly Tensor[] {
  return [
    // One column is the other with its sign turned, so that one of the two scores is always negative.
    { name: 'w', dims: [FEATURES, 2], data: [0.8, -0.8, -0.3, 0.3, 0.5, -0.5, -1.1, 1.1] },
    { name: 'b', dims: [2], data: [0.1 + drift, -0.1 - drift] }
  ]
}

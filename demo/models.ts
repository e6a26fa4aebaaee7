/**
 * The models of the demo and of the tests: tiny fraud scorers, generated, then run by ONNX Runtime.
 *
 * A healthy one is softmax(x W + b) over four features: the probabilities of fine and fraud. The broken one is
 * log(x W + b) of the same layer without softmax, the classic export mistake: a negative score gives a real NaN,
 * computed by the runtime and not put into the answer by anybody.
 */
import { type Graph, onnxFile } from './onnx.ts'

export const FEATURES = 4
export const INPUT = 'features'
export const OUTPUT = 'probabilities'

/** Bytes of the ONNX file of a version; versions differ a little in their weights, as retrained models do. */
export function fraudModel(version: string, kind: 'healthy' | 'nan'): Uint8Array {
  return onnxFile(graph(version, kind))
}

function graph(version: string, kind: 'healthy' | 'nan'): Graph {
  const drift = (Number.parseInt(version, 10) || 0) / 100
  return {
    name: `fraud-${version}`,
    input: { name: INPUT, columns: FEATURES },
    output: { name: OUTPUT, columns: 2 },
    nodes: [
      { op: 'Gemm', inputs: [INPUT, 'w', 'b'], output: 'score' },
      { op: kind === 'nan' ? 'Log' : 'Softmax', inputs: ['score'], output: OUTPUT }
    ],
    weights: [
      // One column is the other with its sign turned, so that one of the two scores is always negative.
      { name: 'w', dims: [FEATURES, 2], data: [0.8, -0.8, -0.3, 0.3, 0.5, -0.5, -1.1, 1.1] },
      { name: 'b', dims: [2], data: [0.1 + drift, -0.1 - drift] }
    ]
  }
}

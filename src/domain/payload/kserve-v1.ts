/**
 * Answers of the V1 protocol of KServe, which is the REST interface of TensorFlow Serving: rows in `predictions`,
 * columns in `outputs`, `result` or `results` of classify and regress, `explanations` of an explainer.
 *
 * An explainer may answer with anything: without a known name its answer is only not empty. Of the other calls an
 * answer without a known name is empty. Source: KServe V1 inference protocol; TensorFlow Serving, RESTful API.
 */
import type { Place } from './place.ts'
import { SKIP } from './place.ts'
import { COLUMNS, ELSEWHERE, ROWS, RowFacts, rootOf } from './rows.ts'

const NAMES = { predictions: ROWS, outputs: COLUMNS, result: ROWS, results: ROWS }
const ROOT = rootOf(NAMES, SKIP)
const EXPLAINED = rootOf({ ...NAMES, explanations: ROWS }, ELSEWHERE)

export function kserveV1Root(path: string): Place {
  return path.endsWith(':explain') ? EXPLAINED : ROOT
}

export function kserveV1Facts(path: string): RowFacts {
  return new RowFacts({
    bare: false,
    elsewhere: path.endsWith(':explain') ? 'counted' : 'nothing'
  })
}

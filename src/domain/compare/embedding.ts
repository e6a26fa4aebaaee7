/**
 * Embeddings: whether two point the same way. Source: the cosine; its bound is .999.
 */
import { finished, folded, Pace, type Steps } from './pace.ts'

export const LEAST_COSINE = 0.999

export type EmbeddingResult = {
  readonly same: boolean
  readonly distance: number | null // 1 − cosine; null where there is no cosine
}

/** Two vectors of one length. Without a direction (zero, NaN, infinite) they are the same only when equal. */
export function sameEmbedding(a: Float64Array, b: Float64Array): EmbeddingResult {
  return finished(sameEmbeddingSteps(a, b, new Pace()))
}

/** The same with pauses. */
export function* sameEmbeddingSteps(
  a: Float64Array,
  b: Float64Array,
  pace: Pace
): Steps<EmbeddingResult> {
  const scaleA = yield* scaleOf(a, pace)
  const scaleB = yield* scaleOf(b, pace)
  let squaresA = 0
  let squaresB = 0
  let equal = true
  const product = yield* folded(pace, a.length, 4, 0, (from, to, start) => {
    let sum = start
    let sumA = squaresA
    let sumB = squaresB
    for (let i = from; i < to; i++) {
      const x = a[i] ?? 0
      const y = b[i] ?? 0
      if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) equal = false
      sum += x * scaleA * (y * scaleB)
      sumA += (x * scaleA) ** 2
      sumB += (y * scaleB) ** 2
    }
    squaresA = sumA
    squaresB = sumB
    return sum
  })
  if (equal) return { same: true, distance: 0 }
  const cosine = product / (Math.sqrt(squaresA) * Math.sqrt(squaresB))
  if (!Number.isFinite(cosine)) return { same: false, distance: null }
  return { same: cosine >= LEAST_COSINE, distance: 1 - Math.min(1, cosine) }
}

/** One over the largest magnitude, so that no square is infinite or vanishes. */
function* scaleOf(values: Float64Array, pace: Pace): Steps<number> {
  const top = yield* folded(pace, values.length, 2, 0, (from, to, start) => {
    let most = start
    for (let i = from; i < to; i++) most = Math.max(most, Math.abs(values[i] ?? 0))
    return most
  })
  return top > 1e-300 && Number.isFinite(top) ? 1 / top : 1
}

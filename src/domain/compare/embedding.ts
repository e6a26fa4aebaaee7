/**
 * Embeddings: whether two point the same way. Source: the cosine; its bound is .999.
 */
export const LEAST_COSINE = 0.999

export type EmbeddingResult = {
  readonly same: boolean
  readonly distance: number | null // 1 − cosine; null where there is no cosine
}

/** Two vectors of one length. Without a direction (zero, NaN, infinite) they are the same only when equal. */
export function sameEmbedding(a: Float64Array, b: Float64Array): EmbeddingResult {
  let product = 0
  let squaresA = 0
  let squaresB = 0
  let equal = true
  const scaleA = scaleOf(a)
  const scaleB = scaleOf(b)
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0
    const y = b[i] ?? 0
    if (x !== y && !(Number.isNaN(x) && Number.isNaN(y))) equal = false
    product += x * scaleA * (y * scaleB)
    squaresA += (x * scaleA) ** 2
    squaresB += (y * scaleB) ** 2
  }
  if (equal) return { same: true, distance: 0 }
  const cosine = product / (Math.sqrt(squaresA) * Math.sqrt(squaresB))
  if (!Number.isFinite(cosine)) return { same: false, distance: null }
  return { same: cosine >= LEAST_COSINE, distance: 1 - Math.min(1, cosine) }
}

/** One over the largest magnitude, so that no square is infinite or vanishes. */
function scaleOf(values: Float64Array): number {
  let top = 0
  for (let i = 0; i < values.length; i++) top = Math.max(top, Math.abs(values[i] ?? 0))
  return top > 1e-300 && Number.isFinite(top) ? 1 / top : 1
}

/**
 * Special functions, total where the package behind them is not.
 *
 * The one file that imports cephes. It throws on underflow and on domain errors, where a test wants 0, 1 or
 * the end of an interval; here every argument gives a finite number.
 */
import cephes from 'cephes'

await cephes.compiled

/** Regularised incomplete beta I_x(a, b) for a, b > 0; x outside 0..1 is clamped. */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (!(x > 0)) return 0
  if (x >= 1) return 1
  try {
    return cephes.incbet(a, b, x)
  } catch {
    return x < a / (a + b) ? 0 : 1
  }
}

/** Inverse of `incompleteBeta` in x: the quantile of Beta(a, b) at `p`. */
export function betaQuantile(a: number, b: number, p: number): number {
  if (!(p > 0)) return 0
  if (p >= 1) return 1
  try {
    return cephes.incbi(a, b, p)
  } catch {
    return p < 0.5 ? 0 : 1
  }
}

/**
 * Whether one of two things happens more often on the same requests. Source: McNemar 1947 in its exact form:
 * requests on which both or neither happened say nothing, and the others are tosses of a fair coin.
 */
import { binomialTail } from './binomial.ts'

/** One-sided p: P(X >= onlyFirst) for X ~ Binomial(onlyFirst + onlySecond, 1/2). 1 without such requests. */
export function mcnemarGreater(onlyFirst: number, onlySecond: number): number {
  return binomialTail(onlyFirst, onlyFirst + onlySecond, 0.5)
}

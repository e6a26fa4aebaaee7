/**
 * Stands in for parts that are being built: nothing is compared and nothing read.
 */
import type { AgreementView } from '../domain/compare/agreement.ts'
import type { Comparison } from '../domain/compare/comparison.ts'

export type Agreement = {
  add(comparison: Comparison, facts: unknown): void
  addNoise(noise: Comparison, shadow: Comparison): void
  ratios(): readonly { readonly field: string; readonly ratio: number }[]
  view(): AgreementView
}
const none = { agree: 0, of: 0, ratio: null, low: null, high: null }
export function createAgreement(_options: { readonly random: () => number }): Agreement {
  let pairs = 0
  return {
    add: () => {
      pairs++
    },
    addNoise: () => undefined,
    ratios: () => [],
    view: () => ({
      pairs,
      compared: 0,
      refused: {},
      overall: none,
      fields: [],
      latency: { pairs: 0, ratio: null, low: null, high: null },
      exemplars: {}
    })
  }
}
export function compareAnswers(..._args: readonly unknown[]): Comparison {
  return { refusal: 'unreadable', agree: false, fields: [] }
}
export function redactBody(
  ..._args: readonly unknown[]
): { text: string; encoding: 'utf-8' | 'base64'; truncated: boolean } | null {
  return null
}

/**
 * What can be said of the fields of a shadow: which differ more than the champion from itself, and of which
 * differences nobody can say that yet.
 *
 * Which field is more than noise is the API's word. A difference that is not may still be one that too few noise
 * pairs were there to show: it is open until the pairs would have shown it, had the champion never differed from
 * itself. Nothing open and nothing marked is the only good end.
 */
import {
  type AgreementView,
  type FieldAgreement,
  LEAST_ABSOLUTE,
  LEVEL
} from '../domain/compare/agreement.ts'

export type ShadowVerdict = {
  readonly more: readonly FieldAgreement[] // than noise
  readonly open: readonly FieldAgreement[]
  readonly noisePairs: number // of the field that has most
  readonly enough: number // noise pairs that would settle all that is open; 0 when nothing is
}

export function verdictOf({ fields }: Pick<AgreementView, 'fields'>): ShadowVerdict {
  const tested = fields.filter(({ noise }) => noise.p !== null).length
  const discordant = leastDiscordant(Math.max(1, tested))
  const open = fields.filter(
    field =>
      !field.reported &&
      rateOf(field) > LEAST_ABSOLUTE &&
      (field.noise.p === null || field.noise.of * rateOf(field) < discordant)
  )
  return {
    more: fields.filter(({ reported }) => reported),
    open,
    noisePairs: Math.max(0, ...fields.map(({ noise }) => noise.of)),
    enough: Math.max(0, ...open.map(field => Math.ceil(discordant / rateOf(field))))
  }
}

/** The share of its pairs in which a field differs, 0 to 1. */
function rateOf({ agree, of }: FieldAgreement): number {
  return of === 0 ? 0 : (of - agree) / of
}

/** The fewest pairs that can differ for the shadow alone so that one of `tests` is marked: tests × 2⁻ⁿ < level. */
function leastDiscordant(tests: number): number {
  let n = 0
  for (let p = 1; p * tests >= LEVEL; p /= 2) n++
  return n
}

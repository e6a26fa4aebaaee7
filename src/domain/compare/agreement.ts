/**
 * What the pairs of one shadow say together, as the admin API shows it.
 */

/** A share with its 95 % interval (Wilson score). `of` pairs had it, `agree` agreed. */
export type Share = {
  readonly agree: number
  readonly of: number
  readonly ratio: number | null
  readonly low: number | null
  readonly high: number | null
}

export type FieldAgreement = Share & {
  readonly field: string
  readonly kinds: Readonly<Record<string, number>> // differences by kind
  readonly meanDifference: number | null // of numbers, shadow − primary, with its 95 % interval
  readonly meanLow: number | null
  readonly meanHigh: number | null
  /** How often the champion differs from itself on the same requests, and whether the shadow differs more. */
  readonly noise: {
    readonly of: number
    readonly differs: number // champion from itself
    readonly onlyShadow: number // discordant pairs: the shadow differs and the champion does not
    readonly onlyNoise: number
    readonly p: number | null // exact McNemar, one-sided
  }
  readonly reported: boolean // differs more than noise: p (Holm over fields), absolute and relative
}

export type Exemplar = {
  readonly requestId: string
  readonly at: string
  readonly kind: string
  readonly primary: string | null // short renderings; null without capture
  readonly shadow: string | null
}

export type AgreementView = {
  readonly pairs: number
  readonly compared: number
  readonly refused: Readonly<Record<string, number>> // not compared, by reason
  readonly overall: Share
  readonly fields: readonly FieldAgreement[] // those that differ most first, at most 100
  readonly latency: {
    readonly pairs: number
    readonly ratio: number | null // geometric mean of shadow over primary, with its 95 % interval
    readonly low: number | null
    readonly high: number | null
  }
  readonly exemplars: Readonly<Record<string, readonly Exemplar[]>> // by field, at most 10 each
}

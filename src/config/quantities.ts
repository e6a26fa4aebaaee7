/**
 * Durations, sizes, percentages and weights as people write them, and the numbers that they mean.
 *
 * Exports: `parseDuration`, `parseSize`, `parsePercent`, `basisPoints`, `showDuration`.
 *
 * Every function answers null for what it does not accept; none throws. Weights are compared as integers of
 * basis points, made from the decimal digits and never by multiplying a float.
 */
const MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3
}

export const DURATION = '^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,3})?(ms|s|m|h|d)$'
export const SIZE = '^(0|[1-9][0-9]{0,11})(B|KiB|MiB|GiB)$'
export const PERCENT = '^(100(\\.0{1,4})?|[0-9]{1,2}(\\.[0-9]{1,4})?)%$'

const DURATION_PATTERN = new RegExp(DURATION)
const SIZE_PATTERN = new RegExp(SIZE)
const PERCENT_PATTERN = new RegExp(PERCENT)
const WEIGHT_PATTERN = /^([0-9]{1,3})(?:\.([0-9]{1,2}))?$/

/** `250ms`, `1.5s`, `14d` in whole milliseconds. */
export function parseDuration(text: string): number | null {
  const match = DURATION_PATTERN.exec(text)
  if (!match) return null
  return Math.round(Number(`${match[1]}${match[2] ?? ''}`) * (MS[match[3] ?? ''] ?? Number.NaN))
}

/** `512B`, `16KiB`, `32MiB` in bytes. */
export function parseSize(text: string): number | null {
  const match = SIZE_PATTERN.exec(text)
  if (!match) return null
  return Number(match[1]) * (BYTES[match[2] ?? ''] ?? Number.NaN)
}

/** `1%`, `0.5%` as a share 0..1. */
export function parsePercent(text: string): number | null {
  if (!PERCENT_PATTERN.test(text)) return null
  return Number(text.slice(0, -1)) / 100
}

/** A weight in percent as basis points 0..10,000; null when it has more than two decimals or is out of range. */
export function basisPoints(percent: number): number | null {
  const match = WEIGHT_PATTERN.exec(String(percent))
  if (!match) return null
  const points = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
  return points <= 10_000 ? points : null
}

/** The shortest way to write whole milliseconds: 1500 is `1500ms`, 60000 is `1m`. */
export function showDuration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find(u => ms > 0 && ms % (MS[u] ?? 1) === 0) ?? 'ms'
  return `${ms / (MS[unit] ?? 1)}${unit}`
}

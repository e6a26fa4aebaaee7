/**
 * What the head of a request says of its body, as a scan for the unit needs it.
 *
 * A field that occurs twice is joined, and so becomes a type or a coding that nobody knows: such a body has no
 * unit. The length of Open Inference's JSON part must be one whole number, or there is nothing to read.
 */
import { combinedHeader, headerOf, type RequestFacts } from '../facts.ts'
import type { BodyFacts } from './unit-scan.ts'

export function bodyFacts({ rawHeaders }: RequestFacts): BodyFacts {
  return {
    contentType: combinedHeader(rawHeaders, 'content-type'),
    contentEncoding: combinedHeader(rawHeaders, 'content-encoding'),
    inferenceHeaderLength: jsonLength(rawHeaders)
  }
}

const MAX_DIGITS = 15

function jsonLength(rawHeaders: readonly string[]): number | null {
  const { count, value } = headerOf(rawHeaders, 'inference-header-content-length')
  if (count === 0) return null
  if (count > 1 || value === '' || value.length > MAX_DIGITS) return 0
  let length = 0
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return 0
    length = length * 10 + digit
  }
  return length
}

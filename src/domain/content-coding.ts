/**
 * Which content codings a body has, from its Content-Encoding (RFC 9110 sections 8.4 and 12.5.3).
 *
 * Knows the codings that we can undo. More than three of them have no use but to make work, so they are like one
 * that nobody knows.
 */
export type ContentCoding = 'gzip' | 'br' | 'zstd' | 'deflate'

/** The codings in the order of their undoing; empty for none, null when one is not known. */
export function codingsOf(contentEncoding: string | null): readonly ContentCoding[] | null {
  if (contentEncoding === null) return NONE
  const codings: ContentCoding[] = []
  for (const part of contentEncoding.split(',').reverse()) {
    const name = part.trim().toLowerCase()
    if (name === '' || name === 'identity') continue
    const coding = NAMES.get(name)
    if (coding === undefined || codings.length === MOST) return null
    codings.push(coding)
  }
  return codings
}

const MOST = 3
const NONE: readonly ContentCoding[] = []

/** By every name it goes by (RFC 9110 section 8.4.1.3). */
const NAMES: ReadonlyMap<string, ContentCoding> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['zstd', 'zstd'],
  ['deflate', 'deflate']
])

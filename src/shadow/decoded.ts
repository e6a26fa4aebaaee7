/**
 * A captured body without its content coding, bounded: what cannot be undone is said, never guessed.
 */
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

/** Most bytes of a decoded body. A body that is larger is not compared. */
export const DECODED_BYTES = 8 * 1024 * 1024

const options = { maxOutputLength: DECODED_BYTES }
const CODINGS: Readonly<Record<string, (body: Uint8Array) => Promise<Uint8Array>>> = {
  gzip: body => promisify(gunzip)(body, options),
  'x-gzip': body => promisify(gunzip)(body, options),
  br: body => promisify(brotliDecompress)(body, options),
  zstd: body => promisify(zstdDecompress)(body, options),
  deflate: body =>
    promisify(inflate)(body, options).catch(() => promisify(inflateRaw)(body, options)) // some servers leave out the zlib frame
}

/** The body as its sender meant it; null when a coding is unknown, broken or gives too much. */
export async function decoded(
  body: Uint8Array,
  contentEncoding: string | null
): Promise<Uint8Array | null> {
  const codings = (contentEncoding ?? '')
    .split(',')
    .map(coding => coding.trim().toLowerCase())
    .filter(coding => coding !== '' && coding !== 'identity')
  if (codings.length > MOST_CODINGS) return null
  let bytes = body
  for (const coding of codings.reverse()) {
    const undo = Object.hasOwn(CODINGS, coding) ? CODINGS[coding] : undefined
    if (undo === undefined) return null
    try {
      bytes = await undo(bytes)
    } catch {
      return null
    }
  }
  return bytes
}

const MOST_CODINGS = 3

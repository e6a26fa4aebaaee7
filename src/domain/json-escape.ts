/**
 * Escapes of JSON strings (RFC 8259 section 7): what stands for what behind a backslash. `u` is none of these: four
 * hex digits follow it.
 */

/** By the letter behind the backslash. */
export const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t'
}

/** The same for bytes: by the byte behind the backslash; 0 where it is no escape. */
export const ESCAPED_BYTES: Uint8Array = escapedBytes()

function escapedBytes(): Uint8Array {
  const bytes = new Uint8Array(256)
  for (const [letter, plain] of Object.entries(ESCAPES))
    bytes[letter.charCodeAt(0)] = plain.charCodeAt(0)
  return bytes
}

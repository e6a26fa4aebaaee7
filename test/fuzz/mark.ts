/**
 * The mark by which a trial is known again: its number with a checksum, so that a mutated mark is nobody's.
 */
export function markOf(id: number): string {
  const sum = (Math.imul(id + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0
  return `${id}z${sum.toString(16).padStart(8, '0')}`
}

export function isMark(text: string): boolean {
  const id = /^(\d{1,9})z[0-9a-f]{8}$/.exec(text)?.[1]
  return id !== undefined && markOf(Number(id)) === text
}

/** Gives a message a field with the mark of a trial behind its first line, where it has one. */
export function marked(bytes: Buffer, id: number): Buffer {
  const at = bytes.indexOf('\r\n')
  if (at < 0) return bytes
  const field = Buffer.from(`\r\nX-Fuzz-Id: ${markOf(id)}`)
  return Buffer.concat([bytes.subarray(0, at), field, bytes.subarray(at)])
}

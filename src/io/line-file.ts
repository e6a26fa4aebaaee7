/**
 * Lines of a large file, from its end or from its beginning, in chunks, so that no question about a log ever
 * reads more of it than its answer needs.
 */
import type { FileHandle } from 'node:fs/promises'

const CHUNK = 65_536 // bytes

export type Line = { readonly text: string; readonly start: number; readonly end: number } // bytes; end is after the newline

/** Complete lines, the last one first. What follows the last newline is no line and is left out. */
export async function* linesBackward(file: FileHandle, size: number): AsyncGenerator<Line> {
  let start = size
  let held: Buffer[] = [] // of one unfinished line, in the order of the file
  let end = -1 // of that line; -1 until the last newline is found
  while (start > 0) {
    const chunk = await readAt(file, Math.max(0, start - CHUNK), start)
    start -= chunk.length
    let upper = chunk.length
    for (let at = chunk.lastIndexOf(10); at !== -1; at = before(chunk, at)) {
      if (end !== -1) {
        const bytes = Buffer.concat([chunk.subarray(at + 1, upper), ...held])
        yield lineOf(bytes, end)
      }
      held = []
      upper = at
      end = start + at + 1
    }
    if (end !== -1) held.unshift(chunk.subarray(0, upper))
    if (chunk.length === 0) return
  }
  if (end !== -1) yield lineOf(Buffer.concat(held), end)
}

/** Complete lines from the beginning. */
export async function* linesForward(file: FileHandle, size: number): AsyncGenerator<Line> {
  let held: Buffer[] = []
  for (let start = 0; start < size; ) {
    const chunk = await readAt(file, start, Math.min(size, start + CHUNK))
    if (chunk.length === 0) return
    let lower = 0
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, lower)) {
      const bytes = Buffer.concat([...held, chunk.subarray(lower, at)])
      yield lineOf(bytes, start + at + 1)
      held = []
      lower = at + 1
    }
    held.push(chunk.subarray(lower))
    start += chunk.length
  }
}

function before(chunk: Buffer, at: number): number {
  return at === 0 ? -1 : chunk.lastIndexOf(10, at - 1)
}

async function readAt(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(end - start)
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
  return buffer.subarray(0, bytesRead)
}

function lineOf(bytes: Buffer, end: number): Line {
  return { text: bytes.toString('utf8'), start: end - 1 - bytes.length, end }
}

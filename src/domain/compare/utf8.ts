/**
 * Bytes as UTF-8 in pieces, so that a body of many megabytes holds nobody up. Invalid bytes are never replaced.
 */
import { type Pace, STEP, type Steps } from './pace.ts'

/** Bytes that are decoded at once; that is native work, some bytes of which cost a unit. */
const BYTES = 8 * STEP
const BYTES_A_UNIT = 8

/** The text, or null when the bytes are no UTF-8. A byte order mark is kept. */
export function* utf8Steps(bytes: Uint8Array, pace: Pace): Steps<string | null> {
  if (bytes.length <= BYTES) {
    if (pace.isDue(Math.ceil(bytes.length / BYTES_A_UNIT))) yield
    return utf8(bytes)
  }
  const pieces: string[] = []
  const isText = yield* decoded(bytes, pace, piece => pieces.push(piece))
  return isText ? pieces.join('') : null
}

/** Whether the bytes are UTF-8. */
export function* isUtf8Steps(bytes: Uint8Array, pace: Pace): Steps<boolean> {
  return yield* decoded(bytes, pace, () => undefined)
}

/** A short text, or null. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return WHOLE.decode(bytes)
  } catch {
    return null
  }
}

/** Each byte as the character of its number in Windows-1252. */
export function* latin1Steps(bytes: Uint8Array, pace: Pace): Steps<string> {
  const pieces: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES) {
    pieces.push(latin1(bytes.subarray(at, at + BYTES)))
    if (pace.isDue(STEP)) yield
  }
  return pieces.join('')
}

export function latin1(bytes: Uint8Array): string {
  return LATIN1.decode(bytes)
}

function* decoded(bytes: Uint8Array, pace: Pace, take: (piece: string) => void): Steps<boolean> {
  const decoder = new TextDecoder('utf-8', OPTIONS)
  try {
    for (let at = 0; at < bytes.length; at += BYTES) {
      const piece = bytes.subarray(at, at + BYTES)
      take(decoder.decode(piece, { stream: true }))
      if (pace.isDue(Math.ceil(piece.length / BYTES_A_UNIT))) yield
    }
    take(decoder.decode())
    return true
  } catch {
    return false
  }
}

const OPTIONS = { fatal: true, ignoreBOM: true } as const
const WHOLE = new TextDecoder('utf-8', OPTIONS)
const LATIN1 = new TextDecoder('latin1')

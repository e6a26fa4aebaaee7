/**
 * Cuts unasked `100 Continue` heads out of an upstream's bytes.
 *
 * We answer Expect ourselves, so an upstream has no reason to send one; some do, twice (RFC 9110 section 15.2
 * asks every client to bear it), and the parser behind us would drop the connection. Looks only at the bytes
 * between a request and the head of its answer, and holds back less than one such head.
 */
import type { Socket } from 'node:net'

const START = Buffer.from('HTTP/1.1 100')
const MAX_HEAD = 16 * 1024
const STATUS_AT = 'HTTP/1.1 '.length
const ONE = 49
const SPACE = 32
const RETURN = 13

/** Makes a fresh socket to an upstream skip interim 100 heads. Call before anything reads from it. */
export function skipContinue(socket: Socket): void {
  let awaiting = false // the head of an answer is still to come
  let held: Buffer | null = null
  const push = socket.push
  const write = socket.write as AnyWrite // all its overloads in one
  socket.write = function (this: Socket, chunk: unknown, encoding?: unknown, done?: unknown) {
    if (!awaiting && beginsRequest(chunk)) awaiting = true
    return write.call(this, chunk, encoding, done)
  }
  socket.push = function (this: Socket, chunk: unknown, encoding?: BufferEncoding): boolean {
    if (!awaiting || !Buffer.isBuffer(chunk)) {
      const rest = held
      held = null
      if (rest !== null) push.call(this, rest)
      return push.call(this, chunk, encoding)
    }
    const bytes: Buffer = held === null ? chunk : Buffer.concat([held, chunk])
    const rest = afterContinue(bytes)
    held = rest.length > 0 && undecided(rest) ? rest : null
    if (held !== null || rest.length === 0) return true
    awaiting = false
    return push.call(this, rest, encoding)
  }
}

type AnyWrite = (this: Socket, chunk: unknown, encoding: unknown, done: unknown) => boolean

/** A request head is written as text that begins with its method; chunk heads begin with CR. */
function beginsRequest(written: unknown): boolean {
  if (typeof written !== 'string') return false
  const first = written.charCodeAt(0)
  return first >= 65 && first <= 90
}

/** What follows the interim heads at the beginning of `bytes`; an unfinished one stays. */
function afterContinue(bytes: Buffer): Buffer {
  let rest = bytes
  while (isContinue(rest)) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) return rest
    rest = rest.subarray(end + 4)
  }
  return rest
}

/** `HTTP/1.1 100` and the end of the number. */
function isContinue(bytes: Buffer): boolean {
  if (bytes[STATUS_AT] !== ONE) return false // most answers, without a look at the rest
  const next = bytes[START.length]
  return (next === SPACE || next === RETURN) && bytes.subarray(0, START.length).equals(START)
}

/** Whether these bytes can still turn out to be an interim head. */
function undecided(bytes: Buffer): boolean {
  if (bytes.length > MAX_HEAD) return false
  if (bytes.length > START.length) return isContinue(bytes)
  const { length } = bytes
  return bytes.subarray(0, length).equals(START.subarray(0, length))
}

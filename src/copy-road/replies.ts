/**
 * What the shadow process says back by a road, in records of five bytes: what it says, and a number (u32, little
 * endian). They may be cut anywhere.
 */

/** `credit` returns bytes; the others are about the shadow of a slot: it takes copies, or why it takes none. */
const REPLIES = ['credit', 'open', 'concurrency', 'unreachable'] as const
type Reply = (typeof REPLIES)[number]

const RECORD_BYTES = 5

export class ReplyReader {
  readonly #take: (reply: Reply, value: number) => void
  readonly #record = Buffer.alloc(RECORD_BYTES)
  #filled = 0

  constructor(take: (reply: Reply, value: number) => void) {
    this.#take = take
  }

  /** Bytes that say nothing known are passed over. */
  push(piece: Uint8Array): void {
    for (const byte of piece) {
      this.#record[this.#filled++] = byte
      if (this.#filled < RECORD_BYTES) continue
      this.#filled = 0
      const reply = REPLIES[this.#record.readUInt8(0)]
      if (reply !== undefined) this.#take(reply, this.#record.readUInt32LE(1))
    }
  }
}

/** `value` is from 0 to 2^32 - 1. */
export function replyBytes(reply: Reply, value: number): Uint8Array {
  const record = Buffer.alloc(RECORD_BYTES)
  record.writeUInt8(REPLIES.indexOf(reply), 0)
  record.writeUInt32LE(value, 1)
  return record
}

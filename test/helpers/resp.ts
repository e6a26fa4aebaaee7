/**
 * The Redis wire format for tests: commands out, replies in, and where messages end in a stream.
 *
 * It shares nothing with the client that the product uses, so a test never asks the code under test about
 * itself. Source: the Redis serialization protocol, versions 2 and 3.
 */
export type Word = string | number | Buffer
export type Reply = string | number | null | ReplyError | readonly Reply[]

/** An error that the server answered; the message is its whole line, as `WRONGTYPE …`. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'
}

/** A command as the bytes of an array of bulk strings. */
export function encodeCommand(words: readonly Word[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = Buffer.isBuffer(word) ? word : Buffer.from(String(word))
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF)
  }
  return Buffer.concat(parts)
}

/** Turns chunks of an answering server into replies; strings are UTF-8. Throws on bytes that are no reply. */
export class ReplyReader {
  #pending: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Reply[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    const replies: Reply[] = []
    for (;;) {
      const read = readReply(this.#pending, 0)
      if (read === null) return replies
      replies.push(read.reply)
      this.#pending = this.#pending.subarray(read.end)
    }
  }
}

export type Message = {
  readonly end: number // offset behind it in the chunk that was pushed
  readonly word: string // of a request its command in upper case; else ''
  readonly push: boolean // sent unasked (protocol 3)
}

/**
 * Finds the ends of messages in one direction of a connection, without keeping their bytes. A connection that
 * does not speak this protocol (TLS, a replication stream) is told chunk by chunk: each counts as one message.
 */
export class MessageScanner {
  readonly #open: number[] = [] // elements still to come, per open aggregate
  #line = ''
  #skip = 0 // bytes of a bulk string still to come, with its CRLF
  #word: string | null = null // null while the first word of a message is not there
  #wordLeft = 0
  #push = false
  #foreign = false

  push(chunk: Buffer): readonly Message[] {
    const messages: Message[] = []
    let at = 0
    while (at < chunk.length && !this.#foreign) {
      if (this.#skip > 0) at = this.#readBulk(chunk, at, messages)
      else at = this.#readLine(chunk, at, messages)
    }
    return this.#foreign ? [{ end: chunk.length, word: '', push: false }] : messages
  }

  #readBulk(chunk: Buffer, at: number, messages: Message[]): number {
    const end = Math.min(chunk.length, at + this.#skip)
    if (this.#wordLeft > 0) {
      const part = chunk.toString('latin1', at, Math.min(end, at + this.#wordLeft))
      this.#word = (this.#word ?? '') + part
      this.#wordLeft -= part.length
    }
    this.#skip -= end - at
    if (this.#skip === 0) this.#valueEnded(end, messages)
    return end
  }

  #readLine(chunk: Buffer, at: number, messages: Message[]): number {
    const newline = chunk.indexOf(10, at)
    const end = newline < 0 ? chunk.length : newline + 1
    this.#line += chunk.toString('latin1', at, end)
    if (this.#line.length > LONGEST_LINE) this.#foreign = true
    if (newline < 0) return end
    const line = this.#line.trimEnd()
    this.#line = ''
    if (line !== '') this.#header(line, end, messages)
    return end
  }

  #header(line: string, end: number, messages: Message[]): void {
    const type = line.charAt(0)
    const size = Number(line.slice(1))
    if (this.#open.length === 0) this.#push = type === '>'
    if ('*~>%|'.includes(type) && Number.isInteger(size)) {
      const elements = type === '%' ? 2 * size : type === '|' ? 2 * size + 1 : size
      if (elements > 0) this.#open.push(elements)
      else this.#valueEnded(end, messages)
    } else if ('$=!'.includes(type) && Number.isInteger(size)) {
      if (this.#word === null) this.#wordLeft = Math.max(0, Math.min(size, LONGEST_WORD))
      if (size < 0) this.#valueEnded(end, messages)
      else this.#skip = size + 2
    } else if ('+-:_,#('.includes(type)) {
      this.#valueEnded(end, messages)
    } else if (this.#open.length === 0 && /^[a-z]+( [\x20-\x7e]*)?$/i.test(line)) {
      this.#word = line.split(' ', 1)[0] ?? '' // an inline command
      this.#valueEnded(end, messages)
    } else {
      this.#foreign = true
    }
  }

  #valueEnded(end: number, messages: Message[]): void {
    this.#word ??= ''
    while (this.#open.length > 0) {
      const left = (this.#open.pop() ?? 1) - 1
      if (left === 0) continue
      this.#open.push(left)
      return
    }
    messages.push({ end, word: this.#word.toUpperCase(), push: this.#push })
    this.#word = null
    this.#wordLeft = 0
  }
}

const CRLF = Buffer.from('\r\n')
const LONGEST_LINE = 65_536
const LONGEST_WORD = 32

function readReply(bytes: Buffer, at: number): { reply: Reply; end: number } | null {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return null
  const type = bytes.toString('latin1', at, at + 1)
  const text = bytes.toString('utf8', at + 1, lineEnd)
  const end = lineEnd + 2
  if (type === '+') return { reply: text, end }
  if (type === '-') return { reply: new ReplyError(text), end }
  if (type === ':') return { reply: Number(text), end }
  if (type === '_') return { reply: null, end }
  const size = Number(text)
  if (type === '$') {
    if (size < 0) return { reply: null, end }
    if (bytes.length < end + size + 2) return null
    return { reply: bytes.toString('utf8', end, end + size), end: end + size + 2 }
  }
  if (type !== '*' && type !== '>') {
    throw new Error(`not a reply: ${JSON.stringify(bytes.toString('latin1', at, at + 40))}`)
  }
  if (size < 0) return { reply: null, end }
  return readElements(bytes, end, size)
}

function readElements(
  bytes: Buffer,
  at: number,
  size: number
): { reply: Reply; end: number } | null {
  const elements: Reply[] = []
  let end = at
  for (let i = 0; i < size; i++) {
    const read = readReply(bytes, end)
    if (read === null) return null
    elements.push(read.reply)
    end = read.end
  }
  return { reply: elements, end }
}

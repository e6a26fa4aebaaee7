/**
 * A first look at predictions while their bytes pass: bare null, NaN and infinities where predictions stand.
 *
 * Judged are whole JSON answers with status 200 in no coding. A byte scanner, since NaN is not JSON and a parser
 * would need the whole body: one pass, any cut into chunks, at most 256 KiB (what comes after is not looked at),
 * no allocation per byte, never throws. Strings, names and members that are no predictions (`parameters`,
 * `logprobs`) are never bad. An `error` with content, at the top or in a prediction, is a failure of the model.
 */
import { BAD_KINDS } from '../counts.ts'
import type { Protocol } from '../route.ts'

export type FirstReading = {
  readonly judged: boolean
  readonly bad: number // bits by index into BAD_KINDS
  readonly failed: boolean // an error inside a good status; then nothing is bad
}

export type FirstReader = {
  push(chunk: Uint8Array): void
  end(): FirstReading
}

export const SCAN_BYTES = 262_144

/** A reader for an answer to a prediction call, or null where such an answer is not judged. */
export function firstReader(
  protocol: Protocol,
  status: number,
  contentType: string | null,
  contentEncoding: string | null
): FirstReader | null {
  if (protocol === 'opaque' || status !== 200) return null
  if (contentEncoding !== null && contentEncoding.trim().toLowerCase() !== 'identity') {
    if (contentEncoding.trim() !== '') return null
  }
  if (contentType !== null && !isJson(contentType)) return null
  return new Scanner(protocol, contentType !== null)
}

const PATHS: Readonly<Record<Protocol, readonly string[]>> = {
  'open-inference': ['outputs'],
  'kserve-v1': ['predictions', 'outputs'],
  mlflow: ['predictions'],
  json: ['predictions', 'prediction', 'outputs', 'output', 'result', 'results', 'scores', 'score'],
  openai: [],
  anthropic: [],
  opaque: []
}

const NOT_PREDICTIONS: readonly string[] = ['parameters', 'error', 'logprobs']

const NULL = 1 << BAD_KINDS.indexOf('null')
const NAN = 1 << BAD_KINDS.indexOf('nan')
const INFINITE = 1 << BAD_KINDS.indexOf('infinite')

/** What stands in a container, or follows a name. */
const ROOT = 1 // the top-level object: its names decide
const ELSEWHERE = 2 // counts only where no prediction path exists
const SKIPPED = 3 // never counts
const PREDICTED = 4
const TENSORS = 5 // Open Inference outputs: objects of which only `data` is predicted
const TENSOR = 6
const ERROR = 7 // value of an `error`

const DEEPEST = 64
const LONGEST = 32 // of a name or bare token that matters

class Scanner implements FirstReader {
  readonly #protocol: Protocol
  readonly #paths: readonly string[]
  readonly #modes = new Uint8Array(DEEPEST)
  readonly #objects = new Uint8Array(DEEPEST)
  readonly #text = new Uint8Array(LONGEST)
  #textLength = 0
  #depth = 0 // of open containers; modes and kinds of those below DEEPEST are kept
  #next = ELSEWHERE // what the next value is
  #inString = false
  #escaped = false
  #inToken = false
  #isName = false // the string that is read is a name
  #expectsName = false
  #started: boolean
  #judged: boolean
  #seen = 0
  #bad = 0 // under prediction paths
  #badElsewhere = 0
  #pathSeen = false
  #failed = false

  constructor(protocol: Protocol, declared: boolean) {
    this.#protocol = protocol
    this.#paths = PATHS[protocol]
    this.#judged = true
    this.#started = declared
  }

  push(chunk: Uint8Array): void {
    const length = Math.min(chunk.length, SCAN_BYTES - this.#seen)
    this.#seen += length
    let at = 0
    while (at < length && this.#judged) {
      if (this.#inString) at = this.#string(chunk, at, length)
      else at = this.#outside(chunk, at, length)
    }
  }

  end(): FirstReading {
    if (this.#inToken && this.#seen < SCAN_BYTES) this.#endToken()
    if (!this.#judged || this.#seen === 0) return { judged: false, bad: 0, failed: false }
    if (this.#failed) return { judged: true, bad: 0, failed: true }
    const whole = this.#protocol === 'json' && !this.#pathSeen
    return { judged: true, bad: whole ? this.#badElsewhere : this.#bad, failed: false }
  }

  /** Reads on in a string; where it ended, or the chunk. */
  #string(chunk: Uint8Array, from: number, length: number): number {
    let at = from
    if (this.#escaped) {
      this.#escaped = false
      at++
    }
    for (; at < length; at++) {
      const c = chunk[at] ?? 0
      if (c === QUOTE) {
        this.#closeString()
        return at + 1
      }
      if (c === BACKSLASH) {
        this.#escaped = true
        this.#textLength = LONGEST + 1 // a name with an escape is none of ours
        return at + 1
      }
      if (this.#isName) this.#collect(c)
    }
    return at
  }

  #outside(chunk: Uint8Array, from: number, length: number): number {
    const c = chunk[from] ?? 0
    const kind = KINDS[c]
    if (kind === TOKEN || kind === EXPONENT) return this.#token(chunk, from, length)
    if (c === QUOTE) this.#openString()
    else this.#punctuation(c)
    return from + 1
  }

  /** Reads on in a bare token. Plain numbers, which most are, are passed over without being kept. */
  #token(chunk: Uint8Array, from: number, length: number): number {
    let at = from
    let exponent = false
    for (; at < length; at++) {
      const kind = KINDS[chunk[at] ?? 0]
      if (kind === EXPONENT) exponent = true
      else if (kind !== TOKEN) break
    }
    const whole = !this.#inToken && at < length
    if (!this.#inToken) {
      this.#begin()
      this.#textLength = 0
    }
    if (whole && !exponent && isNumber(chunk[from] ?? 0, chunk[from + 1] ?? 0)) return at
    this.#inToken = true
    for (let i = from; i < at; i++) this.#collect(chunk[i] ?? 0)
    return at
  }

  #openString(): void {
    if (this.#inToken) this.#endToken()
    this.#begin()
    this.#inString = true
    this.#isName = this.#expectsName
    this.#textLength = 0
    if (!this.#isName && this.#next === ERROR) this.#failed = true
  }

  #closeString(): void {
    this.#inString = false
    if (this.#isName) this.#next = this.#modeOfName()
    this.#isName = false
    this.#expectsName = false
  }

  #punctuation(c: number): void {
    if (this.#inToken) this.#endToken()
    if (isSpace(c)) return
    this.#begin(c)
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) this.#open(c === OPEN_OBJECT)
    else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) this.#close()
    else if (c === COMMA) this.#nextElement()
  }

  /** Without a content type only an answer that begins like JSON is read as JSON. */
  #begin(c = 0): void {
    if (this.#started) return
    this.#started = true
    this.#judged = c === OPEN_OBJECT || c === OPEN_ARRAY
  }

  #open(object: boolean): void {
    const mode = this.#modeOfContainer(object)
    if (this.#depth < DEEPEST) {
      this.#modes[this.#depth] = mode
      this.#objects[this.#depth] = object ? 1 : 0
    }
    this.#depth++
    this.#nextElement()
  }

  #modeOfContainer(object: boolean): number {
    if (this.#depth === 0) return object ? ROOT : ELSEWHERE
    if (this.#next === ERROR) {
      this.#failed = true
      return SKIPPED
    }
    if (this.#next !== TENSORS) return this.#next
    if (this.#modeHere() === ROOT) return TENSORS // the list itself
    return object ? TENSOR : PREDICTED
  }

  #close(): void {
    if (this.#depth > 0) this.#depth--
    this.#expectsName = false
    this.#next = SKIPPED // until a comma
  }

  /** After '{', '[' or ',': a name in an object, otherwise a value. */
  #nextElement(): void {
    const inside = Math.min(this.#depth, DEEPEST) - 1
    this.#expectsName = inside >= 0 && this.#objects[inside] === 1
    this.#next = this.#modeHere()
  }

  #modeHere(): number {
    const inside = Math.min(this.#depth, DEEPEST) - 1
    return inside < 0 ? ELSEWHERE : (this.#modes[inside] ?? ELSEWHERE)
  }

  #modeOfName(): number {
    const here = this.#modeHere()
    if (this.#textLength > LONGEST) return here === ROOT || here === TENSOR ? ELSEWHERE : here
    if (here === ROOT) return this.#modeOfMember()
    if (here === TENSOR) return this.#isText('data') ? PREDICTED : SKIPPED
    if (here === PREDICTED && this.#isText('error')) return ERROR
    return this.#isAnyText(NOT_PREDICTIONS) ? SKIPPED : here
  }

  #modeOfMember(): number {
    if (this.#isText('error')) return ERROR
    if (this.#isAnyText(this.#paths)) {
      this.#pathSeen = true
      return this.#protocol === 'open-inference' ? TENSORS : PREDICTED
    }
    return this.#isAnyText(NOT_PREDICTIONS) ? SKIPPED : ELSEWHERE
  }

  #endToken(): void {
    this.#inToken = false
    const mode = this.#next
    if (this.#expectsName || mode === SKIPPED || mode === ROOT || mode === TENSOR) return
    if (mode === ERROR) {
      if (!this.#isText('null') && !this.#isText('false')) this.#failed = true
      return
    }
    const kind = this.#kindOfToken()
    if (mode === ELSEWHERE) this.#badElsewhere |= kind
    else this.#bad |= kind
  }

  #kindOfToken(): number {
    if (this.#textLength > LONGEST) return 0
    const first = this.#text[0] ?? 0
    if (first === LOWER_N || first === UPPER_N || first === LOWER_I || first === UPPER_I)
      return this.#kindOfWord(0)
    if (first !== MINUS && first !== PLUS) return this.#overflows() ? INFINITE : 0
    return this.#kindOfWord(1) || (this.#overflows() ? INFINITE : 0)
  }

  #kindOfWord(from: number): number {
    if (from === 0 && this.#isText('null')) return NULL
    if (this.#isWord('nan', from)) return NAN
    return this.#isWord('infinity', from) || this.#isWord('inf', from) ? INFINITE : 0
  }

  /** A number such as 1e999, which every reader turns into an infinity. */
  #overflows(): boolean {
    for (let i = 0; i < this.#textLength; i++) {
      if (((this.#text[i] ?? 0) | 32) !== LOWER_E) continue
      const value = Number(String.fromCharCode(...this.#text.subarray(0, this.#textLength)))
      return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY
    }
    return false
  }

  #collect(c: number): void {
    if (this.#textLength < LONGEST) this.#text[this.#textLength] = c
    if (this.#textLength <= LONGEST) this.#textLength++
  }

  #isAnyText(texts: readonly string[]): boolean {
    for (const text of texts) if (this.#isText(text)) return true
    return false
  }

  #isText(text: string): boolean {
    if (this.#textLength !== text.length) return false
    for (let i = 0; i < text.length; i++) if (this.#text[i] !== text.charCodeAt(i)) return false
    return true
  }

  /** The collected text from `from`, in any case of letters. */
  #isWord(lower: string, from: number): boolean {
    if (this.#textLength !== from + lower.length) return false
    for (let i = 0; i < lower.length; i++) {
      if (((this.#text[from + i] ?? 0) | 32) !== lower.charCodeAt(i)) return false
    }
    return true
  }
}

/** `application/json` or `…+json`, whatever its parameters. */
function isJson(contentType: string): boolean {
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon))
    .trim()
    .toLowerCase()
  return type === 'application/json' || type.endsWith('+json')
}

/** Begins like a number: a digit, or a sign and a digit. */
function isNumber(first: number, second: number): boolean {
  return isDigit(first) || ((first === MINUS || first === PLUS) && isDigit(second))
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57
}

function isSpace(c: number): boolean {
  return c === 32 || c === 10 || c === 13 || c === 9
}

const QUOTE = 34
const PLUS = 43
const COMMA = 44
const MINUS = 45
const COLON = 58
const UPPER_E = 69
const UPPER_I = 73
const UPPER_N = 78
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const LOWER_E = 101
const LOWER_I = 105
const LOWER_N = 110
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/** Kinds of bytes outside strings. */
const TOKEN = 0
const EXPONENT = 1
const BREAK = 2
const KINDS = Uint8Array.from({ length: 256 }, (_, c) => {
  if (c === LOWER_E || c === UPPER_E) return EXPONENT
  if (c === QUOTE || isSpace(c)) return BREAK
  return [COMMA, COLON, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT].includes(c)
    ? BREAK
    : TOKEN
})

/**
 * Reads JSON as models write it: NaN, Infinity and inf are numbers, and integers of any length keep their text.
 *
 * Everything else is RFC 8259 to the letter. A text with a member twice, a byte order mark, UTF-16 or anything
 * behind the value is unreadable: which value counts would be a guess. Linear time, no recursion, at most
 * `maxNodes` nodes, names and numbers of at most 4,096 characters, and work in steps, so that a caller can do other
 * things between them, also within a long string or much space.
 */
import { Unescaping } from './escapes.ts'
import { JSON_KIND, JsonDocument, LONG_STRING } from './json-document.ts'
import { NODE, type Pace, STEP, type Steps } from './pace.ts'

/** Nodes of one side of a comparison, over all its documents. */
export const MAX_NODES = 200_000

/** Characters of a name or of a number: of what no step can be taken in parts. */
export const LONGEST = 4_096

/** Values between two pauses. */
export const VALUES = STEP / NODE

export type JsonFailure = 'unreadable' | 'too_large'

/** Reads a whole text at once. */
export function readJson(text: string, maxNodes = MAX_NODES): JsonDocument | JsonFailure {
  const reader = new JsonReader(text, maxNodes)
  while (!reader.step(MAX_NODES));
  return reader.result
}

/** Reads a text with pauses. */
export function* readJsonSteps(
  text: string,
  maxNodes: number,
  pace: Pace
): Steps<JsonDocument | JsonFailure> {
  const reader = new JsonReader(text, maxNodes)
  while (!reader.step(VALUES)) yield
  if (pace.isDue(Math.min(STEP, text.length))) yield
  return reader.result
}

/** What comes next in the text. */
const VALUE = 0
const VALUE_OR_CLOSE = 1 // after '['
const NAME_OR_CLOSE = 2 // after '{'
const NAME = 3 // after ',' in an object
const BEHIND = 4 // after a value
const BEHIND_NAME = 5
const IN_STRING = 6
const IN_NAME = 7
const UNESCAPE = 8 // the string that was read
const DONE = 9

const FEW = 8 // names of an object that are compared one by one

type Frame = { readonly node: number; size: number; names: Map<string, number> | null }

export class JsonReader {
  result: JsonDocument | JsonFailure = 'unreadable'
  readonly #text: string
  readonly #document: JsonDocument
  readonly #capacity: number
  readonly #isBounded: boolean
  readonly #frames: Frame[] = []
  #at = 0
  #limit = 0 // where this step ends, or the text
  #state = VALUE
  #start = 0 // of the string that is read
  #kind: number = JSON_KIND.string
  #unescaping: Unescaping | null = null

  constructor(text: string, maxNodes = MAX_NODES) {
    const most = (text.length >> 1) + 2 // a value takes one character and one that parts it from the next
    this.#text = text
    this.#isBounded = maxNodes < most
    this.#capacity = Math.min(maxNodes, most)
    this.#document = new JsonDocument(text, this.#capacity)
  }

  /** Reads on for about `budget` values, or 16 times as many characters; true when `result` is final. */
  step(budget: number): boolean {
    if (this.#state === UNESCAPE) return this.#unescape()
    const end = this.#text.length
    this.#limit = Math.min(end, this.#at + budget * NODE)
    for (let left = budget; left > 0 && this.#state < UNESCAPE; left--) {
      if (this.#at >= this.#limit && this.#limit < end) break
      this.#token()
    }
    return this.#state === DONE
  }

  #token() {
    if (this.#state >= IN_STRING) return this.#goOn()
    const c = this.#skipSpace()
    if (c === PAUSED) return
    if (this.#state === BEHIND) return this.#behind(c)
    if (this.#state === NAME || this.#state === NAME_OR_CLOSE) return this.#name(c)
    if (this.#state === BEHIND_NAME) return this.#colon(c)
    if (c === CLOSE_ARRAY && this.#state === VALUE_OR_CLOSE) return this.#close()
    this.#value(c)
  }

  #value(c: number) {
    if (this.#document.count >= this.#capacity) return this.#full()
    if (c === QUOTE) {
      this.#openString(IN_STRING)
      return this.#string()
    }
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) return this.#open(c === OPEN_OBJECT)
    if (this.#number(c) || this.#word(c)) this.#state = BEHIND
    else if (this.#state !== DONE) this.#fail()
  }

  /** Goes on where a step ended within a string. */
  #goOn() {
    if (this.#state === IN_STRING) this.#string()
    else this.#restOfName()
  }

  #openString(state: number) {
    this.#state = state
    this.#start = this.#at
    this.#kind = JSON_KIND.string
    this.#at++
  }

  #string() {
    const kind = this.#scan()
    if (kind === PAUSED) return
    if (kind < 0) return this.#fail()
    const start = this.#start
    this.#document.add(kind, start, this.#at, 0)
    this.#state = BEHIND
    if (kind !== JSON_KIND.escaped || this.#at - start <= LONG_STRING) return
    this.#unescaping = new Unescaping(this.#text, start + 1, this.#at - 1)
    this.#state = UNESCAPE
  }

  /** Undoes escapes of a long string, so that nobody has to do it at once. The document goes on behind it. */
  #unescape(): false {
    const unescaping = this.#unescaping
    if (unescaping?.step(STEP / 4) === false) return false
    if (unescaping !== null) this.#document.keep(this.#document.count - 1, unescaping.text())
    this.#unescaping = null
    this.#state = BEHIND
    return false
  }

  #open(isObject: boolean) {
    const kind = isObject ? JSON_KIND.object : JSON_KIND.array
    const node = this.#document.add(kind, this.#at, this.#at, 0)
    this.#frames.push({ node, size: 0, names: null })
    this.#at++
    this.#state = isObject ? NAME_OR_CLOSE : VALUE_OR_CLOSE
  }

  #close() {
    const frame = this.#frames.pop()
    if (frame === undefined) return this.#fail()
    this.#at++
    this.#document.close(frame.node, this.#at, frame.size, frame.names)
    this.#state = BEHIND
  }

  /** After a value: a comma, the end of a container, or of everything. */
  #behind(c: number) {
    const frame = this.#frames.at(-1)
    if (frame === undefined) return c === END ? this.#finish() : this.#fail()
    const isObject = this.#document.kind(frame.node) === JSON_KIND.object
    if (frame.size === 0) frame.size = 1
    if (c === COMMA) {
      frame.size++
      this.#at++
      this.#state = isObject ? NAME : VALUE
      return
    }
    if (c !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return this.#fail()
    this.#close()
  }

  #name(c: number) {
    if (c === CLOSE_OBJECT && this.#state === NAME_OR_CLOSE) return this.#close()
    if (c !== QUOTE) return this.#fail()
    if (this.#document.count + 1 >= this.#capacity) return this.#full()
    this.#openString(IN_NAME)
    this.#restOfName()
  }

  #restOfName() {
    const kind = this.#scan()
    if (kind === PAUSED) {
      if (this.#at - this.#start > LONGEST) this.#tooLong()
      return
    }
    if (kind < 0) return this.#fail()
    if (this.#at - this.#start > LONGEST) return this.#tooLong()
    const name = this.#document.add(kind, this.#start, this.#at, 0)
    if (this.#isTwice(name)) return this.#fail()
    this.#state = BEHIND_NAME
    const c = this.#skipSpace()
    if (c !== PAUSED) this.#colon(c)
  }

  #colon(c: number) {
    if (c !== COLON) return this.#fail()
    this.#at++
    this.#state = VALUE
  }

  /** Whether the object that is open has this name already. */
  #isTwice(name: number): boolean {
    const document = this.#document
    const frame = this.#frames.at(-1)
    if (frame === undefined) return false
    if (frame.names === null) {
      let seen = 0
      for (let at = frame.node + 1; at < name; at = document.next(at + 1)) {
        if (document.sameString(at, name)) return true
        seen++
      }
      if (seen < FEW) return false
      frame.names = new Map()
      for (let at = frame.node + 1; at < name; at = document.next(at + 1)) {
        frame.names.set(document.string(at), at)
      }
    }
    const before = frame.names.size
    return frame.names.set(document.string(name), name).size === before
  }

  /** Reads a string to its end; its kind, -1, or PAUSED where the step ends before. */
  #scan(): number {
    const text = this.#text
    const limit = this.#limit
    let kind = this.#kind
    let at = this.#at
    for (; at < limit; at++) {
      const c = text.charCodeAt(at)
      if (c === QUOTE) {
        this.#at = at + 1
        return kind
      }
      if (c < 32) return -1
      if (c !== BACKSLASH) continue
      kind = JSON_KIND.escaped
      const letter = text.charCodeAt(++at)
      if (letter === LOWER_U) {
        for (let i = 1; i <= 4; i++) if (!isHex(text.charCodeAt(at + i))) return -1
        at += 4
      } else if (!ESCAPABLE.has(letter)) return -1
    }
    if (limit === text.length) return -1
    this.#at = at
    this.#kind = kind
    return PAUSED
  }

  /** Reads a number of RFC 8259. Up to 15 digits with up to 22 behind the point are exact by one division. */
  #number(first: number): boolean {
    const text = this.#text
    const start = this.#at
    let at = start
    if (first === MINUS) at++
    const digits = at
    const most = at + LONGEST
    let value = 0
    let c = text.charCodeAt(at)
    for (; isDigit(c) && at < most; c = text.charCodeAt(++at)) value = value * 10 + c - ZERO
    if (at === digits || (at > digits + 1 && text.charCodeAt(digits) === ZERO)) return false
    let length = at - digits
    let fraction = 0
    let kind: number = JSON_KIND.integer
    if (c === POINT) {
      kind = JSON_KIND.float
      c = text.charCodeAt(++at)
      for (; isDigit(c) && at < most; c = text.charCodeAt(++at)) {
        value = value * 10 + c - ZERO
        fraction++
      }
      if (fraction === 0) return false
      length += fraction
    }
    let isPlain = length <= 15 && fraction <= 22
    if ((c | 32) === LOWER_E) {
      kind = JSON_KIND.float
      isPlain = false
      c = text.charCodeAt(++at)
      if (c === PLUS || c === MINUS) c = text.charCodeAt(++at)
      if (!isDigit(c)) return false
      for (; isDigit(c) && at < most; ) c = text.charCodeAt(++at)
    }
    if (at >= most) {
      this.#tooLong()
      return false
    }
    const plain = (first === MINUS ? -value : value) / (POWERS[fraction] ?? 1)
    const number = isPlain ? plain : Number(text.slice(start, at))
    if (kind === JSON_KIND.integer && !Number.isSafeInteger(number)) kind = JSON_KIND.big
    this.#document.add(kind, start, at, number)
    this.#at = at
    return true
  }

  /** Reads null, true, false, or what stands for a number that JSON has not, in any case of letters. */
  #word(first: number): boolean {
    const start = this.#at
    let end = first === MINUS || first === PLUS ? start + 1 : start
    const from = end
    while (isLetter(this.#text.charCodeAt(end)) && end - from <= LONGEST_WORD) end++
    const word = this.#text.slice(from, end)
    const kind = from === start ? WORDS.get(word) : undefined
    if (kind !== undefined) this.#document.add(kind, start, end, 0)
    else {
      const number = NUMBERS.get(word.toLowerCase())
      if (number === undefined) return false
      this.#document.add(JSON_KIND.float, start, end, first === MINUS ? -number : number)
    }
    this.#at = end
    return true
  }

  /** The first character that is no space, -1 at the end, or PAUSED where the step ends. */
  #skipSpace(): number {
    const text = this.#text
    const limit = this.#limit
    for (; this.#at < limit; this.#at++) {
      const c = text.charCodeAt(this.#at)
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return c
    }
    return limit === text.length ? END : PAUSED
  }

  #finish(): void {
    this.result = this.#document
    this.#state = DONE
  }

  #fail(): void {
    this.result = 'unreadable'
    this.#state = DONE
  }

  #tooLong(): void {
    this.result = 'too_large'
    this.#state = DONE
  }

  /** The room for nodes is used up: by as many as are allowed, or by a text that is no JSON. */
  #full(): void {
    this.result = this.#isBounded ? 'too_large' : 'unreadable'
    this.#state = DONE
  }
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= 57
}

function isHex(c: number): boolean {
  return isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 102)
}

function isLetter(c: number): boolean {
  return (c | 32) >= 97 && (c | 32) <= 122
}

const END = -1
const PAUSED = -2
const QUOTE = 34
const PLUS = 43
const COMMA = 44
const MINUS = 45
const POINT = 46
const ZERO = 48
const COLON = 58
const OPEN_ARRAY = 91
const BACKSLASH = 92
const CLOSE_ARRAY = 93
const LOWER_E = 101
const LOWER_U = 117
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

const ESCAPABLE = new Set(Array.from('"\\/bfnrt', letter => letter.charCodeAt(0)))
const POWERS = Array.from({ length: 23 }, (_, i) => 10 ** i)
const LONGEST_WORD = 8
const WORDS = new Map<string, number>([
  ['null', JSON_KIND.null],
  ['true', JSON_KIND.true],
  ['false', JSON_KIND.false]
])
const NUMBERS = new Map([
  ['nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['infinity', Number.POSITIVE_INFINITY]
])

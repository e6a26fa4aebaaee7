/**
 * Escapes of JSON strings that the reader has accepted, undone: at once, or in steps where a string is long.
 */
import { ESCAPES } from '../json-escape.ts'

/** The value of a string. */
export function unescaped(inner: string): string {
  let out = ''
  let from = 0
  for (let at = inner.indexOf('\\'); at !== -1; at = inner.indexOf('\\', from)) {
    out += inner.slice(from, at)
    const letter = inner[at + 1] ?? ''
    if (letter === 'u') out += String.fromCharCode(Number.parseInt(inner.slice(at + 2, at + 6), 16))
    else out += ESCAPES[letter] ?? letter
    from = at + (letter === 'u' ? 6 : 2)
  }
  return out + inner.slice(from)
}

/** Whether the string between `start` and `end` says `value`; it is read no further than they are alike. */
export function saysUnescaped(text: string, start: number, end: number, value: string): boolean {
  let at = start
  for (let i = 0; i < value.length; i++) {
    if (at >= end) return false
    const length = text[at] !== '\\' ? 1 : text[at + 1] === 'u' ? 6 : 2
    const unit =
      length === 1
        ? text.charCodeAt(at)
        : length === 6
          ? Number.parseInt(text.slice(at + 2, at + 6), 16)
          : (ESCAPES[text[at + 1] ?? ''] ?? text[at + 1] ?? '').charCodeAt(0)
    if (unit !== value.charCodeAt(i)) return false
    at += length
  }
  return at === end
}

/** Undoes a long string, some characters at a time. */
export class Unescaping {
  readonly #text: string
  readonly #end: number
  readonly #pieces: string[] = []
  #at: number

  constructor(text: string, start: number, end: number) {
    this.#text = text
    this.#at = start
    this.#end = end
  }

  /** Undoes about `characters` more; true when it is done. */
  step(characters: number): boolean {
    const text = this.#text
    const from = this.#at
    let to = Math.min(this.#end, from + characters)
    if (to < this.#end) to = this.#whole(from, to)
    this.#pieces.push(String(JSON.parse(`"${text.slice(from, to)}"`))) // one flat text, whatever is in it
    this.#at = to
    return to === this.#end
  }

  text(): string {
    return this.#pieces.join('')
  }

  /** A place at or shortly behind `to` that is not within an escape. */
  #whole(from: number, to: number): number {
    const text = this.#text
    for (let at = to - 1; at >= to - 5 && at >= from; at--) {
      if (text[at] !== '\\' || !this.#begins(from, at)) continue
      return Math.max(to, at + (text[at + 1] === 'u' ? 6 : 2))
    }
    return to
  }

  /** Whether the backslash at `at` begins an escape: an even number of them stands before it. */
  #begins(from: number, at: number): boolean {
    let before = at
    while (before > from && this.#text[before - 1] === '\\') before--
    return (at - before) % 2 === 0
  }
}

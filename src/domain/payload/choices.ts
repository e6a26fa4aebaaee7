/**
 * The choices of a chat or text completion: whether each has said something.
 *
 * A choice has content when its text is not empty, when it calls a tool, or when it refuses. In a whole answer a
 * choice is judged where it ends; in a stream its parts come in many events and are kept by index to the end.
 */
import { BAD, ERROR } from './facts.ts'
import { type Place, place, WANTS } from './place.ts'
import { WORD } from './words.ts'

const SAID = place('said', WANTS.text)
const CALLED = place('called', WANTS.node, { element: place('called', WANTS.node) })
const PART = place('content', WANTS.text | WANTS.node, {
  repeated: {
    text: SAID,
    refusal: SAID,
    image_url: place('called', WANTS.node),
    audio: place('called', WANTS.node)
  }
})
const CONTENT = place('content', WANTS.text | WANTS.leaves, { element: PART })
const MESSAGE = place('message', WANTS.leaves, {
  names: { content: CONTENT },
  repeated: { refusal: SAID, tool_calls: CALLED, function_call: CALLED, audio: CALLED }
})
const CHOICE = place('choice', WANTS.node | WANTS.leaves, {
  names: { message: MESSAGE, delta: MESSAGE, text: CONTENT },
  repeated: {
    index: place('index', WANTS.number),
    finish_reason: place('finish', WANTS.text),
    error: ERROR
  }
})
export const CHOICES = place('choices', WANTS.node | WANTS.leaves, { element: CHOICE })

/** Choices of a stream that are told apart. */
const MOST = 1024

const HEARD = 1 // said something or finished
const SPOKE = 2
const FINISHED = 4

export class Choices {
  count = 0 // of choices that were judged, or heard of in a stream
  bad = 0
  isUsed = false
  readonly #streamed: boolean
  #bits: number[] = [] // by index, of a stream
  #index = 0
  #present = 0 // bits of the choice that is read
  #null = false

  constructor(streamed: boolean) {
    this.#streamed = streamed
  }

  /** Takes a report about a place of choices; true: it was content that a user sees. */
  open(at: Place, object: boolean): boolean {
    this.isUsed = true
    if (at.id === 'choice') {
      this.#index = 0
      this.#present = 0
      this.#null = false
      return false
    }
    if (at.id !== 'called') return false
    // a list of calls says nothing before there is a call in it
    return object ? this.#spoke() : false
  }

  close(at: Place, object: boolean): void {
    if (at.id === 'choice' && object) this.#judge()
  }

  text(at: Place, length: number): boolean {
    if (length === 0) return false
    if (at.id === 'finish') this.#present |= FINISHED | HEARD
    return at.id === 'said' || at.id === 'content' ? this.#spoke() : false
  }

  word(at: Place, word: number): void {
    if (word !== WORD.null) return
    if (at.id === 'content' || at.id === 'message') this.#null = true
    if (at.id === 'choices') this.bad |= BAD.null | BAD.empty
    if (at.id === 'choice') {
      this.bad |= BAD.null | BAD.empty
      this.count++
    }
  }

  index(value: number): void {
    if (Number.isInteger(value) && value >= 0) this.#index = value
  }

  /** Every choice of the stream that was heard of has finished. */
  get haveFinished(): boolean {
    return this.count > 0 && this.#bits.every(bits => (bits & (HEARD | FINISHED)) !== HEARD)
  }

  /** The stream is over. */
  end(): void {
    if (this.#bits.some(bits => (bits & (HEARD | SPOKE)) === HEARD)) this.bad |= BAD.empty
  }

  #spoke(): boolean {
    this.#present |= SPOKE | HEARD
    return true
  }

  #judge(): void {
    if (!this.#streamed) {
      this.count++
      if ((this.#present & SPOKE) !== 0) return
      this.bad |= this.#null ? BAD.empty | BAD.null : BAD.empty
      return
    }
    if (this.#index >= MOST) return
    while (this.#bits.length <= this.#index) this.#bits.push(0)
    const before = this.#bits[this.#index] ?? 0
    if (before === 0 && this.#present !== 0) this.count++
    this.#bits[this.#index] = before | this.#present
  }
}

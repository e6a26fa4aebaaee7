/**
 * An answer that is one message, whole or in a stream of typed events: whether it has said anything.
 *
 * Shared by the Responses API of OpenAI and the Messages API of Anthropic. Text, a refusal and the use of a tool
 * are content; thinking is none. In a stream only what is added is an event with content. What stands where is told by their places; what an event means, by `event`.
 */
import { BAD, Facts, shortText } from './facts.ts'
import type { Place } from './place.ts'
import { WORD } from './words.ts'

const LONGEST_TYPE = 64 // bytes

/** Types of parts that are no content by being there. */
const SILENT = new Set([
  '',
  'message',
  'text',
  'output_text',
  'thinking',
  'redacted_thinking',
  'reasoning',
  'refusal'
])

export type MessageRules = {
  /** Parts of a stream that carry content when their text is not empty; null: all. */
  readonly isContent: ((type: string) => boolean) | null
  /** Type of the event that ends a stream. */
  readonly isEnd: (type: string) => boolean
  readonly isFailure: (type: string) => boolean
}

export class MessageFacts extends Facts {
  override readonly endsItself = false
  readonly #rules: MessageRules
  #spoke = false
  #null = false // in place of content
  #pending = false // the message is not made yet
  #other = false
  #type = ''
  #delta = false // the event has a text that is not empty

  constructor(rules: MessageRules, stream: boolean) {
    super()
    this.#rules = rules
    this.stream = stream
  }

  override endBody(documents: number): void {
    if (this.failed) return
    if (this.stream && (this.#spoke || this.finished)) this.predictions = 1
    if (documents === 0 || (this.stream && !this.#spoke)) this.bad |= BAD.empty
  }

  protected override beginDocument(): void {
    this.#null = false
    this.#pending = false
    this.#other = false
    this.#type = ''
    this.#delta = false
  }

  protected override endDocument(): void {
    const { isContent, isEnd, isFailure } = this.#rules
    if (isFailure(this.#type)) this.fail()
    if (this.#other) this.unparsable('syntax')
    else if (this.stream) {
      if (this.#delta && (isContent === null || isContent(this.#type))) {
        this.#spoke = true
        this.content()
      }
      if (isEnd(this.#type)) this.finished = true
    } else if (!this.documentFailed && !this.#pending) this.#judge()
  }

  /** A whole answer. */
  #judge(): void {
    if (!this.hasNull) this.predictions = 1
    if (this.#spoke) return
    if (this.#null) this.bad |= BAD.null
    if (!this.hasNull) this.bad |= BAD.empty
  }

  override open(at: Place, object: boolean): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other ||= !object
  }

  override close(): void {}

  override text(at: Place, bytes: Uint8Array, from: number, to: number): void {
    if (this.commonText(at, bytes, from, to)) return
    const id = at.id
    if (id === 'root') this.#other = true
    else if (id === 'said' && to > from) this.#spoke = true
    else if (id === 'delta' && to > from) this.#delta = true
    else if (id === 'event') this.#type = shortText(bytes, from, to, LONGEST_TYPE)
    else if (id === 'part type') {
      if (!SILENT.has(shortText(bytes, from, to, LONGEST_TYPE))) this.#spoke = true
    } else if (id === 'status') this.#status(shortText(bytes, from, to, LONGEST_TYPE))
  }

  override word(at: Place, word: number): void {
    if (this.commonWord(at, word)) return
    if (at.id === 'root') {
      this.bad |= this.kindOf(word)
      if (word === WORD.null) this.hasNull = true
      else this.#other = true
    } else if (word === WORD.null) this.#null = true
  }

  override numbers(at: Place): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other = true
  }

  #status(status: string): void {
    if (status === 'failed') this.fail()
    else if (status === 'refusal') this.#spoke = true
    else if (status === 'queued' || status === 'in_progress') this.#pending = true
  }
}

/**
 * Chat and text completions of OpenAI and of the many servers that speak like it, whole and streamed.
 *
 * A stream ends with `[DONE]` or when every choice has a reason to finish: some servers send no `[DONE]`. Nulls in a
 * stream are normal; what counts is what a choice has said at its end. Source: OpenAI API reference, chat.
 */
import { CHOICES, Choices } from './choices.ts'
import { BAD, FAILURE_NAMES, Facts, MODEL, ROOT_WANTS, USAGE } from './facts.ts'
import { type Place, place } from './place.ts'
import { WORD } from './words.ts'

export const CHAT_ROOT = place('root', ROOT_WANTS, {
  names: { choices: CHOICES },
  repeated: { ...FAILURE_NAMES, model: MODEL, usage: USAGE }
})

export class ChatFacts extends Facts {
  override readonly endsItself = false
  readonly #choices: Choices
  #before = 0
  #other = false // the document is no object

  constructor(stream: boolean) {
    super()
    this.stream = stream
    this.#choices = new Choices(stream)
  }

  override endBody(documents: number): void {
    if (this.stream) {
      this.#choices.end()
      if (this.#choices.haveFinished) this.finished = true
    }
    this.bad |= this.#choices.bad
    const silent = documents === 0 || (this.stream && this.predictions === 0 && this.bad === 0)
    if (silent && !this.failed) this.bad |= BAD.empty
  }

  protected override beginDocument(): void {
    this.#before = this.#choices.count
    this.#other = false
  }

  protected override endDocument(): void {
    this.predictions = this.#choices.count
    this.bad |= this.#choices.bad
    if (this.#other) this.unparsable('syntax')
    else if (!this.stream && this.predictions === this.#before && !this.documentFailed)
      if (!this.hasNull) this.bad |= BAD.empty
  }

  override open(at: Place, object: boolean): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other ||= !object
    else if (this.#choices.open(at, object)) this.content()
  }

  override close(at: Place, object: boolean): void {
    this.#choices.close(at, object)
  }

  override text(at: Place, bytes: Uint8Array, from: number, to: number): void {
    if (this.commonText(at, bytes, from, to)) return
    if (at.id === 'root') this.#other = true
    else if (this.#choices.text(at, to - from)) this.content()
  }

  override word(at: Place, word: number): void {
    if (this.commonWord(at, word)) return
    if (at.id !== 'root') {
      this.#choices.word(at, word)
      return
    }
    this.bad |= this.kindOf(word)
    if (word === WORD.null) this.hasNull = true
    else this.#other = true
  }

  override numbers(at: Place): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other = true
  }

  override number(at: Place, value: number): void {
    if (at.id === 'index') this.#choices.index(value)
    else super.number(at, value)
  }
}

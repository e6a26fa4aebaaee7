/**
 * Answers of an MLflow scoring server: rows in `predictions`; a model of a language task answers like OpenAI, inside
 * `predictions` or in place of it; models logged by old versions answer with the bare list.
 *
 * A document with none of the known names is a task of its own (an agent's messages): it is only not empty.
 * Source: MLflow, scoring server.
 */
import { CHOICES, Choices } from './choices.ts'
import { BAD, MODEL, USAGE } from './facts.ts'
import type { Place } from './place.ts'
import { ELSEWHERE, RowFacts, rootOf, rows } from './rows.ts'

const LANGUAGE = { choices: CHOICES, usage: USAGE }
const PREDICTIONS = rows(LANGUAGE)

export const MLFLOW_ROOT = rootOf(
  { predictions: PREDICTIONS, choices: CHOICES, data: PREDICTIONS },
  ELSEWHERE,
  { usage: USAGE, model: MODEL }
)

export class MlflowFacts extends RowFacts {
  readonly #choices: Choices
  #before = 0 // choices
  #chosen = false // the document has choices

  constructor(stream: boolean) {
    super({ bare: true, elsewhere: 'counted' })
    this.#choices = new Choices(stream)
    this.stream = stream
  }

  override endBody(documents: number): void {
    if (this.stream) this.#choices.end()
    this.bad |= this.#choices.bad
    if (this.#choices.isUsed && this.predictions === 0 && !this.failed) this.bad |= BAD.empty
    super.endBody(documents)
  }

  protected override beginDocument(): void {
    super.beginDocument()
    this.#before = this.#choices.count
    this.#chosen = false
  }

  protected override endDocument(): void {
    super.row(this.#choices.count - this.#before)
    this.bad |= this.#choices.bad
    super.endDocument()
  }

  /** An object that holds choices is no row beside them. */
  protected override row(count: number): void {
    if (!this.#chosen) super.row(count)
  }

  /** Part of a stream of choices may well say nothing. */
  protected override isEmpty(): boolean {
    return !(this.stream && this.#chosen) && super.isEmpty()
  }

  override open(at: Place, object: boolean): void {
    if (!isOfChoices(at)) {
      super.open(at, object)
      return
    }
    this.found()
    this.#chosen = true
    if (this.#choices.open(at, object)) this.content()
  }

  override close(at: Place, object: boolean, empty: boolean): void {
    if (isOfChoices(at)) this.#choices.close(at, object)
    else super.close(at, object, empty)
  }

  override text(at: Place, bytes: Uint8Array, from: number, to: number): void {
    if (!isOfChoices(at)) super.text(at, bytes, from, to)
    else if (this.#choices.text(at, to - from)) this.content()
  }

  override word(at: Place, word: number): void {
    if (isOfChoices(at)) this.#choices.word(at, word)
    else super.word(at, word)
  }

  override numbers(at: Place, count: number): void {
    if (!isOfChoices(at)) super.numbers(at, count)
  }

  override number(at: Place, value: number): void {
    if (at.id === 'index') this.#choices.index(value)
    else super.number(at, value)
  }
}

function isOfChoices(at: Place): boolean {
  const id = at.id
  return (
    id === 'choices' ||
    id === 'choice' ||
    id === 'message' ||
    id === 'content' ||
    id === 'said' ||
    id === 'called' ||
    id === 'finish'
  )
}

/**
 * Embeddings as OpenAI answers them: lists of numbers, or base64 of little-endian 32-bit floats, which is what its
 * own client libraries ask for.
 *
 * An embedding without numbers is empty; base64 whose bytes are no whole floats does not fit its shape.
 * Source: OpenAI API reference, embeddings; RFC 4648, section 4.
 */
import { Base64Floats } from './base64-floats.ts'
import { BAD, FAILURE_NAMES, Facts, MODEL, ROOT_WANTS, USAGE } from './facts.ts'
import { type Place, place, WANTS } from './place.ts'
import { WORD } from './words.ts'

const EMBEDDING = place('embedding', WANTS.node | WANTS.leaves | WANTS.text | WANTS.stream, {
  element: place('value', WANTS.node | WANTS.leaves, { element: 'self' })
})
const ITEM = place('item', WANTS.node | WANTS.leaves, {
  names: { embedding: EMBEDDING },
  repeated: { error: FAILURE_NAMES.error }
})

export const EMBEDDINGS_ROOT = place('root', ROOT_WANTS, {
  names: { data: place('list', WANTS.node | WANTS.leaves, { element: ITEM }) },
  repeated: { ...FAILURE_NAMES, model: MODEL, usage: USAGE }
})

export class EmbeddingFacts extends Facts {
  #values = 0 // of the embedding that is read
  #other = false
  #hadNull = false // in place of an embedding
  #isEncoded = false // a text with anything in it is read
  #reader: Base64Floats | null = null

  override endBody(documents: number): void {
    if (documents === 0) this.bad |= BAD.empty
  }

  protected override beginDocument(): void {
    this.#other = false
    this.#hadNull = false
    this.#isEncoded = false
  }

  protected override endDocument(): void {
    if (this.#other) this.unparsable('syntax')
    else if (this.documentPredictions === 0 && !this.hasNull && !this.documentFailed)
      this.bad |= BAD.empty
  }

  override open(at: Place, object: boolean): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other ||= !object
    else if (at.id === 'item') this.#values = -1
    else if (at.id === 'embedding') this.#values = 0
    else if (at.id === 'value' && object) this.#values++
  }

  override close(at: Place): void {
    if (at.id !== 'item') return
    this.predictions++
    if (this.#values <= 0 && !this.#hadNull) this.bad |= BAD.empty
    this.#hadNull = false
  }

  override piece(bytes: Uint8Array, from: number, to: number): number {
    if (!this.#isEncoded && bytes[from] === 34) return from // an empty text
    return this.#encodedText().push(bytes, from, to)
  }

  override escaped(bytes: Uint8Array, from: number, to: number): void {
    const encoded = this.#encodedText()
    if (encoded.push(bytes, from, to) < to) encoded.isSound = false
  }

  override text(at: Place, bytes: Uint8Array, from: number, to: number): void {
    if (this.commonText(at, bytes, from, to)) return
    if (at.id === 'root') this.#other = true
    if (at.id !== 'embedding') return
    this.#values = 0
    if (!this.#isEncoded) return
    const encoded = this.#encodedText()
    this.#isEncoded = false
    this.#values = Math.max(1, encoded.values)
    this.bad |= encoded.bad
    if (!encoded.isSound || encoded.isStray) this.unparsable('syntax')
    else if (encoded.left !== 0) this.bad |= BAD.shape
  }

  override word(at: Place, word: number): void {
    if (this.commonWord(at, word)) return
    const kind = this.kindOf(word)
    this.bad |= kind
    if (at.id === 'root') this.#other = kind === 0
    if (at.id === 'value') this.#values++
    else if (at.id === 'embedding') this.#hadNull = true
    else if (word === WORD.null) this.hasNull = true
  }

  override numbers(at: Place, count: number): void {
    if (this.commonOther(at)) return
    if (at.id === 'root') this.#other = true
    else if (at.id === 'value') this.#values += count
  }

  /** What reads the present text. */
  #encodedText(): Base64Floats {
    this.#reader ??= new Base64Floats()
    if (!this.#isEncoded) this.#reader.start()
    this.#isEncoded = true
    return this.#reader
  }
}

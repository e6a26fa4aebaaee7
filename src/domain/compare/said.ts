/**
 * What a language model said: per choice its text, refusal, why it stopped and the tools it called, put together
 * from a whole answer or from the pieces of a stream. Ids and times are left out.
 */
import { TextPieces } from './text-pieces.ts'

export type Call = { readonly name: string; readonly arguments: string } // JSON, as the model wrote it

export type Turn = {
  readonly text: string
  readonly refusal: string
  readonly finish: string | null
  readonly calls: readonly Call[]
}

export type Said = { readonly turns: readonly Turn[]; readonly error: string | null }

type CallDraft = { name: string; readonly parts: TextPieces }
type Draft = {
  readonly text: TextPieces
  readonly refusal: TextPieces
  finish: string | null
  calls: Map<number, CallDraft>
}

/** Choices and calls of one answer that are told apart. */
const MOST = 256

export class SaidDraft {
  #error: string | null = null
  readonly #turns = new Map<number, Draft>()

  /** Adds text to a choice. */
  text(choice: number, piece: string): void {
    this.#turn(choice).text.push(piece)
  }

  refusal(choice: number, piece: string): void {
    this.#turn(choice).refusal.push(piece)
  }

  /** Why the choice ended; the last reason counts. */
  finish(choice: number, reason: string): void {
    this.#turn(choice).finish = reason
  }

  /** Adds to the call at `index`: a name where one is said, and a piece of its arguments. */
  call(choice: number, index: number, name: string | null, piece: string): void {
    const { calls } = this.#turn(choice)
    let call = calls.get(index)
    if (call === undefined) {
      call = { name: '', parts: new TextPieces() }
      if (calls.size < MOST) calls.set(index, call)
    }
    if (name !== null && call.name === '') call.name = name
    call.parts.push(piece)
  }

  /** An error inside the answer; the first counts. */
  error(text: string): void {
    this.#error ??= text
  }

  /** A choice is there, whatever it says. */
  touch(choice: number): void {
    this.#turn(choice)
  }

  /** Choices and calls in the order of their indices. */
  said(): Said {
    return { error: this.#error, turns: inOrder(this.#turns).map(turnOf) }
  }

  #turn(choice: number): Draft {
    const known = this.#turns.get(choice)
    if (known !== undefined) return known
    const turn: Draft = {
      text: new TextPieces(),
      refusal: new TextPieces(),
      finish: null,
      calls: new Map()
    }
    if (this.#turns.size < MOST) this.#turns.set(choice, turn)
    return turn
  }
}

function turnOf({ text, refusal, finish, calls }: Draft): Turn {
  return {
    text: text.whole(),
    refusal: refusal.whole(),
    finish,
    calls: inOrder(calls).map(({ name, parts }) => ({ name, arguments: parts.whole() }))
  }
}

function inOrder<T>(byIndex: ReadonlyMap<number, T>): T[] {
  return [...byIndex].sort(([a], [b]) => a - b).map(([, value]) => value)
}

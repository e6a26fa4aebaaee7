/**
 * Places of a JSON document: where a value stands and what a reader wants to hear of it.
 *
 * A protocol is a small graph of places: the walk (json-walk.ts) follows names and elements from place to place
 * and never builds a path. What is not in the graph is SKIP: its syntax is checked and nothing is reported.
 */

/** What is reported of values at a place; bits. */
export const WANTS = {
  node: 33, // opening and closing of containers: both of the next
  objects: 1,
  lists: 32,
  leaves: 2, // words, and how many numbers
  text: 4, // strings, up to TEXT_BYTES of each
  number: 8, // the value of each number
  stream: 16 // strings piece by piece, whole
} as const

export type Place = {
  readonly id: string
  readonly wants: number
  readonly names: Names | null // of members of an object that stands here
  readonly other: Place // its members that have no name of these
  readonly element: Place // elements of an array that stands here
  readonly elements: ReadonlyMap<number, Place> | null // elements that have a place of their own
}

export type NamedPlace = {
  readonly bytes: Uint8Array // UTF-8
  readonly place: Place
  readonly bit: number // above the lowest, for finding the same name twice in an object; 0: it may be
}

/** Names by their length in bytes. */
export type Names = readonly (readonly NamedPlace[])[]

/** What hears of values. `text` is bytes[from, to), its first TEXT_BYTES + 1 bytes at least where it is longer. */
export interface Sink {
  open(at: Place, object: boolean): void
  close(at: Place, object: boolean, empty: boolean): void
  text(at: Place, bytes: Uint8Array, from: number, to: number): void
  piece(bytes: Uint8Array, from: number, to: number): number // string-scan.ts, LongString
  escaped(bytes: Uint8Array, from: number, to: number): void
  word(at: Place, word: number): void
  numbers(at: Place, count: number): void
  number(at: Place, value: number): void
}

type Inside = {
  readonly names?: Readonly<Record<string, Place>> // twice in an object: nobody knows which one counts
  readonly repeated?: Readonly<Record<string, Place>> // may be there twice
  readonly other?: Place | 'self'
  readonly element?: Place | 'self'
  readonly elements?: ReadonlyMap<number, Place>
}

type Open<T> = { -readonly [K in keyof T]: T[K] }

export const SKIP: Place = skipped()

/** A place; `self` in place of a place that is the same as this one. */
export function place(id: string, wants: number, inside: Inside = {}): Place {
  const made: Open<Place> = {
    id,
    wants,
    names: namesOf(inside.names ?? {}, inside.repeated ?? {}),
    other: SKIP,
    element: SKIP,
    elements: inside.elements ?? null
  }
  if (inside.other !== undefined) made.other = inside.other === 'self' ? made : inside.other
  if (inside.element !== undefined) made.element = inside.element === 'self' ? made : inside.element
  return made
}

/** The member whose name is bytes[from, to), or null. */
export function namedIn(
  names: Names,
  bytes: Uint8Array,
  from: number,
  to: number
): NamedPlace | null {
  const candidates = names[to - from]
  if (candidates === undefined) return null
  for (const candidate of candidates) if (isSame(candidate.bytes, bytes, from)) return candidate
  return null
}

/** UTF-8 of a text; what the domain has no encoder for. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) pushUtf8(bytes, character.codePointAt(0) ?? 0)
  return Uint8Array.from(bytes)
}

function pushUtf8(bytes: number[], code: number): void {
  if (code < 0x80) bytes.push(code)
  else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63))
  else if (code < 0x10000)
    bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
  else
    bytes.push(
      0xf0 | (code >> 18),
      0x80 | ((code >> 12) & 63),
      0x80 | ((code >> 6) & 63),
      0x80 | (code & 63)
    )
}

function namesOf(
  once: Readonly<Record<string, Place>>,
  repeated: Readonly<Record<string, Place>>
): Names | null {
  const byLength: NamedPlace[][] = []
  const add = (name: string, at: Place, bit: number) => {
    const bytes = utf8(name)
    while (byLength.length <= bytes.length) byLength.push([])
    byLength[bytes.length]?.push({ bytes, place: at, bit })
  }
  // 30 names have a bit; a route with more pointers in one object finds no doubles of the rest
  for (const [i, name] of Object.keys(once).entries())
    add(name, once[name] ?? SKIP, i < 30 ? 2 << i : 0)
  for (const name of Object.keys(repeated)) add(name, repeated[name] ?? SKIP, 0)
  return byLength.length === 0 ? null : byLength
}

function isSame(name: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let i = name.length - 1; i >= 0; i--) if (name[i] !== bytes[from + i]) return false
  return true
}

function skipped(): Place {
  const made = { id: 'skip', wants: 0, names: null, elements: null }
  return Object.assign(made, { other: made, element: made }) as unknown as Place // it holds itself
}

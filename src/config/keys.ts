/**
 * Building blocks of the configuration's schema: one function per kind of value.
 *
 * Exports: `block`, `text`, `word`, `flag`, `whole`, `weight`, `duration`, `size`, `percent`, `list`, `named`,
 * `optional`, `later`, `secret`, `Note`, and the patterns of names.
 *
 * A key with a `default` is required of the filled configuration and may be left out in a file, so that the
 * static type of the schema is that of a configuration with its defaults. Keywords of our own: `x-kind` (unit
 * of a string), `x-min` and `x-max` (in ms, bytes or as a share), `x-later` (not available in this version),
 * `x-one-of` (keys of which exactly one is there), `x-needs` (keys that ask for another), `x-says` (the value in words, for faults and the reference),
 * `x-secret` (a value that no message shows).
 */
import { type TEnum, type TObject, type TProperties, type TSchema, Type } from 'typebox'
import { DURATION, PERCENT, SIZE } from './quantities.ts'

/** The name of a header field or of a cookie: a token of RFC 9110. */
export const FIELD = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}$"
export const FIELD_SAYS = 'the name of a header field'
export const NAME_SAYS = 'a name: lower-case letters, digits and "-", at most 63, no "-" first'

/** What the reference says of a key: meaning with reason, default, and what wins over what. */
export type Note = {
  readonly description: string
  readonly default?: unknown
  readonly precedence?: string
}

/** A map with known keys; anything else in it is a fault. */
export function block<P extends TProperties>(
  properties: P,
  note: Note & {
    readonly oneOf?: readonly string[]
    readonly needs?: Readonly<Record<string, string>>
    readonly says?: string
    readonly secret?: true
  }
): TObject<P> {
  const { oneOf, needs, says, secret: hidden, ...rest } = note
  return Type.Object(properties, {
    additionalProperties: false,
    ...keywords(rest),
    ...(oneOf ? { 'x-one-of': oneOf } : {}),
    ...(needs ? { 'x-needs': needs } : {}),
    ...(says === undefined ? {} : { 'x-says': says }),
    ...(hidden ? { 'x-secret': true } : {})
  })
}

export function text(
  note: Note & {
    readonly pattern?: string
    readonly says?: string
    readonly max?: number
    readonly secret?: true
  }
) {
  const { pattern, says, max = 4096, secret: hidden, ...rest } = note
  return Type.String({
    minLength: 1,
    maxLength: max,
    ...(pattern === undefined ? {} : { pattern }),
    ...(says === undefined ? {} : { 'x-says': says }),
    ...(hidden ? { 'x-secret': true } : {}),
    ...keywords(rest)
  })
}

/** One word of a closed list. Words in `later` are known, and not available in this version. */
export function word<const W extends string[]>(
  words: W,
  note: Note & { readonly later?: readonly string[] }
): TEnum<W> {
  const { later: unavailable, ...rest } = note
  return Type.Enum(words, {
    ...keywords(rest),
    ...(unavailable ? { 'x-later-words': unavailable } : {})
  }) as TEnum<W> // the overloads of Type.Enum lose the tuple
}

export function flag(note: Note) {
  return Type.Boolean(keywords(note))
}

export function whole(note: Note & { readonly min: number; readonly max: number }) {
  const { min, max, ...rest } = note
  return Type.Integer({ minimum: min, maximum: max, ...keywords(rest) })
}

export function decimal(note: Note & { readonly min: number; readonly max: number }) {
  const { min, max, ...rest } = note
  return Type.Number({ minimum: min, maximum: max, ...keywords(rest) })
}

/** A weight in plain percent, at most two decimals. */
export function weight(note: Note) {
  return Type.Number({ minimum: 0, maximum: 100, 'x-kind': 'weight', ...keywords(note) })
}

export function duration(note: Note & { readonly min: number; readonly max: number }) {
  return quantity('duration', DURATION, note)
}

export function size(note: Note & { readonly min: number; readonly max: number }) {
  return quantity('size', SIZE, note)
}

export function percent(note: Note & { readonly min: number; readonly max: number }) {
  return quantity('percent', PERCENT, note)
}

export function list<T extends TSchema>(
  items: T,
  note: Note & { readonly min?: number; readonly max?: number }
) {
  const { min = 0, max = 1000, ...rest } = note
  return Type.Array(items, { minItems: min, maxItems: max, ...keywords(rest) })
}

/** A map whose keys the user chooses. `says` tells what a key looks like. */
export function named<T extends TSchema>(
  key: string,
  says: string,
  values: T,
  note: Note & { readonly min?: number; readonly max?: number }
) {
  const { min = 0, max = 1000, ...rest } = note
  return Type.Record(Type.String({ pattern: key }), values, {
    additionalProperties: false,
    minProperties: min,
    maxProperties: max,
    'x-key-says': says,
    ...keywords(rest)
  })
}

/** A key that is known and refused for now, unless it holds its default or nothing. */
export function later<T extends TSchema>(schema: T) {
  return Type.Optional({ ...schema, 'x-later': true })
}

/** Where a secret comes from: never the file itself. */
export function secret(description: string) {
  return block(
    {
      env: optional(text({ description: 'Name of the environment variable.' })),
      file: optional(
        text({ description: 'Path of the file; a relative one starts at the working directory.' })
      )
    },
    {
      description,
      oneOf: ['env', 'file'],
      says: '{ env: NAME } or { file: PATH }; a secret never stands in this file',
      secret: true
    }
  )
}

export function optional<T extends TSchema>(schema: T) {
  return Type.Optional(schema)
}

function quantity(
  kind: 'duration' | 'size' | 'percent',
  pattern: string,
  note: Note & { readonly min: number; readonly max: number }
) {
  const { min, max, ...rest } = note
  return Type.String({ pattern, 'x-kind': kind, 'x-min': min, 'x-max': max, ...keywords(rest) })
}

function keywords(note: Note) {
  return {
    description: note.description,
    ...('default' in note ? { default: note.default } : {}),
    ...(note.precedence === undefined ? {} : { 'x-precedence': note.precedence })
  }
}

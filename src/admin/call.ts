/**
 * A call of the admin API as plain data: what it takes, who may, and the function that answers.
 *
 * Calls know nothing of Fastify; app.ts serves them and openapi.ts describes them, both from these values. What
 * reaches `answer` has passed every check up to its schema.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Static, TObject, TSchema } from 'typebox'
import type { Role } from '../config/config.ts'
import type { ErrorCode } from '../errors.ts'
import type { Actor, Control } from '../ports.ts'

/** What a call can answer that changes the state: it was not made, or that cannot be said. */
export const STATE_ERRORS = [
  'SLC_STATE_UNKNOWN',
  'SLC_STORE_UNREACHABLE',
  'SLC_STORE_UNKNOWN'
] as const satisfies readonly ErrorCode[]

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

export type Answer =
  | {
      readonly status: number
      readonly body: unknown // JSON, or a text where `type` is given
      readonly etag?: string
      readonly type?: string
    }
  | { readonly stream: (request: IncomingMessage, response: ServerResponse) => void }

export type Input<Query, Body> = {
  readonly control: Control
  readonly params: Readonly<Record<'route' | 'variant' | 'shadow', string>>
  readonly query: Query
  readonly body: Body
  readonly expect: string // the revision of If-Match where the call needs one, else ''
  readonly actor: Actor
  /** All values of a request field, one per field line; `name` in lower case. */
  readonly fields: (name: string) => readonly string[]
}

export type Call = {
  readonly method: Method
  readonly url: string // Fastify's form, as /admin/v1/routes/:route
  readonly role: Role | null // null: no token
  readonly summary: string
  readonly description?: string
  readonly ifMatch: boolean
  readonly query: TObject | null
  readonly body: { readonly schema: TSchema; readonly needed: boolean } | null
  readonly answers: Readonly<Record<number, { readonly what: string; readonly schema: TSchema }>>
  readonly errors: readonly ErrorCode[] // beside those that every call has
  readonly answer: (input: Input<unknown, unknown>) => Answer | Promise<Answer>
}

type Definition<Q extends TObject, B extends TSchema> = Omit<
  Call,
  'query' | 'body' | 'answer' | 'ifMatch' | 'errors'
> & {
  readonly ifMatch?: true
  readonly query?: Q
  readonly body?: { readonly schema: B; readonly needed: boolean }
  readonly errors?: readonly ErrorCode[]
  readonly answer: (input: Input<Static<Q>, Static<B>>) => Answer | Promise<Answer>
}

/** A call whose function sees the types of its schemas. */
export function call<Q extends TObject, B extends TSchema>(definition: Definition<Q, B>): Call {
  const { answer } = definition
  return {
    ...definition,
    ifMatch: definition.ifMatch ?? false,
    query: definition.query ?? null,
    body: definition.body ?? null,
    errors: definition.errors ?? [],
    // app.ts validates query and body against these very schemas before it calls.
    answer: input => answer(input as Input<Static<Q>, Static<B>>)
  }
}

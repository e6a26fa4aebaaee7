/**
 * The last check before a call: the shape of body and query against their TypeBox schemas.
 *
 * Nothing is coerced in a body. A query has texts only: digits become an integer and true or false a boolean where
 * the schema wants one, and a parameter that is there twice is refused. Unknown fields are refused by the schemas.
 */
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { fail, type SluiceError } from '../errors.ts'

export type Check = (
  value: unknown
) => { readonly value: unknown } | { readonly error: SluiceError }

const MOST_FINDINGS = 3

/** A check in the form that Fastify calls. */
export function compileCheck(schema: TSchema, part: 'body' | 'querystring'): Check {
  const validator = Compile(schema)
  return given => {
    const value = part === 'querystring' ? typed(given, schema) : given
    if (validator.Check(value)) return { value }
    const findings = validator.Errors(value).map(({ instancePath, message, params }) => {
      const where = instancePath === '' ? part : instancePath.slice(1).replaceAll('/', '.')
      const unknown =
        'additionalProperties' in params ? ` (${params.additionalProperties.join(', ')})` : ''
      return printable(`${where} ${message}${unknown}`)
    })
    const said = [...new Set(findings)].filter(text => !text.endsWith('schema is false'))
    return { error: fail('SLC_ADMIN_MEANING', [said.slice(0, MOST_FINDINGS).join('; ')]) }
  }
}

function typed(given: unknown, schema: TSchema): Record<string, unknown> {
  const properties =
    'properties' in schema ? (schema.properties as Record<string, { type?: string }>) : {}
  const value: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(given ?? {})) {
    const { type } = Object.hasOwn(properties, name) ? (properties[name] ?? {}) : {}
    value[name] = type === undefined ? text : convert(text, type)
  }
  return value
}

function convert(text: unknown, type: string): unknown {
  if (type === 'integer' && typeof text === 'string' && /^[0-9]{1,9}$/.test(text))
    return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** What a client sent, fit for an answer and a terminal. */
function printable(text: string): string {
  const cut = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return JSON.stringify(cut).slice(1, -1).replaceAll('\\"', '"')
}

/**
 * The configuration's schema as plain data, for whoever walks it: the check of a file and the generated pages.
 *
 * Exports: `Node`, `configNode`, `kindOf`, `kindOfValue`.
 */
import { ConfigSchema } from './schema.ts'

/** JSON Schema as data, with our keywords (keys.ts). */
export type Node = {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean
  readonly items?: Node
  readonly anyOf?: readonly Node[]
  readonly enum?: readonly string[]
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly $ref?: string
  readonly $defs?: Readonly<Record<string, Node>>
  readonly 'x-kind'?: 'duration' | 'size' | 'percent' | 'weight'
  readonly 'x-min'?: number
  readonly 'x-max'?: number
  readonly 'x-later'?: true
  readonly 'x-later-words'?: readonly string[]
  readonly 'x-one-of'?: readonly string[]
  readonly 'x-needs'?: Readonly<Record<string, string>>
  readonly 'x-secret'?: true // never shown
  readonly 'x-says'?: string
  readonly 'x-key-says'?: string
  readonly 'x-precedence'?: string
}

/** The schema as data: TypeBox schemas are JSON Schema, with more types than this needs. */
export const configNode = ConfigSchema as unknown as Node

/** JSON type of the values that a schema takes, numbers being one type. */
export function kindOf(node: Node): string {
  if (node.enum) return 'string'
  if ('const' in node) return kindOfValue(node.const)
  return node.type === 'integer' ? 'number' : (node.type ?? 'object')
}

/** JSON type of a value. */
export function kindOfValue(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

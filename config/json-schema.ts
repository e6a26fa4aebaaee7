/**
 * config/schema.json: the schema of a configuration file as draft-07, for editors.
 *
 * Differs from the schema in src/config as an editor needs it: a key with a default may be left out, "exactly
 * one of" is spelled out, and what is not available in this version accepts nothing but its default.
 */
import type { Node } from '../src/config/node.ts'

type Json = Record<string, unknown>

const COPIED = [
  'type',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'additionalProperties',
  'const'
] as const

export function jsonSchema(node: Node): Json {
  const definitions: Json = {}
  const root = convert(node, definitions)
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration of Sluice',
    ...root,
    definitions
  }
}

function convert(node: Node, definitions: Json): Json {
  const description = describe(node)
  if (node['x-later']) {
    return { description, enum: 'default' in node ? [node.default, null] : [null] }
  }
  for (const [name, definition] of Object.entries(node.$defs ?? {})) {
    if (Object.hasOwn(definitions, name)) continue
    definitions[name] = {}
    definitions[name] = convert(definition, definitions)
  }
  if (node.$ref !== undefined) return { $ref: `#/definitions/${node.$ref}` }
  const { enum: words, anyOf, items, properties, patternProperties } = node
  const later = node['x-later-words'] ?? []
  return {
    ...(description ? { description } : {}),
    ...Object.fromEntries(
      COPIED.flatMap(key => (node[key] === undefined ? [] : [[key, node[key]]]))
    ),
    ...('default' in node ? { default: node.default } : {}),
    ...(words ? { enum: words.filter(word => !later.includes(word)) } : {}),
    ...(anyOf ? { anyOf: anyOf.map(choice => convert(choice, definitions)) } : {}),
    ...(items ? { items: convert(items, definitions) } : {}),
    ...(properties ? { properties: mapped(properties, definitions) } : {}),
    ...(properties ? requiredOf(node, properties) : {}),
    ...(patternProperties ? { patternProperties: mapped(patternProperties, definitions) } : {}),
    ...(node['x-needs'] ? { dependencies: dependenciesOf(node['x-needs']) } : {}),
    ...(node['x-one-of'] ? { oneOf: node['x-one-of'].map(key => ({ required: [key] })) } : {})
  }
}

function requiredOf(node: Node, properties: Readonly<Record<string, Node>>): Json {
  const required = (node.required ?? []).filter(key => !('default' in (properties[key] ?? {})))
  return required.length > 0 ? { required } : {}
}

function dependenciesOf(needs: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.entries(needs).map(([key, other]) => [key, [other]]))
}

function mapped(nodes: Readonly<Record<string, Node>>, definitions: Json): Json {
  return Object.fromEntries(
    Object.entries(nodes).map(([key, child]) => [key, convert(child, definitions)])
  )
}

function describe(node: Node): string {
  const later = node['x-later'] ? 'Not available in this version. ' : ''
  const precedence = node['x-precedence'] === undefined ? '' : ` ${node['x-precedence']}`
  return `${later}${node.description ?? ''}${precedence}`
}

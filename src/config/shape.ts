/**
 * Does a value fit the schema, and if not, one good sentence for each fault.
 *
 * Exports: `fit`, `Fitted`, `Loose`.
 *
 * Walks schema and value together. Where the schema offers alternatives, the one of the same kind as the value
 * speaks, so a misspelt key is reported once and not once per alternative. What is faulty or left out gets its
 * default or stays undefined, and checking goes on with the rest. TypeBox has the last word:
 * a value that passes here and not there is a fault too.
 */
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { hint, type Path, type Report } from './diagnostics.ts'
import { configNode, kindOf, kindOfValue, type Node } from './node.ts'
import { type ConfigFile, ConfigSchema } from './schema.ts'
import { faultOf, saysOf, show } from './sentence.ts'

/** A configuration of which any part may be missing because it was faulty. */
export type Loose<T> = T extends readonly (infer U)[]
  ? readonly (Loose<U> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Loose<T[K]> | undefined }
    : T

export type Fitted = {
  readonly loose: Loose<ConfigFile>
  readonly file: ConfigFile | null // all of it, when nothing was wrong
}

/** Fits `value` and fills in defaults. Faults go to `report`. */
export function fit(value: unknown, report: Report): Fitted {
  let faults = 0
  const counting: Report = (path, message, about) => {
    faults++
    report(path, message, about)
  }
  const filled = walk(configNode, value, [], { report: counting, defs: {} })
  if (faults === 0 && !validator().Check(filled)) {
    const [first] = validator().Errors(filled)
    counting([], `does not fit the schema: ${first?.instancePath ?? ''} ${first?.message ?? ''}`)
  }
  return {
    loose: (filled ?? {}) as Loose<ConfigFile>, // every part was walked or left undefined
    file: faults === 0 ? (filled as ConfigFile) : null // checked by TypeBox above
  }
}

let compiled: ReturnType<typeof compile> | undefined

/** Compiled at the first use: it takes some ms, and makes checking a thousand routes cheap. */
function validator(): ReturnType<typeof compile> {
  compiled ??= compile()
  return compiled
}

function compile() {
  return Compile(ConfigSchema)
}

type Walk = { readonly report: Report; readonly defs: Readonly<Record<string, Node>> }

function walk(given: Node, value: unknown, path: Path, walking: Walk): unknown {
  const defs = given.$defs ?? walking.defs
  const node = given.$ref === undefined ? given : (defs[given.$ref] ?? {})
  const inner = { report: walking.report, defs }
  if (given['x-later']) return walkLater(given, value, path, inner)
  if (node.anyOf) return walkChoice(node, node.anyOf, value, path, inner)
  if (node.type === 'object') return walkMap(node, value, path, inner)
  if (node.type === 'array') return walkList(node, value, path, inner)
  const fault = faultOf(node, value)
  if (fault === null) return value
  inner.report(path, fault)
  return undefined
}

/** A key of a later version may hold its default or nothing. */
function walkLater(node: Node, value: unknown, path: Path, { report }: Walk): unknown {
  const harmless = value === null || ('default' in node && Value.Equal(value, node.default))
  if (harmless) return undefined
  report(path, `${String(path.at(-1))} is not available in this version; remove it`, 'key')
  return undefined
}

function walkChoice(
  node: Node,
  choices: readonly Node[],
  value: unknown,
  path: Path,
  walking: Walk
): unknown {
  const same = choices.filter(choice => kindOf(choice) === kindOfValue(value))
  const one = same.find(choice => faultOf(choice, value) === null) ?? same.find(speaksForItself)
  if (one) return walk(one, value, path, walking)
  const words = same.flatMap(choice => choice.enum ?? [])
  const near = typeof value === 'string' ? hint(value, words) : ''
  const not = choices.some(choice => choice['x-secret']) ? '' : `, not ${show(value)}`
  walking.report(path, `must be ${saysOf(node)}${not}${near.startsWith(',') ? near : ''}`)
  return undefined
}

function walkMap(node: Node, value: unknown, path: Path, walking: Walk): unknown {
  if (!isMap(value)) {
    const not = node['x-secret'] ? '' : `, not ${show(value)}`
    walking.report(path, `must be ${saysOf(node)}${not}`)
    return undefined
  }
  return node.properties
    ? walkKnownKeys(node, node.properties, value, path, walking)
    : walkNames(node, value, path, walking)
}

function walkKnownKeys(
  node: Node,
  properties: Readonly<Record<string, Node>>,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  walking: Walk
): unknown {
  const { report } = walking
  const valid = Object.keys(properties)
  const result: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(properties, key)) continue
    report([...path, key], `unknown key${hint(key, valid)}`, 'key')
  }
  for (const [key, child] of Object.entries(properties)) {
    const given = Object.hasOwn(value, key) && !isEmptied(child, value[key])
    const filled = given ? walk(child, value[key], [...path, key], walking) : undefined
    if (filled !== undefined) result[key] = filled
    else if ('default' in child && !child['x-later']) {
      result[key] = walk(child, child.default, [...path, key], walking)
    } else if (!given && node.required?.includes(key)) {
      report(path, `${key} is missing`, 'key')
    }
  }
  checkOneOf(node, value, path, report)
  for (const [key, other] of Object.entries(node['x-needs'] ?? {})) {
    if (!Object.hasOwn(value, key) || Object.hasOwn(value, other)) continue
    report([...path, key], `needs ${other} beside it; add that, or remove ${key}`, 'key')
  }
  return result
}

function checkOneOf(
  node: Node,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  report: Report
): void {
  const choice = node['x-one-of']
  if (!choice) return
  const found = choice.filter(key => Object.hasOwn(value, key))
  if (found.length === 1) return
  const unknown = Object.keys(value).some(key => !Object.hasOwn(node.properties ?? {}, key))
  if (found.length === 0 && unknown) return // the unknown key has been reported, with the near one
  const there = found.length === 0 ? 'none is there' : `${found.join(' and ')} are there`
  report(path, `exactly one of ${choice.join(', ')} is needed; ${there}`)
}

function walkNames(
  node: Node,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  walking: Walk
): unknown {
  const [pattern, child] = Object.entries(node.patternProperties ?? {})[0] ?? ['', {}]
  const names = new RegExp(pattern, 'u')
  const entries: [string, unknown][] = []
  const keys = Object.keys(value)
  checkCount(node.minProperties, node.maxProperties, keys.length, path, walking.report)
  for (const key of keys) {
    if (names.test(key)) {
      entries.push([key, walk(child, value[key], [...path, key], walking)])
    } else {
      const says = node['x-key-says'] ?? 'a name'
      walking.report([...path, key], `${show(key)} is not ${says}`, 'key')
    }
  }
  return Object.fromEntries(entries)
}

function walkList(node: Node, value: unknown, path: Path, walking: Walk): unknown {
  if (!Array.isArray(value)) {
    const not = node.items?.['x-secret'] ? '' : `, not ${show(value)}`
    walking.report(path, `must be a list${not}`)
    return undefined
  }
  checkCount(node.minItems, node.maxItems, value.length, path, walking.report)
  return value.map((item, i) => walk(node.items ?? {}, item, [...path, i], walking))
}

function checkCount(
  min: number | undefined,
  max: number | undefined,
  count: number,
  path: Path,
  report: Report
): void {
  if (min !== undefined && count < min)
    report(path, `needs at least ${min} ${min === 1 ? 'entry' : 'entries'}, and has ${count}`)
  if (max !== undefined && count > max)
    report(path, `may have at most ${max} entries, and has ${count}`)
}

/** Its own sentence says more than the list of alternatives: a quantity out of range, a word of later. */
function speaksForItself(node: Node): boolean {
  return node['x-kind'] !== undefined || node['x-later-words'] !== undefined
}

/** A key without a value whose schema knows no null: as good as left out when all of it has defaults. */
function isEmptied(node: Node, value: unknown): boolean {
  return value === null && 'default' in node && (node.type === 'object' || node.type === 'array')
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The text of a configuration as plain values, each with its place in the file.
 *
 * Exports: `parseSource`, `Source`.
 *
 * YAML 1.2, core schema; JSON is YAML too. Refused: more than one document, duplicate keys, aliases (so a
 * small file cannot become a large one), tags of one's own, keys that are not plain words, nesting deeper than
 * 64. `${NAME}` and `${NAME:-default}` in values are taken from the environment; `$${` is a literal `${`.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  parseDocument,
  type Scalar,
  type YAMLMap
} from 'yaml'
import type { Path } from './diagnostics.ts'

export type Place = { readonly line: number; readonly column: number }

export type Source = {
  readonly value: unknown // undefined when the text is no YAML, and more faults would be guesses
  /** Where the key or the value at `path` stands, or the nearest thing above it that has a place. */
  place(path: Path, at: 'key' | 'value'): Place
  /** Paths of plain scalars that the environment filled: `4` from there may be a number. */
  readonly expanded: ReadonlySet<string>
}

export type Environment = Readonly<Record<string, string | undefined>>

type Places = { key: Place | null; value: Place; readonly children: Map<string | number, Places> }

const DEPTH = 64
const TWO_DOCUMENTS = 'the file holds more than one YAML document; keep one'
const SENTENCES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there twice; keep one',
  TAB_AS_INDENT: 'a tab is no indentation in YAML; use spaces',
  MULTIPLE_DOCS: TWO_DOCUMENTS,
  TAG_RESOLVE_FAILED: 'tags are not supported here; write the plain value'
}

/** Parses `text`; faults go to `fault` with their place. */
export function parseSource(
  text: string,
  env: Environment,
  fault: (place: Place, path: Path, message: string) => void
): Source {
  const lines = new LineCounter()
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const root: Places = { key: null, value: { line: 1, column: 1 }, children: new Map() }
  const expanded = new Set<string>()
  const document = parseOne(text, lines, (offset, message) => fault(at(offset), [], message))
  const report = (node: Node, path: Path, message: string): void =>
    fault(at(node.range?.[0] ?? 0), path, message)

  function read(node: Node | null, path: Path, places: Places): unknown {
    if (node === null) return null
    places.value = at(node.range?.[0] ?? 0)
    if (path.length > DEPTH) {
      report(node, path.slice(0, 4), `nested deeper than ${DEPTH} levels`)
      return undefined
    }
    if (isAlias(node)) {
      report(node, path, 'aliases (*) are not supported; write the value out')
      return undefined
    }
    if (isMap(node)) return readMap(node, path, places)
    if (isSeq(node)) {
      return node.items.map((item, i) => {
        const child: Places = { key: null, value: places.value, children: new Map() }
        places.children.set(i, child)
        return read(item as Node | null, [...path, i], child)
      })
    }
    return isScalar(node) ? readScalar(node, path) : undefined
  }

  function readMap(node: YAMLMap, path: Path, places: Places): unknown {
    const entries: [string, unknown][] = []
    for (const { key, value } of node.items) {
      if (!isScalar(key)) {
        report(isNode(key) ? key : node, path, 'a key must be a plain word')
        continue
      }
      const name = key.source ?? String(key.value)
      const place = at(key.range?.[0] ?? 0)
      const child: Places = { key: place, value: place, children: new Map() }
      places.children.set(name, child)
      if (name === '__proto__') {
        report(key, path, 'the key __proto__ is not allowed')
        continue
      }
      entries.push([name, read(value as Node | null, [...path, name], child)])
    }
    return Object.fromEntries(entries)
  }

  function readScalar(node: Scalar, path: Path): unknown {
    if (typeof node.value !== 'string' || !node.value.includes('$')) return node.value
    const value = expand(node.value, env, message => report(node, path, message))
    if (node.type === 'PLAIN' && value !== node.value) expanded.add(JSON.stringify(path))
    return value
  }

  return {
    value: document === null ? undefined : read(document, [], root),
    expanded,
    place(path, which) {
      let places = root
      for (const part of path) {
        const child = places.children.get(part)
        if (!child) return which === 'key' ? (places.key ?? places.value) : places.value
        places = child
      }
      return which === 'key' ? (places.key ?? places.value) : places.value
    }
  }
}

/** What a plain scalar of the environment means in YAML: a number, a boolean, null or the text itself. */
export function plainValue(text: string): unknown {
  const node = parseDocument(text, { schema: 'core' }).contents
  return isScalar(node) ? node.value : text
}

function parseOne(
  text: string,
  lines: LineCounter,
  fault: (offset: number, message: string) => void
): Node | null {
  const parsed = parseAll(text, lines)
  if (parsed === 'too deep') {
    fault(0, 'the file is nested too deeply to be a configuration')
    return null
  }
  const [document, second] = parsed
  if (!document || (document.contents === null && document.errors.length === 0)) {
    fault(0, 'the file is empty; a configuration needs at least routes')
    return null
  }
  if (second) fault(second.range[0], TWO_DOCUMENTS)
  const seen = new Set<string>()
  let broken = false
  for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
    const syntax = code !== 'DUPLICATE_KEY' && code !== 'TAG_RESOLVE_FAILED'
    // What follows the first fault of the syntax is mostly its echo.
    if (seen.has(`${code} ${pos[0]}`) || (syntax && broken)) continue
    seen.add(`${code} ${pos[0]}`)
    const what = message.split(/(?<=[a-z]): |\n/)[0] // behind it the file is quoted, and may hold a secret
    fault(pos[0], SENTENCES[code] ?? `not valid YAML: ${what}`)
    broken ||= syntax
  }
  return broken ? null : document.contents
}

function parseAll(text: string, lines: LineCounter) {
  try {
    const all = parseAllDocuments(text, {
      lineCounter: lines,
      version: '1.2',
      schema: 'core',
      prettyErrors: false,
      logLevel: 'silent'
    })
    return Array.isArray(all) ? all : []
  } catch (error) {
    if (error instanceof RangeError) return 'too deep'
    throw error
  }
}

/** Replaces `${NAME}` and `${NAME:-default}`; the default also stands in for an empty variable. */
function expand(text: string, env: Environment, fault: (message: string) => void): string {
  let result = ''
  let rest = text
  for (;;) {
    const start = rest.indexOf('${')
    if (start < 0) return result + rest
    if (rest[start - 1] === '$') {
      result += `${rest.slice(0, start - 1)}\${`
      rest = rest.slice(start + 2)
      continue
    }
    const end = rest.indexOf('}', start)
    const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?$/.exec(rest.slice(start + 2, end))
    if (end < 0 || !match) {
      fault(
        `a reference to the environment is written \${NAME} or \${NAME:-default}; write $\${ for a literal \${`
      )
      return text
    }
    const name = match[1] ?? ''
    const value = env[name]
    const filled = match[2] === undefined ? value : value || match[2]
    if (filled === undefined) {
      fault(
        `the environment variable ${name} is not set; set it, or give a default: \${${name}:-…}`
      )
    }
    result += rest.slice(0, start) + (filled ?? '')
    rest = rest.slice(end + 1)
  }
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value)
}

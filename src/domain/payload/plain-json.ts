/**
 * Answers of no particular protocol: JSON with predictions under the usual names, under the pointers of the
 * route, or, where none of the usual names is there, anywhere.
 *
 * With pointers of its own a route has said where predictions are: an answer without any of them is empty.
 */
import { FAILURE_NAMES, MODEL_NAMES, ROOT_WANTS } from './facts.ts'
import { type Place, place, SKIP } from './place.ts'
import { ELSEWHERE, ROWS, RowFacts, rootOf } from './rows.ts'

const ROOT = rootOf(
  {
    predictions: ROWS,
    prediction: ROWS,
    outputs: ROWS,
    output: ROWS,
    result: ROWS,
    results: ROWS,
    scores: ROWS,
    score: ROWS
  },
  ELSEWHERE
)

/** Places of pointers; a route's list stays the same value while its snapshot lives. */
const made = new WeakMap<readonly string[], Place>()

export function plainJsonRoot(pointers: readonly string[]): Place {
  if (pointers.length === 0) return ROOT
  const known = made.get(pointers)
  if (known !== undefined) return known
  const root = rootOfPointers(pointers)
  made.set(pointers, root)
  return root
}

export function plainJsonFacts(pointers: readonly string[]): RowFacts {
  const own = pointers.length > 0
  return new RowFacts({
    bare: !own || pointers.includes(''),
    elsewhere: own ? 'nothing' : 'judged'
  })
}

type Node = { predicted: boolean; readonly inside: Map<string, Node> }

function rootOfPointers(pointers: readonly string[]): Place {
  const top: Node = { predicted: false, inside: new Map() }
  for (const pointer of pointers) add(top, pointer)
  if (top.predicted) return WHOLE
  return placeOf(top, true)
}

/** Everything is a prediction, but what says that it failed. */
const WHOLE = place('root', ROOT_WANTS, {
  repeated: { ...FAILURE_NAMES, parameters: SKIP, logprobs: SKIP },
  other: ROWS,
  element: ROWS.element
})

function add(top: Node, pointer: string): void {
  let node = top
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    let next = node.inside.get(name)
    if (next === undefined) {
      next = { predicted: false, inside: new Map() }
      node.inside.set(name, next)
    }
    node = next
  }
  node.predicted = true
}

function placeOf(node: Node, isRoot: boolean): Place {
  if (node.predicted) return ROWS
  const names: Record<string, Place> = {}
  const elements = new Map<number, Place>()
  for (const [name, next] of node.inside) {
    const at = placeOf(next, false)
    names[name] = at
    if (/^(0|[1-9][0-9]{0,8})$/.test(name)) elements.set(Number(name), at)
  }
  const others = { ...MODEL_NAMES, ...FAILURE_NAMES }
  const repeated: Record<string, Place> = {}
  if (isRoot)
    for (const [name, at] of Object.entries(others)) if (!(name in names)) repeated[name] = at
  return place(isRoot ? 'pointed root' : 'way', 0, {
    names,
    repeated,
    ...(elements.size > 0 && { elements })
  })
}

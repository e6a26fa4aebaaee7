/**
 * What stands in an answer, found the slow way: a parser that makes a tree of the whole text, and rules over the tree.
 *
 * It shares nothing with the readers in src but the names of kinds. It takes the same words for what is no number, and says
 * null of a text that is no JSON.
 */

export type Tree =
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, Tree])[] }
  | { readonly kind: 'list'; readonly elements: readonly Tree[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'word'; readonly word: 'null' | 'true' | 'false' | 'nan' | 'infinite' }

/** `predictions` says nothing where the answer failed or is unparsable. */
export type Truth = {
  readonly verdict: string // kinds in the order of BAD_KINDS, `failed`, or `unparsable` among other kinds
  readonly predictions: number
}

const SPACE = /[ \t\r\n]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const TEXT = /"(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORD = /[+-]?[A-Za-z]+/y

export function parseTolerant(source: string): Tree | null {
  let at = 0
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)?.[0] ?? null
    if (found !== null) at += found.length
    return found
  }
  const char = (c: string): boolean => {
    take(SPACE)
    if (source[at] !== c) return false
    at++
    return true
  }
  const value = (): Tree => {
    take(SPACE)
    const c = source[at] ?? ''
    if (char('{')) return object()
    if (char('[')) return list()
    if (c === '"') return { kind: 'text', text: text() }
    const digits = take(NUMBER)
    if (digits !== null) return numberOf(digits)
    return wordOf(take(WORD) ?? '')
  }
  const text = (): string => {
    take(SPACE)
    const found = take(TEXT)
    if (found === null || hasControl(found)) throw new SyntaxError('no text')
    return String(JSON.parse(found))
  }
  const object = (): Tree => {
    const members: [string, Tree][] = []
    if (char('}')) return { kind: 'object', members }
    do {
      const name = text()
      if (!char(':')) throw new SyntaxError('no colon')
      members.push([name, value()])
    } while (char(','))
    if (!char('}')) throw new SyntaxError('no end of an object')
    return { kind: 'object', members }
  }
  const list = (): Tree => {
    const elements: Tree[] = []
    if (char(']')) return { kind: 'list', elements }
    do elements.push(value())
    while (char(','))
    if (!char(']')) throw new SyntaxError('no end of a list')
    return { kind: 'list', elements }
  }
  try {
    const tree = value()
    take(SPACE)
    return at === source.length ? tree : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function hasControl(text: string): boolean {
  return Array.from(text).some(c => c < ' ')
}

function numberOf(digits: string): Tree {
  const value = Number(digits)
  return Number.isFinite(value) ? { kind: 'number', value } : { kind: 'word', word: 'infinite' }
}

function wordOf(word: string): Tree {
  if (word === 'null' || word === 'true' || word === 'false') return { kind: 'word', word }
  if (/^[+-]?nan$/i.test(word)) return { kind: 'word', word: 'nan' }
  if (/^[+-]?(inf|infinity)$/i.test(word)) return { kind: 'word', word: 'infinite' }
  throw new SyntaxError('no word')
}

class Finding {
  readonly kinds = new Set<string>()
  predictions = 0
  failed = false
  nothing = false // null in place of the predictions

  truth(): Truth {
    if (!this.failed && this.predictions === 0 && !this.nothing) this.kinds.add('empty')
    const order = ['null', 'nan', 'infinite', 'empty', 'shape', 'unparsable']
    return {
      verdict: this.failed ? 'failed' : order.filter(kind => this.kinds.has(kind)).join(),
      predictions: this.predictions
    }
  }

  word(tree: Tree): boolean {
    if (tree.kind !== 'word' || tree.word === 'true' || tree.word === 'false') return false
    this.kinds.add(tree.word)
    return true
  }

  /** `error` and `success` of an object. */
  failures(tree: Tree, names: readonly string[]): void {
    for (const [name, value] of membersOf(tree)) {
      if (!names.includes(name)) continue
      const word = value.kind === 'word' ? value.word : ''
      const isEmpty = value.kind === 'text' && value.text === ''
      if (name === 'success') this.failed ||= word === 'false'
      else this.failed ||= word !== 'null' && word !== 'false' && !isEmpty
    }
  }
}

const UNPARSABLE: Truth = { verdict: 'unparsable', predictions: 0 }
const METADATA = ['parameters', 'logprobs', 'error']
const ABOUT = ['model_name', 'model_version', 'success', ...METADATA]

/** Rows under `names`; `whole`: the document is predictions where no name is there. */
export function rowTruth(source: string, names: readonly string[], whole: boolean): Truth {
  const tree = parseTolerant(source)
  if (tree === null || hasDouble(tree, names)) return UNPARSABLE
  const found = new Finding()
  if (tree.kind !== 'object') {
    if (!whole && !(tree.kind === 'word' && found.word(tree))) return UNPARSABLE
    allRows(tree, found)
    return found.truth()
  }
  found.failures(tree, ['error', 'success'])
  const named = tree.members.filter(([name]) => names.includes(name))
  for (const [, value] of named) allRows(value, found)
  const others = tree.members.filter(([name]) => !ABOUT.includes(name))
  if (whole && named.length === 0 && others.length > 0) {
    found.predictions++
    for (const [, value] of others) cells(value, found)
  }
  return found.truth()
}

function allRows(tree: Tree, found: Finding): void {
  if (tree.kind === 'word' && tree.word === 'null') {
    found.nothing = true
    found.word(tree)
  } else row(tree, found)
}

function row(tree: Tree, found: Finding): void {
  if (tree.kind === 'list') {
    for (const element of tree.elements) row(element, found)
    return
  }
  if (tree.kind !== 'object') {
    found.word(tree)
    found.predictions++
    return
  }
  if (tree.members.length > 0) found.predictions++
  found.failures(tree, ['error'])
  cells(tree, found)
}

function cells(tree: Tree, found: Finding): void {
  found.word(tree)
  if (tree.kind === 'list') for (const element of tree.elements) cells(element, found)
  for (const [name, value] of membersOf(tree)) if (!METADATA.includes(name)) cells(value, found)
}

const NUMERIC = /^(FP16|BF16|FP32|FP64|U?INT(8|16|32|64))$/

export function tensorTruth(source: string): Truth {
  const tree = parseTolerant(source)
  if (tree === null || hasDouble(tree, ['outputs'])) return UNPARSABLE
  const found = new Finding()
  if (tree.kind !== 'object') {
    if (!found.word(tree)) return UNPARSABLE
    if (tree.kind === 'word' && tree.word !== 'null') found.predictions = 0
    found.nothing = tree.kind === 'word' && tree.word === 'null'
    return found.truth()
  }
  found.failures(tree, ['error', 'success'])
  const outputs = memberOf(tree, 'outputs')
  if (outputs?.kind === 'word' && outputs.word === 'null') found.nothing = found.word(outputs)
  if (outputs?.kind !== 'list') return found.truth()
  for (const output of outputs.elements) {
    if (hasDouble(output, ['name', 'datatype', 'shape', 'data', 'parameters'])) return UNPARSABLE
    tensor(output, found)
  }
  return found.truth()
}

function tensor(tree: Tree, found: Finding): void {
  found.failures(tree, ['error'])
  const name = memberOf(tree, 'name')
  if (name?.kind === 'text' && name.text === 'error') found.failed = true
  const datatype = memberOf(tree, 'datatype')
  const numeric = datatype?.kind === 'text' && NUMERIC.test(datatype.text)
  const data = memberOf(tree, 'data')
  const before = found.predictions
  const nothing = data?.kind === 'word' && data.word === 'null'
  if (nothing) found.nothing = found.word(data)
  else if (data !== undefined) leaves(data, numeric, found)
  const shape = memberOf(tree, 'shape')
  if (shape?.kind !== 'list' || nothing) return
  const sizes = shape.elements.map(size => (size.kind === 'number' ? size.value : Number.NaN))
  const wanted = sizes.reduce((product, size) => product * (isSize(size) ? size : Number.NaN), 1)
  const right = wanted === found.predictions - before && isNestedRight(data, sizes)
  if (!right) found.kinds.add('shape')
}

function leaves(tree: Tree, numeric: boolean, found: Finding): void {
  if (tree.kind === 'list') {
    for (const element of tree.elements) leaves(element, numeric, found)
    return
  }
  found.predictions++
  found.word(tree)
  if (tree.kind !== 'text' || !numeric) return
  if (/^[+-]?nan$/i.test(tree.text)) found.kinds.add('nan')
  if (/^[+-]?(inf|infinity)$/i.test(tree.text)) found.kinds.add('infinite')
}

/** Lists in lists are all as long as their neighbours, and as the shape says where it has as many levels. */
function isNestedRight(data: Tree | undefined, sizes: readonly number[]): boolean {
  const levels: Set<number>[] = []
  const visit = (tree: Tree, level: number): void => {
    if (tree.kind !== 'list') return
    const lengths = levels[level] ?? new Set<number>()
    levels[level] = lengths.add(tree.elements.length)
    for (const element of tree.elements) visit(element, level + 1)
  }
  if (data !== undefined) visit(data, 0)
  if (levels.length < 2) return true
  if (levels.some(lengths => lengths.size > 1)) return false
  return levels.length !== sizes.length || levels.every((lengths, i) => lengths.has(sizes[i] ?? -1))
}

export function chatTruth(source: string): Truth {
  const tree = parseTolerant(source)
  if (tree === null || hasDouble(tree, ['choices'])) return UNPARSABLE
  const found = new Finding()
  if (tree.kind !== 'object') {
    if (tree.kind !== 'word' || tree.word !== 'null') return UNPARSABLE
    found.nothing = found.word(tree)
    return found.truth()
  }
  found.failures(tree, ['error', 'success'])
  const choices = memberOf(tree, 'choices')
  if (choices?.kind === 'word' && choices.word === 'null') found.kinds.add('null')
  if (choices?.kind !== 'list') return found.truth()
  for (const choice of choices.elements) {
    if (hasDouble(choice, ['message', 'delta', 'text'])) return UNPARSABLE
    for (const name of ['message', 'delta']) {
      const message = memberOf(choice, name)
      if (message !== undefined && hasDouble(message, ['content'])) return UNPARSABLE
    }
    judgeChoice(choice, found)
  }
  return found.truth()
}

function judgeChoice(choice: Tree, found: Finding): void {
  if (choice.kind === 'word' && choice.word === 'null') {
    found.predictions++
    found.kinds.add('null').add('empty')
  }
  if (choice.kind !== 'object') return
  found.failures(choice, ['error'])
  found.predictions++
  const messages = choice.members.filter(([name]) => name === 'message' || name === 'delta')
  const contents = [memberOf(choice, 'text'), ...messages.map(([, m]) => memberOf(m, 'content'))]
  const nulls = [...messages.map(([, m]) => m), ...contents]
  const said =
    contents.some(content => content !== undefined && speaks(content)) ||
    messages.some(([, message]) => membersOf(message).some(([name, value]) => acts(name, value)))
  if (said) return
  found.kinds.add('empty')
  if (nulls.some(tree => tree?.kind === 'word' && tree.word === 'null')) found.kinds.add('null')
}

function speaks(content: Tree): boolean {
  if (content.kind === 'text') return content.text !== ''
  if (content.kind !== 'list') return false
  return content.elements.some(part => {
    if (part.kind === 'text') return part.text !== ''
    return membersOf(part).some(
      ([name, value]) =>
        ((name === 'text' || name === 'refusal') && value.kind === 'text' && value.text !== '') ||
        ((name === 'image_url' || name === 'audio') && value.kind === 'object')
    )
  })
}

function acts(name: string, value: Tree): boolean {
  if (name === 'refusal') return value.kind === 'text' && value.text !== ''
  if (name !== 'tool_calls' && name !== 'function_call' && name !== 'audio') return false
  if (value.kind === 'list') return value.elements.some(call => call.kind === 'object')
  return value.kind === 'object'
}

function membersOf(tree: Tree): readonly (readonly [string, Tree])[] {
  return tree.kind === 'object' ? tree.members : []
}

function memberOf(tree: Tree, name: string): Tree | undefined {
  return membersOf(tree).find(([n]) => n === name)?.[1]
}

function hasDouble(tree: Tree, names: readonly string[]): boolean {
  const known = membersOf(tree).filter(([name]) => names.includes(name))
  return new Set(known.map(([name]) => name)).size < known.length
}

function isSize(size: number): boolean {
  return Number.isInteger(size) && size >= 0
}

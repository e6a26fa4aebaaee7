/**
 * Reads a PromQL expression as far as names go: which series it selects and how, which labels it groups by, and
 * which functions it calls. It throws for brackets and quotes that do not close and for signs that are not of the
 * language; whether the types fit, promtool says.
 */
export type Selector = {
  readonly metric: string
  readonly matchers: readonly Matcher[]
  readonly ranged: boolean // has a [range]
  readonly within: readonly string[] // functions around it, the innermost last
}
export type Matcher = { readonly label: string; readonly operator: string; readonly value: string }
export type Names = {
  readonly selectors: readonly Selector[]
  readonly kept: readonly string[] // labels of by, which are those of what comes out
  readonly labels: readonly string[] // these, and those of without, on, ignoring, group_left, group_right
  readonly functions: readonly string[]
}

const TOKEN =
  /\s+|"(?:[^"\\]|\\.)*"|[0-9]+(?:\.[0-9]+)?(?:ms|[smhdwy])?|[a-zA-Z_:][\w:]*|=~|!~|!=|==|<=|>=|[-+*/%^<>=(){}[\],:@]/y
const LISTS = ['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']
const WORDS = ['and', 'or', 'unless', 'offset', 'bool', 'inf', 'nan']
const CLOSING: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' }

export function namesOf(expression: string): Names {
  const tokens = tokensOf(expression)
  const selectors: Selector[] = []
  const kept: string[] = []
  const labels: string[] = []
  const functions: string[] = []
  const open: { readonly closing: string; readonly call: string }[] = []
  let i = 0
  while (i < tokens.length) {
    const token = tokens[i] ?? ''
    if (LISTS.includes(token)) {
      const end = tokens.indexOf(')', i)
      if (tokens[i + 1] === '(') {
        if (end === -1) throw new Error(`${token} ( is not closed: ${expression}`)
        const list = tokens.slice(i + 2, end).filter(each => each !== ',')
        labels.push(...list)
        if (token === 'by') kept.push(...list)
        i = end + 1
      } else i++
    } else if (/^[a-zA-Z_:]/.test(token) && !WORDS.includes(token)) {
      const call = calls(tokens, i + 1)
      if (call) functions.push(token)
      else {
        const end = tokens[i + 1] === '{' ? tokens.indexOf('}', i) : i
        if (end === -1) throw new Error(`{ is not closed: ${expression}`)
        selectors.push({
          metric: token,
          matchers: matchersOf(tokens.slice(i + 2, end), expression),
          ranged: tokens[end + 1] === '[',
          within: open.map(each => each.call).filter(each => each !== '')
        })
        i = end
      }
      i++
    } else {
      const closing = CLOSING[token]
      if (closing) open.push({ closing, call: callee(tokens, i) })
      else if ([')', '}', ']'].includes(token) && open.pop()?.closing !== token) {
        throw new Error(`${token} closes nothing: ${expression}`)
      }
      i++
    }
  }
  if (open.length > 0) throw new Error(`${open.at(-1)?.closing} is missing: ${expression}`)
  return { selectors, kept, labels, functions }
}

function tokensOf(expression: string): readonly string[] {
  const tokens: string[] = []
  let at = 0
  while (at < expression.length) {
    TOKEN.lastIndex = at
    const [text] = TOKEN.exec(expression) ?? []
    if (text === undefined) throw new Error(`not PromQL at ${at}: ${expression}`)
    if (text.trim() !== '') tokens.push(text)
    at += text.length
  }
  return tokens
}

/** Whether the name before `at` is called: `rate (`, and `sum by (…) (`. */
function calls(tokens: readonly string[], at: number): boolean {
  return tokens[at] === '(' || tokens[at] === 'by' || tokens[at] === 'without'
}

/** The name that the bracket at `at` belongs to; empty for one that only groups. */
function callee(tokens: readonly string[], at: number): string {
  if (tokens[at] !== '(') return ''
  const before = tokens[at - 1] ?? ''
  if (before === ')') {
    const list = tokens.lastIndexOf('(', at - 1)
    return ['by', 'without'].includes(tokens[list - 1] ?? '') ? (tokens[list - 2] ?? '') : ''
  }
  return /^[a-z]/.test(before) && !WORDS.includes(before) ? before : ''
}

function matchersOf(tokens: readonly string[], expression: string): readonly Matcher[] {
  const matchers: Matcher[] = []
  for (let i = 0; i < tokens.length; i += 4) {
    const [label = '', operator = '', value = '', comma = ','] = tokens.slice(i, i + 4)
    if (!/^\w+$/.test(label) || !/^(=|!=|=~|!~)$/.test(operator) || !value.startsWith('"')) {
      throw new Error(`not a matcher at ${label}${operator}${value}: ${expression}`)
    }
    if (comma !== ',') throw new Error(`a comma is missing: ${expression}`)
    matchers.push({ label, operator, value: value.slice(1, -1) })
  }
  return matchers
}

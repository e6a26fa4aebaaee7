import { test } from 'tap'
import { compareAnswers } from '../../src/domain/compare/compare.ts'
import {
  COMPARE_REFUSALS,
  type ComparedSide,
  type CompareSettings,
  DIFFERENCES
} from '../../src/domain/compare/comparison.ts'
import { MAX_FIELDS } from '../../src/domain/compare/field-table.ts'
import { redactBody } from '../../src/domain/compare/redact.ts'
import { answer, compareBodies, differences, SETTINGS } from '../helpers/answer-side.ts'
import { CAPTURED } from '../helpers/compare-bodies.ts'
import { seeded } from '../helpers/seeded.ts'

const DOCUMENTS = 1_500
const MUTATED = Number(process.env['SLUICE_FUZZ_BODIES'] ?? 20_000)

type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [name: string]: Value }

/** A document as text, with NaN and integers of many digits where numbers stand. */
function written(value: Value, next: () => number): string {
  if (Array.isArray(value)) return `[${value.map(item => written(item, next)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
    if (next() < 0.5) members.reverse()
    return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${written(item, next)}`)}}`
  }
  if (typeof value !== 'number') return JSON.stringify(value)
  if (Number.isNaN(value)) return 'NaN'
  return Number.isSafeInteger(value) ? String(value) : `${value}`
}

function random(next: () => number, depth: number): Value {
  const kind = Math.floor(next() * (depth > 3 ? 7 : 10))
  if (kind === 0) return null
  if (kind === 1) return next() < 0.5
  if (kind === 2) return Math.floor(next() * 9)
  if (kind === 3) return next() < 0.1 ? Number.NaN : (next() - 0.5) * 1e3
  if (kind < 7)
    return (
      ['yes', 'no', 'a longer text of some words', '\u00e9"\\', ''][Math.floor(next() * 5)] ?? ''
    )
  const items = Array.from({ length: Math.floor(next() * 6) }, () => random(next, depth + 1))
  if (kind === 7) return Object.fromEntries(items.map((item, i) => [`k${i}`, item]))
  if (kind === 8) return items
  return items.map(() => next() * 2 - 1)
}

const root = (next: () => number): Value => ({ out: random(next, 0), more: random(next, 0) })

test('a document agrees with itself, however its members are ordered', async t => {
  for (let seed = 1; seed <= DOCUMENTS; seed++) {
    const next = seeded(seed)
    const value = root(next)
    const comparison = compareBodies(written(value, next), written(value, next))
    if (!comparison.agree || comparison.refusal !== null) {
      t.fail(`seed ${seed}: ${differences(comparison)}`)
    }
  }
})

test('the same fields differ when the sides change places, with the opposite sign', async t => {
  let differing = 0
  for (let seed = 1; seed <= DOCUMENTS; seed++) {
    const next = seeded(seed)
    const base = root(next)
    const other = next() < 0.5 ? changed(base, next) : root(next)
    const [a, b] = [written(base, next), written(other, next)]
    const there = compareBodies(a, b)
    const back = compareBodies(b, a)
    const names = (fields: typeof there) =>
      fields.fields.flatMap(({ field, difference }) => (difference === null ? [] : [field])).sort()
    if (names(there).join() !== names(back).join()) t.fail(`seed ${seed}: ${a} ${b}`)
    for (const { field, difference, by } of there.fields) {
      if (difference !== 'number' || by === null) continue
      const opposite = back.fields.find(each => each.field === field)
      if (Math.abs((opposite?.by ?? 0) + by) > 1e-9) t.fail(`seed ${seed}: sign of ${field}`)
    }
    if (!there.agree) differing++
  }
  t.ok(differing > DOCUMENTS / 2, `${differing} differ`)
})

test('any two documents agree when everything is ignored', async t => {
  for (let seed = 1; seed <= DOCUMENTS; seed++) {
    const next = seeded(seed)
    const [a, b] = [written(root(next), next), written(root(next), next)]
    for (const ignore of [[''], ['/*'], ['/out', '/more']]) {
      if (!compareBodies(a, b, { ignore }).agree) t.fail(`seed ${seed}: ${ignore}`)
    }
  }
})

test('a change of one value is a difference of its field alone', async t => {
  for (let seed = 1; seed <= DOCUMENTS; seed++) {
    const next = seeded(seed)
    const value = root(next)
    const at = Math.floor(next() * 5)
    const list = (changes: Value): Value => ({
      ...Object(value),
      list: [0, 1, 2, 3, 4].map(i => (i === at ? { v: changes } : { v: 'same' }))
    })
    const text = compareBodies(written(list('same'), next), written(list(seed), next))
    if (differences(text).join() !== '/list/v type') t.fail(`seed ${seed}: ${differences(text)}`)
  }
})

test('nothing throws, and what is said holds together, when bodies are mutated', async t => {
  const settings: readonly CompareSettings[] = [
    SETTINGS,
    { ...SETTINGS, ignore: ['/*/id', '/outputs/*/data/1', '/choices/*'], redact: ['/*/*'] }
  ]
  const seen = new Map<string, number>()
  for (let i = 0; i < MUTATED; i++) {
    const next = seeded(i + 1)
    const { side, protocol } = CAPTURED[Math.floor(next() * CAPTURED.length)] ?? {
      side: answer({}),
      protocol: 'json'
    }
    const mutated = { ...side, body: mutate(side.body ?? new Uint8Array(0), next) }
    const chosen = { ...(settings[i & 1] ?? SETTINGS), protocol }
    const problem = problemOf(side, mutated, chosen)
    if (problem !== null) t.fail(`seed ${i + 1}: ${problem}`)
    const said = compareAnswers(side, mutated, chosen)
    const word = said.refusal ?? (said.agree ? 'agree' : 'differ')
    seen.set(word, (seen.get(word) ?? 0) + 1)
    if (i % 5 === 0) redactBody(mutated.body, side.contentType, ['/*/*', '/a'], 64)
  }
  for (const word of ['agree', 'differ', 'unreadable']) {
    t.ok((seen.get(word) ?? 0) > MUTATED / 100, `${word}: ${seen.get(word)}`)
  }
})

/** What does not hold of a comparison and of the second side with itself, or null. */
function problemOf(a: ComparedSide, b: ComparedSide, settings: CompareSettings): string | null {
  const itself = compareAnswers(b, b, settings)
  if (!itself.agree) return `differs from itself in ${differences(itself)}`
  const { refusal, agree, fields } = compareAnswers(a, b, settings)
  if (refusal !== null && !COMPARE_REFUSALS.includes(refusal)) return `refusal ${refusal}`
  if (fields.length > MAX_FIELDS) return 'too many fields'
  if (new Set(fields.map(({ field }) => field)).size !== fields.length) return 'a field twice'
  if (agree !== fields.every(({ difference }) => difference === null)) return 'agree'
  for (const { difference, by, primary, shadow } of fields) {
    if (difference !== null && !DIFFERENCES.includes(difference)) return `kind ${difference}`
    if (by !== null && !Number.isFinite(by)) return `by ${by}`
    if ((primary?.length ?? 0) > 200 || (shadow?.length ?? 0) > 200) return 'a long rendering'
  }
  return null
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  'NaN',
  'null',
  '1e999',
  '-',
  '0',
  '9007199254740993',
  '\n\n',
  'data: ',
  '\r',
  '\ufeff',
  '\0',
  '\u00ff',
  '{"a":1}',
  '[[[[[['
]

/** Flips, cuts, repeats and inserts; half of the bodies keep their structure and change a digit. */
function mutate(body: Uint8Array, next: () => number): Uint8Array {
  const at = () => Math.floor(next() * body.length)
  if (next() < 0.4) {
    const copy = body.slice()
    for (let i = at(), left = 200; left > 0 && i < copy.length; i++, left--) {
      const c = copy[i] ?? 0
      if (c < 48 || c > 57) continue
      copy[i] = 48 + Math.floor(next() * 10)
      break
    }
    return copy
  }
  let bytes = [...body]
  for (let times = Math.floor(next() * 3) + 1; times > 0; times--) {
    const from = Math.floor(next() * bytes.length)
    const length = Math.floor(next() * 12)
    const kind = Math.floor(next() * 4)
    if (kind === 0) bytes.splice(from, length)
    else if (kind === 1) bytes.splice(from, 0, ...bytes.slice(from, from + length))
    else if (kind === 2) bytes[from] = Math.floor(next() * 256)
    else {
      const piece = PIECES[Math.floor(next() * PIECES.length)] ?? ''
      bytes.splice(from, 0, ...new TextEncoder().encode(piece))
    }
  }
  if (next() < 0.05) bytes = bytes.slice(0, at())
  return Uint8Array.from(bytes)
}

/** The document with another value somewhere. */
function changed(value: Value, next: () => number): Value {
  if (Array.isArray(value) && value.length > 0) {
    const at = Math.floor(next() * value.length)
    return value.map((item, i) => (i === at ? changed(item, next) : item))
  }
  if (typeof value === 'object' && value !== null) {
    const names = Object.keys(value)
    const at = names[Math.floor(next() * names.length)]
    if (at === undefined) return { k: 1 }
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, name === at ? changed(item, next) : item])
    )
  }
  return typeof value === 'number' ? value + 1.5 : 'changed'
}

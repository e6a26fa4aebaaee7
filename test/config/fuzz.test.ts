/**
 * Mutations of the complete example, with a fixed seed: whatever a person does to a file, the answer is a list
 * of problems or a configuration, and a problem always has its place and one line.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'tap'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { redactConfig } from '../../src/config/redact.ts'
import { planReload } from '../../src/config/reload.ts'
import { writeConfig } from '../helpers/config-file.ts'

const COMPLETE = readFileSync(new URL('../../config/complete.yaml', import.meta.url), 'utf8')
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  Number.NaN,
  2.71,
  '',
  'off',
  'on',
  'auto',
  '1%',
  '10s',
  '16KiB',
  '/',
  '*',
  'a'.repeat(5000),
  '\u0000',
  '\u001b[31m',
  '💥',
  '$' + '{NONE}',
  '$' + '{X:-y}',
  [],
  [null],
  {},
  { a: 1 },
  [[[]]],
  { constructor: 1 },
  { toString: {} },
  'constructor',
  '__proto__',
  'http://[::1]:99999',
  'http://%00'
]

test('never throws and never accepts without meaning it when 2,000 mutations of the complete example are loaded', {
  timeout: 110_000
}, async t => {
  const random = mulberry32(20_260_101)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T // never empty
  const path = writeConfig(t, COMPLETE)
  const first = await loadConfig(path, {})
  t.ok(first.ok)
  if (!first.ok) return
  let accepted = 0
  let refused = 0
  for (let i = 0; i < 2_000; i++) {
    const text = i % 2 === 0 ? mutateText(COMPLETE, random, pick) : mutateTree(random, pick)
    writeFileSync(path, text)
    const loaded = await loadConfig(path, {}).catch((error: unknown) => error)
    if (!isLoaded(loaded)) {
      t.fail(`mutation ${i} threw ${String(loaded)}`, { text })
      continue
    }
    if (loaded.ok) {
      accepted++
      JSON.stringify(redactConfig(loaded.config))
      planReload(first.config, loaded.config, { fraud: ['v3', 'v4'] })
      continue
    }
    refused++
    const bad = loaded.problems.filter(
      ({ line, message, path: at }) =>
        line < 1 || message.includes('does not fit the schema') || /\p{Cc}/u.test(at + message)
    )
    if (loaded.problems.length === 0 || bad.length > 0) {
      t.fail(`mutation ${i} has no proper problem`, { text, bad })
    }
  }
  t.equal(accepted + refused, 2_000)
  t.ok(refused > 500, `${refused} were refused`)
  t.ok(accepted > 100, `${accepted} were accepted`)
})

function isLoaded(value: unknown): value is Awaited<ReturnType<typeof loadConfig>> {
  return typeof value === 'object' && value !== null && 'ok' in value
}

type Pick = <T>(list: readonly T[]) => T

function mutateText(text: string, random: () => number, pick: Pick): string {
  const at = Math.floor(random() * text.length)
  const length = Math.floor(random() * 12)
  const insert = pick([
    '',
    '\t',
    ':',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '#',
    '&a ',
    '*a',
    '!x ',
    '\n---\n',
    '\n',
    ' ',
    '|',
    '$' + '{',
    '%',
    '\u00e9',
    'x'
  ])
  return text.slice(0, at) + insert + text.slice(at + length)
}

/** Replaces, removes, renames or repeats one to three values somewhere in the tree. */
function mutateTree(random: () => number, pick: Pick): string {
  const tree: unknown = parse(COMPLETE)
  for (let i = 0; i <= Math.floor(random() * 3); i++) {
    const holder = pick(holdersOf(tree))
    if (Array.isArray(holder)) {
      if (random() < 0.5) holder.push(pick(VALUES))
      else holder.splice(Math.floor(random() * holder.length), 1, pick(VALUES))
      continue
    }
    const keys = Object.keys(holder)
    const key = keys.length === 0 ? 'new' : pick(keys)
    const action = random()
    if (action < 0.6) holder[key] = pick(VALUES)
    else if (action < 0.8) delete holder[key]
    else
      holder[pick(['x', `${key}s`, 'constructor', 'toString', key.toUpperCase(), '', 'v3'])] =
        holder[key]
  }
  return stringify(tree, { aliasDuplicateObjects: false })
}

function holdersOf(value: unknown): (Record<string, unknown> | unknown[])[] {
  if (typeof value !== 'object' || value === null) return []
  const children = Object.values(value).flatMap(holdersOf)
  return [value as Record<string, unknown>, ...children] // any object or list of the parsed tree
}

/** A small generator with a seed (Tommy Ettinger, public domain): 32 bits of state are plenty here. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4_294_967_296
  }
}

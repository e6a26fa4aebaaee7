/**
 * Mutations of the complete example, with a seed: whatever a person does to a file, the answer is a list of
 * problems or a configuration, and every problem has its place and one printable line.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../../src/config/load.ts'
import { redactConfig } from '../../src/config/redact.ts'
import { planReload } from '../../src/config/reload.ts'
import { writeConfig } from './config-file.ts'

export type FuzzResult = {
  readonly accepted: number
  readonly refused: number
  readonly wrong: readonly { readonly why: string; readonly text: string }[]
}

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

/** Loads `count` mutations, of the text or of the tree that it means. What is accepted is shown and reloaded too. */
export async function fuzzConfig(
  t: { teardown(done: () => unknown): unknown },
  {
    kind,
    seed,
    count
  }: { readonly kind: 'text' | 'tree'; readonly seed: number; readonly count: number }
): Promise<FuzzResult> {
  const random = seeded(seed)
  const pick: Pick = list => list[Math.floor(random() * list.length)] as (typeof list)[number] // never empty
  const path = writeConfig(t, COMPLETE)
  const first = await loadConfig(path, {})
  if (!first.ok) throw new Error('the complete example is not valid')
  const wrong: { why: string; text: string }[] = []
  let accepted = 0
  let refused = 0
  for (let i = 0; i < count; i++) {
    const text = kind === 'text' ? mutateText(random, pick) : mutateTree(random, pick)
    writeFileSync(path, text)
    const loaded = await loadConfig(path, {}).catch((error: unknown) => error)
    if (!isLoaded(loaded)) {
      wrong.push({ why: `threw ${String(loaded)}`, text })
    } else if (loaded.ok) {
      accepted++
      JSON.stringify(redactConfig(loaded.config))
      planReload(first.config, loaded.config, { fraud: ['v3', 'v4'] })
    } else {
      refused++
      if (loaded.problems.length === 0) wrong.push({ why: 'refused without a problem', text })
      for (const { line, message, path: at } of loaded.problems) {
        const odd = message.includes('does not fit the schema') || /\p{Cc}/u.test(at + message)
        if (line < 1 || odd) wrong.push({ why: `${line} ${at} ${message}`, text })
      }
    }
  }
  return { accepted, refused, wrong }
}

function isLoaded(value: unknown): value is Awaited<ReturnType<typeof loadConfig>> {
  return typeof value === 'object' && value !== null && 'ok' in value
}

type Pick = <T>(list: readonly T[]) => T

function mutateText(random: () => number, pick: Pick): string {
  const at = Math.floor(random() * COMPLETE.length)
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
  return COMPLETE.slice(0, at) + insert + COMPLETE.slice(at + length)
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

/** Xorshift of 32 bits (Marsaglia 2003, shifts 13, 17, 5) as fractions in [0, 1). */
function seeded(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

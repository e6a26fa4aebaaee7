/**
 * Random answers: documents that look like those of a protocol, good and bad, written in many ways, and damaged ones.
 */
export type Random = () => number // 0 <= x < 1

export function pick<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[Math.floor(random() * list.length)] ?? list[0]
}

const WORDS = ['null', 'NaN', 'Infinity', '-Infinity', 'nan', '-inf', 'true', 'false'] as const
const NUMBERS = [
  '0',
  '-1.5',
  '3e-5',
  '1E2',
  '9007199254740993',
  '1e999',
  '-1e400',
  '0.1',
  '12'
] as const
const TEXTS = [
  '',
  'a',
  'NaN',
  'null',
  'é "q"',
  '-Infinity',
  'say \\ "NaN"',
  '💬',
  'inf',
  '[1,'
] as const

/** Mostly good numbers, so that an answer is not bad in every way. */
function leaf(random: Random, bad: number): string {
  if (random() < bad) return pick(random, WORDS)
  if (random() < 0.15) return text(random, pick(random, TEXTS))
  return random() < 0.3 ? pick(random, NUMBERS) : (random() * 100).toFixed(3)
}

/** A text with some of its characters escaped. */
function text(random: Random, value: string): string {
  if (random() < 0.7) return JSON.stringify(value)
  const escaped = [...Array.from({ length: value.length }, (_, i) => value.charCodeAt(i))]
  return `"${escaped.map(code => `\\u${code.toString(16).padStart(4, '0')}`).join('')}"`
}

function list(random: Random, most: number, element: () => string): string {
  return `[${joined(random, Array.from({ length: Math.floor(random() * (most + 1)) }, element))}]`
}

function object(random: Random, members: readonly (readonly [string, string])[]): string {
  const shuffled = [...members].sort(() => random() - 0.5)
  const all = shuffled.map(
    ([name, value]) => `${text(random, name)}${space(random)}:${space(random)}${value}`
  )
  return `{${joined(random, all)}}`
}

function joined(random: Random, parts: readonly string[]): string {
  const inner = parts.join(`${space(random)},${space(random)}`)
  return `${space(random)}${inner}${space(random)}`
}

function space(random: Random): string {
  return random() < 0.6 ? '' : pick(random, [' ', '\n', '  ', '\t', '\r\n    '])
}

function anything(random: Random, depth: number, bad: number): string {
  const r = random()
  if (depth === 0 || r < 0.5) return leaf(random, bad)
  if (r < 0.75) return list(random, 4, () => anything(random, depth - 1, bad))
  const names = [
    'score',
    'label',
    'NaN',
    'logprobs',
    'parameters',
    'error',
    'data',
    'null'
  ] as const
  const count = Math.floor(random() * 4)
  return object(
    random,
    Array.from(
      { length: count },
      () => [pick(random, names), anything(random, depth - 1, bad)] as const
    )
  )
}

function maybe(
  random: Random,
  share: number,
  name: string,
  value: () => string
): readonly (readonly [string, string])[] {
  return random() < share ? [[name, value()]] : []
}

function common(random: Random): readonly (readonly [string, string])[] {
  return [
    ...maybe(random, 0.1, 'error', () => pick(random, ['null', 'false', '"bad"', '{}', '0', '[]'])),
    ...maybe(random, 0.1, 'success', () => pick(random, ['true', 'false', 'null'])),
    ...maybe(random, 0.3, 'model_name', () => pick(random, ['"m"', 'null'])),
    ...maybe(random, 0.2, 'parameters', () => pick(random, ['null', '{"a":NaN}']))
  ]
}

/** With rows under some of `names`, or under none. */
export function randomRows(random: Random, names: readonly [string, ...string[]]): string {
  const bad = random() < 0.5 ? 0 : 0.2
  if (random() < 0.1) return anything(random, 3, bad)
  return object(random, [
    ...maybe(random, 0.8, pick(random, names), () => anything(random, 4, bad)),
    ...maybe(random, 0.2, pick(random, names), () => anything(random, 2, bad)),
    ...maybe(random, 0.3, 'other', () => anything(random, 3, bad)),
    ...common(random)
  ])
}

export function randomTensors(random: Random): string {
  const bad = random() < 0.5 ? 0 : 0.2
  if (random() < 0.05) return anything(random, 2, bad)
  return object(random, [
    ...maybe(random, 0.95, 'outputs', () =>
      random() < 0.03 ? 'null' : list(random, 3, () => randomTensor(random, bad))
    ),
    ...maybe(random, 0.05, 'outputs', () => '[]'),
    ...common(random)
  ])
}

function randomTensor(random: Random, bad: number): string {
  const sizes = Array.from({ length: Math.floor(random() * 4) }, () => Math.floor(random() * 4))
  const claimed =
    random() < 0.85
      ? sizes.map(String)
      : [...sizes.map(String), pick(random, ['2', '-1', 'null', '0.5'])]
  return object(random, [
    ...maybe(random, 0.9, 'name', () => pick(random, ['"y"', '"y"', '"y"', '"y"', '"error"'])),
    ...maybe(random, 0.95, 'datatype', () =>
      pick(random, ['"FP32"', '"INT64"', '"BYTES"', '"BOOL"', '"X"'])
    ),
    ...maybe(random, 0.9, 'shape', () => `[${claimed.join()}]`),
    ...maybe(random, 0.95, 'data', () => {
      if (random() < 0.05) return 'null'
      return random() < 0.5 ? flat(random, sizes, bad) : nested(random, sizes, bad)
    }),
    ...maybe(random, 0.1, 'parameters', () => '{"x":null}'),
    ...maybe(random, 0.03, 'data', () => '[1]')
  ])
}

function flat(random: Random, sizes: readonly number[], bad: number): string {
  const count = sizes.reduce((product, size) => product * size, 1)
  return `[${joined(
    random,
    Array.from({ length: count }, () => leaf(random, bad))
  )}]`
}

function nested(random: Random, sizes: readonly number[], bad: number): string {
  const [size, ...rest] = sizes
  if (size === undefined) return leaf(random, bad)
  const length = random() < 0.95 ? size : size + 1
  return `[${joined(
    random,
    Array.from({ length }, () => nested(random, rest, bad))
  )}]`
}

export function randomChat(random: Random): string {
  if (random() < 0.05) return pick(random, ['null', '[]', '"x"', '{}', '{"choices":null}'])
  return object(random, [
    ...maybe(random, 0.95, 'choices', () => list(random, 3, () => randomChoice(random))),
    ...maybe(random, 0.5, 'usage', () =>
      pick(random, ['null', '{"prompt_tokens":3,"completion_tokens":2}'])
    ),
    ...common(random)
  ])
}

function randomChoice(random: Random): string {
  if (random() < 0.03) return 'null'
  const parts = () =>
    list(random, 2, () =>
      pick(random, ['{"type":"text","text":"a"}', '{"text":""}', '"b"', '""', '{"audio":{}}'])
    )
  const content = () =>
    random() < 0.2 ? parts() : pick(random, ['"hi"', '""', 'null', '"NaN"', '5', '"\\u0000"'])
  const message = () =>
    object(random, [
      ['role', '"assistant"'],
      ...maybe(random, 0.9, 'content', content),
      ...maybe(random, 0.2, 'tool_calls', () => pick(random, ['null', '[]', '[{"id":"c"}]'])),
      ...maybe(random, 0.2, 'refusal', () => pick(random, ['null', '""', '"no"'])),
      ...maybe(random, 0.1, 'function_call', () => pick(random, ['null', '{"name":"f"}']))
    ])
  return object(random, [
    ['index', '0'],
    ...(random() < 0.8
      ? maybe(random, 0.95, 'message', () => (random() < 0.05 ? 'null' : message()))
      : maybe(random, 0.95, 'text', content)),
    ['logprobs', pick(random, ['null', '{"a":-Infinity}'])],
    ...maybe(random, 0.05, 'error', () => pick(random, ['null', '"x"']))
  ])
}

/** One to three small damages: bytes lost, doubled, changed or put in. */
export function damaged(random: Random, body: Uint8Array): Uint8Array {
  let bytes: Uint8Array = body
  for (let n = Math.floor(random() * 3); n >= 0; n--) bytes = damagedOnce(random, bytes)
  return bytes
}

const INSERTS = [
  'NaN',
  'null',
  '-Infinity',
  '1e999',
  '"',
  '\\',
  '\\u00',
  '{',
  '[',
  ']',
  '}',
  ',',
  ':',
  '\n',
  '\r',
  'data: ',
  'event: error\n',
  '\ufeff',
  '\u0000',
  '[DONE]',
  '{"error":1}',
  '-',
  '9'.repeat(400)
] as const

function damagedOnce(random: Random, bytes: Uint8Array): Uint8Array {
  const at = Math.floor(random() * (bytes.length + 1))
  const to = Math.min(bytes.length, at + Math.floor(random() ** 3 * 40))
  const put = (middle: Uint8Array, from = at) =>
    Uint8Array.from([...bytes.subarray(0, at), ...middle, ...bytes.subarray(from)])
  const r = random()
  if (r < 0.2) return bytes.subarray(0, at)
  if (r < 0.4) return put(new Uint8Array(0), to)
  if (r < 0.55) return put(bytes.subarray(at, to))
  if (r < 0.75)
    return put(Uint8Array.of(Math.floor(random() * 256)), Math.min(bytes.length, at + 1))
  return put(Buffer.from(pick(random, INSERTS)))
}

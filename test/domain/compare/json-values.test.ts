import { test } from 'tap'
import { compareBodies, differences, fieldOf } from '../../helpers/answer-side.ts'

const differ = (...args: Parameters<typeof compareBodies>) => differences(compareBodies(...args))

test('floats agree when they are within the relative tolerance', async t => {
  t.strictSame(differ('{"p":100.0}', '{"p":100.9}'), [])
  t.strictSame(differ('{"p":100.0}', '{"p":101.1}'), ['/p number'])
  t.strictSame(differ('{"p":100.5}', '{"p":101}'), [])
  t.strictSame(differ('{"p":-1.0}', '{"p":1.0}'), ['/p number'])
  t.strictSame(differ('{"p":0.0}', '{"p":-0.0}'), [])
  t.strictSame(differ('{"p":1.0}', '{"p":1.1}', { relative: 0.2 }), [])
  t.strictSame(differ('{"p":1.0}', '{"p":1.0000001}', { relative: 0 }), ['/p number'])
})

test('a difference of numbers is signed and is given when they agree too', async t => {
  const field = fieldOf(compareBodies('{"p":10.0}', '{"p":9.0}'), '/p')
  t.equal(field?.by, -1)
  t.equal(field?.primary, '10.0')
  t.equal(field?.shadow, '9.0')
  const near = fieldOf(compareBodies('{"p":10.0}', '{"p":10.05}'), '/p')
  t.ok(Math.abs((near?.by ?? 0) - 0.05) < 1e-9)
  t.equal(near?.difference, null)
})

test('NaN equals only NaN and an infinity only its like', async t => {
  t.strictSame(differ('[NaN,Infinity,-Infinity]', '[NaN,Infinity,-Infinity]'), [])
  t.strictSame(differ('{"p":NaN}', '{"p":0.5}'), ['/p number'])
  t.strictSame(differ('{"p":NaN}', '{"p":Infinity}'), ['/p number'])
  t.strictSame(differ('{"p":Infinity}', '{"p":-Infinity}'), ['/p number'])
  t.strictSame(differ('{"p":1e999}', '{"p":Infinity}'), [])
  t.strictSame(differ('{"p":NaN}', '{"p":null}'), ['/p type'])
  t.equal(fieldOf(compareBodies('{"p":NaN}', '{"p":0.5}'), '/p')?.by, null)
})

test('integers agree only when equal, to the last digit', async t => {
  t.strictSame(differ('{"p":1000}', '{"p":1001}'), ['/p number'])
  t.strictSame(differ('{"p":9007199254740993}', '{"p":9007199254740992}'), ['/p number'])
  t.strictSame(differ('{"p":9007199254740993}', '{"p":9007199254740993}'), [])
  t.strictSame(differ('[1,9007199254740993]', '[1,9007199254740992]'), ['body number'])
  t.strictSame(differ('[1180591620717411303424]', '[1180591620717411303424]'), [])
  t.strictSame(differ('[1180591620717411303424]', '[1180591620717411303425]'), ['body number'])
  // A list with a float in it is a list of floats.
  t.strictSame(differ('[1000,0.5]', '[1001,0.5]'), [])
})

test('members are missing, extra or of another type when structures differ', async t => {
  t.strictSame(differ({ a: 1, b: 2 }, { a: 1 }), ['/b missing'])
  t.strictSame(differ({ a: 1 }, { b: 2, a: 1 }), ['/b extra'])
  t.strictSame(differ({ a: { b: 1 } }, { a: [1] }), ['/a type'])
  t.strictSame(differ({ a: { b: 1 } }, { a: 1 }), ['/a type'])
  t.strictSame(differ({ a: '1' }, { a: 1 }), ['/a type'])
  t.strictSame(differ({ a: null }, { a: 0 }), ['/a type'])
  t.strictSame(differ({ a: true }, { a: false }), ['/a value'])
  t.strictSame(differ({ a: true, b: null, c: {} }, { a: true, b: null, c: {} }), [])
})

test('the order of members and the spelling of strings and names are no difference', async t => {
  t.strictSame(differ('{"a":1,"b":[2],"c":3}', '{"c":3,"b":[2],"a":1}'), [])
  t.strictSame(differ('{"\\u0061":"\\u00e9\\n"}', '{"a":"é\\u000a"}'), [])
})

test('names with slashes and tildes are escaped in the field', async t => {
  t.strictSame(differ({ 'a/b~c': 1 }, { 'a/b~c': 2 }), ['/a~1b~0c number'])
})

test('an array differs by its order when it has the same elements, and by its size when it has more', async t => {
  t.strictSame(differ('{"a":[1.5,2.5,3.5]}', '{"a":[3.5,1.5,2.5]}'), ['/a order'])
  t.strictSame(differ({ a: ['x', 'y'] }, { a: ['y', 'x'] }), ['/a order'])
  const items = [{ n: 'x', s: [1, 2] }, { n: 'y' }]
  t.strictSame(differ({ a: items }, { a: [{ n: 'y' }, { s: [1, 2], n: 'x' }] }), ['/a order'])
  t.strictSame(differ({ a: [1, 2] }, { a: [1, 2, 3] }), ['/a size'])
  t.strictSame(differ({ a: [] }, { a: [{}] }), ['/a size'])
  t.equal(fieldOf(compareBodies({ a: [1, 2] }, { a: [1, 2, 3] }), '/a')?.by, 1.5)
  t.strictSame(differ({ a: ['x', 'x', 'y'] }, { a: ['x', 'y', 'y'] }), ['/a text'])
})

test('elements of all places are one field when paths are written without indices', async t => {
  const comparison = compareBodies(
    { outputs: [{ score: 0.5 }, { score: 7.5 }] },
    { outputs: [{ score: 0.5 }, { score: 8.5, why: 1 }] }
  )
  t.strictSame(differences(comparison), ['/outputs/score number', '/outputs/why extra'])
  t.equal(fieldOf(comparison, '/outputs/score')?.by, 0.5)
})

test('the gravest difference counts when a field has several', async t => {
  const primary = { a: [{ b: 1.5 }, { b: 'x' }, {}] }
  const shadow = { a: [{ b: 9.5 }, { b: 'y' }, { b: 1 }] }
  t.strictSame(differ(primary, shadow), ['/a/b extra'])
})

test('texts agree but for space at their ends, and else say how far they are apart', async t => {
  t.strictSame(differ({ a: ' yes\n' }, { a: 'yes' }), [])
  const field = fieldOf(compareBodies({ a: 'kitten' }, { a: 'sitting' }), '/a')
  t.equal(field?.difference, 'text')
  t.ok(Math.abs((field?.by ?? 0) - 3 / 7) < 1e-12)
})

test('a vector of probabilities differs by its label, its distance or its ranking, and not by its tails', async t => {
  const p = '{"p":[0.7,0.2,0.1,0.0]}'
  t.strictSame(differ(p, '{"p":[0.69,0.205,0.104,0.001]}'), [])
  t.strictSame(differ(p, '{"p":[0.2,0.7,0.1,0.0]}'), ['/p label'])
  t.strictSame(differ(p, '{"p":[0.9,0.07,0.03,0.0]}'), ['/p probability'])
  t.strictSame(differ('{"p":[0.6,0.21,0.19]}', '{"p":[0.6,0.19,0.21]}'), ['/p ranking'])
  t.strictSame(differ('{"p":[0.6,0.2001,0.1999]}', '{"p":[0.6,0.1999,0.2001]}'), [])
  // A row each.
  t.strictSame(differ('[[0.9,0.1],[0.2,0.8]]', '[[0.91,0.09],[0.21,0.79]]'), [])
  t.strictSame(differ('[[0.9,0.1],[0.2,0.8]]', '[[0.91,0.09],[0.6,0.4]]'), ['body label'])
  // No probabilities: the sum is not 1.
  t.strictSame(differ('[0.9,0.2]', '[0.91,0.3]'), ['body number'])
})

test('a list of items differs by its ranking when most of its items are elsewhere in the other', async t => {
  const primary = { items: ['a', 'b', 'c', 'd'] }
  const comparison = compareBodies(primary, { items: ['b', 'a', 'c', 'e'] })
  t.strictSame(differences(comparison), ['/items ranking'])
  const by = fieldOf(comparison, '/items')?.by ?? 0
  t.ok(by > 0 && by < 1, `${by}`)
  t.strictSame(differ(primary, { items: ['w', 'x', 'y', 'z'] }), ['/items text'])
})

test('an embedding agrees by its direction, and is refused when dimensions differ', async t => {
  const vector = Array.from({ length: 32 }, (_, i) => Math.sin(i))
  const near = vector.map((x, i) => x + (i === 3 ? 0.05 : 0))
  const far = vector.map((x, i) => (i < 8 ? -x : x))
  t.strictSame(differ({ embedding: vector }, { embedding: near }), [])
  t.strictSame(differ({ embedding: vector }, { embedding: far }), ['/embedding embedding'])
  t.strictSame(differ({ embeddings: [vector] }, { embeddings: [vector.slice(1)] }), [
    '/embeddings size'
  ])
})

test('what a protocol says of the answer itself is ignored, unless it is a prediction', async t => {
  const primary = {
    id: 'a',
    created: 1,
    model: 'm',
    model_name: 'm',
    model_version: '1',
    system_fingerprint: 'x',
    p: 1
  }
  const shadow = {
    id: 'b',
    created: 2,
    model: 'n',
    model_name: 'n',
    model_version: '2',
    p: 1
  }
  t.strictSame(differ(primary, shadow), [])
  t.strictSame(differ(primary, shadow, { predictions: ['/id'] }), ['/id text'])
  t.strictSame(differ({ p: { id: 1 } }, { p: { id: 2 } }), ['/p/id number'])
})

test('values are ignored when a pointer of the list names them', async t => {
  const primary = {
    a: [
      { b: 1, c: 1 },
      { b: 2, c: 2 }
    ],
    'x/y': 1,
    d: [1, 2, 3]
  }
  const shadow = {
    a: [
      { b: 1, c: 9 },
      { b: 3, c: 9 }
    ],
    'x/y': 2,
    d: [1, 9, 3],
    e: 1
  }
  t.strictSame(differ(primary, shadow).length, 5)
  t.strictSame(differ(primary, shadow, { ignore: ['/a/*/c', '/x~1y', '/d/1', '/e'] }), [
    '/a/b number'
  ])
  t.strictSame(differ(primary, shadow, { ignore: ['/a/*/*', '/*/1', '/x~1y', '/e'] }), [])
  t.strictSame(differ(primary, shadow, { ignore: ['/*'] }), [])
  t.strictSame(differ(primary, shadow, { ignore: [''] }), [])
  // A pointer that is none, or names nothing, hides nothing.
  t.strictSame(differ(primary, shadow, { ignore: ['a', '/a/01', '/a/-', '/q/*'] }).length, 5)
})

test('elements that are ignored do not count when lengths are compared', async t => {
  t.strictSame(differ({ a: [1, 2] }, { a: [3] }, { ignore: ['/a/*'] }), [])
  t.strictSame(differ({ a: [1, 2, 3] }, { a: [1, 9, 3] }, { ignore: ['/a/1'] }), [])
  t.strictSame(differ({ a: [1, 2, 3] }, { a: [7, 9, 3] }, { ignore: ['/a/1'] }), ['/a number'])
})

test('nothing overflows when values are nested 10,000 levels deep', async t => {
  const nested = (leaf: string) => `${'[{"a":'.repeat(5_000)}${leaf}${'}]'.repeat(5_000)}`
  const comparison = compareBodies(nested('1.5'), nested('2.5'))
  t.equal(comparison.refusal, null)
  t.equal(comparison.agree, false)
  t.ok(compareBodies(nested('1.5'), nested('1.5')).agree)
})

import { test } from 'tap'
import { compareAnswers, compareSteps } from '../../../src/domain/compare/compare.ts'
import { MAX_FIELDS, OTHERS } from '../../../src/domain/compare/field-table.ts'
import {
  answer,
  compareBodies,
  differences,
  events,
  fieldOf,
  SETTINGS
} from '../../helpers/answer-side.ts'

const EMPTY = new Uint8Array(0)

test('status class and outcome are compared when bodies are not', async t => {
  const failed = answer(null, { status: 503, outcome: 'upstream_error', refusal: 'truncated' })
  const comparison = compareAnswers(answer({ a: 1 }), failed, SETTINGS)
  t.equal(comparison.refusal, 'truncated')
  t.equal(comparison.agree, false)
  t.strictSame(differences(comparison), ['status status', 'outcome outcome'])
  t.strictSame(fieldOf(comparison, 'status'), {
    field: 'status',
    difference: 'status',
    by: null,
    primary: '2xx',
    shadow: '5xx'
  })
})

test('statuses agree when they are of one class', async t => {
  const comparison = compareAnswers(answer({}, { status: 201 }), answer({}), SETTINGS)
  t.ok(comparison.agree)
})

test('nothing is said of an outcome when the client of the primary left', async t => {
  const left = answer(null, { status: 0, outcome: 'client_gone', refusal: 'no_answer' })
  const comparison = compareAnswers(left, answer({}), SETTINGS)
  t.strictSame(comparison, { refusal: 'no_answer', agree: true, fields: [] })
})

test('bodies are refused when a side is an error, has none or was cut', async t => {
  const error = answer({ error: 'x' }, { status: 500, outcome: 'upstream_error' })
  t.equal(compareAnswers(error, error, SETTINGS).refusal, 'no_answer')
  t.ok(compareAnswers(error, error, SETTINGS).agree)
  t.equal(compareAnswers(answer({}), error, SETTINGS).refusal, 'no_answer')
  t.equal(compareAnswers(answer({}), answer(null), SETTINGS).refusal, 'no_answer')
  for (const refusal of ['truncated', 'coding', 'no_answer'] as const) {
    t.equal(compareAnswers(answer({}), answer(null, { refusal }), SETTINGS).refusal, refusal)
  }
})

test('a body is not compared when its answer broke before its end', async t => {
  for (const outcome of ['reset', 'timeout', 'invalid', 'connect'] as const) {
    const broken = answer('{"p":[1,', { outcome })
    const comparison = compareAnswers(answer({ p: [1, 2] }), broken, SETTINGS)
    t.equal(comparison.refusal, 'truncated')
    t.strictSame(differences(comparison), ['outcome outcome'])
  }
  const left = answer('{"p":[1,', { outcome: 'client_gone' })
  t.equal(compareAnswers(left, answer({ p: [1, 2] }), SETTINGS).refusal, 'no_answer')
})

test('a body is unreadable when it is not of the protocol, and that differs from one that can be read', async t => {
  const good = answer('{"predictions":[1]}')
  const bodies = {
    'a member twice': answer('{"a":1,"a":2}'),
    'a byte order mark': answer(Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d])),
    'UTF-16': answer(Uint8Array.from(Buffer.from('{"a":1}', 'utf16le'))),
    'a page': answer('<html></html>', { contentType: 'text/html' }),
    'a page that says it is JSON': answer('<html></html>'),
    'a cut document': answer('{"a":[1,2'),
    'an image': answer('{}', { contentType: 'image/png' })
  }
  for (const [what, bad] of Object.entries(bodies)) {
    const comparison = compareAnswers(good, bad, SETTINGS)
    t.equal(comparison.refusal, 'unreadable', what)
    t.strictSame(differences(comparison), ['body type'], what)
    t.strictSame(differences(compareAnswers(bad, good, SETTINGS)), ['body type'], what)
    const same = compareAnswers(bad, bad, SETTINGS)
    t.equal(same.refusal, 'unreadable', what)
    t.ok(same.agree, what)
  }
})

test('a text is read as JSON, or as text where the protocol is json, when its type says text', async t => {
  const text = (body: string) => answer(body, { contentType: 'text/plain; charset=utf-8' })
  t.ok(compareAnswers(text('{"p":[1.0]}'), text('{"p":[1.001]}'), SETTINGS).agree)
  t.ok(compareAnswers(text('yes\n'), text(' yes'), SETTINGS).agree)
  t.strictSame(differences(compareAnswers(text('yes it is'), text('no'), SETTINGS)), [
    'body text',
    'body.length size'
  ])
  const strict = { ...SETTINGS, protocol: 'kserve-v1' } as const
  t.equal(compareAnswers(text('yes'), text('yes'), strict).refusal, 'unreadable')
})

test('empty bodies agree, and one beside another is missing or extra', async t => {
  t.strictSame(differences(compareBodies(EMPTY, EMPTY)), [])
  t.strictSame(differences(compareBodies({}, EMPTY)), ['body missing'])
  t.strictSame(differences(compareBodies(EMPTY, {})), ['body extra'])
})

test('bytes are compared as they are when the protocol is opaque', async t => {
  const opaque = { protocol: 'opaque' } as const
  t.ok(compareBodies('{"a":1}', '{"a":1}', opaque).agree)
  t.strictSame(differences(compareBodies('{"a":1}', '{"a":2}', opaque)), ['body value'])
  t.strictSame(differences(compareBodies('{"a":1}', '{"a":1 }', opaque)), ['body size'])
})

test('a body is too large when it has more than 200,000 values', async t => {
  const many = `[${'1,'.repeat(200_000)}1]`
  t.equal(compareBodies(many, many).refusal, 'too_large')
  const fewer = `[${'1,'.repeat(190_000)}1]`
  t.equal(compareBodies(fewer, fewer).refusal, null)
})

test('two hundred fields are named and the rest are one when there are more', async t => {
  const object = (value: number) =>
    Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i === 4_999 ? value : i]))
  const comparison = compareBodies(object(1), object(2))
  t.equal(comparison.fields.length, MAX_FIELDS)
  t.strictSame(differences(comparison), [`${OTHERS} number`])
  t.equal(new Set(comparison.fields.map(({ field }) => field)).size, MAX_FIELDS)
})

test('names inside of what is redacted are no fields, in documents and in streams', async t => {
  const users = (text: string) => `{"users":{${text}},"n":1}`
  const cases = [
    [users('"alice@x.org":0.3'), users('"alice@x.org":0.9')],
    [users('"alice@x.org":0.3'), users('"bob@x.org":0.3,"alice@x.org":0.3')],
    [
      users('"a":{"alice@x.org":[{"bob@x.org":1}]}'),
      users('"a":{"bob@x.org":[{"alice@x.org":1}]}')
    ],
    [users('"alice@x.org":0.3'), '{"users":[],"n":1}']
  ] as const
  for (const [a, b] of cases) {
    for (const [one, other] of [
      [a, b],
      [b, a],
      [events(a), events(b)]
    ] as const) {
      const { fields } = compareBodies(one, other, { redact: ['/users'] })
      const names = fields.map(({ field }) => field)
      t.notOk(names.join().includes('@'), names.join())
      t.ok(
        fields.some(({ field, difference }) => field === '/users' && difference !== null),
        a
      )
      t.ok(names.includes('/n'))
    }
  }
  const both = compareBodies(cases[0][0], cases[0][1], { redact: ['/users/*'] })
  t.ok(
    both.fields.some(({ field }) => field === '/users/alice@x.org'),
    'whose values alone are'
  )
})

test('renderings are at most 200 characters and say nothing of what is redacted', async t => {
  const long = compareBodies({ a: 'x'.repeat(900) }, { a: `${'x'.repeat(900)}y` })
  t.ok((fieldOf(long, '/a')?.primary?.length ?? 999) <= 200)
  t.ok(fieldOf(long, '/a')?.shadow?.endsWith('xy'))
  const secret = {
    predictions: [{ name: 'alice', score: 1.5, tags: ['alice'] }],
    more: { name: 'alice' }
  }
  const other = { predictions: [{ name: 'bob', score: 2.5, tags: [7] }], more: 4 }
  const redact = ['/predictions/*/name', '/predictions/0/tags/0', '/more/name']
  const comparison = compareBodies(secret, other, { redact })
  t.equal(fieldOf(comparison, '/predictions/name')?.primary, '[redacted]')
  t.equal(fieldOf(comparison, '/predictions/name')?.shadow, '[redacted]')
  t.equal(fieldOf(comparison, '/predictions/score')?.shadow, '2.5')
  t.notMatch(JSON.stringify(comparison), /alice|bob/)
})

test('steps are many and give the same when the work is done in pieces', async t => {
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ id: i, score: i / 7 }))
  const other = rows.map(row => ({ ...row, score: row.score * 1.1 }))
  const steps = compareSteps(answer({ rows }), answer({ rows: other }), SETTINGS)
  let count = 0
  let step = steps.next()
  for (; !step.done; step = steps.next()) count++
  t.ok(count > 20, `${count} pauses`)
  t.strictSame(step.value, compareBodies({ rows }, { rows: other }))
})

test('work grows no faster than bodies when arrays are nested, streams are of one character a line, or lists are long', async t => {
  const nested = (leaf: string) => `${'[['.repeat(20_000)}${leaf}${',1.5],2.5]'.repeat(20_000)}`
  t.strictSame(differences(compareBodies(nested('0.5'), nested('7.5'))), ['body number'])
  const stream = (text: string) => answer(text, { contentType: 'text/event-stream' })
  const line = 'data: 1.5\r\r'.repeat(60_000)
  t.ok(compareAnswers(stream(line), stream(line), SETTINGS).agree)
  const list = `data: {"a":[${'1.5,'.repeat(150_000)}1]}\n\n`
  t.ok(compareAnswers(stream(list), stream(list), SETTINGS).agree)
})

test('texts differ without a distance when measuring has cost enough', async t => {
  const texts = (letter: string) =>
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, letter.repeat(3_000)]))
  const comparison = compareBodies(texts('a'), texts('b'))
  const distances = comparison.fields.filter(({ difference }) => difference === 'text')
  t.equal(distances.length, 20)
  t.equal(distances.filter(({ by }) => by === 1).length, 8)
  t.equal(distances.filter(({ by }) => by === null).length, 12)
})

test('renderings never hold half a character when they are cut', async t => {
  const text = (end: string) => `${'x'.repeat(60)}${'😀'.repeat(200)}${end}`
  for (const [a, b] of [
    [`y${text('')}`, text('')],
    [`xy${text('')}`, text('')],
    [text('a'), text('b')],
    [`${'😀'.repeat(60)}\ud83d\ude01${'z'.repeat(500)}`, `${'😀'.repeat(60)}\ud83d\ude02`]
  ] as const) {
    const field = fieldOf(compareBodies({ a }, { a: b }), '/a')
    for (const shown of [field?.primary ?? '', field?.shadow ?? '']) {
      t.ok(shown.isWellFormed() && shown.length > 0 && shown.length <= 200, JSON.stringify(shown))
    }
  }
})

import { test } from 'tap'
import { hashText, saltPrefix } from '../../src/domain/hash.ts'
import type { UnitSource } from '../../src/domain/route.ts'
import {
  compileBodyNeed,
  compileUnit,
  sourcesText,
  type Unit,
  unitFields
} from '../../src/domain/unit.ts'
import { requestFacts } from '../helpers/route-snapshot.ts'

const nothing = { clientAddress: () => null, mint: () => null, random: () => null }

function unitOf(sources: UnitSource[], facts: Parameters<typeof requestFacts>[0]): Unit {
  return compileUnit(sources)(requestFacts(facts), nothing)
}

function textOf(source: UnitSource, facts: Parameters<typeof requestFacts>[0]): string | null {
  const unit = unitOf([source], facts)
  return unit.kind === 'unit' ? unit.text : null
}

function bearer(claims: string): { rawHeaders: string[] } {
  const payload = Buffer.from(claims, 'utf8').toString('base64url')
  return { rawHeaders: ['Authorization', `Bearer eyJhbGciOiJub25lIn0.${payload}.c2ln`] }
}

test('takes header bytes as received when they are UTF-8, latin1 or neither', t => {
  const source = { header: 'x-user-id' }
  const header = (value: string) => ({ rawHeaders: ['x-USER-id', value] })
  t.equal(textOf(source, header('caf\xc3\xa9')), 'caf\xc3\xa9')
  t.equal(textOf(source, header(' \tu-1\t ')), 'u-1')
  t.equal(textOf(source, header('a\tb')), 'a\tb')
  t.equal(textOf(source, header('\xff\xfe\x80')), '\xff\xfe\x80')
  t.equal(textOf(source, header('__proto__')), '__proto__')
  t.equal(textOf(source, header('')), null)
  t.equal(
    hashText(saltPrefix('s'), textOf(source, header('caf\xc3\xa9')) ?? ''),
    hashText(saltPrefix('s'), Buffer.from('café').toString('latin1'))
  )
  t.end()
})

test('finds a cookie by its exact name when others begin or end alike', t => {
  const source = { cookie: 'uid' }
  const cookie = (...values: string[]) => ({ rawHeaders: values.flatMap(v => ['Cookie', v]) })
  t.equal(textOf(source, cookie('xuid=1; uid=a; uidx=2; UID=3')), 'a')
  t.equal(textOf(source, cookie('a=1', 'b=2;uid=z ')), 'z')
  t.equal(textOf(source, cookie('uid="q"')), '"q"')
  t.equal(textOf(source, cookie('uid=a=b=c')), 'a=b=c')
  t.equal(textOf(source, cookie('uid=; a=1')), null)
  t.equal(textOf(source, cookie('uid; ;;=; a')), null)
  t.end()
})

test('decodes a query parameter to bytes when it is percent-encoded', t => {
  const source = { query: 'user' }
  t.equal(textOf(source, { query: 'a=1&user=caf%C3%A9&b' }), 'caf\xc3\xa9')
  t.equal(textOf(source, { query: 'us%65r=x+y' }), 'x+y')
  t.equal(textOf(source, { query: 'user=%zz%4' }), '%zz%4')
  t.equal(textOf(source, { query: 'user=%FF%00' }), '\xff\x00')
  t.equal(textOf(source, { query: 'user=a%26user%3Db' }), 'a&user=b')
  t.equal(textOf(source, { query: 'user' }), null)
  t.equal(textOf(source, { query: 'user[]=a&xuser=b&=c' }), null)
  t.end()
})

test('reads a claim when the token is a JWT and leaves it when it is none', t => {
  const source = { jwt: 'sub' }
  t.equal(textOf(source, bearer('{"iss":"i","sub":"user-1","aud":["sub"]}')), 'user-1')
  t.equal(textOf(source, bearer('{"sub":12345678901234567890}')), '12345678901234567890')
  t.equal(
    textOf(source, bearer('{"sub":"caf\\u00e9 \\ud83d\\ude0a"}')),
    'caf\xc3\xa9 \xf0\x9f\x98\x8a'
  )
  t.equal(textOf(source, bearer('{"sub":"a","sub":"b"}')), 'b')
  t.equal(textOf(source, bearer('{"s\\u0075b":"escaped"}')), 'escaped')
  t.equal(textOf(source, bearer('{"act":{"sub":"inner"}}')), null)
  for (const claims of ['{"sub":null}', '{"sub":["a"]}', '{"sub":true}', '{"sub":""}', '{}', '[1]'])
    t.equal(textOf(source, bearer(claims)), null, claims)
  for (const claims of ['{"sub":"a"', '{"sub":"a"}x', "{'sub':'a'}", '{"sub":01}', 'null', ''])
    t.equal(textOf(source, bearer(claims)), null, claims)
  for (const value of ['Basic YTpi', 'Bearer', 'Bearer opaque', 'Bearer a.b', 'Bearer a.!!.c', ''])
    t.equal(textOf(source, { rawHeaders: ['Authorization', value] }), null, value)
  t.end()
})

test('keeps different ids different when claims hold lone surrogates', t => {
  const source = { jwt: 'sub' }
  const one = textOf(source, bearer('{"sub":"a\\ud800b"}'))
  const two = textOf(source, bearer('{"sub":"a\\ud801b"}'))
  t.ok(one)
  t.not(one, two)
  t.end()
})

test('survives when a token nests deeper than any real one', t => {
  const deep = `{"x":${'['.repeat(5000)}${']'.repeat(5000)},"sub":"a"}`
  t.equal(textOf({ jwt: 'sub' }, bearer(deep)), null)
  t.equal(textOf({ jwt: 'sub' }, bearer(`{"x":[[[{"sub":1}]]],"sub":"a"}`)), 'a')
  t.end()
})

test('takes the first source that is present when several are named', t => {
  const sources = [{ header: 'x-user-id' }, { cookie: 'uid' }, { query: 'user' }]
  const cookie = ['Cookie', 'uid=c']
  const text = (facts: Parameters<typeof requestFacts>[0]) => unitOf(sources, facts)
  t.match(text({ rawHeaders: ['X-User-Id', 'h', ...cookie], query: 'user=q' }), { text: 'h' })
  t.match(text({ rawHeaders: ['X-User-Id', '', ...cookie], query: 'user=q' }), { text: 'c' })
  t.match(text({ rawHeaders: [], query: 'user=q' }), { text: 'q' })
  t.match(text({ rawHeaders: [] }), { kind: 'missing' })
  t.match(text({ rawHeaders: ['X-User-Id', 'x'.repeat(257), ...cookie] }), { kind: 'invalid' })
  t.end()
})

test('names its sources and fields when a sentence or the gate needs them', t => {
  const sources: UnitSource[] = [
    { header: 'X-User-Id' },
    { jwt: 'sub' },
    { setCookie: { name: 'u', maxAge: 1 } },
    { clientIp: true },
    { request: 'random' }
  ]
  t.equal(
    sourcesText(sources),
    'header X-User-Id, token claim sub, cookie u, client address, random'
  )
  t.same(unitFields(sources), ['x-user-id', 'authorization', 'cookie'])
  t.end()
})

test('names the sources in the body that are needed when no source before them is present', t => {
  const json = { json: '/user' }
  const tensor = { tensor: 'user_id' }
  const header = { header: 'x-user-id' }
  const needed = (sources: readonly UnitSource[], rawHeaders: readonly string[]) =>
    compileBodyNeed(sources)?.(requestFacts({ rawHeaders }), nothing)
  const sent = ['X-User-Id', 'u-1']
  t.equal(compileBodyNeed([header, { cookie: 'uid' }]), null, 'never')
  t.same(needed([json, tensor], []), [json, tensor])
  t.same(needed([header, json], sent), [])
  t.same(needed([header, json], []), [json])
  t.same(needed([json, header, tensor], sent), [json])
  t.same(needed([json, header, tensor], []), [json, tensor])
  t.same(needed([json, header], ['X-User-Id', 'u-1', 'X-User-Id', 'u-2']), [json], 'refused later')
  t.end()
})

test('puts what came of the body in the place of its sources when they are mixed with others', t => {
  const read = compileUnit([{ cookie: 'uid' }, { json: '/user' }, { header: 'x-user-id' }])
  const facts = requestFacts({ rawHeaders: ['X-User-Id', 'u-1'] })
  const body = { kind: 'found', text: 'from-body' } as const
  t.same(read(facts, nothing, body), { kind: 'unit', text: 'from-body' })
  t.same(read(facts, nothing, { kind: 'absent' }), { kind: 'unit', text: 'u-1' })
  t.same(read(facts, nothing), { kind: 'unit', text: 'u-1' }, 'without a body')
  const withCookie = requestFacts({ rawHeaders: ['Cookie', 'uid=c-1'] })
  t.same(read(withCookie, nothing, body), { kind: 'unit', text: 'c-1' })
  t.match(read(facts, nothing, { kind: 'invalid', why: 'it is too long' }), {
    kind: 'invalid',
    where: 'the body',
    why: 'it is too long'
  })
  t.end()
})

test('says in a sentence where a unit is looked for when that is in the body', t => {
  const sources = [
    { json: '/user' },
    { json: '' },
    { tensor: 'parameters.user' },
    { dataframe: 'id' },
    { field: 'user' }
  ]
  t.equal(
    sourcesText(sources),
    'body at /user, body at its root, tensor parameters.user, column id, field user'
  )
  t.end()
})

import { test } from 'tap'
import { buildTable, type Decision, decide } from '../../src/data-plane/decide.ts'
import { bucketOfHash, hashText, saltPrefix } from '../../src/domain/hash.ts'
import type { Condition, Protocol, UnitSource } from '../../src/domain/route.ts'
import type { OverrideSnapshot, RouteSnapshot } from '../../src/domain/snapshot.ts'
import {
  requestFacts,
  routeSnapshot,
  snapshotOf,
  variantSnapshot
} from '../helpers/route-snapshot.ts'

const chance = { id: () => 'minted-id', random: () => 2 ** 32 - 1 }
const V3 = 0
const V4 = 1
const HASH = 0
const OVERRIDE = 1
const OTHER = 2

function tableOf(changes: Partial<RouteSnapshot> = {}, trustedProxies: readonly string[] = []) {
  return buildTable(snapshotOf([routeSnapshot(changes)], { trustedProxies }), null, chance)
}

function forwarded(
  changes: Partial<RouteSnapshot>,
  facts: Parameters<typeof requestFacts>[0] = {},
  trustedProxies: readonly string[] = []
): Decision {
  const decision = decide(tableOf(changes, trustedProxies), requestFacts(facts))
  if (decision.kind !== 'forward') throw new Error(`not forwarded: ${JSON.stringify(decision)}`)
  return decision
}

function refusedCode(
  changes: Partial<RouteSnapshot>,
  facts: Parameters<typeof requestFacts>[0]
): string {
  const decision = decide(tableOf(changes), requestFacts(facts))
  return decision.kind === 'reject' ? decision.code : 'forwarded'
}

function withHeaders(...rawHeaders: string[]) {
  return { rawHeaders: ['Host', 'router.test', ...rawHeaders] }
}

function override(when: Condition, changes: Partial<OverrideSnapshot> = {}): OverrideSnapshot {
  return {
    override: { name: 'staff', when, from: 'any', variant: 'v4' },
    variant: V4,
    split: null,
    ...changes
  }
}

const allToV4 = [{ start: 0, end: 10_000, variant: V4 }]
const staffHeader: Condition = { header: { name: 'x-staff', exact: '1' } }

test('sends a user to the owner of its bucket when no override applies', t => {
  const table = tableOf()
  let challenger = 0
  let wrong = 0
  for (let i = 0; i < 2000; i++) {
    const decision = decide(table, requestFacts(withHeaders('X-User-Id', `user-${i}`)))
    if (decision.kind !== 'forward' || decision.cohort !== HASH || decision.stratum !== 0) wrong++
    else if (decision.variant !== (decision.bucket < 1000 ? V4 : V3)) wrong++
    else if (decision.variant === V4) challenger++
  }
  t.equal(wrong, 0)
  t.match(forwarded({}), { reason: 'hash', override: null, prediction: true, trusted: false })
  t.ok(challenger > 140 && challenger < 260, `${challenger} of 2000`)
  t.end()
})

test('answers 404 when no route has the host or the path', t => {
  t.equal(refusedCode({}, { host: 'other.test' }), 'SLC_NO_ROUTE')
  t.equal(refusedCode({}, { path: '/v1/predictions' }), 'SLC_NO_ROUTE')
  t.equal(refusedCode({}, { path: '/v1/%70redict' }), 'SLC_NO_ROUTE')
  t.equal(refusedCode({}, { path: '/metrics' }), 'SLC_NO_ROUTE')
  t.end()
})

test('goes to the champion when the unit is missing or empty', t => {
  for (const headers of [[], ['X-User-Id', ''], ['X-User-Id', ' \t']]) {
    const decision = forwarded({ ranges: allToV4 }, withHeaders(...headers))
    t.match(decision, {
      variant: V3,
      cohort: OTHER,
      stratum: 1,
      reason: 'missing_unit',
      unitHash: 0,
      setCookie: null
    })
  }
  t.end()
})

test('refuses a request without unit when the route says reject', t => {
  const route = { onMissingUnit: 'reject', hashOn: [{ header: 'x-user-id' }, { cookie: 'uid' }] }
  const decision = decide(tableOf(route as Partial<RouteSnapshot>), requestFacts(withHeaders()))
  t.match(decision, {
    kind: 'reject',
    code: 'SLC_UNIT_MISSING',
    args: ['header x-user-id, cookie uid']
  })
  t.end()
})

test('refuses the request when the unit occurs twice or is longer than 256 bytes', t => {
  const cases: [UnitSource, Parameters<typeof requestFacts>[0]][] = [
    [{ header: 'x-user-id' }, withHeaders('X-User-Id', 'a', 'x-user-id', 'a')],
    [{ header: 'x-user-id' }, withHeaders('X-User-Id', '', 'X-User-Id', 'a')],
    [{ header: 'x-user-id' }, withHeaders('X-User-Id', 'a'.repeat(257))],
    [{ cookie: 'uid' }, withHeaders('Cookie', 'uid=a; b=c; uid=d')],
    [{ cookie: 'uid' }, withHeaders('Cookie', 'uid=a', 'Cookie', 'uid=d')],
    [{ query: 'user' }, { query: 'user=a&user=b' }],
    [{ query: 'user' }, { query: `user=${'%41'.repeat(257)}` }],
    [{ jwt: 'sub' }, withHeaders('Authorization', 'Bearer a.b.c', 'Authorization', 'Bearer a.b.c')]
  ]
  for (const [source, facts] of cases)
    t.equal(refusedCode({ hashOn: [source] }, facts), 'SLC_UNIT_INVALID', JSON.stringify(source))
  t.equal(refusedCode({}, withHeaders('X-User-Id', 'a'.repeat(256))), 'forwarded')
  t.end()
})

test('gives every route protocol its own prediction calls when deciding who is split', t => {
  const cases: [Protocol, string, string, boolean][] = [
    ['open-inference', 'POST', '/v2/models/m/infer', true],
    ['open-inference', 'POST', '/v2/models/m/versions/1/generate_stream', true],
    ['open-inference', 'GET', '/v2/models/m/ready', false],
    ['open-inference', 'GET', '/v2/models/m/infer', false],
    ['open-inference', 'POST', '/v2/repository/models/m/load', false],
    ['open-inference', 'POST', '/v2/models/m%2Finfer', false],
    ['kserve-v1', 'POST', '/v1/models/m:predict', true],
    ['kserve-v1', 'POST', '/v1/models/m%3Apredict', true],
    ['kserve-v1', 'POST', '/v1/models/m', false],
    ['openai', 'POST', '/v1/chat/completions', true],
    ['openai', 'POST', '/v1/responses', true],
    ['openai', 'GET', '/v1/models', false],
    ['openai', 'GET', '/v1/chat/completions', false],
    ['anthropic', 'POST', '/v1/messages', true],
    ['anthropic', 'POST', '/v1/messages/count_tokens', false],
    ['mlflow', 'POST', '/invocations', true],
    ['mlflow', 'GET', '/ping', false],
    ['json', 'GET', '/anything', true],
    ['opaque', 'HEAD', '/', true]
  ]
  for (const [protocol, method, path, prediction] of cases) {
    const match = { hosts: [], paths: ['/'], headers: {}, query: {} }
    const decision = forwarded({ protocol, match, ranges: allToV4 }, { method, path })
    t.equal(decision.prediction, prediction, `${protocol} ${method} ${path}`)
    t.equal(decision.variant, prediction ? V4 : V3, `${protocol} ${method} ${path}`)
    t.equal(decision.cohort, prediction ? HASH : OTHER)
  }
  t.end()
})

test('lets an override decide before the hash when its condition holds', t => {
  const route = {
    overrides: [override(staffHeader)],
    ranges: [{ start: 0, end: 10_000, variant: V3 }]
  }
  t.match(forwarded(route, withHeaders('X-Staff', '1', 'X-User-Id', 'u')), {
    variant: V4,
    cohort: OVERRIDE,
    stratum: 1,
    reason: 'override',
    override: 'staff'
  })
  t.match(forwarded(route, withHeaders('X-Staff', '2')), { variant: V3, override: null })
  t.match(forwarded(route, withHeaders('X-Staff', '1', 'X-Staff', '1')), { override: null })
  t.match(forwarded(route, withHeaders('x-STAFF', ' 1 ')), { variant: V4, override: 'staff' })
  t.end()
})

test('believes an override from trusted peers when the peer is one', t => {
  const rule = { name: 'staff', when: staffHeader, from: 'trusted', variant: 'v4' } as const
  const route = { overrides: [override(staffHeader, { override: rule })] }
  const facts = { ...withHeaders('X-Staff', '1'), peer: '::ffff:10.1.2.3' }
  t.match(forwarded(route, facts), { override: null, trusted: false })
  t.match(forwarded(route, facts, ['10.0.0.0/8']), { override: 'staff', trusted: true })
  t.end()
})

test('gives a split of an override its own salt and stratum when it applies', t => {
  const split = { stratum: 1, salt: 'fraud.0.beta', ranges: allToV4 }
  const beta = { name: 'beta', when: staffHeader, from: 'any', split: { v4: 100 } } as const
  const route = {
    overrides: [override(staffHeader, { override: beta, variant: null, split })]
  }
  const decision = forwarded(route, withHeaders('X-Staff', '1', 'X-User-Id', 'user-1'))
  const plain = forwarded({}, withHeaders('X-User-Id', 'user-1'))
  t.match(decision, { variant: V4, cohort: OVERRIDE, stratum: 1, override: 'beta' })
  t.equal(decision.unitHash, plain.unitHash, 'one user has one identity')
  t.not(decision.bucket, plain.bucket)
  t.equal(plain.stratum, 0)
  t.match(forwarded(route, withHeaders('X-Staff', '1')), {
    variant: V3,
    reason: 'missing_unit',
    cohort: OTHER,
    stratum: 2
  })
  t.end()
})

test('never reaches a rolled-back variant when an override, a split or the hash names it', t => {
  const variants = [variantSnapshot('v3'), variantSnapshot('v4', { rolledBack: true })]
  const user = withHeaders('X-User-Id', 'u', 'X-Staff', '1')
  t.match(forwarded({ variants, ranges: allToV4 }, user), {
    variant: V3,
    reason: 'rolled_back',
    cohort: OTHER
  })
  t.match(forwarded({ variants, overrides: [override(staffHeader)] }, user), {
    variant: V3,
    reason: 'rolled_back',
    cohort: OVERRIDE,
    override: 'staff'
  })
  const split = { stratum: 1, salt: 'fraud.0.staff', ranges: allToV4 }
  const overrides = [override(staffHeader, { variant: null, split })]
  t.match(forwarded({ variants, overrides }, user), { variant: V3, reason: 'rolled_back' })
  const hashOn = [{ request: 'random' }] as const
  t.match(forwarded({ variants, hashOn, ranges: allToV4 }, withHeaders()), {
    variant: V3,
    reason: 'rolled_back'
  })
  t.end()
})

test('sets a cookie that is the unit of the next request when there is no other', t => {
  const hashOn = [{ header: 'x-user-id' }, { setCookie: { name: 'sluice-unit', maxAge: 60 } }]
  const first = forwarded({ hashOn }, withHeaders())
  t.equal(first.setCookie, 'sluice-unit=minted-id; Max-Age=60; Path=/; HttpOnly; SameSite=Lax')
  const second = forwarded({ hashOn }, withHeaders('Cookie', 'a=b; sluice-unit=minted-id'))
  t.equal(second.setCookie, null)
  t.equal(second.unitHash, first.unitHash)
  t.match(first, { cohort: HASH, reason: 'hash' })
  t.match(forwarded({ hashOn }, { ...withHeaders(), secure: true }).setCookie, /; Secure$/)
  t.equal(forwarded({ hashOn }, withHeaders('X-User-Id', 'u')).setCookie, null)
  t.end()
})

test('sets no cookie when the request is no prediction call', t => {
  const hashOn = [{ setCookie: { name: 'sluice-unit', maxAge: 60 } }]
  const match = { hosts: [], paths: ['/v2/'], headers: {}, query: {} }
  const route = { hashOn, match, protocol: 'open-inference' } as const
  t.equal(forwarded(route, { method: 'GET', path: '/v2/health/ready' }).setCookie, null)
  t.ok(forwarded(route, { ...withHeaders(), path: '/v2/models/m/infer' }).setCookie)
  t.end()
})

test('counts random requests as nobody when the route takes them at random', t => {
  const decision = forwarded({ hashOn: [{ request: 'random' }], ranges: allToV4 }, withHeaders())
  t.match(decision, {
    variant: V4,
    cohort: OTHER,
    stratum: 1,
    reason: 'missing_unit',
    bucket: 9999
  })
  t.end()
})

test('hashes the address of the client when a trusted proxy forwards it', t => {
  const hashOn = [{ clientIp: true }] as const
  const client = forwarded({ hashOn }, { ...withHeaders(), peer: '203.0.113.9' })
  const throughProxy = {
    ...withHeaders('X-Forwarded-For', '6.6.6.6, 203.0.113.9'),
    peer: '10.0.0.1'
  }
  t.equal(forwarded({ hashOn }, throughProxy, ['10.0.0.0/8']).unitHash, client.unitHash)
  t.not(forwarded({ hashOn }, throughProxy).unitHash, client.unitHash)
  t.end()
})

test('gives the champion what a vanished variant owned when a split has a gap', t => {
  const ranges = [{ start: 0, end: 2500, variant: V4 }]
  const split = { stratum: 1, salt: 'fraud.0.staff', ranges }
  const overrides = [override(staffHeader, { variant: null, split })]
  const table = tableOf({ overrides })
  let wrong = 0
  for (let i = 0; i < 500; i++) {
    const facts = requestFacts(withHeaders('X-Staff', '1', 'X-User-Id', `user-${i}`))
    const decision = decide(table, facts)
    if (decision.kind !== 'forward') wrong++
    else if (decision.variant !== (decision.bucket < 2500 ? V4 : V3)) wrong++
  }
  t.equal(wrong, 0)
  t.end()
})

test('skips an override whose variant does not exist any more', t => {
  const overrides = [override(staffHeader, { variant: null })]
  t.match(forwarded({ overrides }, withHeaders('X-Staff', '1', 'X-User-Id', 'u')), {
    reason: 'hash',
    override: null
  })
  t.end()
})

test('names the fields that carry a unit when any route has them', t => {
  const hashOn: UnitSource[] = [{ header: 'x-user-id' }, { jwt: 'sub' }, { cookie: 'uid' }]
  t.same([...tableOf({ hashOn }).unitFields], ['x-user-id', 'authorization', 'cookie'])
  t.end()
})

test('asks for the body when no source before it is present, and for those sources alone', t => {
  const json = { json: '/user' }
  const field = { field: 'metadata.user_id' }
  const table = tableOf({ hashOn: [json, { header: 'x-user-id' }, field], protocol: 'json' })
  const with1 = decide(table, requestFacts({}))
  t.match(with1, { kind: 'body', sources: [json] }, 'the header hides what stands behind it')
  t.equal(with1.kind === 'body' ? with1.sources.length : 0, 1)
  const without = decide(table, requestFacts({ rawHeaders: [] }))
  t.match(without, { kind: 'body', sources: [json, field] })
  const header = tableOf({ hashOn: [{ header: 'x-user-id' }, json], protocol: 'json' })
  t.equal(decide(header, requestFacts({})).kind, 'forward', 'a header before it saves the wait')
  t.end()
})

test('decides with what came of the body when it is asked again', t => {
  const hashOn = [{ json: '/user' }, { header: 'x-user-id' }]
  const table = tableOf({ hashOn, protocol: 'json' })
  const facts = requestFacts({ rawHeaders: ['X-User-Id', 'from-header'] })
  t.match(decide(table, facts, { kind: 'found', text: 'from-body' }), {
    kind: 'forward',
    unit: 'from-body',
    cohort: HASH,
    bucket: bucketOfHash(hashText(saltPrefix('fraud.0'), 'from-body'))
  })
  t.match(decide(table, facts, { kind: 'absent' }), { kind: 'forward', unit: 'from-header' })
  t.match(decide(table, requestFacts({ rawHeaders: [] }), { kind: 'absent' }), {
    kind: 'forward',
    unit: null,
    reason: 'missing_unit'
  })
  t.match(decide(table, facts, { kind: 'invalid', why: 'it is longer than 256 bytes' }), {
    kind: 'reject',
    code: 'SLC_UNIT_INVALID',
    args: ['the body', 'it is longer than 256 bytes']
  })
  t.end()
})

test('does not ask for the body when the request is no prediction call', t => {
  const table = tableOf({ hashOn: [{ json: '/user' }], protocol: 'openai' })
  const decision = decide(table, requestFacts({ path: '/v1/predict/models', rawHeaders: [] }))
  t.match(decision, { kind: 'forward', prediction: false, variant: 0 })
  t.end()
})

import { test } from 'tap'
import { explainRequest } from '../../src/control-plane/explain.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { routeSnapshot, variantSnapshot } from '../helpers/route-snapshot.ts'

function snapshot(changes: Parameters<typeof routeSnapshot>[0] = {}): Snapshot {
  return {
    sequence: 1,
    trustedProxies: [],
    pseudonym: 'test',
    accessLog: null,
    routes: [routeSnapshot(changes)]
  }
}

test('names hash, bucket, variant and reason when a unit is given', async t => {
  const explained = explainRequest(snapshot({ salt: 'fraud-model.canary' }), 'fraud', {
    unit: 'user-1'
  })
  t.strictSame(explained, {
    unit: 'user-1',
    salt: 'fraud-model.canary',
    hash: 830271577,
    bucket: 1933,
    variant: 'v3',
    cohort: 'hash',
    reason: 'hash',
    revision: '1-1'
  })
})

test('reads the unit where the route does when a request is given', async t => {
  const byUnit = explainRequest(snapshot(), 'fraud', { unit: '用户-42' })
  const byField = explainRequest(snapshot(), 'fraud', { headers: { 'x-user-id': '用户-42' } })
  const byQuery = explainRequest(snapshot({ hashOn: [{ query: 'user' }] }), 'fraud', {
    query: { user: '用户-42' }
  })
  t.strictSame(byField, byUnit)
  t.strictSame(byQuery, byUnit)
})

test('says missing_unit and the champion when there is none', async t => {
  t.match(explainRequest(snapshot(), 'fraud', {}), {
    unit: null,
    hash: null,
    bucket: null,
    variant: 'v3',
    cohort: 'other',
    reason: 'missing_unit'
  })
})

test('says rolled_back when the hash leads to a variant that was', async t => {
  const variants = [variantSnapshot('v3'), variantSnapshot('v4', { rolledBack: true })]
  const ranges = [{ start: 0, end: 10_000, variant: 1 }]
  const explained = explainRequest(snapshot({ variants, ranges }), 'fraud', { unit: 'u' })
  t.match(explained, { variant: 'v3', reason: 'rolled_back' })
})

test('names the override when one applies, and only to whom it applies', async t => {
  const override = {
    name: 'staff',
    when: { header: { name: 'x-staff', exact: '1' } },
    from: 'trusted' as const,
    variant: 'v4'
  }
  const routed = snapshot({ overrides: [{ override, variant: 1, split: null }] })
  const headers = { 'x-staff': '1', 'x-user-id': 'u' }
  t.match(explainRequest(routed, 'fraud', { headers, trusted: true }), {
    variant: 'v4',
    cohort: 'override:staff',
    reason: 'override'
  })
  t.match(explainRequest(routed, 'fraud', { headers }), { cohort: 'hash' })
})

test('refuses a unit when the data plane would', async t => {
  t.throws(() => explainRequest(snapshot(), 'fraud', { unit: 'x'.repeat(257) }), {
    code: 'SLC_UNIT_INVALID'
  })
  t.throws(() => explainRequest(snapshot({ onMissingUnit: 'reject' }), 'fraud', {}), {
    code: 'SLC_UNIT_MISSING'
  })
  t.throws(() => explainRequest(snapshot(), 'nothing', { unit: 'u' }), {
    code: 'SLC_ADMIN_NOT_FOUND'
  })
})

test('does not throw when text is no proper Unicode', async t => {
  const routed = snapshot({ hashOn: [{ query: 'user' }] })
  t.match(explainRequest(routed, 'fraud', { query: { user: '\ud800' } }), { cohort: 'hash' })
})

import { test } from 'tap'
import { AT, type Counters, GROUPS, ROW } from '../../../src/domain/counts.ts'
import { Bursts } from '../../../src/domain/trigger/phi.ts'
import { freshCounters } from '../../helpers/observation.ts'

const ERRORS = 0
const LATENCY = 3

function count(c: Counters, group: number, calls: number, errors: number): void {
  const at = AT.groups + group * ROW.size
  c.words[at + ROW.calls] = (c.words[at + ROW.calls] ?? 0) + calls
  c.words[at + ROW.errors] = (c.words[at + ROW.errors] ?? 0) + errors
}

/** Blocks of 10 s in which every group has 20 calls; `errors` says how many fail in a group. */
function blocks(bursts: Bursts, n: number, errors: (block: number, group: number) => number): void {
  const c = freshCounters()
  bursts.close([c])
  for (let block = 0; block < n; block++) {
    for (let group = 0; group < GROUPS; group++) count(c, group, 20, errors(block, group))
    bursts.close([c])
  }
}

test('phi is 3 at least when there are fewer than 30 blocks', async t => {
  const bursts = new Bursts()
  t.equal(bursts.phi[ERRORS], 3)
  blocks(bursts, 29, () => 0)
  t.equal(bursts.phi[ERRORS], 3)
})

test('phi is 1 when 30 blocks have no failures', async t => {
  const bursts = new Bursts()
  blocks(bursts, 30, () => 0)
  t.strictSame([...bursts.phi], [1, 1, 1, 1])
})

test('phi is variance over mean of the blocks when failures come together in time', async t => {
  const bursts = new Bursts()
  blocks(bursts, 40, (block, group) => (block % 4 === 0 && group < 12 ? 1 : 0))
  const mean = 3
  const variance = (10 * 9 ** 2 + 30 * 3 ** 2) / 39
  t.ok(Math.abs((bursts.phi[ERRORS] ?? 0) - variance / mean) < 1e-9)
  t.equal(bursts.phi[LATENCY], 1, 'each kind has its own')
})

test('phi is the design effect when the same units fail all the time', async t => {
  const bursts = new Bursts()
  blocks(bursts, 40, (_, group) => (group < 2 ? 1 : 0))
  const n = 800
  const p = 80 / (GROUPS * n)
  const expected = (2 * (40 - n * p) ** 2 + 62 * (n * p) ** 2) / (n * p * (1 - p)) / (GROUPS - 1)
  t.ok(expected > 10)
  t.equal(bursts.phi[ERRORS], 10, 'and 10 at most')
})

test('phi is finite when everything fails, or only one group has requests', async t => {
  const all = new Bursts()
  blocks(all, 35, () => 20)
  t.equal(all.phi[ERRORS], 1)
  const one = new Bursts()
  const c = freshCounters()
  one.close([c])
  for (let block = 0; block < 35; block++) {
    count(c, 9, 20, 1)
    one.close([c])
  }
  t.equal(one.phi[ERRORS], 1)
})

test('blocks without requests change nothing when traffic pauses', async t => {
  const bursts = new Bursts()
  const c = freshCounters()
  bursts.close([c])
  for (let block = 0; block < 30; block++) {
    count(c, block % GROUPS, 20, 1)
    bursts.close([c])
  }
  const before = bursts.phi[ERRORS]
  for (let block = 0; block < 200; block++) bursts.close([c])
  t.equal(bursts.phi[ERRORS], before)
})

test('old blocks are forgotten when 60 newer ones are there', async t => {
  const bursts = new Bursts()
  const c = freshCounters()
  bursts.close([c])
  count(c, 1, 100, 100)
  bursts.close([c])
  for (let block = 0; block < 60; block++) {
    for (let group = 0; group < GROUPS; group++) count(c, group, 5, 0)
    bursts.close([c])
  }
  t.equal(bursts.phi[ERRORS], 1)
})

test('what another variant counted is no block when the champion changes', async t => {
  const bursts = new Bursts()
  const first = freshCounters()
  const second = freshCounters()
  count(second, 1, 1000, 900)
  bursts.close([first])
  for (let block = 0; block < 35; block++) {
    for (let group = 0; group < GROUPS; group++) count(first, group, 5, 0)
    bursts.close([first])
  }
  bursts.close([second])
  count(second, 2, 5, 0)
  bursts.close([second])
  t.equal(bursts.phi[ERRORS], 1)
})

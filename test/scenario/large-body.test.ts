/**
 * Bodies pass at any size with little memory, both ways, also when a peer stands still in the middle
 * (bench/macro/memory.ts does it with a gigabyte).
 */
import t from 'tap'
import { startBulkUpstream } from '../helpers/bulk.ts'
import { download, upload } from '../helpers/bulk-transfer.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { startSluice } from '../helpers/sluice.ts'

const MIB = 2 ** 20
const BYTES = 256 * MIB
const BOUND = 20 * MIB

const upstream = await startBulkUpstream()
t.teardown(() => upstream.close())
const sluice = await startSluice(demoConfig(upstream.url, { limits: { body: '2GiB' } }), {
  t,
  ...DEMO_START
})
const port = Number(new URL(sluice.dataUrl).port)
// What a process takes once for its first bodies is not the price of a body.
await download(port, sluice.pid, 64 * MIB)
await upload(port, sluice.pid, 64 * MIB, upstream)

t.test(
  'keeps memory small and every byte when a client stands still in a large answer',
  async t => {
    const { intact, stalledGrowth } = await download(port, sluice.pid, BYTES)
    t.ok(intact, 'every byte, in order')
    t.ok(stalledGrowth < BOUND, `grew by ${Math.round(stalledGrowth / MIB)} MiB`)
  }
)

t.test(
  'keeps memory small and every byte when an upstream stands still in a large upload',
  async t => {
    const { intact, stalledGrowth } = await upload(port, sluice.pid, BYTES, upstream)
    t.ok(intact, 'every byte, in order')
    t.ok(stalledGrowth < BOUND, `grew by ${Math.round(stalledGrowth / MIB)} MiB`)
  }
)

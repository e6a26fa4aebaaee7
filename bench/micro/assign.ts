/**
 * What does it cost to find the variant of a request: hash of the unit, bucket, range, and the whole decision?
 */
import { buildTable, decide } from '../../src/data-plane/decide.ts'
import { bucketOfHash, hashText, saltPrefix } from '../../src/domain/hash.ts'
import { ownerOf } from '../../src/domain/ranges.ts'
import { requestFacts, routeSnapshot, snapshotOf } from '../../test/helpers/route-snapshot.ts'
import { micro } from './micro.ts'

const prefix = saltPrefix('fraud.0')
const units = Array.from({ length: 1024 }, (_, i) => `user-${i * 7919}`)
const table = buildTable(snapshotOf([routeSnapshot()]))
const facts = units.map(unit =>
  requestFacts({
    rawHeaders: [
      ...['Host', 'router.test', 'Accept', '*/*', 'Content-Type', 'application/json'],
      ...['Content-Length', '200', 'X-User-Id', unit]
    ]
  })
)

function ranges(count: number) {
  const size = 10_000 / count
  return Array.from({ length: count }, (_, i) => ({
    start: Math.round(i * size),
    end: Math.round((i + 1) * size),
    variant: i
  }))
}

function lookups(count: number) {
  const owners = ranges(count)
  return (calls: number) => {
    let sum = 0
    for (let i = 0; i < calls; i++) sum += ownerOf(owners, (i * 7919) % 10_000) ?? 0
    return sum
  }
}

micro('assign', 'What does it cost to find the variant of a request?', [
  {
    name: 'hash of salt and unit (11 bytes), bucket',
    run(calls) {
      let sum = 0
      for (let i = 0; i < calls; i++) sum += bucketOfHash(hashText(prefix, units[i & 1023] ?? ''))
      return sum
    }
  },
  { name: 'owner of a bucket, 2 ranges', run: lookups(2) },
  { name: 'owner of a bucket, 64 ranges', run: lookups(64) },
  { name: 'owner of a bucket, 1,000 ranges', run: lookups(1000) },
  {
    name: 'decide(): match, unit, hash, range',
    run(calls) {
      let sum = 0
      for (let i = 0; i < calls; i++) {
        const decision = decide(table, facts[i & 1023] ?? requestFacts())
        sum += decision.kind === 'forward' ? decision.variant : 1000
      }
      return sum
    }
  }
])

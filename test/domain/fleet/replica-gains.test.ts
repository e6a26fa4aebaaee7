import { test } from 'tap'
import { ReplicaGains } from '../../../src/domain/fleet/replica-gains.ts'
import { packTotals, type Totals } from '../../../src/domain/fleet/totals.ts'
import { seeded } from '../../helpers/seeded.ts'

const SHAPE = { kind: 'arms', rows: 2 } as const

function text(calls: number, over: Partial<Totals> = {}): string {
  const words = new Float64Array(16)
  words[0] = calls
  const totals = { label: 'now', era: 1, words, units: [], leftOut: 0, restarts: 0, ...over }
  return packTotals(totals, SHAPE)
}

/** Reads slots with one replica's texts, null where it wrote none; gives the calls gained in each. */
function gained(texts: readonly (string | null)[], label = 'now'): readonly number[] {
  const gains = new ReplicaGains(SHAPE)
  return texts.map((one, slot) => {
    const read = gains.read(slot, new Map(one === null ? [] : [['r', one]]), label)
    return read.reduce((sum, { words }) => sum + (words[0] ?? 0), 0)
  })
}

test('what a replica had is history when it is seen for the first time', async t => {
  t.strictSame(gained([text(100), text(107)]), [0, 7])
})

test('all that was counted comes with the next totals when slots are missing', async t => {
  t.strictSame(gained([text(1), null, null, text(9), text(9)]), [0, 0, 0, 8, 0])
})

test('counts begin at zero when a known replica changes its ranges or counts anew', async t => {
  t.strictSame(
    gained([text(50, { label: 'old' }), text(4, { era: 2 }), text(6, { era: 2 })]),
    [0, 4, 2]
  )
  t.strictSame(gained([text(50), text(60, { era: 2 })]), [0, 60])
})

test('counts under other ranges are not given when only some replicas have changed', async t => {
  t.strictSame(gained([text(5), text(9)], 'other'), [0, 0])
})

test('a message that runs late changes nothing when a newer one was read', async t => {
  t.strictSame(gained([text(1), text(20), text(8), text(21)]), [0, 19, 0, 1])
  const late = [text(1), text(5, { era: 2 }), text(3, { era: 1 }), text(6, { era: 2 })]
  t.strictSame(gained(late), [0, 5, 0, 1])
})

test('counting begins where another process counts when it has the name for a minute', async t => {
  const slots = [text(1_000), ...Array.from({ length: 14 }, (_, i) => text(10 + i))]
  t.strictSame(gained(slots), [...Array.from({ length: 13 }, () => 0), 1, 1])
})

test('a replica is history again when it was away for longer than slots are kept', async t => {
  const gains = new ReplicaGains(SHAPE)
  gains.read(1, new Map([['r', text(5)]]), 'now')
  gains.read(182, new Map(), 'now')
  t.strictSame(gains.read(183, new Map([['r', text(50)]]), 'now'), [])
})

test('words of a slot that cannot be read are passed over when others can', async t => {
  const gains = new ReplicaGains(SHAPE)
  gains.read(
    1,
    new Map([
      ['a', text(1)],
      ['b', text(1)]
    ]),
    'now'
  )
  const read = gains.read(
    2,
    new Map([
      ['a', 'nonsense'],
      ['b', text(3)]
    ]),
    'now'
  )
  t.strictSame(
    read.map(({ replica }) => replica),
    ['b']
  )
  t.equal(gains.fresh('now', 2), 2)
  t.equal(gains.fresh('now', 5), 0)
})

test('failures of named units are told once when their totals come again', async t => {
  const gains = new ReplicaGains(SHAPE)
  const unit = (count: number, birth = 1) => ({ unit: 7, kinds: 1, birth, count })
  const read = (slot: number, units: readonly ReturnType<typeof unit>[], calls = slot) =>
    gains
      .read(slot, new Map([['r', text(calls, { units })]]), 'now')
      .flatMap(gain => gain.units.map(({ count }) => count))
  t.strictSame(read(1, [unit(4)]), [], 'history')
  t.strictSame(read(2, [unit(6)]), [2])
  t.strictSame(read(3, []), [])
  t.strictSame(read(4, [unit(9)]), [3])
  t.strictSame(read(5, [unit(9)]), [])
  t.strictSame(read(6, [unit(5, 2)]), [5], 'it began anew')
})

test('what was left out and restarts are told when replicas say so', async t => {
  const gains = new ReplicaGains(SHAPE)
  const read = (slot: number, over: Partial<Totals>) =>
    gains.read(slot, new Map([['r', text(slot, over)]]), 'now')[0]?.restarted
  read(1, { restarts: 3 })
  t.equal(read(2, { restarts: 3, leftOut: 5 }), false)
  t.equal(read(3, { restarts: 4, leftOut: 8 }), true)
  t.equal(gains.leftOut('now'), 8)
  t.equal(gains.leftOut('other'), 0)
})

test('sums over replicas are exact whatever is lost, repeated or late, after the last message', async t => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seeded(seed)
    const replicas = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, i) => ({
      name: `r${i}`,
      calls: Math.floor(random() * 1_000),
      sent: [] as string[]
    }))
    const history = replicas.reduce((sum, { calls }) => sum + calls, 0)
    const gains = new ReplicaGains(SHAPE)
    const slots = 3 + Math.floor(random() * 20)
    let sum = 0
    for (let slot = 0; slot <= slots; slot++) {
      const texts = new Map<string, string>()
      for (const replica of replicas) {
        for (let beat = 0; beat < 5; beat++) {
          if (slot > 0) replica.calls += Math.floor(random() * 10)
          const one = text(replica.calls)
          replica.sent.push(one)
          const first = slot === 0 || (slot === slots && beat === 4)
          const fate = first ? 0 : random()
          if (fate < 0.5) texts.set(replica.name, one)
          else if (fate < 0.7) continue
          else
            texts.set(replica.name, replica.sent[Math.floor(random() * replica.sent.length)] ?? one)
        }
      }
      for (const { words } of gains.read(slot, texts, 'now')) sum += words[0] ?? 0
    }
    const counted = replicas.reduce((all, { calls }) => all + calls, 0) - history
    if (sum !== counted) t.fail(`seed ${seed}: ${sum} instead of ${counted}`)
  }
  t.pass('all exact')
})

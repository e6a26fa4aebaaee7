import { test } from 'tap'
import {
  KIND_ROW,
  MOST_UNITS,
  packTotals,
  parseTotals,
  type Totals,
  type TotalsShape
} from '../../../src/domain/fleet/totals.ts'
import { seeded } from '../../helpers/seeded.ts'

const ARMS: TotalsShape = { kind: 'arms', rows: 2 }
const SIZES = [0, 0, 0, 1, 35, 36, 1e4, 2 ** 32, 2 ** 52]

function randomTotals(random: () => number, shape: TotalsShape): Totals {
  const pick = () => SIZES[Math.floor(random() * SIZES.length)] ?? 0
  const words = new Float64Array(shape.rows * KIND_ROW.size).map(pick)
  const units = Array.from({ length: Math.floor(random() * (MOST_UNITS + 1)) }, () => ({
    unit: Math.floor(random() * 2 ** 32),
    kinds: 1 + Math.floor(random() * 1000),
    birth: pick(),
    count: pick()
  }))
  const [era, leftOut, restarts] = [pick(), pick(), pick()]
  return { label: 'abc-12', era, words, units, leftOut, restarts }
}

test('totals are read as they were written when counts are anything from 0 to 2^52', async t => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seeded(seed)
    const shape: TotalsShape = random() < 0.5 ? ARMS : { kind: 'groups', rows: 64 }
    const totals = randomTotals(random, shape)
    const read = parseTotals(packTotals(totals, shape), shape)
    if (JSON.stringify(read) !== JSON.stringify(totals)) {
      t.fail(`seed ${seed}: ${packTotals(totals, shape)}`)
    }
  }
  t.pass('all the same')
})

test('a text is null when it is of another shape, version, or cut', async t => {
  const totals = randomTotals(seeded(7), ARMS)
  const text = packTotals({ ...totals, units: [] }, ARMS)
  t.ok(parseTotals(text, ARMS))
  t.equal(parseTotals(text, { kind: 'groups', rows: 2 }), null)
  t.equal(parseTotals(text.replace(/^1/, '2'), ARMS), null)
  t.equal(parseTotals(text.split('|').slice(0, 5).join('|'), ARMS), null)
  t.equal(parseTotals(`${text}|`, ARMS), null)
})

test('a text is null when a number in it is none, is negative, or there are too many', async t => {
  const of = (rows: string, units = '', era = '1') => `1a|label|${era}|||${rows}|${units}`
  t.ok(parseTotals(of('5,2'), ARMS))
  const wrong = [
    of('-1'),
    of('5,,-6'),
    of('5,x!'),
    of('5,1.5'),

    of('5,'.repeat(8)),
    of('-'),
    of('5;1;'),
    of('zzzzzzzzzzzz'),
    of(';;;'),
    of(',,,,,,,,1'),
    of('5', '1.1.1'),
    of('5', '1.1.1.-1'),
    of('5', Array.from({ length: MOST_UNITS + 1 }, () => '1.1.1.1').join(',')),
    of('5', '', '-1'),
    of('5', '', ' 1'),
    `1a|Label|1|||5|`,
    `1a||1|||5|`,
    '',
    'nonsense',
    '|'.repeat(70_000)
  ]
  for (const text of wrong) t.equal(parseTotals(text, ARMS), null, text.slice(0, 60))
})

test('random bytes never throw and are never totals when they come from a broken store', async t => {
  const random = seeded(3)
  const good = packTotals(randomTotals(random, ARMS), ARMS)
  for (let i = 0; i < 5_000; i++) {
    const at = Math.floor(random() * good.length)
    const cut = good.slice(0, at) + String.fromCharCode(random() * 256) + good.slice(at + 1)
    const read = parseTotals(cut, ARMS)
    if (read !== null && !read.words.every(word => word >= 0)) t.fail(cut)
  }
  t.pass('none was negative')
})

test('a message is short when a replica has counted for long', async t => {
  const words = Float64Array.from([
    1e6, 1e4, 1e6, 500, 99e4, 40, 1e6, 9e3, 19e6, 19e4, 19e6, 9e3, 18e6
  ])
  const units = Array.from({ length: MOST_UNITS }, (_, i) => ({
    unit: 2 ** 32 - 1 - i,
    kinds: 1,
    birth: 1000 + i,
    count: 50
  }))
  const padded = new Float64Array(2 * KIND_ROW.size)
  padded.set(words)
  const totals = {
    label: '1abcdef-1abcdef',
    era: 12,
    words: padded,
    units,
    leftOut: 9,
    restarts: 1
  }
  t.ok(packTotals(totals, ARMS).length < 260)
})

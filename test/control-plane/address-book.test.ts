import { test } from 'tap'
import { createAddressBook, RAMP_MS } from '../../src/control-plane/address-book.ts'

const model = { url: 'http://m.test:8000', secure: false, hostname: 'm.test', port: 8000 }
const other = { url: 'http://n.test:8000', secure: false, hostname: 'n.test', port: 8000 }
const STARTUP = 300_000

function brief(book: ReturnType<typeof createAddressBook>, now: number, startup = STARTUP) {
  return book
    .snapshot(now, startup)
    .map(({ slot, ip, healthy, ramp }) => `${slot} ${ip} ${healthy ? 'in' : 'out'} ${ramp}`)
}

test('serves with all addresses at once when the variant begins', t => {
  const book = createAddressBook({ checked: false, now: 0 })
  book.resolved(model, ['192.0.2.1', '192.0.2.2'], 0)
  book.resolved(other, ['192.0.2.1'], 100)
  t.same(brief(book, 100), ['0 192.0.2.1 in 1', '1 192.0.2.2 in 1', '2 192.0.2.1 in 1'])
  t.equal(book.moving(100, STARTUP), false)
  t.end()
})

test('keeps slots and lets a new address grow in over 30 seconds when names change', t => {
  const book = createAddressBook({ checked: false, now: 0 })
  book.resolved(model, ['192.0.2.1', '192.0.2.2'], 0)
  book.resolved(model, ['192.0.2.2', '192.0.2.3'], 60_000)
  t.same(brief(book, 60_000), ['1 192.0.2.2 in 1', '2 192.0.2.3 in 0.1'])
  t.same(brief(book, 60_000 + RAMP_MS / 2), ['1 192.0.2.2 in 1', '2 192.0.2.3 in 0.5'])
  t.equal(book.moving(60_000 + RAMP_MS / 2, STARTUP), true)
  t.same(brief(book, 60_000 + RAMP_MS), ['1 192.0.2.2 in 1', '2 192.0.2.3 in 1'])
  t.equal(book.moving(60_000 + RAMP_MS, STARTUP), false)
  t.end()
})

test('lets a slot rest when its address is gone and refuses more addresses than slots', t => {
  const book = createAddressBook({ checked: false, now: 0 })
  const ips = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `192.0.2.${from + i}`)
  for (let round = 0; round < 62; round++) {
    book.resolved(model, [`198.51.100.${round}`], round)
    t.equal(book.snapshot(round, STARTUP)[0]?.slot, round)
  }
  t.equal(book.resolved(model, ips(0, 64), 100), 0)
  t.equal(book.resolved(other, ['203.0.113.1'], 100), 1, 'one found no slot')
  t.equal(new Set(book.snapshot(100, STARTUP).map(({ slot }) => slot)).size, 64)
  book.resolved(model, ips(0, 63), 200)
  t.equal(book.resolved(other, ['203.0.113.1'], 200), 0)
  t.end()
})

test('is in service before its first check when the variant begins, and out when it fails', t => {
  const book = createAddressBook({ checked: true, now: 0 })
  book.resolved(model, ['192.0.2.1', '192.0.2.2'], 0)
  t.same(brief(book, 0), ['0 192.0.2.1 in 1', '1 192.0.2.2 in 1'])
  const [one, two] = book.entries().map(({ key }) => key)
  book.checked(one ?? '', true, 10)
  book.checked(two ?? '', false, 10)
  t.same(brief(book, 10), ['0 192.0.2.1 in 1', '1 192.0.2.2 out 0'], 'a cold one gets nothing')
  book.checked(one ?? '', false, 20)
  t.same(brief(book, 20)[0], '0 192.0.2.1 out 1', 'one that has worked is only out')
  book.checked(two ?? '', true, 30_000)
  t.same(brief(book, 30_000)[1], '1 192.0.2.2 in 0.1', 'it grows in from its first success')
  t.end()
})

test('gives a starting address nothing until it works or its time to start is over', t => {
  const book = createAddressBook({ checked: true, now: 0 })
  book.resolved(model, ['192.0.2.1'], 20_000)
  t.same(brief(book, 20_000), ['0 192.0.2.1 out 0'], 'a later one waits for its first check')
  const key = book.entries()[0]?.key ?? ''
  book.checked(key, false, 21_000)
  t.same(brief(book, 319_999), ['0 192.0.2.1 out 0'])
  t.equal(book.moving(319_999, STARTUP), true)
  t.same(brief(book, 320_000), ['0 192.0.2.1 out 1'], 'now its failures count')
  t.same(brief(book, 21_000, 0), ['0 192.0.2.1 out 1'], 'a champion has no time to start')
  book.checked('unknown', true, 400_000)
  book.checked(key, true, 400_000)
  t.same(brief(book, 400_000), ['0 192.0.2.1 in 0.1'])
  t.end()
})

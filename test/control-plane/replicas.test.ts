/** Who is there, as far as one replica can tell. */
import { test } from 'tap'
import { createReplicas } from '../../src/control-plane/replicas.ts'
import type { Replica, StateSource } from '../../src/ports.ts'

/** A store that says what the test says, looked at in ticks of 250 ms. */
function scene() {
  const state = { ids: ['a', 'b', 'c'], ageMs: 500, source: 'store' as StateSource, now: 0 }
  const of = (id: string): Replica => ({ id, revision: '1-1', calls: {}, out: {} })
  const replicas = createReplicas(
    {
      replicas: () => state.ids.map(of),
      ageMs: () => state.ageMs,
      source: () => state.source
    },
    () => state.now
  )
  const look = (ms = 250) => {
    let company = replicas.observe('fraud')
    for (let at = 0; at < ms; at += 250) {
      state.now += 250
      company = replicas.observe('fraud')
    }
    return company
  }
  return { state, replicas, look }
}

const names = (list: readonly Replica[]) => list.map(({ id }) => id).join('')

test('is alone at once when it starts alone, and with a store that nobody shares', async t => {
  const { state, replicas } = scene()
  state.ids = ['a']
  t.match(replicas.of('fraud'), { alone: true, reachable: true, most: 1 })
  const file = scene()
  file.state.ids = ['local']
  file.state.ageMs = 0
  file.state.source = 'disk'
  t.match(file.replicas.of('fraud'), { alone: true, reachable: true })
})

test('is not alone when the store never answered, however short that is ago', async t => {
  const { state, replicas } = scene()
  state.ids = ['a']
  state.source = 'disk'
  state.ageMs = 100
  t.match(replicas.of('fraud'), { alone: false, reachable: false })
})

test('remembers who left for ten seconds when the store answers', async t => {
  const { state, look } = scene()
  look()
  state.ids = ['a', 'b']
  const soon = look(9_000)
  t.equal(names(soon.others), 'b')
  t.equal(names(soon.remembered), 'bc')
  t.equal(names(look(2_000).remembered), 'b')
  state.ids = ['a']
  t.notOk(look(9_000).alone)
  t.ok(look(2_000).alone)
})

test('forgets nobody when the store is away or this process stood still', async t => {
  const { state, look } = scene()
  look()
  state.ids = ['a']
  state.ageMs = 60_000
  const away = look(60_000)
  t.match(away, { reachable: false, alone: false, others: [] })
  state.ageMs = 500
  state.now += 3_600_000
  const back = look()
  t.equal(names(back.remembered), 'bc')
  t.notOk(back.alone)
  t.ok(look(11_000).alone)
})

test('counts the most of the last minute when replicas come and go', async t => {
  const { state, look } = scene()
  t.equal(look().most, 3)
  state.ids = ['a', 'b', 'c', 'd']
  t.equal(look().most, 4, 'more at once')
  for (let i = 0; i < 20; i++) {
    state.ids = i % 2 === 0 ? ['a'] : ['a', 'b', 'c', 'd']
    t.equal(look(20_000).most, 4, 'a replica that flaps changes nothing')
  }
  state.ids = ['a', 'b']
  t.equal(look(55_000).most, 4)
  t.equal(look(10_000).most, 2)
})

import t, { test } from 'tap'
import { weightsOf } from '../../../src/domain/document.ts'
import { openLink } from '../../../src/io/redis/link.ts'
import { startRedisCluster } from '../../helpers/redis-cluster.ts'
import { inStep, KEYS, shownBy } from '../../helpers/redis-documents.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { stateConformance } from '../../helpers/state-conformance.ts'
import { author, rollback, weights } from '../../helpers/state-documents.ts'
import { silentLog } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const cluster = await startRedisCluster(t)

function settings(prefix: string) {
  const nodes = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  return redisSettings(0, { mode: 'cluster', nodes, prefix })
}

let stores = 0

stateConformance('Redis driver in a cluster', { first: 'store', again: 'store' }, async t => {
  const directory = t.testdir()
  const mine = settings(`conformance-${++stores}`)
  return { open: routes => openRedisState(t, mine, { directory, routes }) }
})

test('shares routes that live on different nodes, and hears of changes on each', async t => {
  const routes = ['a', 'b', 'c', 'd', 'e', 'f']
  const a = await openRedisState(t, settings('spread'), { routes })
  const b = await openRedisState(t, settings('spread'), { routes })
  const owners = new Set<number>()
  for (const route of routes) {
    owners.add((await cluster.ownerOf(`spread:{${route}}:doc`)).port)
    const result = await a.write(route, weights('1-1', { v4: 20 }), author())
    t.match(result, { status: 'changed', scope: 'fleet' })
    await until('the other shows it', () => b.read(route)?.revision === 2)
  }
  t.ok(owners.size > 1, 'the routes are on several nodes')
  t.equal((await b.decisions({ limit: 100 })).length, routes.length)
})

test('hears of changes by hints when the cluster was there before somebody listened', async t => {
  const link = openLink(settings('hints'), silentLog)
  t.teardown(() => link.close())
  const hints: string[] = []
  await until('it is connected', () => link.ready())
  link.onHint('hints:chg', hint => hints.push(hint))
  const [node] = cluster.nodes
  await until('a hint came', async () => {
    await node?.cli('PUBLISH', 'hints:chg', 'fraud 1-2')
    return hints.length > 0
  })
  t.equal(hints[0], 'fraud 1-2')
})

test('goes on when the slot of a route moves to another node', async t => {
  const a = await openRedisState(t, settings('sluice'))
  const b = await openRedisState(t, settings('sluice'))
  for (const [i, node] of cluster.nodes.entries()) {
    await cluster.moveSlotOf(KEYS.doc, node)
    await until('a change is taken', async () => {
      const change = weights(shownBy(a), { v4: 10 + i })
      return (await a.write('fraud', change, author())).status === 'changed'
    })
    const document = await inStep(node, a, b)
    t.match(weightsOf(document), { v4: 10 + i })
  }
  t.equal((await a.decisions({ route: 'fraud', limit: 10 })).length, cluster.nodes.length)
})

test('holds a rollback when the node of a route dies, and stores it when the node is back', async t => {
  const store = await openRedisState(t, settings('dying'), { routes: ['fraud'] })
  const owner = await cluster.ownerOf('dying:{fraud}:doc')
  await owner.kill9()
  await t.rejects(store.write('fraud', weights('1-1', { v4: 20 }), author()), {
    code: /^SLC_STORE_/
  })
  t.match(await store.write('fraud', rollback('v4'), author()), { scope: 'local' })
  t.match(weightsOf(shownBy(store)), { v4: 0 })
  await owner.restart()
  await cluster.well()
  await until('it is stored', () => store.unsettled().length === 0)
  const text = await (await cluster.ownerOf('dying:{fraud}:doc')).cli('GET', 'dying:{fraud}:doc')
  t.match(JSON.parse(String(text)), { phase: 'rolled-back' })
})

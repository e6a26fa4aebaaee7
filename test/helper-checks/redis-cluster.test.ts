/** A real cluster: who owns which key, what the others say, and what remains when a node dies. */
import t from 'tap'
import { startRedisCluster } from '../helpers/redis-cluster.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test('keys belong to one node each when a cluster is up, and their slot can move', async t => {
  const cluster = await startRedisCluster(t, { password: 'secret' })
  const keys = Array.from({ length: 60 }, (_, i) => `sluice:{route-${i}}:doc`)
  const owners = await Promise.all(keys.map(cluster.ownerOf))
  t.equal(new Set(owners).size, 3, 'every node has some of them')
  for (const [i, key] of keys.entries()) {
    for (const node of cluster.nodes) {
      if (node === owners[i]) t.equal(await node.cli('SET', key, i), 'OK')
      else await t.rejects(node.cli('SET', key, i), new RegExp(`MOVED \\d+ .*:${owners[i]?.port}$`))
    }
  }

  const [key = ''] = keys
  const from = await cluster.ownerOf(key)
  const to = cluster.nodes.find(node => node !== from) ?? from
  await from.cli('SET', 'sluice:{route-0}:log', 'beside it')
  await cluster.moveSlotOf(key, to)
  t.equal(await cluster.ownerOf(key), to)
  t.equal(await to.cli('GET', key), '0')
  t.equal(
    await to.cli('GET', 'sluice:{route-0}:log'),
    'beside it',
    'a hash tag keeps keys together'
  )
  await t.rejects(from.cli('GET', key), /MOVED/)

  await to.kill9()
  const other = cluster.nodes.find(node => node !== from && node !== to) ?? from
  await until('the cluster refuses', async () =>
    String(await other.cli('CLUSTER', 'INFO')).includes('cluster_state:fail')
  )
  await to.restart()
  await cluster.well()
  t.equal(await to.cli('GET', key), null, 'it is back with its slots and without its data')
})

/** A failover that sentinels decide, as a client sees it that asks them for the master. */
import t from 'tap'
import { startSentinel } from '../helpers/redis-sentinel.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test('every sentinel names the promoted replica when the master was killed', async t => {
  const options = { password: 'of-the-servers', sentinelPassword: 'of-the-sentinels' }
  const { name, sentinels, ...servers } = await startSentinel(t, options)
  const [first, second] = [servers.master(), servers.replica()]
  const named = () =>
    Promise.all(sentinels.map(one => one.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)))
  const three = (port: number) => Array(3).fill(['127.0.0.1', String(port)])
  t.same(await named(), three(first.port))
  await first.cli('SET', 'key', 'value')
  t.equal(await first.cli('WAIT', 1, 5_000), 1)

  await servers.failover()
  t.same(await named(), three(second.port))
  t.equal(servers.master(), second)
  await t.rejects(first.cli('PING'), /ECONNREFUSED/)
  t.equal(await second.cli('GET', 'key'), 'value')
  t.equal(await second.cli('SET', 'key', 'of the new master'), 'OK')

  await servers.rejoin()
  t.equal(await first.cli('GET', 'key'), 'of the new master')
  await t.rejects(first.cli('SET', 'key', 'x'), /READONLY/)
  await sentinels[0]?.kill9()
  await t.rejects(named(), /ECONNREFUSED/)
  await sentinels[0]?.restart()
  t.same(await named(), three(second.port), 'a sentinel remembers')
})

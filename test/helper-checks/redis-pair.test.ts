/** A failover to a replica that lags: what it loses, and who takes writes meanwhile. */
import t from 'tap'
import { startRedisPair } from '../helpers/redis-pair.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

t.test(
  'acknowledged writes are lost and both take writes when a lagging replica is promoted',
  async t => {
    const pair = await startRedisPair(t, { password: 'secret' })
    const [first, second] = [pair.master(), pair.replica()]
    await first.cli('SET', 'key', 'replicated')
    await pair.caughtUp()
    t.equal(await second.cli('GET', 'key'), 'replicated')
    await t.rejects(second.cli('SET', 'key', 'x'), /READONLY/)

    pair.lag()
    t.equal(await first.cli('SET', 'key', 'acknowledged'), 'OK')
    t.equal(await first.cli('WAIT', 1, 100), 0)
    await pair.failover()
    t.equal(pair.master(), second)
    t.equal(await second.cli('GET', 'key'), 'replicated', 'the write is lost')
    t.equal(await second.cli('SET', 'key', 'of the new master'), 'OK')
    t.equal(await first.cli('SET', 'key', 'of the old master'), 'OK')

    await pair.rejoin()
    t.equal(await first.cli('GET', 'key'), 'of the new master')
    await t.rejects(first.cli('SET', 'key', 'x'), /READONLY/)

    await second.cli('SET', 'key', 'again')
    await pair.caughtUp()
    await second.kill9()
    await pair.failover()
    t.equal(await first.cli('GET', 'key'), 'again')
    t.equal(await first.cli('SET', 'key', 'back'), 'OK')
    await pair.rejoin()
    t.equal(await second.cli('GET', 'key'), 'back', 'a dead master comes back as the replica')
  }
)

t.test('the replica has everything again when its lag ends', async t => {
  const pair = await startRedisPair(t)
  pair.lag()
  await pair.master().cli('SET', 'key', 'late')
  t.equal(await pair.replica().cli('GET', 'key'), null)
  await pair.catchUp()
  t.equal(await pair.replica().cli('GET', 'key'), 'late')

  await pair.link.cut('refuse')
  await pair.master().cli('SET', 'key', 'later')
  await until(
    'the replica sees it',
    async () => (await pair.replica().info('master_link_status')) === 'down'
  )
  t.equal(await pair.replica().cli('GET', 'key'), 'late')
  await pair.catchUp()
  t.equal(await pair.replica().cli('GET', 'key'), 'later')
})

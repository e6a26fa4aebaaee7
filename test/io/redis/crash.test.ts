import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { test } from 'tap'
import { type RouteDocument, revisionOf } from '../../../src/domain/document.ts'
import type { Operation } from '../../../src/domain/operations.ts'
import { withTombstones } from '../../../src/domain/tombstones.ts'
import { openKept } from '../../../src/io/redis/kept.ts'
import type { WriteResult } from '../../../src/ports.ts'
import type { ReplicaTold } from '../../chaos/replica.ts'
import { createReplicaProcess, type ReplicaProcess } from '../../chaos/replica-process.ts'
import { createRollbackWatch } from '../../chaos/rollback-watch.ts'
import { startFaultProxy } from '../../helpers/fault-proxy.ts'
import { startRedis } from '../../helpers/redis.ts'
import { seeded } from '../../helpers/seeded.ts'
import { author, clear, means, rollback, weights } from '../../helpers/state-documents.ts'
import { silentLog } from '../../helpers/state-process.ts'

const ROUNDS = Number(process.env['SLUICE_CRASH_ROUNDS'] ?? 10)
const ROUTES = ['a', 'b', 'c']

t.setTimeout(60 * 60_000)

test(`has a readable state and every acknowledged rollback when its process is killed ${ROUNDS} times`, async t => {
  const seed = Number(process.env['SLUICE_SEED'] ?? 1)
  t.comment(`seed ${seed}`)
  const random = seeded(seed)
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const directory = join(t.testdir(), 'state')
  const faults: string[] = []
  const watch = createRollbackWatch(({ what }) => faults.push(what))
  const shown = new Map<string, RouteDocument>()
  const hear = (_: number, line: ReplicaTold) => {
    const documents = line.told === 'opened' ? line.documents : []
    for (const each of line.told === 'document' ? [line.document] : documents) {
      shown.set(each.route, each)
      watch.shown(0, each, line.at)
    }
  }
  const settings = { port: proxy.port, directory, routes: ROUTES, challengers: ['v4'] }
  const replica = createReplicaProcess(0, { ...settings, control: false }, hear)
  t.teardown(() => replica.kill9())
  let acknowledged = 0
  let answered = 0

  for (let round = 0; round < ROUNDS; round++) {
    await replica.start()
    if (random() < 0.5) await proxy.cut() // then only the disk can remember
    const lanes = ROUTES.map(route => changeAgainAndAgain(replica, route))
    await answersOf(Math.floor(random() * 9))
    await delay(random() * 30)
    await replica.kill9()
    watch.killed(0, Number(process.hrtime.bigint() / 1000n))
    await Promise.all(lanes)
    const kept = await openKept(directory, silentLog)
    for (const route of ROUTES) {
      const { document, warnings } = await kept.load(route)
      faults.push(...warnings.map(({ message }) => `round ${round}: ${message}`))
      if (document === null) continue // killed before its first snapshot
      const known = withTombstones(document, kept.rollbacks(route), means)
      watch.shown(0, known, 0)
    }
    await kept.close()
    await proxy.pass()
  }
  t.comment(`${acknowledged} rollbacks acknowledged of ${watch.runs()} that were shown`)
  t.same(faults.slice(0, 5), [])
  t.ok(acknowledged >= ROUNDS / 4, 'there were rollbacks to lose')

  /** Waits until it has answered so many writes, but not for ever: a kill may come at any moment. */
  async function answersOf(count: number): Promise<void> {
    const wanted = answered + count
    for (const end = performance.now() + 3_000; answered < wanted && performance.now() < end; ) {
      await delay(2)
    }
  }

  /** Rolls back, clears and raises, each on what the process shows, until it is gone. */
  async function changeAgainAndAgain(process: ReplicaProcess, route: string): Promise<void> {
    while (process.running()) {
      const before = shown.get(route)
      if (before === undefined) return
      const operation = next(before)
      const by = { ...author(), requestId: randomUUID() }
      const answer = await process.ask({ ask: 'write', route, operation, author: by })
      if (answer === null) return
      answered++
      if (!answer.ok || operation.kind !== 'rollback') continue
      watch.acknowledged(0, answer.value as WriteResult, ['v4'], before) // the child's
      acknowledged++
    }
  }
})

function next(document: RouteDocument): Operation {
  const { rollback: present = null, ranges = [] } = document.challengers['v4'] ?? {}
  if (present !== null) return clear(document, 'v4')
  return ranges.length > 0 ? rollback('v4') : weights(revisionOf(document), { v4: 10 })
}

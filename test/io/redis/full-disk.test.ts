import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { type RouteDocument, weightsOf } from '../../../src/domain/document.ts'
import type { Operation } from '../../../src/domain/operations.ts'
import type { WriteResult } from '../../../src/ports.ts'
import type { ReplicaTold } from '../../chaos/replica.ts'
import { createReplicaProcess, type ReplicaProcess } from '../../chaos/replica-process.ts'
import { type FaultProxy, startFaultProxy } from '../../helpers/fault-proxy.ts'
import { type Redis, startRedis } from '../../helpers/redis.ts'
import { openRedisState, redisSettings } from '../../helpers/redis-state.ts'
import { author, first, rollback, weights } from '../../helpers/state-documents.ts'
import { until } from '../../helpers/until.ts'

type Place = {
  readonly redis: Redis
  readonly proxy: FaultProxy
  readonly replica: ReplicaProcess
  readonly directory: string
  readonly shown: () => RouteDocument
}

async function setUp(t: Test): Promise<Place> {
  const redis = await startRedis(t)
  const proxy = await startFaultProxy(t, { to: redis.port })
  const directory = join(t.testdir(), 'state')
  let shown = first('none')
  const hear = (_: number, line: ReplicaTold) => {
    if (line.told === 'opened') shown = line.documents[0] ?? shown
    if (line.told === 'document') shown = line.document
  }
  const settings = { port: proxy.port, directory, routes: ['fraud'], challengers: ['v4'] }
  const replica = createReplicaProcess(0, { ...settings, control: false }, hear)
  t.teardown(() => replica.kill9())
  await replica.start()
  await ask(replica, weights('1-1', { v4: 20 }))
  await until('its snapshot is there', () => snapshotIn(directory).includes('"revision":2'))
  return { redis, proxy, replica, directory, shown: () => shown }
}

async function ask(replica: ReplicaProcess, operation: Operation): Promise<WriteResult> {
  const answer = await replica.ask({ ask: 'write', route: 'fraud', operation, author: author() })
  if (!answer?.ok) throw new Error(`not accepted: ${JSON.stringify(answer)}`)
  return answer.value as WriteResult // the child's
}

function snapshotIn(directory: string): string {
  const file = join(directory, 'fraud.json')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** With a file size limit of 0 every write to a file fails, for root as for anybody. */
async function limitDisk({ replica }: Place, size: '0:' | 'unlimited:'): Promise<void> {
  await promisify(execFile)('prlimit', [`--pid=${replica.pid()}`, `--fsize=${size}`])
}

/** Kills it and starts it again without Redis: what it shows then is what its disk knew. */
async function fromDisk(place: Place): Promise<RouteDocument> {
  await place.proxy.cut()
  await place.replica.kill9()
  await place.replica.start()
  return place.shown()
}

test('holds a rollback when the disk and Redis are gone, and remembers it when the disk is back', async t => {
  const place = await setUp(t)
  await place.proxy.cut()
  await limitDisk(place, '0:')
  const result = await ask(place.replica, rollback('v4'))
  t.match(result, { status: 'changed', scope: 'local' })
  t.match(weightsOf(place.shown()), { v4: 0 })
  await limitDisk(place, 'unlimited:')
  const journal = join(place.directory, 'rollbacks.ndjson')
  await until(
    'it is written',
    () => existsSync(journal) && readFileSync(journal, 'utf8').includes('v4')
  )
  t.match(weightsOf(await fromDisk(place)), { v4: 0 })
})

test('remembers what it learned of the store while the disk was full, once there is room', async t => {
  const place = await setUp(t)
  const other = await openRedisState(t, redisSettings(place.redis.port))
  await limitDisk(place, '0:')
  await other.write('fraud', rollback('v4'), author())
  await until('the replica shows it', () => place.shown().phase === 'rolled-back')
  t.match(snapshotIn(place.directory), /"revision":2/)
  await limitDisk(place, 'unlimited:')
  await until('a snapshot has it', () => snapshotIn(place.directory).includes('rolled-back'))
  t.match(await fromDisk(place), { phase: 'rolled-back', challengers: { v4: { ranges: [] } } })
})

test('takes changes from the store when its disk is full, since the store has them', async t => {
  const place = await setUp(t)
  await limitDisk(place, '0:')
  const result = await ask(place.replica, weights('1-2', { v4: 30 }))
  t.match(result, { status: 'changed', scope: 'fleet' })
  t.match(weightsOf(place.shown()), { v4: 30 })
})

test('goes back to an older snapshot when the newest cannot be read, and not behind a rollback', async t => {
  const place = await setUp(t)
  const other = await openRedisState(t, redisSettings(place.redis.port))
  await other.write('fraud', rollback('v4'), author())
  await until('a snapshot has it', () => snapshotIn(place.directory).includes('rolled-back'))
  await until('the journal has it', () =>
    readFileSync(join(place.directory, 'rollbacks.ndjson'), 'utf8').includes('v4')
  )
  await place.proxy.cut()
  await place.replica.kill9()
  writeFileSync(join(place.directory, 'fraud.json'), 'half a docum')
  await place.replica.start()
  t.match(place.shown(), { challengers: { v4: { ranges: [] } }, phase: 'rolled-back' })
})

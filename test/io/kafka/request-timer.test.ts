/** The one place that changes the client from outside: that it still fits, and that nothing is lost by it. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Test, test } from 'tap'
import { calmRequestTimer, requestQueuePath } from '../../../src/io/kafka/request-timer.ts'
import { until } from '../../helpers/until.ts'

type Entry = { readonly correlationId: number }
type Pushed = {
  readonly entry: Entry & { readonly resolve: () => void; readonly reject: () => void }
  readonly expectResponse: boolean
  readonly sendRequest: () => void
}
type Queue = {
  readonly push: (request: Pushed) => void
  readonly fulfillRequest: (
    answer: Entry & { readonly payload: Buffer; readonly size: number }
  ) => void
  readonly maybeThrottle: (ms: number) => void
  readonly destroy: () => void
  readonly throttleCheckTimeoutId: unknown
}

/** What was changed, as it was when the change was written. */
const WRITTEN_AGAINST = 'b55986089c14f8f7bfc377922e2e65b3e4c1e7c7af2752d3b10a75dfe9e9260c'

test('is written against the text of the package that is installed when it is used', async t => {
  const text = readFileSync(requestQueuePath())
  t.equal(createHash('sha256').update(text).digest('hex'), WRITTEN_AGAINST)
})

test('is still needed when the package is as it was written against', async t => {
  const warned = warningAlone(t)
  const queue = queueOf(freshClass())
  answer(queue, 1)
  t.ok(queue.throttleCheckTimeoutId, 'a timer without anything to wait for')
  t.equal((await warned).name, 'TimeoutNegativeWarning')
  queue.destroy()
})

test('arms no timer when an answer came and nothing is held back', async t => {
  calmRequestTimer()
  calmRequestTimer()
  const queue = queueOf(createRequire(import.meta.url)(requestQueuePath()))
  answer(queue, 1)
  t.notOk(queue.throttleCheckTimeoutId)
})

test('sends what a quota holds back when its time is over', async t => {
  calmRequestTimer()
  const queue = queueOf(createRequire(import.meta.url)(requestQueuePath()))
  const sent: number[] = []
  queue.maybeThrottle(50)
  push(queue, 7, sent)
  t.same(sent, [], 'held back')
  t.ok(queue.throttleCheckTimeoutId)
  await until('it is sent', () => sent.length === 1)
  push(queue, 8, sent)
  t.same(sent, [7, 8])
  queue.destroy()
})

/** The next warning of this process, which Node does not print. */
function warningAlone(t: Test): Promise<Error> {
  const printing = process.listeners('warning')
  process.removeAllListeners('warning')
  t.teardown(() => {
    for (const listener of printing) process.on('warning', listener)
  })
  return new Promise(resolve => process.once('warning', resolve))
}

function push(queue: Queue, correlationId: number, sent: number[]): void {
  const nothing = () => undefined
  queue.push({
    entry: { correlationId, resolve: nothing, reject: nothing },
    expectResponse: true,
    sendRequest: () => void sent.push(correlationId)
  })
}

function answer(queue: Queue, correlationId: number): void {
  push(queue, correlationId, [])
  queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 })
}

function queueOf(Class: new (options: object) => Queue): Queue {
  const nothing = () => undefined
  return new Class({
    maxInFlightRequests: 2,
    requestTimeout: 30_000,
    enforceRequestTimeout: false,
    clientId: 'test',
    broker: 'a:1',
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing }
  })
}

/** The class without the change, beside the one that is loaded. */
function freshClass(): new (options: object) => Queue {
  const require = createRequire(import.meta.url)
  const path = requestQueuePath()
  const loaded = require.cache[path]
  delete require.cache[path]
  const fresh = require(path)
  if (loaded === undefined) delete require.cache[path]
  else require.cache[path] = loaded
  return fresh
}

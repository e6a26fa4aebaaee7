/** What works only in part, and what does not keep a process from traffic. */
import { type Test, test } from 'tap'
import { liveRoute, withQuarantine } from '../../src/control-plane/live-route.ts'
import { type ReadinessFacts, readinessOf } from '../../src/control-plane/readiness.ts'
import { configOf, smallConfig } from '../helpers/config-file.ts'
import { first } from '../helpers/state-documents.ts'

async function facts(t: Test, changes: Partial<ReadinessFacts> = {}): Promise<ReadinessFacts> {
  const [config] = (await configOf(t, smallConfig())).routes
  if (config === undefined) throw new Error('no route')
  const held = { rolloutId: 'r', trigger: 'gross', reason: 'It is dead.', at: '', evidence: {} }
  return {
    leaving: false,
    accepting: 1,
    reloaded: true,
    routes: [withQuarantine(liveRoute(config, first('fraud'), 1), 'v4', held)],
    store: { unsettled: () => [], ageMs: () => 0 },
    events: [],
    healthy: () => true,
    failing: () => ({}),
    ...changes
  }
}

test('is ready and degraded when a challenger is in quarantine or the store is away', async t => {
  const store = { unsettled: () => ['fraud'], ageMs: () => 3_600_000 }
  const { ready, reasons, degraded } = readinessOf(await facts(t, { store, reloaded: false }))
  t.ok(ready)
  t.same(reasons, [])
  t.match(degraded, [
    /^route fraud: a rollback holds here and the store does not have it yet/,
    /^route fraud: the store has not confirmed its state for 3600 s$/,
    'route fraud: v4 is in quarantine on this replica (gross): It is dead.',
    'the last reload was refused'
  ])
})

test('is not ready when it drains or no thread accepts', async t => {
  const { ready, reasons, degraded } = readinessOf(
    await facts(t, { leaving: true, accepting: 0, healthy: () => false })
  )
  t.notOk(ready)
  t.same(reasons, ['draining', 'no data thread accepts connections'])
  t.match(degraded, [/no healthy address of champion v3/, /quarantine/])
})

test('says what keeps events from going out when something does, and stays ready', async t => {
  const events = ['the brokers of events do not answer']
  const { ready, degraded } = readinessOf(await facts(t, { events }))
  t.ok(ready)
  t.ok(degraded.includes('the brokers of events do not answer'))
})

test('has nothing to say of its age when the store answered a moment ago', async t => {
  const store = { unsettled: () => [], ageMs: () => 4_000 }
  const { degraded } = readinessOf(await facts(t, { store }))
  t.match(degraded, [/quarantine/])
  t.equal(degraded.length, 1)
})

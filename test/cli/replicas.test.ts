/** What status and rollback say of a route that several replicas share, one of which does not agree. */
import { test } from 'tap'
import type { Controller } from '../../src/control-plane/controller.ts'
import type { Control, RouteView } from '../../src/ports.ts'
import { startAdmin, TOKENS } from '../helpers/admin.ts'
import { runSluice } from '../helpers/sluice.ts'

const QUARANTINE = {
  trigger: 'gross',
  reason: '9 of the last 12 prediction calls of canary went wrong.',
  at: new Date().toISOString()
}

/** The real control, of a route that three replicas share. */
function shared(changes: Partial<RouteView>): (real: Controller) => Control {
  return real => {
    const route = (name: string) => {
      const view = real.route(name)
      return view && { ...view, replicas: { applied: 1, of: 3 }, ...changes }
    }
    return {
      ...real,
      route,
      routes: () => real.routes().flatMap(view => route(view.route) ?? []),
      rollback: async (name, variant, actor) => ({
        ...(await real.rollback(name, variant, actor)),
        replicas: { applied: 1, of: 3 }
      })
    }
  }
}

test('shows who is in quarantine, why, and both ways out, when status is asked', async t => {
  const control = shared({ quarantined: { canary: QUARANTINE }, stale: false })
  const { port } = await startAdmin(t, { control })
  const env = { SLUICE_ADMIN: `http://127.0.0.1:${port}`, SLUICE_TOKEN: TOKENS.viewer }
  const { code, stdout } = await runSluice(['status', 'demo'], { env })
  t.equal(code, 0, 'nothing is rolled back')
  t.match(stdout, /^demo {2}steady {2}revision 1-1 {2}on 1 of 3 replicas$/m)
  t.match(stdout, /^ {2}canary +challenger +0 % +0 % +out on this replica$/m)
  t.match(stdout, /canary put into quarantine on this replica [\d.]+ s ago by gross: 9 of the last/)
  t.match(stdout, /^ {2}to end it here: sluice resume demo canary$/m)
  t.match(stdout, /^ {2}to take it out everywhere: sluice rollback demo canary$/m)
  t.notMatch(stdout, 'STALE')

  const json = await runSluice(['status', 'demo', '--json'], { env })
  t.match(JSON.parse(json.stdout), { quarantined: { canary: QUARANTINE }, stale: false })
})

test('says that a route is stale when the store has not confirmed it for long', async t => {
  const { port } = await startAdmin(t, { control: shared({ stale: true }) })
  const env = { SLUICE_ADMIN: `http://127.0.0.1:${port}`, SLUICE_TOKEN: TOKENS.viewer }
  const { stdout } = await runSluice(['status'], { env })
  t.match(stdout, /^ {2}STALE: the store has not confirmed this route to this replica for long/m)
})

test('says how to look again when a rollback has not reached every replica', async t => {
  const { port } = await startAdmin(t, { control: shared({}) })
  const env = { SLUICE_ADMIN: `http://127.0.0.1:${port}`, SLUICE_TOKEN: TOKENS.breaker }
  const { code, stdout } = await runSluice(['rollback', 'demo', 'canary'], { env })
  t.equal(code, 0)
  t.match(stdout, /^applied on 1 of 3 replicas$/m)
  t.match(stdout, /^the others have it as soon as they reach the store; .*sluice status demo$/m)
})

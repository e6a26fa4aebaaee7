/**
 * Predictions that are no numbers, as each server writes them: a bare NaN, null, or the bytes of a float. Whoever of
 * them is the challenger is taken out, by what stands in answers whose status is 200.
 */
import t from 'tap'
import { until } from '../../helpers/until.ts'
import { type Call, infer } from '../calls.ts'
import {
  bothAnswered,
  counted,
  countedTo,
  MODEL,
  otherThan,
  rolledBack,
  routeTo,
  SERVERS,
  type Server,
  startRouter,
  startServers,
  traffic
} from '../pair-of-servers.ts'
import type { Fault } from '../program.ts'

/** What a fault looks like on the wire of each server, by the form of the answer. */
const CASES: readonly {
  readonly name: string
  readonly fault: Fault
  readonly call: Omit<Call, 'user'>
  readonly kind: Readonly<Record<Server, string>>
}[] = [
  {
    name: 'nan-json',
    fault: 'nan',
    call: { form: 'json' },
    kind: { triton: 'nan', kserve: 'null' }
  },
  {
    name: 'nan-binary',
    fault: 'nan',
    call: { form: 'binary' },
    kind: { triton: 'nan', kserve: 'nan' }
  },
  {
    name: 'nan-gzip',
    fault: 'nan',
    call: { form: 'json', headers: { 'accept-encoding': 'gzip' } },
    kind: { triton: 'nan', kserve: 'null' }
  },
  {
    name: 'nan-deflate',
    fault: 'nan',
    call: { form: 'json', headers: { 'accept-encoding': 'deflate' } },
    kind: { triton: 'nan', kserve: 'null' }
  },
  {
    name: 'nan-binary-gzip',
    fault: 'nan',
    call: { form: 'binary', headers: { 'accept-encoding': 'gzip' } },
    kind: { triton: 'nan', kserve: 'nan' }
  },
  {
    name: 'infinity-json',
    fault: 'infinity',
    call: { form: 'json' },
    kind: { triton: 'infinite', kserve: 'null' }
  },
  {
    name: 'infinity-binary',
    fault: 'infinity',
    call: { form: 'binary' },
    kind: { triton: 'infinite', kserve: 'infinite' }
  }
]

const servers = await startServers(t)
const routeName = (name: string, champion: Server) => `${name}-${champion}`
const router = await startRouter(t, {
  ...Object.fromEntries(
    SERVERS.map(server => [`large-${server}`, routeTo(servers, `large-${server}`, server, 0)])
  ),
  ...Object.fromEntries(
    CASES.flatMap(({ name }) =>
      SERVERS.map(champion => {
        const route = routeName(name, champion)
        return [route, routeTo(servers, route, champion, 30)]
      })
    )
  )
})

for (const { name, fault, call, kind } of CASES) {
  for (const champion of SERVERS) {
    const challenger = otherThan(champion)
    t.test(`${challenger} is taken out when it answers ${name}`, async t => {
      const route = routeName(name, champion)
      const running = traffic(t, router, route, call)
      await bothAnswered(running)
      t.equal(await counted(router, 'sluice_bad_predictions_total', { route }), 0)
      servers[challenger].fault(MODEL, fault)
      t.teardown(() => servers[challenger].fault(MODEL, null))
      const { rollback, route: now } = await rolledBack(router, route, challenger)
      t.match(rollback.trigger, /^(bad_predictions|gross)$/)
      t.strictSame(now.weights, { [champion]: 100, [challenger]: 0 })
      await running.stop()

      const bad = (labels: Readonly<Record<string, string>>) =>
        counted(router, 'sluice_bad_predictions_total', { route, ...labels })
      t.ok(
        running.answered.every(({ status }) => status === 200),
        'no status told it'
      )
      const answers = (variant: string) =>
        running.answered.filter(one => one.variant === variant).length
      for (const server of SERVERS) {
        const labels = { route, variant: server }
        await countedTo(router, 'sluice_predictions_total', labels, answers(server))
      }
      t.ok((await bad({ variant: challenger, kind: kind[challenger] })) > 0, kind[challenger])
      t.equal(await bad({ variant: challenger }), await bad({ kind: kind[challenger] }))
      t.equal(await bad({ variant: champion }), 0)
    })
  }
}

for (const server of SERVERS) {
  for (const form of ['json', 'binary'] as const) {
    const what = `a large answer of ${server} passes whole when it is ${form}`
    t.test(`${what}, and is read up to a bound`, async t => {
      const labels = { route: `large-${server}`, variant: server }
      const counts = async () => ({
        truncated: await counted(router, 'sluice_scan_truncated_total', labels),
        bad: await counted(router, 'sluice_bad_predictions_total', labels)
      })
      const before = await counts()
      servers[server].fault(MODEL, 'nan')
      t.teardown(() => servers[server].fault(MODEL, null))
      const call = { user: 'user-1', form, rows: 40_000 }
      const bytesOf = async (answer: Promise<Response>) =>
        Buffer.from(await (await answer).arrayBuffer())
      const through = await bytesOf(infer(router.dataUrl, `/${labels.route}/infer`, call))
      const own = await bytesOf(infer(servers[server].url, `/v2/models/${MODEL}/infer`, call))
      t.ok(through.length > 300_000, `${through.length} bytes`)
      t.ok(through.equals(own), 'not a byte is another')
      await until('it to be counted', async () => {
        const now = await counts()
        return now.truncated === before.truncated + 1 && now.bad === before.bad + 1
      })
    })
  }
}

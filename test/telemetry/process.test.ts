/**
 * The metrics of the real process: what was asked of it is what it tells, on both listeners.
 */
import t from 'tap'
import { codeOf, send } from '../helpers/admin.ts'
import { find } from '../helpers/metrics-sample.ts'
import { type Family, lintPrometheus, parsePrometheus } from '../helpers/prometheus.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { answerOk, startRecorder } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const recorder = await startRecorder()
recorder.behave({ onRequest: answerOk })
t.teardown(() => recorder.close())
const config = demoConfig(recorder.url, { initialWeights: { stable: 60, canary: 40 } })
const sluice = await startSluice({ ...config, threads: 2 }, { t, ...DEMO_START })
const adminPort = Number(new URL(sluice.adminUrl).port)
const dataPort = Number(new URL(sluice.dataUrl).port)

t.test('counts every request once when two threads serve them', async t => {
  const ask = (i: number) =>
    send(dataPort, 'POST', '/v1/predict', {
      token: null,
      body: { n: i },
      headers: { host: 'router.test', 'x-user-id': `u-${i}` }
    })
  const replies = await Promise.all(Array.from({ length: 120 }, (_, i) => ask(i)))
  t.ok(replies.every(({ status }) => status === 200))
  const canary = replies.filter(({ headers }) => headers['x-sluice-variant'] === 'canary').length
  const families = await until('all to be counted', async () => {
    const found = await scrape(sluice.adminUrl)
    return sum(found, 'sluice_requests_total', { outcome: 'ok' }) === 120 ? found : undefined
  })
  t.same(lintPrometheus(families), [])
  t.equal(sum(families, 'sluice_requests_total', { variant: 'canary', outcome: 'ok' }), canary)
  t.equal(sum(families, 'sluice_assignments_total', { reason: 'hash' }), 120)
  t.equal(sum(families, 'sluice_request_duration_seconds_count', {}), 120)
  t.ok(sum(families, 'sluice_request_duration_seconds_sum', {}) > 0)
  t.equal(sum(families, 'sluice_variant_weight_ratio', { variant: 'canary' }), 0.4)
  t.equal(sum(families, 'sluice_state_source', {}), 1)
})

t.test('tells of a rollback when an operator rolls back', async t => {
  const before = await send(adminPort, 'PUT', '/admin/v1/routes/demo', {
    ifMatch: '"1-1"',
    body: { weights: { stable: 60, canary: 40.5 } }
  })
  t.equal(codeOf(before), 'SLC_ADMIN_MEANING')
  t.equal((await send(adminPort, 'POST', '/admin/v1/routes/demo/rollback')).status, 200)
  const families = await scrape(sluice.adminUrl)
  t.equal(sum(families, 'sluice_rollbacks_total', { trigger: 'operator' }), 1)
  t.equal(sum(families, 'sluice_route_phase', { phase: 'rolled-back' }), 1)
  t.equal(sum(families, 'sluice_variant_weight_ratio', { variant: 'canary' }), 0)
  t.equal(sum(families, 'sluice_route_epoch', {}), 2)
})

t.test('tells the same on the telemetry listener when it is asked there', async t => {
  const telemetry = sluice.telemetryUrl ?? ''
  const names = async (base: string) => (await scrape(base)).map(({ name }) => name)
  t.same(await names(telemetry), await names(sluice.adminUrl))
  t.equal((await fetch(new URL('/admin/v1/routes', telemetry))).status, 404)
})

async function scrape(base: string): Promise<readonly Family[]> {
  const answer = await fetch(new URL('/metrics', base))
  return parsePrometheus(await answer.text())
}

function sum(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>>
): number {
  return find(families, name, labels).reduce((total, { value }) => total + value, 0)
}

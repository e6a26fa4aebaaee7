/**
 * Hostile traffic and the number of series: whatever clients send, labels come from the configuration and from
 * closed lists. In the real process, with the text that Prometheus gets held against all rules.
 */
import http from 'node:http'
import t from 'tap'
import { CALLS, CODES, COHORTS, OUTCOMES } from '../../src/domain/counts.ts'
import { type Family, lintPrometheus, parsePrometheus } from '../helpers/prometheus.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { answerOk, startRecorder } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const recorder = await startRecorder()
recorder.behave({ onRequest: answerOk })
t.teardown(() => recorder.close())
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
const port = Number(new URL(sluice.dataUrl).port)
const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'HEAD',
  'TRACE',
  'PROPFIND',
  'PURGE'
]
const CLOSED: Readonly<Record<string, readonly string[]>> = {
  route: ['demo'],
  variant: ['stable', 'canary'],
  cohort: COHORTS,
  call: CALLS,
  outcome: OUTCOMES,
  code: CODES
}
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
t.teardown(() => agent.destroy())

t.test('adds no series when paths, methods, hosts, units and fields are all different', async t => {
  await flood(200, 0)
  const before = await until('the observed shares, which need a tick', async () => {
    const found = await scrape()
    return namesOf(found).some(name => name.startsWith('sluice_variant_actual_ratio')) && found
  })
  t.same(lintPrometheus(before), [])
  await flood(3_000, 1_000)
  const after = await scrape()
  t.same(lintPrometheus(after), [])
  const others = ({ name }: Family) => name !== 'sluice_requests_total'
  t.same(namesOf(after.filter(others)), namesOf(before.filter(others)))
  const requests = after.filter(family => !others(family)).flatMap(({ samples }) => samples)
  t.ok(requests.length <= 2 * COHORTS.length * CALLS.length * OUTCOMES.length * CODES.length)
  for (const { labels } of requests) {
    for (const [label, text] of labels) {
      t.ok(CLOSED[label]?.includes(text), `${label}="${text}"`)
    }
  }
  const text = JSON.stringify(namesOf(after))
  for (const planted of ['planted', 'unit-', 'evil.test']) t.notMatch(text, planted)
})

async function flood(requests: number, from: number): Promise<void> {
  await Promise.all(Array.from({ length: requests }, (_, i) => send(from + i)))
}

function send(i: number): Promise<void> {
  return new Promise(resolve => {
    const request = http.request({
      port,
      agent,
      method: METHODS[i % METHODS.length] ?? 'GET',
      path: i % 3 === 0 ? `/planted-${i}` : `/v1/predict/planted-${i}?q=${i}`,
      headers: {
        host: i % 5 === 0 ? `h${i}.evil.test` : 'router.test',
        'x-user-id': i % 7 === 0 ? '' : `unit-${i}`,
        'x-sluice-variant': `planted-${i}`,
        'user-agent': `planted-${i}`,
        [`x-planted-${i}`]: String(i)
      }
    })
    request.once('error', () => resolve())
    request.once('response', response => response.resume().once('close', () => resolve()))
    request.end()
  })
}

async function scrape() {
  const answer = await fetch(new URL('/metrics', sluice.adminUrl))
  return parsePrometheus(await answer.text())
}

function namesOf(families: readonly Family[]): readonly string[] {
  return families
    .flatMap(({ samples }) => samples)
    .map(({ name, labels }) => `${name} ${JSON.stringify([...labels].sort())}`)
    .sort()
}

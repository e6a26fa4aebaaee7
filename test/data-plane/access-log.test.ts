/** The access log of a real process: off by default, JSON on stderr, no secrets. */
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { AccessLog } from '../../src/data-plane/access-log.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

test('writes one JSON line a request when it is on, with the id of the unit but not the unit, no query and no credentials', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const config = { ...demoConfig(recorder.url), accessLog: { format: 'json', sample: '100%' } }
  const sluice = await startSluice(config, { t, ...DEMO_START })
  const headers = { host: 'router.test', 'x-user-id': 'secret-unit', authorization: 'Bearer hush' }
  await request(`${sluice.dataUrl}/v1/predict?q=hidden`, headers)
  await request(`${sluice.dataUrl}/nowhere`, headers)
  const lines = await until('two lines', () => {
    const found = sluice.logs().filter(line => line.msg === 'request')
    return found.length === 2 && found
  })
  t.match(lines[0], {
    status: 200,
    outcome: 'ok',
    route: 'demo',
    variant: 'stable',
    method: 'GET',
    host: 'router.test',
    path: '/v1/predict',
    reason: 'hash',
    unitId: /^[0-9a-f]{32}$/
  })
  t.match(lines[1], { status: 404, outcome: 'refused', route: null, variant: null })
  t.notMatch(sluice.stderr(), /secret-unit|hush|hidden/)
})

test('is silent when it is off', async t => {
  const recorder = await startRecorder()
  t.teardown(() => recorder.close())
  const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
  await request(`${sluice.dataUrl}/v1/predict`, { host: 'router.test' })
  await sluice.stop()
  t.equal(sluice.logs().filter(line => line.msg === 'request').length, 0)
})

test('flushes nothing when nothing was logged', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'log')
  new AccessLog(openSync(file, 'w')).flush()
  t.equal(readFileSync(file, 'utf8'), '')
})

/** One request on a connection of its own; fetch does not let a test set Host. */
function request(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, answer => {
      answer.resume()
      answer.on('end', resolve)
    }).on('error', reject)
  })
}

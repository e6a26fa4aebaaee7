/**
 * A client that leaves ends the work upstream, before and after the answer's head (bench/macro/client-abort.ts
 * says how fast).
 */
import t from 'tap'
import { abortTrials } from '../helpers/abort-trials.ts'
import { samplesOf, sumBy } from '../helpers/metrics.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const TRIALS = 100

const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)
let left = 0

for (const phase of ['before the head', 'after the head'] as const) {
  t.test(
    `closes the upstream connection each time when clients leave ${phase} of an answer`,
    async t => {
      const times = await abortTrials(port, recorder, phase, TRIALS)
      left += TRIALS
      t.equal(times.length, TRIALS)
      await until('every request to be counted as client_gone', async () => {
        const base = sluice.telemetryUrl ?? sluice.adminUrl
        const outcomes = sumBy(await samplesOf(base, 'sluice_requests_total'), 'outcome')
        return (
          outcomes['client_gone'] === left &&
          Object.values(outcomes).every(
            (n, i) => n === 0 || Object.keys(outcomes)[i] === 'client_gone'
          )
        )
      })
      await until('no connection to be left upstream', () => recorder.open() === 0)
    }
  )
}

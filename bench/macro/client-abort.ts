/**
 * How long does an upstream work on for a client that has left?
 *
 * A raw upstream that holds its answer, before and after its head; a client that leaves by FIN or by RST. The
 * figure is the time from the client's close to the upstream's connection being closed. The bound: 100 ms in
 * 1,000 of 1,000 trials (`--long`).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { abortTrials } from '../../test/helpers/abort-trials.ts'
import { DEMO_START, demoConfig } from '../../test/helpers/raw-cases.ts'
import { startRecorder } from '../../test/helpers/recorder.ts'
import { startSluice } from '../../test/helpers/sluice.ts'
import { machine, modeOf, publish } from '../harness.ts'

const BOUND_MS = 100
const mode = modeOf()
const trials = { smoke: 10, main: 300, long: 1000 }[mode]
const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url), { directory, ...DEMO_START })
const port = Number(new URL(sluice.dataUrl).port)

const rows: string[][] = []
for (const phase of ['before the head', 'after the head'] as const) {
  const times = await abortTrials(port, recorder, phase, trials)
  const sorted = [...times].sort((a, b) => a - b)
  const within = times.filter(ms => ms <= BOUND_MS).length
  const at = (q: number) => (sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN).toFixed(1)
  rows.push([phase, `${within} of ${times.length}`, at(0.5), at(0.99), at(1)])
}
await sluice.stop()
await recorder.close()
rmSync(directory, { recursive: true, force: true })

publish({
  bench: 'macro/client-abort',
  question: 'How long does an upstream work on for a client that has left?',
  mode,
  machine: machine(),
  tables: [
    {
      title: "Client's close to the close of the upstream's connection",
      columns: ['client leaves', `within ${BOUND_MS} ms`, 'p50 ms', 'p99 ms', 'worst ms'],
      rows
    }
  ],
  ratios: [],
  notes: ['Half of the clients leave by FIN, half by RST.']
})

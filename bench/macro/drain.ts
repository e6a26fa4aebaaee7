/**
 * Does a request fail when the process is told to go?
 *
 * Drain after drain: a fresh process, 100 clients that ask over keep-alive connections, SIGTERM when all of them
 * are warm. The bound: no failed request, in any of them.
 */
import { drainOnce } from '../../test/helpers/drain-trial.ts'
import { machine, modeOf, publish } from '../harness.ts'

const CLIENTS = 100
const mode = modeOf()
const drains = { smoke: 1, main: 20, long: 100 }[mode]

let answered = 0
let refused = 0
const failed: string[] = []
for (let i = 0; i < drains; i++) {
  const tally = await drainOnce(CLIENTS)
  answered += tally.answered
  refused += tally.refused
  failed.push(...tally.failed)
}
for (const what of failed) console.error(what)

publish({
  bench: 'macro/drain',
  question: 'Does a request fail when the process is told to go?',
  mode,
  machine: machine({ load: `${CLIENTS} keep-alive clients` }),
  tables: [
    {
      title: 'SIGTERM under load',
      columns: ['drains', 'requests answered', 'failed', 'connections refused in the accept queue'],
      rows: [[drains, answered, failed.length, refused].map(String)]
    }
  ],
  ratios: [],
  notes: []
})
process.exitCode = failed.length === 0 ? 0 : 1

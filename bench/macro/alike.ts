/**
 * Does a healthy challenger stay, and does memory stay where it is?
 *
 * A/A on the real process: champion and challenger are the same program and fail one call in a hundred by
 * chance; an open-model load of 500 requests a second of 2,000 units, a tenth of them for the challenger, every
 * trigger at its default and an SLA of 1 s. `--long` runs for 30 minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { residentBytes } from '../../test/helpers/process-tree.ts'
import { type Sluice, startSluice } from '../../test/helpers/sluice.ts'
import { machine, modeOf, publish } from '../harness.ts'
import { openLoad } from '../open-load.ts'
import { cpuMicros, type Program, startNode } from '../process.ts'

const RATE = 500
const UPSTREAM = join(import.meta.dirname, '../upstream.ts')
const BODY = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [0.5, 0.25] }]
})
const mode = modeOf()
const seconds = { smoke: 5, main: 45, long: 1800 }[mode]

const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const champion = await startNode(UPSTREAM, ['1'])
const challenger = await startNode(UPSTREAM, ['1'])
await champion.ask('some')
await challenger.ask('some')
const sluice = await startSluice(config(urlOf(champion), urlOf(challenger)), { directory })
const atRest = residentBytes(sluice.pid)
const load = openLoad({
  url: sluice.dataUrl,
  path: '/v2/models/m/infer',
  rate: RATE,
  units: 2000,
  body: BODY
})
const cpuBefore = cpuMicros(sluice.pid)
const memory: number[] = []
let pausedSamples = 0
for (let i = 0; i < seconds; i++) {
  await new Promise(resolve => setTimeout(resolve, 1000))
  memory.push(residentBytes(sluice.pid))
  if (i % 10 === 0 && (await challengerOf(sluice)).paused !== null) pausedSamples++
}
const cpu = (cpuMicros(sluice.pid) - cpuBefore) / 1e6
const { rollback } = await challengerOf(sluice)
const statuses = new Map(load.statuses()) // what is under way when the load stops is nobody's failure
load.stop()
await sluice.stop()
await champion.stop('SIGKILL')
await challenger.stop('SIGKILL')
rmSync(directory, { recursive: true, force: true })

publish({
  bench: 'macro/alike',
  question: 'Does a healthy challenger stay, and does memory stay where it is?',
  mode,
  machine: machine({ load: `${RATE} requests/s for ${seconds} s, 10 % to the challenger` }),
  tables: [
    {
      title: 'A/A with 1 % errors in both arms',
      columns: ['requests', 'answered 500', 'other failures', 'rolled back', 'paused', 'CPU share'],
      rows: [
        [
          String(load.sent()),
          String(statuses.get(500) ?? 0),
          others(statuses),
          rollback === null ? 'no' : 'YES',
          pausedSamples === 0 ? 'no' : `in ${pausedSamples} looks`,
          `${((cpu / seconds) * 100).toFixed(0)} % of a core`
        ]
      ]
    },
    {
      title: 'Resident memory, MiB: medians of thirds of the run',
      columns: ['at rest', 'first third', 'second third', 'last third'],
      rows: [[atRest, ...thirds(memory)].map(bytes => (bytes / 2 ** 20).toFixed(0))]
    }
  ],
  ratios: [],
  notes: []
})

async function challengerOf({ admin }: Sluice) {
  const view: unknown = await (await admin('/admin/v1/routes/demo')).json()
  // Our own API; the shape is checked by what is read of it.
  const { challengers } = view as {
    challengers: Record<string, { rollback: unknown; paused: unknown }>
  }
  return {
    rollback: challengers['canary']?.rollback ?? null,
    paused: challengers['canary']?.paused ?? null
  }
}

/** What was neither a good answer nor the fault that both arms have: statuses and how many, 0 for none. */
function others(statuses: ReadonlyMap<number, number>): string {
  const rest = [...statuses].filter(([status]) => status !== 200 && status !== 500)
  return rest.length === 0 ? '0' : rest.map(([status, count]) => `${status}: ${count}`).join(', ')
}

function thirds(samples: readonly number[]): readonly number[] {
  const size = Math.max(1, Math.floor(samples.length / 3))
  return [0, 1, 2].map(i => {
    const part = samples.slice(i * size, (i + 1) * size).sort((a, b) => a - b)
    return part[Math.floor(part.length / 2)] ?? 0
  })
}

function config(champion: string, challenger: string) {
  return {
    threads: 1,
    routes: {
      demo: {
        match: { hosts: ['router.test'], paths: ['/v2/models/'] },
        protocol: 'open-inference',
        hashOn: [{ header: 'x-user-id' }],
        variants: { stable: { upstreams: [champion] }, canary: { upstreams: [challenger] } },
        champion: 'stable',
        initialWeights: { stable: 90, canary: 10 },
        triggers: { latency: { sla: '1s' } }
      }
    }
  }
}

function urlOf(program: Program): string {
  const { ports } = program.ready
  return `http://127.0.0.1:${Array.isArray(ports) ? ports[0] : 0}`
}

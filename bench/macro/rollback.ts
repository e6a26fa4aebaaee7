/**
 * How long does a broken challenger keep getting requests?
 *
 * The real process with a champion and a challenger as processes of their own, an open-model load of 100
 * requests a second with 5 % for the challenger, every trigger at its default (and an SLA of 1 s). When the run
 * is warm the challenger breaks in one way; the figure is the time from there to the last request that it got,
 * for a dead one to the moment of the decision. `--long` makes ten runs of each kind.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Sluice, startSluice } from '../../test/helpers/sluice.ts'
import { until } from '../../test/helpers/until.ts'
import { figure, machine, modeOf, publish, show } from '../harness.ts'
import { openLoad } from '../open-load.ts'
import { type Program, startNode } from '../process.ts'

type Fault = 'dead' | '500' | '404' | 'nan' | 'hang' | 'slow'

const UPSTREAM = join(import.meta.dirname, '../upstream.ts')
const RATE = 100
const SHARE = 5
const BODY = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [0.5, 0.25] }]
})
const mode = modeOf()
/**
 * Latency warms up for 30 s and 200 requests of an address: about 45 s at 5 a second. Until 5 minutes of blocks
 * exist the triggers take bursts for granted (phi is at least 3), which the long run waits for.
 */
const WARM_MS: Readonly<Record<Fault, number>> = {
  dead: 4000,
  '500': 4000,
  '404': 4000,
  nan: 4000,
  hang: 4000,
  slow: mode === 'long' ? 330_000 : 60_000
}
const RUNS: Readonly<Record<typeof mode, Readonly<Partial<Record<Fault, number>>>>> = {
  smoke: { '500': 1 },
  main: { dead: 4, '500': 4, '404': 4, nan: 4, hang: 2, slow: 1 },
  long: { dead: 10, '500': 10, '404': 10, nan: 10, hang: 10, slow: 10 }
}
const TOGETHER = 3

type Run = {
  readonly fault: Fault
  readonly ms: number
  readonly failed: number
  readonly by: string
}

type Rollback = { readonly trigger: string; readonly at: string }

const jobs = Object.entries(RUNS[mode]).flatMap(([fault, n]) =>
  Array<Fault>(n).fill(fault as Fault)
)
const runs: Run[] = []
await Promise.all(Array.from({ length: TOGETHER }, work))

publish({
  bench: 'macro/rollback',
  question: 'How long does a broken challenger keep getting requests?',
  mode,
  machine: machine({ load: `${RATE} requests/s, ${SHARE} % to the challenger` }),
  tables: [
    {
      title: 'Onset of the fault to the last challenger request: median (quartiles)',
      columns: ['fault', 'runs', 'ms', 'worst ms', 'answers 5xx or 4xx to clients', 'decided by'],
      rows: Object.keys(RUNS[mode]).map(fault => {
        const all = runs.filter(r => r.fault === fault)
        return [
          fault,
          String(all.length),
          show(figure(all.map(r => r.ms)), 0),
          Math.max(...all.map(r => r.ms)).toFixed(0),
          show(figure(all.map(r => r.failed)), 0),
          [...new Set(all.map(r => r.by))].join(', ')
        ]
      })
    }
  ],
  ratios: [],
  notes: [
    'All but the long run break the challenger in its first minutes, where phi is at least 3: slow ones take longer then.',
    'A fresh process for each run. Connect failures are answered by the champion, so a dead one shows no errors.'
  ]
})

async function work(): Promise<void> {
  for (let fault = jobs.shift(); fault !== undefined; fault = jobs.shift()) {
    const run = await runOnce(fault)
    console.error(`${run.fault}: ${run.ms.toFixed(0)} ms, ${run.failed} failed, ${run.by}`)
    runs.push(run)
  }
}

async function runOnce(fault: Fault): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const champion = await startNode(UPSTREAM, ['1'])
  const challenger = await startNode(UPSTREAM, ['1'])
  const sluice = await startSluice(config(urlOf(champion), urlOf(challenger)), { directory })
  const path = '/v2/models/m/infer'
  const load = openLoad({ url: sluice.dataUrl, path, rate: RATE, units: 2000, body: BODY })
  await new Promise(resolve => setTimeout(resolve, WARM_MS[fault]))

  const before = failures(load.statuses())
  const onset = Date.now()
  if (fault === 'dead') await challenger.stop('SIGKILL')
  else await challenger.ask(fault)
  const { trigger, at } = await until('the rollback', () => rollbackOf(sluice), {
    within: 120_000,
    every: 50
  })
  // One more tick, so that what was under way has reached the challenger.
  await new Promise(resolve => setTimeout(resolve, 250))
  const last = fault === 'dead' ? Date.parse(at) : lastOf(await challenger.ask('count'))
  const failed = failures(load.statuses()) - before

  load.stop()
  if (fault !== 'dead') await challenger.stop('SIGKILL')
  await champion.stop('SIGKILL')
  await sluice.stop()
  rmSync(directory, { recursive: true, force: true })
  return { fault, ms: last - onset, failed, by: trigger }
}

async function rollbackOf(sluice: Sluice): Promise<Rollback | false> {
  const answer = await sluice.admin('/admin/v1/routes/demo')
  const view: unknown = await answer.json()
  // Our own API; the shape is checked by what is read of it.
  const { challengers } = view as { challengers: Record<string, { rollback: Rollback | null }> }
  const { canary } = challengers
  return canary?.rollback ?? false
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
        initialWeights: { stable: 100 - SHARE, canary: SHARE },
        triggers: { latency: { sla: '1s' } }
      }
    }
  }
}

function urlOf(program: Program): string {
  const { ports } = program.ready
  return `http://127.0.0.1:${Array.isArray(ports) ? ports[0] : 0}`
}

function lastOf(answer: unknown): number {
  return typeof answer === 'object' && answer !== null && 'last' in answer ? Number(answer.last) : 0
}

function failures(statuses: ReadonlyMap<number, number>): number {
  return [...statuses].reduce((n, [status, count]) => n + (status === 200 ? 0 : count), 0)
}

/**
 * What does it cost to read the answers, and to take the unit out of the body?
 *
 * The same process in front of the same upstream, whose answers are 200 bytes of JSON, once with protocol opaque,
 * which looks at nothing, once with protocol json, and once with the unit in the body. The bound: reading costs
 * at most 15 % more CPU a request.
 */
import { join } from 'node:path'
import { figure, interleave, machine, modeOf, publish, ratio, show, versionOf } from '../harness.ts'
import { readingPayloads, sluiceSubject, splitWithTriggers } from '../peers/sluice.ts'
import { cpuMicros, runNode, startNode } from '../process.ts'

const BENCH = join(import.meta.dirname, '..')
const LIMIT = 1.15
const mode = modeOf()
const plan = {
  smoke: { rounds: 1, seconds: 1, warmup: 0, rate: 300 },
  main: { rounds: 9, seconds: 2, warmup: 3, rate: 1500 },
  long: { rounds: 15, seconds: 8, warmup: 8, rate: 1500 }
}[mode]

const upstream = await startNode(join(BENCH, 'upstream.ts'), ['2'])
await upstream.ask('wide')
const { ports } = upstream.ready
const [first = 0, second = 0] = Array.isArray(ports) ? ports.map(Number) : []
const version = versionOf('..')
const opaque = await sluiceSubject('opaque', splitWithTriggers(first, second), version)
const json = await sluiceSubject('json', readingPayloads(first, second, 'header'), version)
const body = await sluiceSubject('json, unit', readingPayloads(first, second, 'body'), version)
const subjects = [opaque, json, body]

for (const { url } of subjects) if (plan.warmup > 0) await load(url, plan.warmup)
const samples = await interleave(subjects, plan.rounds, async ({ url, pid }) => {
  const before = cpuMicros(pid)
  const requests = await load(url, plan.seconds)
  return (cpuMicros(pid) - before) / requests
})
for (const subject of subjects) await subject.stop()
await upstream.stop()

const of = ({ name }: { readonly name: string }) => samples.get(name) ?? []
publish({
  bench: 'macro/payload',
  question: 'What does it cost to read the answers, and to take the unit out of the body?',
  mode,
  machine: machine({ load: `${plan.rate} requests/s, 32 keep-alive connections, POST of 200 B` }),
  tables: [
    {
      title: `CPU per request, ${plan.rounds} interleaved rounds of ${plan.seconds} s: median (quartiles)`,
      columns: ['protocol', 'unit', 'CPU µs/request'],
      rows: [
        ['opaque', 'header', show(figure(of(opaque)))],
        ['json', 'header', show(figure(of(json)))],
        ['json', 'body', show(figure(of(body)))]
      ]
    }
  ],
  ratios: [
    ratio('CPU, reading answers / looking at nothing', of(json), of(opaque), LIMIT),
    ratio('CPU, unit in the body / in a header', of(body), of(json))
  ],
  notes: ['Answers and requests are JSON of 200 bytes; the process has one data thread.']
})

async function load(url: string, seconds: number): Promise<number> {
  const result = await runNode(join(BENCH, 'load.ts'), [
    ...['--url', url, '--rate', String(plan.rate), '--seconds', String(seconds)],
    ...(mode === 'smoke' ? ['--warm', '0'] : [])
  ])
  // The last line of our own program.
  const { requests, failures } = result as { requests: number; failures: number }
  if (failures > 0 || requests === 0) throw new Error(`${failures} of ${requests} requests failed`)
  return requests
}

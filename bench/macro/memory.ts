/**
 * How much memory does the process take: at rest, with many connections, with a gigabyte both ways past a peer
 * that stands still, and under steady load over time?
 *
 * `--minutes N` sets how long 10,000 connections ask once a minute and how long the load at 30 % runs; without
 * it the smoke and main runs do a shorter version of both.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBulkUpstream } from '../../test/helpers/bulk.ts'
import { download, upload } from '../../test/helpers/bulk-transfer.ts'
import { residentBytes } from '../../test/helpers/process-tree.ts'
import { DEMO_START, demoConfig } from '../../test/helpers/raw-cases.ts'
import { type RawClient, rawClient } from '../../test/helpers/raw-client.ts'
import { type Settings, startSluice } from '../../test/helpers/sluice.ts'
import { machine, modeOf, publish } from '../harness.ts'
import { splitWithTriggers } from '../peers/sluice.ts'
import { cpuMicros, runNode, startNode } from '../process.ts'

const MIB = 2 ** 20
const SMALL =
  'POST /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-1\r\nContent-Length: 2\r\n\r\n{}'
const BENCH = join(import.meta.dirname, '..')
const mode = modeOf()
const minutesAt = process.argv.indexOf('--minutes')
const minutes = minutesAt < 0 ? null : Number(process.argv[minutesAt + 1])
const plan = {
  smoke: { connections: 200, body: 32 * MIB, holdSeconds: 1, slopeSeconds: 2 },
  main: { connections: 5000, body: 1024 * MIB, holdSeconds: 20, slopeSeconds: 40 },
  long: { connections: 10_000, body: 1024 * MIB, holdSeconds: 120, slopeSeconds: 1800 }
}[mode]
const holdSeconds = minutes === null ? plan.holdSeconds : minutes * 60
const slopeSeconds = minutes === null ? plan.slopeSeconds : minutes * 60

const rows = [
  ...(await bodies()),
  ...(await manyConnections(minutes === null ? plan.connections : 10_000)),
  await slope()
]
publish({
  bench: 'macro/memory',
  question: 'How much memory does the process take?',
  mode,
  machine: machine(),
  tables: [{ title: 'Resident memory of the process', columns: ['what', 'MiB', 'with'], rows }],
  ratios: [],
  notes: [
    'One data thread. Resident memory counts what V8 has not given back yet.',
    'A process takes connections up to a third of its file limit; those beyond it are closed.'
  ]
})

async function bodies(): Promise<string[][]> {
  const upstream = await startBulkUpstream()
  const rows: string[][] = []
  await withSluice(demoConfig(upstream.url, { limits: { body: '2GiB' } }), async (port, pid) => {
    await new Promise(resolve => setTimeout(resolve, mode === 'smoke' ? 200 : 3000))
    rows.push(['at rest', mib(residentBytes(pid)), 'no request yet'])
    await download(port, pid, 64 * MIB)
    await upload(port, pid, 64 * MIB, upstream)
    const down = await download(port, pid, plan.body)
    const up = await upload(port, pid, plan.body, upstream)
    if (!down.intact || !up.intact) throw new Error('a body was changed on the way')
    const size = `${mib(plan.body)} MiB`
    rows.push([`answer of ${size}, client stands still`, mib(down.stalledGrowth), 'growth'])
    rows.push([`answer of ${size}, whole transfer`, mib(down.peakGrowth), 'peak growth'])
    rows.push([`upload of ${size}, upstream stands still`, mib(up.stalledGrowth), 'growth'])
    rows.push([`upload of ${size}, whole transfer`, mib(up.peakGrowth), 'peak growth'])
  })
  await upstream.close()
  return rows
}

/** Connections that each ask once a minute, spread evenly. */
async function manyConnections(count: number): Promise<string[][]> {
  const upstream = await startNode(join(BENCH, 'upstream.ts'), ['1'])
  const rows: string[][] = []
  const config = demoConfig(`http://127.0.0.1:${portsOf(upstream.ready)[0]}`)
  await withSluice(config, async (port, pid) => {
    const before = residentBytes(pid)
    const clients: RawClient[] = []
    while (clients.length < count) {
      const size = Math.min(100, count - clients.length)
      const some = await Promise.all(Array.from({ length: size }, () => rawClient(port)))
      for (const client of some) client.send(SMALL)
      clients.push(...some)
    }
    const cpuBefore = cpuMicros(pid)
    const start = performance.now()
    for (let asked = 0; performance.now() - start < holdSeconds * 1000; ) {
      const due = ((performance.now() - start) / 60_000) * count
      for (; asked < due; asked++) clients[asked % count]?.send(SMALL)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    const share = (cpuMicros(pid) - cpuBefore) / ((performance.now() - start) * 10)
    const closed = clients.filter(c => c.end() !== 'open').length
    const growth = residentBytes(pid) - before
    const note = `${(growth / count / 1024).toFixed(1)} KiB each, ${closed} closed, ${share.toFixed(1)} % of a core`
    rows.push([
      `${count} connections, a request a minute each, ${holdSeconds} s`,
      mib(growth),
      note
    ])
    for (const client of clients) client.close()
  })
  await upstream.stop('SIGKILL')
  return rows
}

/** Memory over time at about 30 % of what one thread can do. */
async function slope(): Promise<string[]> {
  const upstream = await startNode(join(BENCH, 'upstream.ts'), ['2'])
  const [first, second] = portsOf(upstream.ready)
  let row: string[] = []
  await withSluice(splitWithTriggers(first, second), async (port, pid) => {
    const load = ['--url', `http://127.0.0.1:${port}`]
    const quick = mode === 'smoke' ? ['--seconds', '1', '--warm', '0'] : ['--seconds', '5']
    const full = await runNode(join(BENCH, 'load.ts'), [...load, ...quick])
    // The last line of our own program.
    const rate = Math.round((full as { rate: number }).rate * 0.3)
    const samples: [number, number][] = []
    const start = performance.now()
    const timer = setInterval(() => {
      samples.push([(performance.now() - start) / 3.6e6, residentBytes(pid) / MIB])
    }, 500)
    await runNode(join(BENCH, 'load.ts'), [
      ...[...load, '--rate', String(rate), '--seconds', String(slopeSeconds)]
    ])
    clearInterval(timer)
    const settled = samples.slice(Math.floor(samples.length / 2))
    // Below ten minutes the heap still grows to its working size, and a slope would say that alone.
    const slope = `${slopeOf(settled).toFixed(1)} MiB/h in the second half`
    const what = `${rate} requests/s for ${slopeSeconds} s`
    const last = settled.at(-1)?.[1] ?? 0
    row = [what, last.toFixed(1), slopeSeconds < 600 ? 'at the end' : slope]
  })
  await upstream.stop('SIGKILL')
  return row
}

async function withSluice(
  settings: Settings,
  use: (port: number, pid: number) => Promise<void>
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const sluice = await startSluice(settings, { directory, ...DEMO_START })
  await use(Number(new URL(sluice.dataUrl).port), sluice.pid)
  await sluice.stop()
  rmSync(directory, { recursive: true, force: true })
}

/** Least-squares slope of (x, y). */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const n = points.length
  const meanX = points.reduce((s, [x]) => s + x, 0) / n
  const meanY = points.reduce((s, [, y]) => s + y, 0) / n
  const over = points.reduce((s, [x, y]) => s + (x - meanX) * (y - meanY), 0)
  return over / points.reduce((s, [x]) => s + (x - meanX) ** 2, 0)
}

function portsOf(ready: Readonly<Record<string, unknown>>): readonly [number, number] {
  const { ports } = ready
  const [first = 0, second = 0] = Array.isArray(ports) ? ports.map(Number) : []
  return [first, second]
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}

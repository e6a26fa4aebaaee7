import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { test } from 'tap'
import { isAlive } from '../helpers/process-tree.ts'
import { until } from '../helpers/until.ts'
import { type ChaosOptions, runChaos } from './chaos.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const SEED = Number(process.env['SLUICE_SEED'] ?? 7)

function options(more: Pick<ChaosOptions, 'seconds' | 'control' | 'endAtViolation'>): ChaosOptions {
  return { seed: SEED, replicas: 5, signal: new AbortController().signal, ...more }
}

test('keeps every rollback and comes to one document when everything around it fails', async t => {
  t.comment(`seed ${SEED}`)
  const result = await runChaos(options({ seconds: 8, control: false, endAtViolation: false }))
  const { violations, ...rest } = result
  t.comment(JSON.stringify(rest))
  t.same(violations.slice(0, 5), [])
  t.ok(result.accepted > 20, 'changes were accepted')
  t.ok(result.runs > 2, 'challengers were rolled back')
  t.ok(Object.values(result.faults).reduce((sum, times) => sum + times, 0) > 8, 'faults were made')
})

test('finds what is wrong when the store is a plain SET and GET', async t => {
  const result = await runChaos(options({ seconds: 30, control: true, endAtViolation: true }))
  const broken = result.violations.filter(({ invariant }) => invariant === 'I1')
  t.comment(`${broken.length} violations, seed ${SEED}`)
  t.ok(broken.length > 0)
})

test('leaves no process and no file behind when it is interrupted', async t => {
  const directory = t.testdir()
  const script = join(import.meta.dirname, 'run.ts')
  const child = spawn(
    process.execPath,
    [script, '--seconds', '60', '--seed', '1', '--replicas', '2'],
    {
      env: { ...process.env, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'inherit']
    }
  )
  t.teardown(() => child.kill('SIGKILL'))
  const pids = await until('two replicas and two servers run', async () => {
    const found = await descendantsOf(child.pid ?? 0)
    const replicas = found.filter(({ command }) => command.includes('replica.ts'))
    const servers = found.filter(({ command }) => command.includes('redis-server'))
    return replicas.length >= 2 && servers.length >= 2 && found.map(({ pid }) => pid)
  })
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  t.equal(code, 130)
  await until('every process is gone', () => !pids.some(isAlive))
  t.same(readdirSync(directory), [])
})

type Process = { readonly pid: number; readonly parent: number; readonly command: string }

async function descendantsOf(root: number): Promise<readonly Process[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,ppid=,args='])
  const all = stdout.split('\n').flatMap((line): readonly Process[] => {
    const [, pid, parent, command = ''] = /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? []
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }]
  })
  const below = (pid: number): readonly Process[] =>
    all.filter(({ parent }) => parent === pid).flatMap(one => [one, ...below(one.pid)])
  return below(root)
}

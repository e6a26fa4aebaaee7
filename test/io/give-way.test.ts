import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'tap'
import { leash } from '../../demo/leash.ts'

const CALLS = 100

/** Gives way so many times, and says how often it lost the core without going to sleep. */
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { wayGiver } from '${new URL('../../src/io/give-way.ts', import.meta.url)}'
const switches = () => Number(/^nonvoluntary_ctxt_switches:\\s*(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
const giveWay = wayGiver()
const before = switches()
for (let i = 0; i < ${CALLS}; i++) giveWay()
process.stdout.write(String(switches() - before))
`

test('who waits for the core gets it when it is given away', async t => {
  const core = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const onCore = ['--cpu-list', core ?? '0', process.execPath]
  const waiting = spawn('taskset', [...onCore, '--eval', 'for (;;);'])
  leash(waiting)
  t.teardown(() => waiting.kill('SIGKILL'))
  const { stdout } = await promisify(execFile)(
    'taskset',
    [...onCore, '--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', PROGRAM],
    { timeout: 20_000 }
  )
  t.ok(Number(stdout) >= CALLS / 10, `${stdout} of ${CALLS}`) // calls that do nothing are over at once: none, or 1
})

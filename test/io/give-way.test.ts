import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { test } from 'tap'
import { leash } from '../../demo/leash.ts'
import { wayGiver } from '../../src/io/give-way.ts'

const CALLS = 100

/** Gives way so many times, as if no time passed, and says how often it lost the core without going to sleep. */
const PROGRAM = `
import { readFileSync } from 'node:fs'
import { wayGiver } from '${new URL('../../src/io/give-way.ts', import.meta.url)}'
const switches = () => Number(/^nonvoluntary_ctxt_switches:\\s*(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1])
const giveWay = wayGiver(() => 0)
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

/** Works in steps of 1 ms for so long, and waits `wait` ms each time that it gives way; says how long it did in all. */
function waitedIn(ms: number, wait: number): number {
  let now = 0
  let waited = 0
  const giveWay = wayGiver(
    () => now,
    () => {
      waited += wait
      now += wait
    }
  )
  while (now < ms) {
    giveWay()
    now++
  }
  return waited
}

test('waits for a fifth of the time at most, and for 0.1 s and once more at first', t => {
  for (const wait of [1, 10, 30, 1_000]) {
    t.ok(waitedIn(60_000, wait) <= 12_000 + 100 + wait, `${wait} ms: ${waitedIn(60_000, wait)}`)
  }
  t.ok(waitedIn(60_000, 30) > 11_000, 'and for no less')
  t.end()
})

test('gives way each time where the waits are short', t => {
  t.equal(waitedIn(9_000, 0.125), 1_000, '8,000 times')
  t.end()
})

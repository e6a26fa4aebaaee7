/** A test or a demo that is killed leaves no process behind. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { isAlive } from '../helpers/process-tree.ts'
import { ROOT } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const PARENT = `
import { startChild } from '${join(ROOT, 'demo/child.ts')}'
const child = await startChild(['-e', 'console.log(JSON.stringify({ msg: "ready" })); setInterval(() => {}, 1e6)'])
const ended = await startChild(['-e', 'console.log(JSON.stringify({ msg: "ready" })); setInterval(() => {}, 1e6)'])
await ended.stop()
console.log(child.pid)
`

t.test('a child is killed when its parent is killed with SIGKILL', async t => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT])
  const [line] = await once(parent.stdout.setEncoding('utf8'), 'data')
  const pid = Number.parseInt(line, 10)
  t.ok(isAlive(pid), 'it runs')
  parent.kill('SIGKILL')
  await until('the end of the child', () => !isAlive(pid))
})

t.test('a process ends by itself when its children did, in spite of the leash', async t => {
  const text = `${PARENT}\nawait child.stop()`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: 'ignore' })
  const [code] = await once(parent, 'exit')
  t.equal(code, 0)
})

/**
 * Runs the test files that are its arguments, each in a process of its own and some at a time, in the order given,
 * and writes one TAP stream. Started by run.ts, which reads it.
 *
 * `tap run` gives the same stream, but it also puts a loader for mocks and one for coverage into every Node process
 * below it, routers and model servers included. No test here uses them, and for most files they cost more than the
 * file itself.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

const ROOT = join(import.meta.dirname, '..')
const LIMIT_S = 600 // ends a hung file; one that needs longer says so with t.setTimeout
// Tests of whole processes wait for most of their time, and none asserts how long anything took.
const AT_ONCE = availableParallelism() + 2

const { NODE_OPTIONS = '', ...inherited } = process.env
t.setTimeout(0) // each file has a limit of its own
t.jobs = AT_ONCE
for (const file of process.argv.slice(2)) {
  // By way of env, because tap's own loader comes in by NODE_OPTIONS.
  const command = [`NODE_OPTIONS=${NODE_OPTIONS}`, process.execPath, file]
  const env = { ...inherited, TAP_TIMEOUT: String(LIMIT_S) }
  t.spawn('env', command, { cwd: ROOT, env, timeout: LIMIT_S * 1000, buffered: true }, file)
}

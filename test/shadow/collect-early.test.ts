import { execFile } from 'node:child_process'
import { constants } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { test } from 'tap'

/**
 * Drops buffers in a Node of its own that has nothing else to collect for, makes others, waits until the first are
 * gone, and says which collections were asked for. (An idle Node collects too, seconds later.)
 */
const PROGRAM = `
import { setTimeout as delay } from 'node:timers/promises'
import { constants, PerformanceObserver } from 'node:perf_hooks'
import { collectEarly } from '${new URL('../../src/shadow/collect-early.ts', import.meta.url)}'
const [first, old, second] = process.argv.slice(1).map(Number)
const buffers = mebibytes => Array.from({ length: 16 * mebibytes }, () => new Uint8Array(65_536))
const held = () => process.memoryUsage().arrayBuffers / 2 ** 20
const asked = new Set()
const before = held()
collectEarly(() => undefined)
let dropped = buffers(first)
if (old) gc() // leaves none that is young
new PerformanceObserver(list => {
  for (const { detail } of list.getEntries()) {
    if (detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) asked.add(detail.kind)
  }
}).observe({ entryTypes: ['gc'] })
dropped = null
const kept = buffers(second)
while (held() - before > kept.length / 16 + 0.1) await delay(10)
await delay(10) // the observer is told later
process.stdout.write(JSON.stringify([...asked]), () => process.exit(0))
`
const YOUNG = constants.NODE_PERFORMANCE_GC_MINOR
const ALL = constants.NODE_PERFORMANCE_GC_MAJOR

for (const { what, first, old, second, by } of [
  { what: 'young buffers of 6 MiB', first: 6, old: 0, second: 0, by: [YOUNG] },
  { what: 'old buffers of 10 MiB', first: 10, old: 1, second: 8, by: [YOUNG, ALL] }
]) {
  test(`${what} are given back before the collector would come`, async t => {
    const args = [first, old, second].map(String)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', '--input-type=module', '--eval', PROGRAM, ...args],
      { timeout: 20_000 }
    )
    t.same(JSON.parse(stdout), by)
  })
}

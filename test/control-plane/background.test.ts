import { test } from 'tap'
import { createBackground } from '../../src/control-plane/background.ts'
import type { ProcessPolicy } from '../../src/ports.ts'
import { silentLog } from '../helpers/state-process.ts'

const PROCESS = 4711
const ON_TIME = 0.021
const LATE = 0.5

/** `asked`: policies in the order in which they were asked for. `second` lets one pass, with what was said in it. */
function scene(works = true) {
  let ms = 0
  const asked: ProcessPolicy[] = []
  const background = createBackground({
    setPolicy: async (pid, policy) => {
      if (pid !== PROCESS) throw new Error('another process')
      asked.push(policy)
      return works
    },
    now: () => ms,
    log: silentLog
  })
  const second = (delay: number | null) => {
    ms += 1000
    if (delay !== null) background.heard(delay)
    background.tick()
  }
  const seconds = (count: number, delay: number | null) => {
    for (let i = 0; i < count; i++) second(delay)
  }
  return { asked, background, seconds }
}

test('stays in the background when the process has what it needs', async t => {
  const { asked, background, seconds } = scene()
  background.begin(PROCESS)
  seconds(100, ON_TIME)
  t.same(asked, ['idle'])
})

test('comes back when its loop is late, and when it says nothing at all', async t => {
  for (const delay of [LATE, null]) {
    const { asked, background, seconds } = scene()
    background.begin(PROCESS)
    seconds(10, ON_TIME)
    seconds(3, delay)
    t.same(asked, ['idle', 'other'], String(delay))
  }
})

test('tries again later, and later each time, while the machine has no time for it', async t => {
  const { asked, background, seconds } = scene()
  background.begin(PROCESS)
  seconds(1, LATE)
  seconds(4, LATE)
  t.same(asked, ['idle', 'other'], 'late in a busy machine is no reason to do more')
  seconds(3, LATE)
  t.same(asked, ['idle', 'other', 'idle', 'other'])
  seconds(7, LATE)
  t.equal(asked.length, 4)
  seconds(3, LATE)
  t.equal(asked.length, 6)
  seconds(3_600, LATE)
  t.ok(asked.length >= 22 && asked.length <= 28, `${asked.length}: every ten minutes at least`)
})

test('begins a row anew when it had enough for a minute', async t => {
  const { asked, background, seconds } = scene()
  background.begin(PROCESS)
  seconds(1, LATE)
  seconds(6, ON_TIME)
  seconds(100, ON_TIME)
  seconds(1, LATE)
  seconds(6, ON_TIME)
  t.same(asked, ['idle', 'other', 'idle', 'other', 'idle'])
})

test('leaves everything as it is when a policy cannot be set, and when the process has ended', async t => {
  const one = scene(false)
  one.background.begin(PROCESS)
  await Promise.resolve()
  one.seconds(100, LATE)
  t.same(one.asked, ['idle'])
  const other = scene()
  other.background.begin(PROCESS)
  other.background.end()
  other.seconds(100, LATE)
  t.same(other.asked, ['idle'])
})

import { test } from 'tap'
import { restartPace } from '../../src/control-plane/restart-pace.ts'

/** What a pace says of threads that lived so long, one after the other. */
function waitsOf(lives: readonly number[]): readonly number[] {
  const pace = restartPace()
  let now = 5_000
  return lives.map(life => {
    pace.started(now)
    now += life
    const wait = pace.ended(now)
    now += wait
    return wait
  })
}

test('waits longer each time when a thread ends soon again, and at most ten seconds', t => {
  t.strictSame(
    waitsOf([0, 1, 10, 100, 1_000, 60_000, 0]),
    [100, 500, 2_000, 5_000, 10_000, 10_000, 10_000]
  )
  t.end()
})

test('begins anew when a thread lived longer than a minute', t => {
  t.strictSame(
    waitsOf([0, 0, 0, 60_001, 0, 60_000, 3_600_000]),
    [100, 500, 2_000, 100, 500, 2_000, 100]
  )
  t.end()
})

test('counts for one place alone when there are several', t => {
  const [one, other] = [restartPace(), restartPace()]
  one.started(0)
  other.started(0)
  t.strictSame([one.ended(1), one.ended(2), other.ended(3)], [100, 500, 100])
  t.end()
})

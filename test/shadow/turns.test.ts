import { test } from 'tap'
import type { Steps } from '../../src/domain/compare/pace.ts'
import { createTurns } from '../../src/shadow/turns.ts'

/** Steps that take so many ms each, on a clock of the test; each notes that it ran. */
function work(durations: readonly number[]) {
  let at = 0
  const said: string[] = []
  const turns = createTurns(
    () => undefined,
    () => at,
    async () => {
      said.push('others')
    }
  )
  function* steps(): Steps<string> {
    for (const duration of durations) {
      at += duration
      said.push(`${duration}`)
      yield
    }
    return 'result'
  }
  return { turns, said, steps }
}

test('others get their turn when steps took three milliseconds together, and not before', async t => {
  const { turns, said, steps } = work([1, 1, 0.5, 1, 0.1, 2, 0.8, 0.3])
  t.equal(await turns.drive(steps()), 'result')
  t.strictSame(said, ['1', '1', '0.5', '1', 'others', '0.1', '2', '0.8', '0.3', 'others'])
})

test('others get their turn after each step when each takes longer than allowed', async t => {
  const { turns, said, steps } = work([9, 4])
  await turns.drive(steps())
  t.strictSame(said, ['9', 'others', '4', 'others'])
})

test('who waits for the core goes first before each step', async t => {
  const said: string[] = []
  const turns = createTurns(() => void said.push('way'))
  function* steps(): Steps {
    said.push('first')
    yield
    said.push('second')
  }
  await turns.drive(steps())
  t.strictSame(said, ['way', 'first', 'way', 'second'])
})

test('work that fails between two turns fails for its caller', async t => {
  const { turns } = work([])
  function* broken(): Steps {
    yield
    throw new Error('no')
  }
  await t.rejects(turns.drive(broken()), { message: 'no' })
})

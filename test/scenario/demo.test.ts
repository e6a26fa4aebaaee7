/**
 * `npm run demo` in front of a reader: the rollback happens, is told with its evidence, and nothing stays.
 *
 * What becomes of each kind of fault is shown by rollback.test.ts; here are those that the demo itself treats in its
 * own way, or that only it shows (slow).
 */
import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { type DemoRun, runDemo } from '../helpers/demo-run.ts'
import { ROOT } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

// It waits for the warm-up of a trigger while the others run; a trigger needs 200 requests, not many a second.
const slow = runDemo(t, '--fault', 'slow', '--json', '--rps', '50')

t.test('the challenger is rolled back by itself when it answers NaN', async t => {
  const run = runDemo(t, '--fault', 'nan', '--json', '--share', '20')
  await checkRollback(t, run, 'nan', /^(gross|bad_predictions)$/)
})

t.test('the exit code is 1 when no rollback happened', async t => {
  const run = runDemo(t, '--fault', 'hang', '--json', '--give-up', '1') // absence takes 10 s
  t.equal(await run.code, 1)
  t.match(run.events().at(-1), { event: 'summary', rolledBack: false, why: /still had traffic/ })
  await checkGone(t, run)
})

t.test('no process and no file stays when Ctrl-C is pressed', async t => {
  const run = runDemo(t, '--json')
  await until('the first second', () => run.events().some(one => one.event === 'second'))
  t.ok(run.processes().length >= 3, 'router and model servers run')
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  await checkGone(t, run)
})

t.test('nothing stays when Ctrl-C is pressed while it still starts', async t => {
  const run = runDemo(t)
  await until('its first child', () => run.processes().length >= 2)
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  await checkGone(t, run)
})

t.test(
  'it goes on, with commands that work, when a server died and it is told to --keep',
  async t => {
    const run = runDemo(t, '--keep', '--share', '20', '--fault', 'dead')
    await until('the commands', () => run.stdout().includes('Ctrl-C ends it'))
    t.match(run.stdout(), /onset of the fault to weight 0 +\d+\.\d s/)
    const [, words = ''] = /^ {2}bin\/sluice\.js (status .*)$/m.exec(run.stdout()) ?? []
    const { stdout } = spawnSync(process.execPath, ['bin/sluice.js', ...words.split(' ')], {
      cwd: ROOT,
      encoding: 'utf8'
    })
    t.match(stdout, /v4 rolled back .* by trigger:(gross|errors)/)
    run.child.kill('SIGTERM')
    t.equal(await run.code, 130)
    await checkGone(t, run)
  }
)

t.test('the help is shown when options are wrong', async t => {
  for (const args of [['--fault', 'bogus'], ['--rps', '0'], ['--share', '2.5'], ['--frobnicate']]) {
    const run = runDemo(t, ...args)
    t.equal(await run.code, 2)
    t.match(run.stderr(), '--fault KIND')
  }
})

t.test('the challenger is rolled back by itself when it is slow', async t => {
  await checkRollback(t, slow, 'slow', /^latency$/)
  t.ok(
    slow.events().some(({ event }) => event === 'waiting'),
    'the wait for the trigger is told'
  )
})

async function checkRollback(t: Test, run: DemoRun, fault: string, trigger: RegExp): Promise<void> {
  t.equal(await run.code, 0, run.told())
  const events = run.events()
  t.match(events.at(-1), {
    event: 'summary',
    rolledBack: true,
    fault,
    rollback: { trigger, reason: /\d/ },
    later: { v4: 0 }
  })
  const seconds = events.filter(({ event }) => event === 'second')
  t.match(seconds[0], { weights: { v3: 80, v4: 20 } })
  t.match(seconds.at(-1), { weights: { v3: 100, v4: 0 } })
  await checkGone(t, run)
}

/** The shell that would have ended the children, had the demo been killed, sees its end a moment later. */
async function checkGone(t: Test, run: DemoRun): Promise<void> {
  await until('no process to stay', () => run.processes().length === 0)
  t.same(run.files(), [], 'no file stays')
}

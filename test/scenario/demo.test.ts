/** `npm run demo` in front of a reader: the rollback happens, is told with its evidence, and nothing stays. */
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { runDemo } from '../helpers/demo-run.ts'
import { ROOT } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const FAULTS = [
  ['errors', ['gross', 'errors']],
  ['nan', ['gross', 'bad_predictions']],
  ['dead', ['gross', 'errors']],
  ['slow', ['latency']]
] as const

for (const [fault, triggers] of FAULTS) {
  t.test(`the challenger is rolled back by itself when it fails by ${fault}`, async t => {
    const run = runDemo(t, '--fault', fault, '--json', '--share', '20')
    t.equal(await run.code, 0, run.stderr())
    const events = run.events()
    const summary = events.at(-1)
    t.match(summary, {
      event: 'summary',
      rolledBack: true,
      fault,
      rollback: { trigger: new RegExp(`^(${triggers.join('|')})$`), reason: /\d/ },
      later: { v4: 0 }
    })
    const seconds = events.filter(one => one.event === 'second')
    t.match(seconds[0], { weights: { v3: 80, v4: 20 } })
    t.match(seconds.at(-1), { weights: { v3: 100, v4: 0 } })
    t.same(run.processes(), [], 'no process stays')
    t.same(run.files(), [], 'no file stays')
  })
}

t.test('the exit code is 1 when no rollback happened', async t => {
  const run = runDemo(t, '--fault', 'hang', '--json', '--give-up', '1') // absence takes 10 s
  t.equal(await run.code, 1)
  t.match(run.events().at(-1), { event: 'summary', rolledBack: false, why: /still had traffic/ })
  t.same(run.processes(), [])
})

t.test('no process and no file stays when Ctrl-C is pressed', async t => {
  const run = runDemo(t, '--json')
  await until('the first second', () => run.events().some(one => one.event === 'second'), {
    within: 60_000
  })
  t.ok(run.processes().length >= 3, 'router and model servers run')
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  t.same(run.processes(), [])
  t.same(run.files(), [])
})

t.test('nothing stays when Ctrl-C is pressed while it still starts', async t => {
  const run = runDemo(t)
  await until('its first child', () => run.processes().length >= 2, { within: 60_000 })
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  t.same(run.processes(), [])
  t.same(run.files(), [])
})

t.test('it goes on running, with commands that work, when it is told to --keep', async t => {
  const run = runDemo(t, '--keep', '--share', '20', '--fault', 'not-found')
  await until('the commands', () => run.stdout().includes('Ctrl-C ends it'), { within: 90_000 })
  t.match(run.stdout(), /onset of the fault to weight 0 +\d+\.\d s/)
  const [, words = ''] = /^ {2}bin\/sluice\.js (status .*)$/m.exec(run.stdout()) ?? []
  const { stdout } = spawnSync(process.execPath, ['bin/sluice.js', ...words.split(' ')], {
    cwd: ROOT,
    encoding: 'utf8'
  })
  t.match(stdout, /v4 rolled back .* by trigger:(gross|client_errors)/)
  run.child.kill('SIGTERM')
  t.equal(await run.code, 130)
  t.same(run.processes(), [])
})

t.test('the help is shown when options are wrong', async t => {
  for (const args of [['--fault', 'bogus'], ['--rps', '0'], ['--share', '2.5'], ['--frobnicate']]) {
    const run = runDemo(t, ...args)
    t.equal(await run.code, 2)
    t.match(run.stderr(), '--fault KIND')
  }
})

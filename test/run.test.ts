/** The runner's own honesty: what it counts, and that a run is not green when nothing ran. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT, temporaryDirectory } from './helpers/sluice.ts'
import { createTapCount } from './helpers/tap-count.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

function counted(text: string) {
  const count = createTapCount()
  for (const line of text.split('\n')) count.line(line)
  return count.counts()
}

t.test('leaves are counted and assertions are not when a stream is read', async t => {
  const counts = counted(`TAP version 14
# Subtest: a.test.ts
    # Subtest: one
        ok 1 - x
        ok 2 - y
        1..2
    ok 1 - one # time=1ms

    # Subtest: two
        # Subtest: inner
            ok 1 - z
            1..1
        ok 1 - inner
        ok 2 - beside it
        1..2
    ok 2 - two
    1..2
ok 1 - a.test.ts # time=3ms
# Subtest: b.test.ts
    ok 1 - a file without subtests is a test
    1..1
ok 2 - b.test.ts
1..2`)
  t.same(counts, { passed: 3, failed: 0, failures: [], skipped: [] })
})

t.test('a failure is counted once when it is below others', async t => {
  const counts = counted(`# Subtest: a.test.ts
    # Subtest: one
        not ok 1 - x
          ---
          source: |
            ok 1 - this is text of a report
          ...
        1..1
    not ok 1 - one
      ---
      at: here
      ...
    # Subtest: two
        ok 1 - x
        1..1
    ok 2 - two
    1..2
not ok 1 - a.test.ts`)
  t.same(counts, { passed: 1, failed: 1, failures: ['a.test.ts > one'], skipped: [] })
})

t.test('a file counts as failed when it crashes behind its good tests', async t => {
  const counts = counted(`# Subtest: a.test.ts
    # Subtest: one
        ok 1 - x
        1..1
    ok 1 - one
    1..1
not ok 1 - a.test.ts # exitCode=1`)
  t.same(counts, { passed: 1, failed: 1, failures: ['a.test.ts'], skipped: [] })
})

t.test('a test is named and no pass when it was skipped', async t => {
  const counts = counted(`# Subtest: a.test.ts
    ok 1 - with kafka # SKIP kafka is not here
    1..1
ok 1 - a.test.ts`)
  t.same(counts.skipped, ['a.test.ts > with kafka: kafka is not here'])
})

/** Runs test/run.ts over files of this text. */
function runFiles(directory: string, files: Readonly<Record<string, string>>, env = {}) {
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(directory, name), `import t from '${import.meta.resolve('tap')}'\n${text}`)
  }
  const { TAP: _tap, ...clean } = process.env
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(ROOT, 'test/run.ts'), ...Object.keys(files).map(name => join(directory, name))],
    { encoding: 'utf8', cwd: '/', env: { ...clean, ...env } }
  )
  return { status, last: stdout.trimEnd().split('\n').at(-1), stdout }
}

t.test('the last line and the exit code agree when a run ends', async t => {
  const directory = temporaryDirectory(t)
  mkdirSync(directory, { recursive: true })
  const good = "t.test('good', async t => { t.ok(true) })\n"
  const bad = "t.test('bad', async t => { t.ok(false) })\n"
  const skip = "t.test('later', { skip: 'kafka is not here' }, async () => {})\n"
  const green = runFiles(directory, { 'green.test.ts': good })
  t.equal(green.last, '1 passed, 0 failed', green.stdout)
  t.equal(green.status, 0)
  const red = runFiles(directory, { 'red.test.ts': good + bad, 'crash.test.ts': 'process.exit(3)' })
  t.equal(red.last, '1 passed, 2 failed', red.stdout)
  t.equal(red.status, 1)
  t.match(red.stdout, /^not ok \d+ - \S*crash\.test\.ts .*\n(.*\n)* {2}exitCode: 3$/m)
  const skipped = runFiles(directory, { 'skip.test.ts': good + skip })
  t.equal(skipped.last, '1 passed, 1 failed', skipped.stdout)
  const asked = runFiles(
    directory,
    { 'skip.test.ts': good + skip },
    { SLUICE_TEST_WITHOUT: 'kafka' }
  )
  t.equal(asked.last, '1 passed, 0 failed', asked.stdout)
  t.match(asked.stdout, 'run without: kafka')
})

t.test('a run is not green when nothing ran', async t => {
  const directory = temporaryDirectory(t)
  t.equal(runFiles(directory, { 'none.test.ts': '' }).status, 1)
  const { status } = spawnSync(
    process.execPath,
    [join(ROOT, 'test/run.ts'), 'test/no-such-folder'],
    {
      cwd: ROOT
    }
  )
  t.equal(status, 1)
})

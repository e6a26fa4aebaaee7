/**
 * What the interop suite says where there is no Python for it.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { temporaryDirectory } from '../helpers/sluice.ts'

const RUN = join(import.meta.dirname, 'run.ts')

/** Runs the suite with nothing on the PATH but Node and these scripts. */
function run(
  t: { teardown(done: () => unknown): unknown },
  programs: Readonly<Record<string, string>>,
  ...args: readonly string[]
) {
  const directory = temporaryDirectory(t)
  symlinkSync(process.execPath, join(directory, 'node'))
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(directory, name), 0o755)
  }
  const env = { ...process.env, PATH: directory, SLUICE_PYTHON: '' }
  return spawnSync(process.execPath, [RUN, ...args], { encoding: 'utf8', env })
}

t.test('says what to install and fails when Python is not there', async t => {
  const { status, stdout } = run(t, {})
  t.equal(status, 69)
  t.match(stdout, /python3\.11: not found; python3: not found.*apt-get install python3\.11/)
})

t.test('says why it left itself out when it may', async t => {
  const { status, stdout } = run(t, {}, '--if-available')
  t.equal(status, 0)
  t.match(stdout, /apt-get install python3\.11/)
  t.match(stdout, 'run without: interop')
})

t.test('names what it found when it is another Python', async t => {
  const other = `echo '{"version":"3.12.1","implementation":"cpython","libraries":""}'`
  const { status, stdout } = run(t, { python3: other })
  t.equal(status, 69)
  t.match(stdout, 'python3: cpython 3.12.1')
})

t.test('names what is missing when Python has no shared library', async t => {
  const alone = `echo '{"version":"3.11.9","implementation":"cpython","libraries":"","shared":false}'`
  const { status, stdout } = run(t, { python: alone })
  t.equal(status, 69)
  t.match(stdout, 'python: no libpython3.11.so.1.0')
  t.match(stdout, /apt-get install .*libpython3\.11/)
})

t.test('names what is missing when Python has no venv', async t => {
  const bare = `echo "ModuleNotFoundError: No module named 'ensurepip'" >&2; exit 1`
  const { status, stdout } = run(t, { 'python3.11': bare })
  t.equal(status, 69)
  t.match(stdout, "python3.11: ModuleNotFoundError: No module named 'ensurepip'")
})

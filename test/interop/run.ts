/**
 * `npm run test:interop [-- --if-available] [case…]`: the product in front of the real Triton and KServe.
 *
 * Makes their environments first and says what that took. Without a Python that will do it says so and ends with 69,
 * with `--if-available` with 0; whatever else fails is a failure. Cases are names of files in cases/; all by default.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../helpers/sluice.ts'
import { kserveEnvironment, tritonEnvironment } from './environment.ts'
import { findPython } from './python.ts'

const UNAVAILABLE = 69
const CASES = 'test/interop/cases' // below the root

process.exitCode = await main()

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { 'if-available': { type: 'boolean', default: false } },
    allowPositionals: true
  })
  try {
    const { program } = findPython()
    say(`Python 3.11: ${program}`)
  } catch (error) {
    say(textOf(error))
    if (!values['if-available']) return UNAVAILABLE
    say('run without: interop, because it is not available here')
    return 0
  }
  try {
    await Promise.all([timed('Triton', tritonEnvironment), timed('KServe', kserveEnvironment)])
  } catch (error) {
    say(textOf(error))
    return 1
  }
  const names =
    positionals.length > 0 ? positionals : globSync('*.ts', { cwd: join(ROOT, CASES) }).sort()
  const files = names.map(name => join(CASES, name.endsWith('.ts') ? name : `${name}.ts`))
  const run = [join(ROOT, 'test/run.ts'), ...files]
  return spawnSync(process.execPath, run, { cwd: ROOT, stdio: 'inherit' }).status ?? 1
}

async function timed(
  what: string,
  make: () => Promise<{ readonly directory: string }>
): Promise<void> {
  const began = performance.now()
  const { directory } = await make()
  say(`${what}: ${directory}, ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

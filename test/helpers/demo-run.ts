/**
 * `npm run demo` as a child with a temporary directory of its own, so that what it leaves behind can be seen.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { leash } from '../../demo/leash.ts'
import { ROOT, temporaryDirectory } from './sluice.ts'

export type DemoEvent = { readonly event: string; readonly [key: string]: unknown }

export type DemoRun = {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** The end of all that it wrote, for the report of a failure. */
  readonly told: () => string
  /** What it wrote with --json so far. */
  readonly events: () => readonly DemoEvent[]
  readonly code: Promise<number | null>
  /** Processes of this run that there are, as `ps` shows them. */
  readonly processes: () => readonly string[]
  /** Files in its temporary directory. */
  readonly files: () => readonly string[]
}

export function runDemo(t: Test, ...args: string[]): DemoRun {
  const directory = temporaryDirectory(t)
  const child = spawn(process.execPath, [join(ROOT, 'demo/demo.ts'), ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  leash(child)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    told: () => `${stderr}\n${stdout.slice(-1_000)}`,
    events: () =>
      stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line)),
    code: new Promise(resolve => child.once('close', resolve)),
    processes: () => withInEnvironment(`TMPDIR=${directory}`),
    files: () => readdirSync(directory)
  }
}

/** Every child of a run has its directory in the environment. */
function withInEnvironment(text: string): readonly string[] {
  const { stdout } = spawnSync('ps', ['axeww'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return stdout.split('\n').filter(line => line.includes(text))
}

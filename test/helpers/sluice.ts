/**
 * The real product as a child process: a temporary directory, port 0 everywhere, torn down with the test.
 *
 * A configuration given as an object gets what a test always wants (ports 0, one thread, state and events below
 * the temporary directory, a short drain) wherever it says nothing itself; a text is written as it is. The
 * process runs in that directory, so relative paths are below it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { leash } from '../../demo/leash.ts'
import { HUNG_MS, until } from './until.ts'

export const ROOT = resolve(import.meta.dirname, '../..')
export const BIN = join(ROOT, 'bin/sluice.js')

export type Settings = { readonly [key: string]: unknown }
export type LogLine = {
  readonly level?: unknown
  readonly msg?: unknown
  readonly [key: string]: unknown
}
export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** What a tap test offers for tearing down. */
type Teardown = { teardown(done: () => unknown): unknown }

export type StartOptions = {
  readonly t?: Teardown // tears down when the test ends
  readonly directory?: string // kept by the caller; else a temporary one that goes with the test
  readonly args?: readonly string[] // behind `serve FILE`, as --watch
  readonly env?: Readonly<Record<string, string>>
  readonly token?: string // where the configuration has tokens of its own
  readonly within?: number // ms to the ready line
}

export type Sluice = {
  readonly dataUrl: string // http://127.0.0.1:port
  readonly adminUrl: string
  readonly telemetryUrl: string | null
  readonly token: string
  readonly pid: number
  readonly directory: string
  readonly file: string
  /** Everything on stderr so far, parsed; lines that are no JSON come as { msg }. */
  readonly logs: () => readonly LogLine[]
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exited: Promise<Exit>
  /** Ends it with a signal (SIGTERM) and waits for the exit. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Exit>
  /** kill -9, and waits. */
  readonly kill: () => Promise<Exit>
  /** Sends a signal and does not wait. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** Calls the admin API with the token; `path` is below the root, as /admin/v1/routes. */
  readonly admin: (path: string, init?: RequestInit) => Promise<Response>
  /** Writes another configuration into the same file (objects are filled up as at the start). */
  readonly rewrite: (config: string | Settings) => Promise<void>
}

/** Starts `sluice serve` and waits for its ready line. Throws with all output when it exits before. */
export async function startSluice(
  config: string | Settings,
  options: StartOptions = {}
): Promise<Sluice> {
  const directory = options.directory ?? temporaryDirectory(options.t)
  const file = join(directory, 'sluice.yaml')
  await writeFile(file, configText(config))
  const child = launch(['serve', file, ...(options.args ?? [])], directory, options.env)
  const output = collect(child)
  const exited = exitOf(child)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return exited
  }
  options.t?.teardown(async () => {
    await endWithin(child, exited)
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  })

  const ready = await until(
    'the ready line of sluice serve',
    () => {
      if (child.exitCode !== null || child.signalCode !== null) return { failed: true as const }
      return readyLine(output.stdout)
    },
    { within: options.within ?? HUNG_MS, every: 10 }
  ).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw new Error(`${String(error)}\n${output.stdout}\n${output.stderr}`)
  })
  if ('failed' in ready) {
    throw new Error(`sluice serve ended with ${child.exitCode}\n${output.stdout}\n${output.stderr}`)
  }
  const token = options.token ?? (await operatorToken(config, directory))
  return {
    dataUrl: ready.listen[0] ?? '',
    adminUrl: ready.admin,
    telemetryUrl: ready.telemetry,
    token,
    pid: ready.pid,
    directory,
    file,
    logs: () => output.stderr.split('\n').filter(Boolean).map(logLine),
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exited,
    stop,
    kill: () => stop('SIGKILL'),
    signal: signal => void child.kill(signal),
    admin: (path, init) => {
      const headers = new Headers(init?.headers)
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${token}`)
      if (init?.body != null && !headers.has('content-type')) {
        headers.set('content-type', 'application/json')
      }
      return fetch(new URL(path, ready.admin), { ...init, headers })
    },
    rewrite: next => writeFile(file, configText(next))
  }
}

export type RunOptions = {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly node?: string // another Node than our own
  readonly within?: number // ms until it is killed and the run throws
  readonly onStart?: (child: ChildProcess) => void
}

export type RunResult = Exit & { readonly stdout: string; readonly stderr: string }

/** Runs `sluice …args` to its end. */
export async function runSluice(
  args: readonly string[],
  options: RunOptions = {}
): Promise<RunResult> {
  const child = launch(args, options.cwd ?? tmpdir(), options.env, options.node)
  const output = collect(child)
  const ended = exitOf(child)
  options.onStart?.(child)
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, options.within ?? HUNG_MS)
  const exit = await ended
  clearTimeout(timer)
  if (late)
    throw new Error(`sluice ${args.join(' ')} did not end\n${output.stdout}\n${output.stderr}`)
  return { ...exit, ...output }
}

/** A directory below the system's temporary one; removed with the test `t`. */
export function temporaryDirectory(t?: Teardown): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  t?.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** The YAML (as JSON) that `startSluice` writes for a configuration. */
export function configText(config: string | Settings): string {
  if (typeof config === 'string') return config
  const filled = {
    listen: '127.0.0.1:0',
    threads: 1,
    ...config,
    admin: { listen: '127.0.0.1:0', ...section(config, 'admin') },
    state: { directory: './state', ...section(config, 'state') },
    events: { driver: 'none', ...section(config, 'events') },
    drain: { delay: '0s', grace: '5s', ...section(config, 'drain') }
  }
  return `${JSON.stringify(filled, null, 2)}\n`
}

function launch(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  node = process.execPath
): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(SLUICE_|TAP|NODE_OPTIONS|NODE_V8_COVERAGE)/.test(name)
  )
  const child = spawn(node, [BIN, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  leash(child)
  return child
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  return output
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
}

/** SIGTERM, and SIGKILL for one that does not go in 8 s, so that a failed test leaves nothing behind. */
async function endWithin(child: ChildProcess, exited: Promise<Exit>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 8_000)
  await exited
  clearTimeout(timer)
}

type Ready = {
  readonly listen: readonly string[]
  readonly admin: string
  readonly telemetry: string | null
  readonly pid: number
}

function readyLine(stdout: string): Ready | undefined {
  for (const line of stdout.split('\n').slice(0, -1)) {
    const value: unknown = line.startsWith('{') ? JSON.parse(line) : null
    const { msg, listen, admin, telemetry, pid } = isRecord(value) ? value : {}
    if (msg === 'ready') {
      if (!Array.isArray(listen) || typeof admin !== 'string' || typeof pid !== 'number') {
        throw new Error(`not a ready line: ${line}`)
      }
      return {
        listen: listen.map(String),
        admin,
        telemetry: typeof telemetry === 'string' ? telemetry : null,
        pid
      }
    }
  }
  return undefined
}

async function operatorToken(config: string | Settings, directory: string): Promise<string> {
  const state = typeof config === 'string' ? {} : section(config, 'state')
  const { directory: where = './state' } = state
  try {
    return (await readFile(resolve(directory, String(where), 'operator.token'), 'utf8')).trim()
  } catch {
    return '' // the configuration has tokens of its own
  }
}

function section(config: Settings, name: string): Settings {
  const value = config[name]
  return isRecord(value) ? value : {}
}

function logLine(line: string): LogLine {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : { msg: line }
  } catch {
    return { msg: line }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

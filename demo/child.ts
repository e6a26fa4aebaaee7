/**
 * Child processes that say when they are ready, and that never outlive their parent.
 *
 * A child is started with Node as we run it; its first JSON line with msg "ready" on stdout is its start. What
 * it wrote to stderr is kept, bounded, for the error of a start that failed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { leash } from './leash.ts'

const KEPT = 64 * 1024 // bytes of stderr
const READY_WITHIN = 120_000 // ms; one that cannot start ends by itself

export type Child = {
  readonly pid: number
  readonly ready: { readonly [key: string]: unknown }
  readonly stderr: () => string
  readonly exited: Promise<void>
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it is gone. Safe to repeat. */
  readonly stop: (graceMs?: number) => Promise<void>
}

const running = new Set<ChildProcess>()

/** Starts `node …args` in `cwd` and waits for its ready line, `withinMs` at most. */
export async function startChild(
  args: readonly string[],
  options: { readonly cwd?: string; readonly withinMs?: number } = {}
): Promise<Child> {
  const child = spawn(process.execPath, [...args], {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true // a Ctrl-C is ours to handle: children end in our order
  })
  running.add(child)
  leash(child)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT)
  })
  const exited = new Promise<void>(resolve => {
    child.once('close', () => {
      running.delete(child)
      resolve()
    })
    child.once('error', () => resolve())
  })
  const stop = async (graceMs = 5_000) => {
    if (!running.has(child)) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
    await exited
    clearTimeout(timer)
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), options.withinMs ?? READY_WITHIN)
  const ready = await readyLine(child)
  clearTimeout(timer)
  if (ready === null) {
    await stop(0)
    throw new Error(`${args.join(' ')} did not start:\n${stderr}`)
  }
  return { pid: child.pid ?? 0, ready, stderr: () => stderr, exited, stop }
}

async function readyLine(child: ChildProcess): Promise<{ [key: string]: unknown } | null> {
  if (child.stdout === null) return null
  for await (const line of createInterface({ input: child.stdout })) {
    try {
      const value: unknown = JSON.parse(line)
      if (typeof value === 'object' && value !== null && 'msg' in value && value.msg === 'ready') {
        child.stdout.resume()
        return { ...value }
      }
    } catch {
      // not the line that we wait for
    }
  }
  return null
}

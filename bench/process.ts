/**
 * Programs of a bench as child processes: started with a ready line on stdout, ended by their own pid, and
 * their CPU time read from the kernel (all threads of the process, user and system).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { createInterface, type Interface } from 'node:readline'
import { Readable } from 'node:stream'
import { setProcessPolicy } from '../src/io/process-policy.ts'
import { childrenOf } from '../test/helpers/process-tree.ts'

export type Program = {
  readonly pid: number
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
  /** First line of stdout that is JSON with `ready: true`. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Writes a line to its stdin and resolves with its next line of stdout, as JSON. */
  readonly ask: (line: string) => Promise<unknown>
}

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Starts a Node program that prints `{"ready":true,…}`; throws with its output when it ends before. */
export function startNode(file: string, args: readonly string[]): Promise<Program> {
  const child = launch(process.execPath, [file, ...args])
  return new Promise((resolve, reject) => {
    let err = ''
    child.stderr?.on('data', chunk => {
      err += String(chunk)
    })
    const lines = createInterface({ input: child.stdout ?? Readable.from([]) })
    lines.on('line', line => {
      if (line.startsWith('{"ready":true')) resolve(programOf(child, JSON.parse(line), lines))
    })
    child.once('exit', code => reject(new Error(`${file} ended with ${code}\n${err}`)))
  })
}

/** Starts a server that prints nothing, and waits until `port` accepts a connection. */
export async function startServer(
  command: string,
  args: readonly string[],
  port: number
): Promise<Program> {
  const child = launch(command, args)
  let ended: string | null = null
  let err = ''
  child.stderr?.on('data', chunk => {
    err += String(chunk)
  })
  child.once('exit', code => {
    ended = `${command} ended with ${code}: ${err}`
  })
  for (let tries = 0; tries < 200 && ended === null; tries++) {
    if (await accepts(port)) return programOf(child, {}, null)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  child.kill('SIGKILL')
  throw new Error(ended ?? `${command} does not listen on ${port}`)
}

/** Runs a Node program to its end and gives the last line of its output as JSON. */
export function runNode(file: string, args: readonly string[]): Promise<unknown> {
  const child = launch(process.execPath, [file, ...args])
  return new Promise((resolve, reject) => {
    let out = ''
    let err = ''
    child.stdout?.on('data', chunk => {
      out += String(chunk)
    })
    child.stderr?.on('data', chunk => {
      err += String(chunk)
    })
    child.once('close', code => {
      const last = out.trim().split('\n').at(-1) ?? ''
      if (code === 0) resolve(JSON.parse(last))
      else reject(new Error(`${file} ended with ${code}\n${out}\n${err}`))
    })
  })
}

/** CPU time of a process and its children that are alive, in microseconds. */
export function cpuMicros(pid: number): number {
  let ticks = 0
  for (const one of [pid, ...childrenOf(pid)]) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12]) // utime, stime
  }
  return (ticks / CLOCK_TICKS) * 1e6
}

/**
 * Lets every other process go first, where one stands for another machine: it has what is left of this one
 * (SCHED_IDLE, else the lowest priority), and the processes that are measured have what they need at once, as they
 * would with that machine elsewhere. On Linux only among the processes of one session (autogroup in sched(7)).
 */
export async function stepAside(pid: number): Promise<void> {
  if (await setProcessPolicy(pid, 'idle')) return
  for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), LAST)
}

const LAST = 19 // niceness; threads to come have it from the one that starts them

/** Path of a program, or null where it is not installed. */
export function installed(command: string): string | null {
  try {
    return execFileSync('sh', ['-c', `command -v ${command} || ls /usr/sbin/${command}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    }).trim()
  } catch {
    return null
  }
}

const CLOCK_TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

function launch(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', error => child.emit('exit', String(error), null))
  return child
}

function programOf(
  child: ChildProcess,
  ready: Readonly<Record<string, unknown>>,
  lines: Interface | null
): Program {
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return {
    pid: child.pid ?? 0,
    ready,
    stop: (signal = 'SIGTERM') => {
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      child.kill(signal)
      return exited.finally(() => clearTimeout(timer))
    },
    ask: line =>
      new Promise(resolve => {
        lines?.once('line', answer => resolve(JSON.parse(answer)))
        child.stdin?.write(`${line}\n`)
      })
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

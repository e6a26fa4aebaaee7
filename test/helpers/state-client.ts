/**
 * Talks to a process that has a state directory open (state-child.ts), and takes its disk away and gives it
 * back: with a file size limit of 0 every write to a file fails (EFBIG), for root as for anybody.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { ChildAnswer, ChildRequest } from './state-child.ts'

export type StateClient = {
  /** What `open` answered. */
  readonly opened: ChildAnswer
  ask(request: ChildRequest): Promise<ChildAnswer>
  /** From now on no file grows. */
  takeDisk(): Promise<void>
  giveDisk(): Promise<void>
  kill(): Promise<void>
  /** Ends it as a stop does. */
  close(): Promise<void>
}

export async function startState(t: Test, directory: string): Promise<StateClient> {
  const script = join(import.meta.dirname, 'state-child.ts')
  // By way of env, for the hooks that a test runner puts into every Node write files, and end with the disk.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, script, directory], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  async function next(): Promise<ChildAnswer> {
    const line = await lines.next()
    if (line.done === true) throw new Error('the process with the state is gone')
    return JSON.parse(line.value) as ChildAnswer // our own process wrote it
  }
  return {
    opened: await next(),
    ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      return next()
    },
    takeDisk: () => limit(child, '0:'),
    giveDisk: () => limit(child, 'unlimited:'),
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
    async close() {
      child.stdin.end()
      await closed
    }
  }
}

/** The soft limit alone, which its owner may raise again. */
async function limit(child: ChildProcess, size: string): Promise<void> {
  try {
    await promisify(execFile)('prlimit', [`--pid=${child.pid}`, `--fsize=${size}`])
  } catch (error) {
    throw new Error(
      `prlimit is needed to take the disk away (apt-get install util-linux): ${error}`
    )
  }
}

/**
 * A replica as the run sees it: a child process that is asked, listened to, killed and started again on its
 * directory. What it tells goes to the observer in the order in which it was told.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { leash } from '../../demo/leash.ts'
import type { ReplicaAnswer, ReplicaAsk, ReplicaSettings, ReplicaTold } from './replica.ts'

export type ReplicaProcess = {
  readonly index: number
  readonly pid: () => number
  readonly running: () => boolean
  /** Questions without an answer. */
  readonly open: () => number
  /** Null when the process ended before it answered. */
  readonly ask: (asked: ReplicaAsk) => Promise<ReplicaAnswer | null>
  /** Starts it and waits until its store is open. Throws with its output when it ends instead. */
  readonly start: () => Promise<void>
  readonly kill9: () => Promise<void>
  readonly wipe: () => Promise<void>
}

type Waiting = (answer: ReplicaAnswer | null) => void

export function createReplicaProcess(
  index: number,
  settings: ReplicaSettings,
  hear: (index: number, line: ReplicaTold) => void
): ReplicaProcess {
  const waiting = new Map<number, Waiting>()
  let child: ChildProcess | null = null
  let closed: Promise<unknown> = Promise.resolve()
  let opened = false
  let lastId = 0

  function listen(started: ChildProcess, onOpen: () => void): Promise<unknown> {
    const { stdout } = started
    if (stdout === null) throw new Error('a replica without output')
    const lines = createInterface({ input: stdout })
    lines.on('line', text => {
      const line = parse(text)
      if (line === null) return
      hear(index, line)
      if (line.told === 'opened') onOpen()
      if (line.told !== 'answer') return
      waiting.get(line.id)?.(line.answer)
      waiting.delete(line.id)
    })
    return Promise.all([once(lines, 'close'), once(started, 'close')]).then(() => {
      opened = false
      for (const done of waiting.values()) done(null)
      waiting.clear()
    })
  }

  return {
    index,
    pid: () => child?.pid ?? 0,
    running: () => opened,
    open: () => waiting.size,
    ask(asked) {
      const id = ++lastId
      return new Promise(resolve => {
        if (!opened || child?.stdin == null) return resolve(null)
        waiting.set(id, resolve)
        child.stdin.write(`${JSON.stringify({ ...asked, id })}\n`)
      })
    },
    async start() {
      const script = join(import.meta.dirname, 'replica.ts')
      // By way of env, for the hooks that a test runner puts into every Node take time and write files.
      const words = ['-u', 'NODE_OPTIONS', process.execPath, script, JSON.stringify(settings)]
      const started = spawn('env', words, { stdio: ['pipe', 'pipe', 'pipe'] })
      leash(started)
      child = started
      let errors = ''
      started.stderr.on('data', (chunk: Buffer) => {
        errors += chunk.toString()
      })
      started.stdin.on('error', () => undefined) // it was killed
      await new Promise<void>((resolve, reject) => {
        closed = listen(started, () => {
          opened = true
          resolve()
        })
        closed.then(() => reject(new Error(`replica ${index} ended: ${errors}`)), reject)
      })
    },
    async kill9() {
      child?.kill('SIGKILL')
      await closed
    },
    wipe: () => rm(settings.directory, { recursive: true, force: true })
  }
}

/** Null for a line that the end of the process cut. */
function parse(text: string): ReplicaTold | null {
  try {
    return JSON.parse(text) as ReplicaTold // our own child's
  } catch {
    return null
  }
}
